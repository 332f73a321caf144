#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "collector/sender.h"

#define ETHERNET 1
#define RAW      12
#define SLL      113
#define SLL2     276

#define SENDER 0xc6336407 /* 198.51.100.7 */

/* The sender's MAC address is 02:00:00:00:00:07 everywhere. */
#define MAC    "020000000007"
#define TO_ALL "ffffffffffff" MAC
#define ARP    "00010800060400" /* its operation follows */
#define FROM_TO                                                                                    \
    MAC "c6336407"                                                                                 \
        "000000000000"                                                                             \
        "c6336401"
#define ARP_ASKS   ARP "01" FROM_TO
#define ARP_TELLS  ARP "02" FROM_TO
#define SLL_HEADER "0001000100060200000000070000"

struct frame {
    int linktype;
    const char *hex;
    bool has_arp, has_mac;
};

/* The bytes in memory of exactly their size, so that AddressSanitizer sees every read beyond. */
static uint8_t *bytes_of(const char *hex, uint32_t *size)
{
    *size = (uint32_t)strlen(hex) / 2;
    uint8_t *bytes = malloc(*size ? *size : 1);
    for (uint32_t i = 0; i < *size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static void check(const struct frame *frame)
{
    static const uint8_t expected[6] = {2, 0, 0, 0, 0, 7};
    uint32_t size, address = 0;
    uint8_t mac[6] = {0};
    uint8_t *bytes = bytes_of(frame->hex, &size);
    cr_expect_eq(sender_arp(frame->linktype, bytes, size, &address), frame->has_arp, "ARP in %s",
                 frame->hex);
    cr_expect(!frame->has_arp || address == SENDER, "%08x is the sender of %s", address,
              frame->hex);
    cr_expect_eq(sender_mac(frame->linktype, bytes, size, mac), frame->has_mac, "MAC in %s",
                 frame->hex);
    cr_expect(!frame->has_mac || memcmp(mac, expected, 6) == 0, "the MAC of %s", frame->hex);
    free(bytes);
}

Test(sender, arp_behind_every_link_layer)
{
    static const struct frame frames[] = {
        {ETHERNET, TO_ALL "0806" ARP_ASKS, true, true},
        {ETHERNET, TO_ALL "0806" ARP_TELLS, true, true},
        {ETHERNET, TO_ALL "0806" ARP_ASKS "0000000000000000", true, true}, /* padded */
        {ETHERNET, TO_ALL "810000050806" ARP_ASKS, true, true},
        {ETHERNET, TO_ALL "88a80005810000060806" ARP_ASKS, true, true},
        {ETHERNET,
         TO_ALL "9100000581000006"
                "0806" ARP_ASKS,
         true, true},
        {SLL, SLL_HEADER "0806" ARP_ASKS, true, true},
        {SLL, SLL_HEADER "810000050806" ARP_ASKS, true, true},
        {SLL2,
         "08060000"
         "00000002"
         "0001"
         "01"
         "06"
         "0200000000070000" ARP_ASKS,
         true, true},
        /* IEEE 1394: a hardware address of 8 bytes moves the protocol address. */
        {ETHERNET,
         TO_ALL "0806"
                "0018080008040001"
                "0102030405060708"
                "c6336407",
         true, true},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        check(&frames[i]);
}

Test(sender, what_is_no_arp_of_ipv4)
{
    static const struct frame frames[] = {
        {ETHERNET, TO_ALL "0800" ARP_ASKS, false, true},
        {ETHERNET, TO_ALL "86dd" ARP_ASKS, false, true},
        {ETHERNET, TO_ALL "8035" ARP_ASKS, false, true}, /* reverse ARP */
        {ETHERNET,
         TO_ALL "0806"
                "0001"
                "86dd"
                "06040001" FROM_TO,
         false, true},
        {ETHERNET,
         TO_ALL "0806"
                "0001"
                "0800"
                "06100001" FROM_TO,
         false, true},
        {ETHERNET, TO_ALL "810000050800" ARP_ASKS, false, true},
        {RAW, TO_ALL "0806" ARP_ASKS, false, false},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        check(&frames[i]);
}

Test(sender, a_probe_has_no_address_yet)
{
    check(&(struct frame){ETHERNET,
                          TO_ALL "0806" ARP "01" MAC "00000000"
                                 "000000000000c6336407",
                          false, true});
}

Test(sender, arp_cut_at_every_byte)
{
    static const char whole[] = TO_ALL "810000050806" ARP_ASKS;
    enum { MAC_ENDS = 14, SENDER_ENDS = 18 + 18 };
    for (size_t size = 0; size < sizeof whole / 2; size++) {
        char cut[sizeof whole];
        memcpy(cut, whole, 2 * size);
        cut[2 * size] = '\0';
        check(&(struct frame){ETHERNET, cut, size >= SENDER_ENDS, size >= MAC_ENDS});
    }
}

Test(sender, tags_are_bounded)
{
    char hex[1024] = TO_ALL;
    for (int i = 0; i < 17; i++)
        strcat(hex, "81000005");
    strcat(hex, "0806" ARP_ASKS);
    check(&(struct frame){ETHERNET, hex, false, true});
}

Test(sender, link_layer_addresses_of_other_sizes_are_none)
{
    static const struct frame frames[] = {
        {SLL, "00010001000800000000000000070806" ARP_ASKS, true, false},
        {SLL, "00040304000000000000000000000800", false, false}, /* loopback: none */
        {SLL2,
         "080000000000000203040008"
         "0200000000070000",
         false, false},
        {SLL2,
         "080000000000000203040006"
         "02000000000700",
         false, false}, /* cut */
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        check(&frames[i]);
}

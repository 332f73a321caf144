/*
 * Random packets: `generate SEED LINKTYPE COUNT [SNAPLEN]` writes a classic pcap of a LINKTYPE_
 * value to standard output. Packets are of every kind that a darknet gets and of kinds that it should
 * never get: tags, labels, LLC, options, extension headers, fragments, padding, lengths that are
 * zero or lie, packets cut short, bytes changed at random, times out of order. About half of them go
 * to 198.51.100.0/24, 203.0.113.0/24 and 2001:db8:1::/120. The same arguments give the same bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM        4096
#define PADDING_MAX 32

/* A frame grows downwards from `end`, each header in front of what there is already. */
static uint8_t room[ROOM + PADDING_MAX];
static uint8_t *const end = room + ROOM;
static uint8_t *at;
static uint64_t state;

static uint32_t size_now(void)
{
    return (uint32_t)(end - at);
}

/* SplitMix64, by S. Vigna (public domain). */
static uint64_t next_random(void)
{
    uint64_t value = state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(next_random() % limit);
}

static bool one_in(uint32_t count)
{
    return below(count) == 0;
}

static unsigned pick(const uint16_t *values, size_t count)
{
    return values[below((uint32_t)count)];
}
#define PICK(...) pick((const uint16_t[]){__VA_ARGS__}, sizeof(uint16_t[]){__VA_ARGS__} / 2)

/* --- pieces ----------------------------------------------------------------------------------- */

static void push8(unsigned value)
{
    *--at = (uint8_t)value;
}

static void push16(unsigned value)
{
    push8(value);
    push8(value >> 8);
}

static void push32(uint32_t value)
{
    push16(value & 0xffff);
    push16(value >> 16);
}

static void push_bytes(const void *bytes, size_t size)
{
    at -= size;
    memcpy(at, bytes, size);
}

static void push_random(uint32_t size)
{
    while (size--)
        push8(below(256));
}

static unsigned port(void)
{
    return one_in(3) ? below(65536) : PICK(0, 22, 23, 53, 80, 443, 445, 4789, 65535);
}

/* --- layer 4 ---------------------------------------------------------------------------------- */

static void push_tcp(void)
{
    push_random(below(3) * 4); /* options or data */
    push32(below(65536));
    push16(below(65536)); /* window */
    push8(one_in(4) ? below(256) : PICK(2, 18, 4, 20, 16, 24, 17, 1, 0, 41, 194));
    push8(PICK(0x50, 0x50, 0x60, 0x00, 0xf0));
    push_random(8);
    push16(port());
    push16(port());
}

static void push_udp(void)
{
    push_random(below(40));
    push16(0);
    push16(one_in(4) ? below(65536) : size_now() + 4);
    push16(port());
    push16(port());
}

static void push_icmp(int family)
{
    push_random(below(40));
    push16(below(65536));
    push8(below(20));
    push8(one_in(2)     ? below(256)
          : family == 4 ? PICK(0, 3, 5, 8, 8, 11, 12, 13, 14, 17, 18, 42, 43)
                        : PICK(1, 2, 3, 4, 128, 128, 129, 133, 135, 143, 160, 161));
}

/* Puts a payload down and returns the protocol that it is said to be. */
static unsigned push_transport(int family)
{
    switch (below(9)) {
    case 0:
    case 1:
    case 2:
        push_tcp();
        return 6;
    case 3:
    case 4:
        push_udp();
        return 17;
    case 5:
    case 6:
        push_icmp(family);
        return family == 4 ? 1 : 58;
    case 7:
        push_random(below(16)); /* whatever it is said to be, in a few bytes */
        return PICK(1, 6, 17, 58);
    default:
        push_random(below(60));
        return one_in(2) ? below(256) : PICK(2, 4, 41, 47, 33, 50, 51, 89, 132, 136, 59);
    }
}

/* --- IP --------------------------------------------------------------------------------------- */

static void push_address4(void)
{
    static const uint32_t prefixes[] = {0xc6336400, 0xc6336400, 0xcb007100, 0x0a000000, 0xe0000000};
    uint32_t prefix = prefixes[below(5)];
    push32(prefix | (prefix >= 0xc0000000 ? below(256) : below(1 << 24)));
}

/* 2001:db8:1::/48 or 2001:db8:2::/48, mostly the first 256 addresses. */
static void push_address6(void)
{
    push8(below(256));
    if (one_in(4))
        push_random(9);
    else
        push_bytes("\0\0\0\0\0\0\0\0", 9);
    push8(one_in(3) ? 2 : 1);
    push_bytes("\x20\x01\x0d\xb8", 5);
}

static void push_ip4(void)
{
    unsigned protocol = push_transport(4), options = one_in(5) ? below(11) : 0;
    push_random(4 * options);
    unsigned header = one_in(40) ? below(16) : 5 + options;
    unsigned total = size_now() + 20;
    unsigned fragment = one_in(5) ? PICK(0x2000, 0x2001, 0x0001, 0x00b9, 0x1fff, 0x4000) : 0x4000;
    push_address4();
    push_address4();
    push16(below(65536)); /* checksum: wrong */
    push8(protocol);
    push8(64);
    push16(fragment);
    push16(below(65536));
    push16(one_in(20) ? PICK(0, 0, 1, 19, 20, 24, 65535) : total);
    push8(0);
    push8((one_in(60) ? below(16) : 4) << 4 | header);
}

/* An extension header in front of a `next` one; returns its own number. */
static unsigned push_extension(unsigned next)
{
    unsigned kind = PICK(0, 43, 60, 60, 44, 44, 51, 135, 139, 140);
    if (kind == 44) {
        push32((uint32_t)next_random());
        push16(PICK(0, 1, 8, 0x0101, 0xfff9, 0xfff8));
        push8(below(256));
    } else if (kind == 51) {
        unsigned units = below(4); /* of 4 bytes, beyond the first two */
        push_random(4 * units + 6);
        push8(units);
    } else {
        unsigned units = below(3);
        push_random(8 * units + 6);
        push8(one_in(30) ? below(256) : units);
    }
    push8(next);
    return kind;
}

static void push_ip6(void)
{
    unsigned next = push_transport(6);
    for (unsigned i = one_in(2) ? below(4) : 0; i; i--)
        next = push_extension(next);
    unsigned payload = size_now();
    push_address6();
    push_address6();
    push8(64);
    push8(next);
    push16(one_in(20) ? PICK(0, 0, 1, 8, 40, 65535) : payload);
    push32(below(1 << 28));
    *at = (uint8_t)((one_in(60) ? below(16) : 6) << 4 | (*at & 15));
}

/* --- link layers ------------------------------------------------------------------------------ */

static void push_ppp_packet(int family)
{
    unsigned protocol = one_in(20) ? PICK(0xc021, 0x8021, 0x002d) : family == 4 ? 0x21 : 0x57;
    if (protocol < 256 && one_in(4))
        push8(protocol); /* compressed */
    else
        push16(protocol);
}

static void push_labels(void)
{
    for (unsigned i = 0, count = 1 + below(3); i < count; i++) {
        push8(64);
        push8(below(128) << 1 | (i == 0));
        push16(below(65536));
    }
}

static void push_pppoe(int family)
{
    push_ppp_packet(family);
    push16(size_now());
    push16(below(65536));
    push8(one_in(30) ? 0xa7 : 0);
    push8(one_in(30) ? below(256) : 0x11);
}

/* What stands in front of the IP packet behind an EtherType, which is returned. */
static unsigned push_tags(int family)
{
    unsigned type = family == 4 ? 0x0800 : 0x86dd;
    switch (below(12)) {
    case 0:
        push_labels();
        type = PICK(0x8847, 0x8847, 0x8848);
        break;
    case 1:
        push_pppoe(family);
        type = 0x8864;
        break;
    case 2:
        push16(type);
        push_bytes("\xaa\xaa\x03\0\0\0", 6);
        type = size_now();
        break;
    case 3:
        type = one_in(2) ? PICK(0x0806, 0x88cc, 0x86de, 0x8863, 0x0801) : below(65536);
        break;
    default:
        break;
    }
    for (unsigned i = one_in(4) ? 1 + below(3) : 0; i; i--) {
        push16(type);
        push16(below(65536));
        type = PICK(0x8100, 0x8100, 0x88a8, 0x9100);
    }
    return type;
}

static void push_family(int linktype, int family)
{
    unsigned value = one_in(30) ? below(256) : family == 4 ? 2 : PICK(10, 24, 28, 30);
    if (linktype == 108 || one_in(2))
        push32(value);
    else
        push_bytes((uint8_t[]){(uint8_t)value, 0, 0, 0}, 4);
}

static void push_cooked2(unsigned type)
{
    push_random(8);
    push_bytes("\0\6", 2);
    push16(1); /* Ethernet */
    push32(2); /* interface */
    push16(0);
    push16(type);
}

static void push_cooked(unsigned type)
{
    push16(type);
    push_random(8);
    push_bytes("\0\0\0\1\0\6", 6);
}

static void push_link(int linktype, int family)
{
    switch (linktype) {
    case 0:
    case 108:
        push_family(linktype, family);
        break;
    case 1:
        push16(push_tags(family));
        push_random(12);
        break;
    case 9:
    case 50:
        push_ppp_packet(family);
        if (linktype == 50 || one_in(2))
            push_bytes("\xff\3", 2);
        break;
    case 51:
        push_pppoe(family);
        break;
    case 113:
        push_cooked(push_tags(family));
        break;
    case 276:
        push_cooked2(push_tags(family));
        break;
    default: /* raw IP: nothing */
        break;
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static void put32(uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    fwrite(bytes, 1, 4, stdout);
}

static void put_header(int linktype, uint32_t snaplen)
{
    put32(0xa1b2c3d4);
    put32(2 | 4 << 16);
    put32(0);
    put32(0);
    put32(snaplen);
    put32((uint32_t)linktype);
}

/* Seconds that mostly ascend, with silences, steps back and, now and then, nonsense. */
static uint32_t next_time(void)
{
    static uint32_t now = 1700000000;
    now += one_in(10) ? below(30) : 0;
    now += one_in(2000) ? 3600 * below(12) : 0;
    if (one_in(400))
        return one_in(2) ? PICK(0, 1, 59, 60) : UINT32_MAX - below(2000) * 1000000;
    return one_in(15) ? now - below(200) : now;
}

static void make_packet(int linktype)
{
    int family = linktype == 229 || (linktype != 228 && one_in(3)) ? 6 : 4;
    at = end;
    if (family == 4)
        push_ip4();
    else
        push_ip6();
    push_link(linktype, family);
}

/* Writes the frame, perhaps padded, damaged or cut. */
static void put_packet(uint32_t snaplen)
{
    uint32_t size = size_now();
    for (uint32_t padding = one_in(6) ? below(PADDING_MAX) : 0; padding; padding--)
        at[size++] = (uint8_t)below(256);
    if (one_in(12))
        at[below(size)] = (uint8_t)below(256);
    uint32_t captured = one_in(12) ? below(size + 1) : size;
    put32(next_time());
    put32(below(1000000));
    put32(captured < snaplen ? captured : snaplen);
    put32(one_in(200) ? below(size) : size); /* a file may lie */
    fwrite(at, 1, captured < snaplen ? captured : snaplen, stdout);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fputs("Usage: generate SEED LINKTYPE COUNT [SNAPLEN]\n", stderr);
        return 2;
    }
    int linktype = atoi(argv[2]);
    uint32_t snaplen = argc > 4 ? (uint32_t)atoi(argv[4]) : 262144;
    state = strtoull(argv[1], NULL, 10);
    put_header(linktype, snaplen);
    for (long count = atol(argv[3]); count > 0; count--) {
        make_packet(linktype);
        put_packet(snaplen);
    }
    return fflush(stdout) != 0;
}

#include <criterion/criterion.h>

#include <stdlib.h>

#include "collector/decode.h"
#include "tests/unit/collector/filtered.h"
#include "tests/unit/collector/prefixes.h"

Test(kernelfilter, takes_packets_to_a_tunnel_end_point)
{
    struct prefixset *set = prefixes_of("198.51.100.0/24,2001:db8::/48");
    struct prefixset *tunnels = prefixes_of("192.0.2.7,2001:db8:ffff::1");
    struct kernelfilter *filter = filtered_make_max(set, tunnels, ETHERNET, KERNELFILTER_MAX);
    static const uint8_t end[16] = {0x20, 1, 0x0d, 0xb8, 0xff, 0xff, [15] = 1}, other[16] = {0x20};
    struct linkframe to = linkframe_ipv6(ETHERNET, 1, other, end),
                     from = linkframe_ipv6(ETHERNET, 1, end, other);
    cr_assert(filtered_passes4(filter, ETHERNET, 0, 1, 0xc0000207));
    cr_assert_not(filtered_passes4(filter, ETHERNET, 0, 0xc0000207, 1));
    cr_assert_not(filtered_passes4(filter, ETHERNET, 0, 1, 0xc0000208));
    cr_assert(filtered_passes4(filter, ETHERNET, 0, 1, 0xc6336401));
    cr_assert(filtered_passes(filter, &to));
    cr_assert_not(filtered_passes(filter, &from));
    free(filter);
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, takes_tunnels_of_a_family_that_the_darknet_has_not)
{
    struct prefixset *set = prefixes_of("2001:db8::/48"), *tunnels = prefixes_of("192.0.2.7");
    struct kernelfilter *filter = filtered_make_max(set, tunnels, ETHERNET, KERNELFILTER_MAX);
    struct linkframe arp = linkframe_arp(ETHERNET, 0, 0xc0000207, 1);
    cr_assert(filtered_passes4(filter, ETHERNET, 0, 1, 0xc0000207));
    cr_assert_not(filtered_passes4(filter, ETHERNET, 0, 0xc0000207, 1));
    cr_assert_not(filtered_passes(filter, &arp));
    free(filter);
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, takes_arp_of_a_darknet_address_only)
{
    struct prefixset *set = prefixes_of("198.51.100.0/24,198.51.102.0/24,203.0.113.9");
    for (size_t link = 0; link < LINKFRAME_TYPES; link++) {
        int linktype = linkframe_types[link];
        struct kernelfilter *filter = filtered_make(set, linktype);
        for (int tags = 0; linktype != RAW && tags <= 2; tags++) {
            struct linkframe by = linkframe_arp(linktype, tags, 0xcb007109, 1);
            struct linkframe about = linkframe_arp(linktype, tags, 0xcb007108, 0xcb007109);
            cr_assert(filtered_passes(filter, &by));
            cr_assert_not(filtered_passes(filter, &about));
            by.bytes[by.size - 23] = 16; /* the size of an IPv6 address */
            cr_assert_not(filtered_passes(filter, &by));
        }
        free(filter);
    }
    prefixset_free(set);
}

Test(kernelfilter, leaves_to_decode_what_it_cannot_look_into_and_rejects_the_rest)
{
    static const struct {
        uint16_t type;
        bool passes;
    } cases[] = {
        {0x8847, true},  {0x8848, true},  {0x8864, true},  {0x0000, true},  {0x0040, true},
        {0x05ff, true},  {0x0600, false}, {0x0801, false}, {0x0805, false}, {0x0807, false},
        {0x8035, false}, {0x86dc, false}, {0x86de, false}, {0x8846, false}, {0x8849, false},
        {0x8863, false}, {0x8865, false}, {0x88cc, false}, {0xffff, false},
    };
    struct prefixset *set = prefixes_of("198.51.100.0/24,2001:db8::/32");
    for (size_t link = 0; link < LINKFRAME_TYPES; link++) {
        int linktype = linkframe_types[link];
        struct kernelfilter *filter = filtered_make(set, linktype);
        for (size_t i = 0; linktype != RAW && i < sizeof cases / sizeof cases[0]; i++)
            for (int tags = 0; tags <= 2; tags++) {
                struct linkframe frame = linkframe_of(linktype, tags, cases[i].type);
                linkframe_put_zeros(&frame, 60);
                cr_assert_eq(filtered_passes(filter, &frame), cases[i].passes,
                             "link type %d, %d tags, type %04x", linktype, tags, cases[i].type);
            }
        struct linkframe three = linkframe_ipv4(linktype, 3, 1, 1);
        cr_assert_eq(filtered_passes(filter, &three), linktype != RAW);
        free(filter);
    }
    prefixset_free(set);
}

/* What decode finds an address in the darknet in, the filter lets through: types that decode learns
 * to look into are to be added to the filter's. */
Test(kernelfilter, lets_through_every_type_that_decode_finds_ip_behind)
{
    struct prefixset *set = prefixes_of("198.51.100.7");
    struct kernelfilter *filter = filtered_make(set, ETHERNET);
    for (unsigned type = 0; type <= 0xffff; type++)
        for (uint32_t between = 0; between <= 16; between += 2) {
            struct linkframe frame = linkframe_of(ETHERNET, 0, (uint16_t)type);
            struct packet packet;
            linkframe_put_zeros(&frame, between);
            if (between >= 4)
                frame.bytes[frame.size - 2] = 1; /* MPLS: the last label */
            if (between >= 2)
                frame.bytes[frame.size - 1] = 0x21; /* PPP: IPv4 */
            linkframe_put_ipv4(&frame, 1, 0xc6336407);
            if (decode(ETHERNET, frame.bytes, frame.size, frame.size, &packet) == DECODE_IP &&
                packet.dst4 == 0xc6336407)
                cr_assert(filtered_passes(filter, &frame), "type %04x", type);
        }
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, rejects_a_frame_that_ends_before_its_destination)
{
    static const uint8_t some[16] = {0x20, 1}, dark[16] = {0x20, 1, 0x0d, 0xb8};
    struct prefixset *set = prefixes_of("198.51.100.7,2001:db8::/128");
    for (size_t link = 0; link < LINKFRAME_TYPES; link++) {
        int linktype = linkframe_types[link];
        struct kernelfilter *filter = filtered_make(set, linktype);
        struct linkframe four = linkframe_ipv4(linktype, 0, 1, 0xc6336407),
                         six = linkframe_ipv6(linktype, 0, some, dark);
        uint32_t whole4 = four.size, whole6 = six.size;
        cr_assert(filtered_passes(filter, &four) && filtered_passes(filter, &six));
        for (four.size = 0; four.size < whole4; four.size++)
            cr_assert_not(filtered_passes(filter, &four), "%u bytes", four.size);
        for (six.size = 0; six.size < whole6; six.size++)
            cr_assert_not(filtered_passes(filter, &six), "%u bytes", six.size);
        free(filter);
    }
    prefixset_free(set);
}

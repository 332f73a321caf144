#include <criterion/criterion.h>

#include <pcap.h>
#include <stdlib.h>

#include "tests/unit/collector/filtered.h"
#include "tests/unit/collector/prefixes.h"
#include "tests/unit/common/random.h"

static void compare4(uint64_t *state, const struct prefixset *set, int linktype)
{
    struct kernelfilter *filter = filtered_make(set, linktype);
    size_t ranges = prefixes_ranges4(set), seen[2] = {0};
    cr_assert_eq(filter->extra, 0);
    for (int i = 0; i < 3000; i++) {
        uint32_t src = prefixes_pick4(state, set, ranges), dst = prefixes_pick4(state, set, ranges);
        int tags = linktype == RAW ? 0 : (int)random_below(state, 3);
        bool want = prefixset_has4(set, src) || prefixset_has4(set, dst);
        cr_assert_eq(filtered_passes4(filter, linktype, tags, src, dst), want,
                     "link type %d, %d tags, %zu ranges, %08x to %08x", linktype, tags, ranges, src,
                     dst);
        seen[want]++;
    }
    cr_assert(seen[1] > 0);
    free(filter);
}

Test(kernelfilter, passes_exactly_what_is_to_or_from_the_darknet)
{
    static const struct {
        size_t count;
        unsigned shortest;
    } kinds[] = {{1, 32}, {1, 0}, {2, 8}, {7, 20}, {30, 32}, {200, 32}, {300, 16}, {600, 24}};
    uint64_t state = 1;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
        for (int round = 0; round < 12; round++) {
            struct prefixset *set =
                prefixes_random4(&state, kinds[kind].count, kinds[kind].shortest);
            compare4(&state, set, linkframe_types[round % LINKFRAME_TYPES]);
            prefixset_free(set);
        }
}

static void compare6(uint64_t *state, const struct prefixset *set, int linktype)
{
    struct kernelfilter *filter = filtered_make(set, linktype);
    size_t ranges = prefixes_ranges6(set), seen = 0;
    cr_assert_eq(filter->extra, 0);
    for (int i = 0; i < 3000; i++) {
        uint8_t src[16], dst[16];
        prefixes_pick6(state, set, ranges, src);
        prefixes_pick6(state, set, ranges, dst);
        int tags = linktype == RAW ? 0 : (int)random_below(state, 3);
        struct linkframe frame = linkframe_ipv6(linktype, tags, src, dst);
        bool want = prefixset_has6(set, src) || prefixset_has6(set, dst);
        cr_assert_eq(filtered_passes(filter, &frame), want, "link type %d, %d tags, %zu ranges",
                     linktype, tags, ranges);
        seen += want;
    }
    cr_assert(seen > 0);
    free(filter);
}

Test(kernelfilter, passes_exactly_what_is_to_or_from_an_ipv6_darknet)
{
    static const struct {
        size_t count;
        unsigned shortest;
    } kinds[] = {{1, 128}, {1, 0}, {2, 20}, {7, 32}, {30, 30}, {100, 48}, {150, 1}};
    uint64_t state = 2;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
        for (int round = 0; round < 12; round++) {
            struct prefixset *set =
                prefixes_random6(&state, kinds[kind].count, kinds[kind].shortest);
            compare6(&state, set, linkframe_types[round % LINKFRAME_TYPES]);
            prefixset_free(set);
        }
}

/* Ranges whose ends are no ends of a 32-bit word of the address. */
Test(kernelfilter, ipv6_ranges_may_begin_and_end_within_a_word)
{
    static const char *const lists[] = {
        "2001:db8::/32,2001:db9::/48",
        "2001:db7:ffff::/48,2001:db8::/32",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff,2001:db8::/32,2001:db9::/127",
        "2001:db8:0:1::/64,2001:db8:0:2::/63,2001:db8:0:4::/80",
        "2001:db8:0:1:ffff:ffff::/96,2001:db8:0:2::/64,2001:db8:0:3::",
    };
    uint64_t state = 8;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct prefixset *set = prefixes_of(lists[i]);
        cr_assert_eq(prefixes_ranges6(set), 1);
        compare6(&state, set, ETHERNET);
        prefixset_free(set);
    }
}

Test(kernelfilter, edges_of_the_address_space)
{
    static const struct {
        const char *set;
        uint32_t in, out;
    } cases[] = {
        {"0.0.0.0/32", 0, 1},
        {"255.255.255.255/32", UINT32_MAX, UINT32_MAX - 1},
        {"0.0.0.0/1", 0x7fffffff, 0x80000000},
        {"128.0.0.0/1", 0x80000000, 0x7fffffff},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct prefixset *set = prefixes_of(cases[i].set);
        struct kernelfilter *filter = filtered_make(set, ETHERNET);
        cr_assert(filtered_passes4(filter, ETHERNET, 0, cases[i].out, cases[i].in), "%s",
                  cases[i].set);
        cr_assert(filtered_passes4(filter, ETHERNET, 0, cases[i].in, cases[i].out), "%s",
                  cases[i].set);
        cr_assert_not(filtered_passes4(filter, ETHERNET, 0, cases[i].out, cases[i].out), "%s",
                      cases[i].set);
        free(filter);
        prefixset_free(set);
    }
}

/* An inventory of one family lets nothing of the other through, both let both. */
Test(kernelfilter, families_are_told_apart)
{
    static const char *const lists[] = {"0.0.0.0/0", "::/0", "0.0.0.0/0,::/0"};
    static const uint8_t some[16] = {0x20, 1};
    for (size_t i = 0; i < 3; i++)
        for (size_t link = 0; link < LINKFRAME_TYPES; link++) {
            struct prefixset *set = prefixes_of(lists[i]);
            struct kernelfilter *filter = filtered_make(set, linkframe_types[link]);
            struct linkframe six = linkframe_ipv6(linkframe_types[link], 0, some, some);
            cr_assert_eq(filtered_passes4(filter, linkframe_types[link], 0, 1, 2), i != 1);
            cr_assert_eq(filtered_passes(filter, &six), i != 0);
            free(filter);
            prefixset_free(set);
        }
}

/* libpcap's own compiler as a second opinion. */
Test(kernelfilter, agrees_with_pcap_filter)
{
    static const char text[] = "ip net 198.51.100.0/24 or ip net 203.0.113.16/28 or "
                               "ip host 192.0.2.1 or ip6 net 2001:db8:7::/48";
    struct prefixset *set =
        prefixes_of("198.51.100.0/24,203.0.113.16/28,192.0.2.1,2001:db8:7::/48");
    uint64_t state = 3;
    for (size_t link = 0; link < LINKFRAME_TYPES; link++) {
        int linktype = linkframe_types[link];
        struct kernelfilter *filter = filtered_make(set, linktype);
        struct bpf_program oracle;
        pcap_t *dead = pcap_open_dead(linktype, 65535);
        cr_assert_eq(pcap_compile(dead, &oracle, text, 1, PCAP_NETMASK_UNKNOWN), 0, "%s",
                     pcap_geterr(dead));
        for (int i = 0; i < 20000; i++) {
            uint8_t src[16], dst[16];
            prefixes_pick6(&state, set, 1, src);
            prefixes_pick6(&state, set, 1, dst);
            struct linkframe frame =
                i % 2 ? linkframe_ipv6(linktype, 0, src, dst)
                      : linkframe_ipv4(linktype, 0, prefixes_pick4(&state, set, 3),
                                       prefixes_pick4(&state, set, 3));
            cr_assert_eq(filtered_passes(filter, &frame),
                         bpf_filter(oracle.bf_insns, frame.bytes, frame.size, frame.size) != 0);
        }
        pcap_freecode(&oracle);
        pcap_close(dead);
        free(filter);
    }
    prefixset_free(set);
}

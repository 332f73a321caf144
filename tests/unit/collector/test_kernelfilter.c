#include <criterion/criterion.h>

#include <linux/filter.h>
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/decode.h"
#include "collector/kernelfilter.h"
#include "common/err.h"
#include "tests/unit/common/random.h"

#define ETHERNET 1
#define RAW      12
#define SLL      113
#define SLL2     276
#define SNAPLEN  96

static const int linktypes[] = {ETHERNET, RAW, SLL, SLL2};

/* A frame under construction. */
struct frame {
    uint8_t bytes[128];
    uint32_t size;
};

static void put16(struct frame *frame, uint16_t value)
{
    frame->bytes[frame->size++] = (uint8_t)(value >> 8);
    frame->bytes[frame->size++] = (uint8_t)value;
}

static void put32(struct frame *frame, uint32_t value)
{
    put16(frame, (uint16_t)(value >> 16));
    put16(frame, (uint16_t)value);
}

static void put_zeros(struct frame *frame, uint32_t count)
{
    memset(frame->bytes + frame->size, 0, count);
    frame->size += count;
}

/* The link header with `tags` tags before `type`. */
static struct frame frame_of(int linktype, int tags, uint16_t type)
{
    static const uint16_t tag_types[] = {0x88a8, 0x8100, 0x9100};
    struct frame frame = {.size = 0};
    if (linktype == ETHERNET)
        put_zeros(&frame, 12);
    else if (linktype == SLL)
        put_zeros(&frame, 14);
    for (int tag = 0; tag < tags; tag++) {
        put16(&frame, tag_types[tag % 3]);
        if (linktype == SLL2 && tag == 0)
            put_zeros(&frame, 18);
        put16(&frame, 7);
    }
    if (linktype != RAW)
        put16(&frame, type);
    if (linktype == SLL2 && tags == 0)
        put_zeros(&frame, 18);
    return frame;
}

static void put_ipv4(struct frame *frame, uint32_t src, uint32_t dst)
{
    put32(frame, 0x45000014);
    put_zeros(frame, 8);
    put32(frame, src);
    put32(frame, dst);
}

static void put_ipv6(struct frame *frame, const uint8_t src[16], const uint8_t dst[16])
{
    put32(frame, 0x60000000);
    put32(frame, 0x00003b40);
    memcpy(frame->bytes + frame->size, src, 16);
    memcpy(frame->bytes + frame->size + 16, dst, 16);
    frame->size += 32;
}

static struct frame frame4(int linktype, int tags, uint32_t src, uint32_t dst)
{
    struct frame frame = frame_of(linktype, tags, 0x0800);
    put_ipv4(&frame, src, dst);
    return frame;
}

static struct frame frame6(int linktype, int tags, const uint8_t src[16], const uint8_t dst[16])
{
    struct frame frame = frame_of(linktype, tags, 0x86dd);
    put_ipv6(&frame, src, dst);
    return frame;
}

/* Ethernet and IPv4: RFC 826. */
static struct frame frame_arp(int linktype, int tags, uint32_t sender, uint32_t target)
{
    struct frame frame = frame_of(linktype, tags, 0x0806);
    put32(&frame, 0x00010800);
    put32(&frame, 0x06040001);
    put_zeros(&frame, 6);
    put32(&frame, sender);
    put_zeros(&frame, 6);
    put32(&frame, target);
    return frame;
}

/* --- programs --------------------------------------------------------------------------------- */

static struct prefixset *set_of(const char *list)
{
    char errmsg[ERRMSG_SIZE];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, list, errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

/* libpcap's and the kernel's rules: jumps forward and within the program, known instructions. */
static void check_valid(const struct kernelfilter *filter)
{
    cr_assert_leq(filter->count, KERNELFILTER_MAX);
    cr_assert_eq(sizeof(struct kernelfilter_insn), sizeof(struct bpf_insn));
    cr_assert(bpf_validate((const struct bpf_insn *)filter->insns, (int)filter->count));
}

static struct kernelfilter *make_max(const struct prefixset *darknet,
                                     const struct prefixset *tunnels, int linktype, size_t max)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options options = {.darknet = darknet,
                                           .tunnels = tunnels,
                                           .linktype = linktype,
                                           .snaplen = SNAPLEN,
                                           .max = max};
    int rc = kernelfilter_make(filter, &options);
    cr_assert_eq(rc, 0, "%s", err_str(rc));
    check_valid(filter);
    cr_assert_leq(filter->count, max);
    return filter;
}

static struct kernelfilter *make(const struct prefixset *darknet, int linktype)
{
    return make_max(darknet, NULL, linktype, KERNELFILTER_MAX);
}

static bool passes(const struct kernelfilter *filter, const struct frame *frame)
{
    unsigned verdict =
        bpf_filter((const struct bpf_insn *)filter->insns, frame->bytes, frame->size, frame->size);
    cr_assert(verdict == 0 || verdict == SNAPLEN, "verdict %u", verdict);
    return verdict != 0;
}

static bool passes4(const struct kernelfilter *filter, int linktype, int tags, uint32_t src,
                    uint32_t dst)
{
    struct frame frame = frame4(linktype, tags, src, dst);
    return passes(filter, &frame);
}

/* --- random inventories ----------------------------------------------------------------------- */

/* `count` prefixes of `shortest` to 32 bits. */
static struct prefixset *random_set4(uint64_t *state, size_t count, unsigned shortest)
{
    char errmsg[ERRMSG_SIZE], text[64];
    struct prefixset *set = prefixset_new();
    for (size_t i = 0; i < count; i++) {
        unsigned length = shortest + (unsigned)random_below(state, 33 - shortest);
        uint32_t mask = length ? UINT32_MAX << (32 - length) : 0;
        uint32_t address = (uint32_t)random_next(state) & mask;
        snprintf(text, sizeof text, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
                 address >> 8 & 255, address & 255, length);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0, "%s", errmsg);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

static void random_address6(uint64_t *state, uint8_t address[16])
{
    /* Few values, so that prefixes share words. */
    for (int i = 0; i < 16; i++)
        address[i] = (uint8_t)(random_below(state, 3) == 0 ? random_next(state) : i % 4 ? 0 : 0x20);
}

static struct prefixset *random_set6(uint64_t *state, size_t count, unsigned shortest)
{
    char errmsg[ERRMSG_SIZE], text[64];
    struct prefixset *set = prefixset_new();
    for (size_t i = 0; i < count; i++) {
        uint8_t a[16];
        unsigned length = shortest + (unsigned)random_below(state, 129 - shortest);
        random_address6(state, a);
        for (unsigned bit = length; bit < 128; bit++)
            a[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        int size = 0;
        for (int j = 0; j < 16; j += 2)
            size += snprintf(text + size, sizeof text - (size_t)size, "%x%s", a[j] << 8 | a[j + 1],
                             j < 14 ? ":" : "");
        snprintf(text + size, sizeof text - (size_t)size, "/%u", length);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0, "%s", errmsg);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

/* An address at or beside an end of one of the ranges, or anywhere. */
static uint32_t pick4(uint64_t *state, const struct prefixset *set, size_t ranges)
{
    uint32_t first, last;
    uint64_t kind = random_below(state, 6);
    if (kind == 5 || !prefixset_range4(set, random_below(state, ranges), &first, &last))
        return (uint32_t)random_next(state);
    return kind == 0   ? first
           : kind == 1 ? first - 1
           : kind == 2 ? last
           : kind == 3 ? last + 1
                       : first + (uint32_t)random_below(state, (uint64_t)last - first + 1);
}

static void step6(uint8_t address[16], int step)
{
    for (int i = 15; i >= 0; i--) {
        address[i] = (uint8_t)(address[i] + step);
        if (address[i] != (step > 0 ? 0 : 0xff))
            return;
    }
}

static void pick6(uint64_t *state, const struct prefixset *set, size_t ranges, uint8_t out[16])
{
    uint8_t last[16];
    uint64_t kind = random_below(state, 6);
    if (kind == 5 || !prefixset_range6(set, random_below(state, ranges), out, last)) {
        random_address6(state, out);
        return;
    }
    if (kind == 2 || kind == 3)
        memcpy(out, last, 16);
    if (kind == 1)
        step6(out, -1);
    if (kind == 3)
        step6(out, 1);
    if (kind == 4)
        out[8 + random_below(state, 8)] = (uint8_t)random_next(state);
}

static size_t ranges4(const struct prefixset *set)
{
    uint32_t first, last;
    size_t count = 0;
    while (prefixset_range4(set, count, &first, &last))
        count++;
    return count;
}

static size_t ranges6(const struct prefixset *set)
{
    uint8_t first[16], last[16];
    size_t count = 0;
    while (prefixset_range6(set, count, first, last))
        count++;
    return count;
}

static void compare4(uint64_t *state, const struct prefixset *set, int linktype)
{
    struct kernelfilter *filter = make(set, linktype);
    size_t ranges = ranges4(set), seen[2] = {0};
    cr_assert_eq(filter->extra, 0);
    for (int i = 0; i < 3000; i++) {
        uint32_t src = pick4(state, set, ranges), dst = pick4(state, set, ranges);
        int tags = linktype == RAW ? 0 : (int)random_below(state, 3);
        bool want = prefixset_has4(set, src) || prefixset_has4(set, dst);
        cr_assert_eq(passes4(filter, linktype, tags, src, dst), want,
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
            struct prefixset *set = random_set4(&state, kinds[kind].count, kinds[kind].shortest);
            compare4(&state, set, linktypes[round % 4]);
            prefixset_free(set);
        }
}

static void compare6(uint64_t *state, const struct prefixset *set, int linktype)
{
    struct kernelfilter *filter = make(set, linktype);
    size_t ranges = ranges6(set), seen = 0;
    cr_assert_eq(filter->extra, 0);
    for (int i = 0; i < 3000; i++) {
        uint8_t src[16], dst[16];
        pick6(state, set, ranges, src);
        pick6(state, set, ranges, dst);
        int tags = linktype == RAW ? 0 : (int)random_below(state, 3);
        struct frame frame = frame6(linktype, tags, src, dst);
        bool want = prefixset_has6(set, src) || prefixset_has6(set, dst);
        cr_assert_eq(passes(filter, &frame), want, "link type %d, %d tags, %zu ranges", linktype,
                     tags, ranges);
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
            struct prefixset *set = random_set6(&state, kinds[kind].count, kinds[kind].shortest);
            compare6(&state, set, linktypes[round % 4]);
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
        struct prefixset *set = set_of(lists[i]);
        cr_assert_eq(ranges6(set), 1);
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
        struct prefixset *set = set_of(cases[i].set);
        struct kernelfilter *filter = make(set, ETHERNET);
        cr_assert(passes4(filter, ETHERNET, 0, cases[i].out, cases[i].in), "%s", cases[i].set);
        cr_assert(passes4(filter, ETHERNET, 0, cases[i].in, cases[i].out), "%s", cases[i].set);
        cr_assert_not(passes4(filter, ETHERNET, 0, cases[i].out, cases[i].out), "%s", cases[i].set);
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
        for (size_t link = 0; link < 4; link++) {
            struct prefixset *set = set_of(lists[i]);
            struct kernelfilter *filter = make(set, linktypes[link]);
            struct frame six = frame6(linktypes[link], 0, some, some);
            cr_assert_eq(passes4(filter, linktypes[link], 0, 1, 2), i != 1);
            cr_assert_eq(passes(filter, &six), i != 0);
            free(filter);
            prefixset_free(set);
        }
}

/* libpcap's own compiler as a second opinion. */
Test(kernelfilter, agrees_with_pcap_filter)
{
    static const char text[] = "ip net 198.51.100.0/24 or ip net 203.0.113.16/28 or "
                               "ip host 192.0.2.1 or ip6 net 2001:db8:7::/48";
    struct prefixset *set = set_of("198.51.100.0/24,203.0.113.16/28,192.0.2.1,2001:db8:7::/48");
    uint64_t state = 3;
    for (size_t link = 0; link < 4; link++) {
        int linktype = linktypes[link];
        struct kernelfilter *filter = make(set, linktype);
        struct bpf_program oracle;
        pcap_t *dead = pcap_open_dead(linktype, 65535);
        cr_assert_eq(pcap_compile(dead, &oracle, text, 1, PCAP_NETMASK_UNKNOWN), 0, "%s",
                     pcap_geterr(dead));
        for (int i = 0; i < 20000; i++) {
            uint8_t src[16], dst[16];
            pick6(&state, set, 1, src);
            pick6(&state, set, 1, dst);
            struct frame frame =
                i % 2 ? frame6(linktype, 0, src, dst)
                      : frame4(linktype, 0, pick4(&state, set, 3), pick4(&state, set, 3));
            cr_assert_eq(passes(filter, &frame),
                         bpf_filter(oracle.bf_insns, frame.bytes, frame.size, frame.size) != 0);
        }
        pcap_freecode(&oracle);
        pcap_close(dead);
        free(filter);
    }
    prefixset_free(set);
}

/* --- what does not fit ------------------------------------------------------------------------ */

/* Which gaps are closed, and what they hold, is found by asking for the first address of each. */
static double let_through(const struct kernelfilter *filter, const struct prefixset *set,
                          bool as_source)
{
    double extra = 0;
    uint32_t first, last, next_first, next_last;
    size_t ranges = ranges4(set);
    prefixset_range4(set, 0, &first, &last);
    uint32_t outside = first - 1;
    cr_assert_not(prefixset_has4(set, outside));
    for (size_t i = 0; i < ranges; i++, last = next_last) {
        cr_assert(prefixset_range4(set, i, &first, &next_last));
        cr_assert(passes4(filter, ETHERNET, 0, outside, first));
        cr_assert(passes4(filter, ETHERNET, 0, first, outside));
        cr_assert(passes4(filter, ETHERNET, 0, outside, next_last));
        if (!prefixset_range4(set, i + 1, &next_first, &last))
            break;
        uint32_t gap = next_last + 1;
        if (passes4(filter, ETHERNET, 0, as_source ? gap : outside, as_source ? outside : gap))
            extra += next_first - gap;
    }
    return extra;
}

Test(kernelfilter, closes_the_smallest_gaps_of_what_does_not_fit_and_says_how_much_that_is)
{
    uint64_t state = 4;
    struct prefixset *set = random_set4(&state, 5000, 32);
    struct kernelfilter *filter = make(set, ETHERNET);
    cr_assert_gt(filter->extra, 0);
    cr_assert_eq(let_through(filter, set, false), filter->extra);
    cr_assert_eq(let_through(filter, set, true), filter->extra);
    cr_assert_gt(filter->count, KERNELFILTER_MAX * 95 / 100, "%zu instructions", filter->count);
    /* Random addresses have gaps of 2^32 / 5,000 in the mean; more than a third of them is kept open,
     * and the closed ones are the small ones. */
    cr_assert_lt(filter->extra, 0.5 * 4294967296.0);
    cr_assert_not(passes4(filter, ETHERNET, 0, 0, 0));
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, fits_a_smaller_kernel_too)
{
    uint64_t state = 5;
    struct prefixset *set = random_set4(&state, 300, 20);
    double before = 0;
    for (size_t max = KERNELFILTER_MAX; max >= 128; max /= 2) {
        struct kernelfilter *filter = make_max(set, NULL, ETHERNET, max);
        cr_assert_eq(let_through(filter, set, false), filter->extra);
        cr_assert_geq(filter->extra, before);
        before = filter->extra;
        free(filter);
    }
    cr_assert_gt(before, 0);
    prefixset_free(set);
}

Test(kernelfilter, a_gap_between_ranges_is_closed_only_where_it_has_to_be)
{
    /* Gaps of 4, 2 and 2^24 addresses or so. */
    struct prefixset *set = set_of("10.0.0.0/31,10.0.0.6/31,10.0.0.10/31,11.0.0.0/8");
    struct kernelfilter *exact = make(set, ETHERNET);
    struct kernelfilter *filter = make_max(set, NULL, ETHERNET, exact->count - 1);
    cr_assert_eq(filter->extra, 2);
    cr_assert(passes4(filter, ETHERNET, 0, 0, 0x0a000009));
    cr_assert_not(passes4(filter, ETHERNET, 0, 0, 0x0a000005));
    free(exact);
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, of_equal_gaps_some_are_closed)
{
    char errmsg[ERRMSG_SIZE], text[64];
    struct prefixset *set = prefixset_new();
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "10.%u.%u.0/25", i / 256, i % 256);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    struct kernelfilter *filter = make(set, ETHERNET);
    cr_assert(filter->extra > 0 && filter->extra <= 128.0 * 2200, "%.0f", filter->extra);
    cr_assert_eq(let_through(filter, set, false), filter->extra);
    free(filter);
    prefixset_free(set);
}

/* One range per family, with ends that take all words to tell, and tunnels beside it. */
Test(kernelfilter, the_smallest_program_is_enough_for_any_inventory)
{
    struct prefixset *set =
        set_of("1.0.0.1,203.0.113.1,2001:db8:1:1:1:1:1:1,2003:db9:2:2:2:2:2:2,2002::7");
    struct prefixset *tunnels = set_of("192.0.2.1,210.0.0.1,2001:db8:1:1:1:1:0:1,2004::2:2:2:2");
    for (size_t link = 0; link < 4; link++)
        free(make_max(set, tunnels, linktypes[link], KERNELFILTER_MIN));
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, refuses_what_it_cannot_make)
{
    struct prefixset *set = set_of("198.51.100.0/24");
    static struct kernelfilter filter;
    struct kernelfilter_options options = {
        .darknet = set, .linktype = ETHERNET, .snaplen = 1, .max = 10};
    cr_assert_eq(kernelfilter_make(&filter, &options), ERR_FULL);
    options.max = 0;
    cr_assert_eq(kernelfilter_make(&filter, &options), ERR_FULL);
    options.max = KERNELFILTER_MAX;
    options.linktype = 9; /* PPP */
    cr_assert_eq(kernelfilter_make(&filter, &options), ERR_UNKNOWN);
    prefixset_free(set);
}

/* --- other frames ----------------------------------------------------------------------------- */

Test(kernelfilter, takes_packets_to_a_tunnel_end_point)
{
    struct prefixset *set = set_of("198.51.100.0/24,2001:db8::/48");
    struct prefixset *tunnels = set_of("192.0.2.7,2001:db8:ffff::1");
    struct kernelfilter *filter = make_max(set, tunnels, ETHERNET, KERNELFILTER_MAX);
    static const uint8_t end[16] = {0x20, 1, 0x0d, 0xb8, 0xff, 0xff, [15] = 1}, other[16] = {0x20};
    struct frame to = frame6(ETHERNET, 1, other, end), from = frame6(ETHERNET, 1, end, other);
    cr_assert(passes4(filter, ETHERNET, 0, 1, 0xc0000207));
    cr_assert_not(passes4(filter, ETHERNET, 0, 0xc0000207, 1));
    cr_assert_not(passes4(filter, ETHERNET, 0, 1, 0xc0000208));
    cr_assert(passes4(filter, ETHERNET, 0, 1, 0xc6336401));
    cr_assert(passes(filter, &to));
    cr_assert_not(passes(filter, &from));
    free(filter);
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, takes_tunnels_of_a_family_that_the_darknet_has_not)
{
    struct prefixset *set = set_of("2001:db8::/48"), *tunnels = set_of("192.0.2.7");
    struct kernelfilter *filter = make_max(set, tunnels, ETHERNET, KERNELFILTER_MAX);
    struct frame arp = frame_arp(ETHERNET, 0, 0xc0000207, 1);
    cr_assert(passes4(filter, ETHERNET, 0, 1, 0xc0000207));
    cr_assert_not(passes4(filter, ETHERNET, 0, 0xc0000207, 1));
    cr_assert_not(passes(filter, &arp));
    free(filter);
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, takes_arp_of_a_darknet_address_only)
{
    struct prefixset *set = set_of("198.51.100.0/24,198.51.102.0/24,203.0.113.9");
    for (size_t link = 0; link < 4; link++) {
        int linktype = linktypes[link];
        struct kernelfilter *filter = make(set, linktype);
        for (int tags = 0; linktype != RAW && tags <= 2; tags++) {
            struct frame by = frame_arp(linktype, tags, 0xcb007109, 1);
            struct frame about = frame_arp(linktype, tags, 0xcb007108, 0xcb007109);
            cr_assert(passes(filter, &by));
            cr_assert_not(passes(filter, &about));
            by.bytes[by.size - 23] = 16; /* the size of an IPv6 address */
            cr_assert_not(passes(filter, &by));
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
    struct prefixset *set = set_of("198.51.100.0/24,2001:db8::/32");
    for (size_t link = 0; link < 4; link++) {
        int linktype = linktypes[link];
        struct kernelfilter *filter = make(set, linktype);
        for (size_t i = 0; linktype != RAW && i < sizeof cases / sizeof cases[0]; i++)
            for (int tags = 0; tags <= 2; tags++) {
                struct frame frame = frame_of(linktype, tags, cases[i].type);
                put_zeros(&frame, 60);
                cr_assert_eq(passes(filter, &frame), cases[i].passes,
                             "link type %d, %d tags, type %04x", linktype, tags, cases[i].type);
            }
        struct frame three = frame4(linktype, 3, 1, 1);
        cr_assert_eq(passes(filter, &three), linktype != RAW);
        free(filter);
    }
    prefixset_free(set);
}

/* What decode finds an address in the darknet in, the filter lets through: types that decode learns
 * to look into are to be added to the filter's. */
Test(kernelfilter, lets_through_every_type_that_decode_finds_ip_behind)
{
    struct prefixset *set = set_of("198.51.100.7");
    struct kernelfilter *filter = make(set, ETHERNET);
    for (unsigned type = 0; type <= 0xffff; type++)
        for (uint32_t between = 0; between <= 16; between += 2) {
            struct frame frame = frame_of(ETHERNET, 0, (uint16_t)type);
            struct packet packet;
            put_zeros(&frame, between);
            if (between >= 4)
                frame.bytes[frame.size - 2] = 1; /* MPLS: the last label */
            if (between >= 2)
                frame.bytes[frame.size - 1] = 0x21; /* PPP: IPv4 */
            put_ipv4(&frame, 1, 0xc6336407);
            if (decode(ETHERNET, frame.bytes, frame.size, frame.size, &packet) == DECODE_IP &&
                packet.dst4 == 0xc6336407)
                cr_assert(passes(filter, &frame), "type %04x", type);
        }
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, rejects_a_frame_that_ends_before_its_destination)
{
    static const uint8_t some[16] = {0x20, 1}, dark[16] = {0x20, 1, 0x0d, 0xb8};
    struct prefixset *set = set_of("198.51.100.7,2001:db8::/128");
    for (size_t link = 0; link < 4; link++) {
        int linktype = linktypes[link];
        struct kernelfilter *filter = make(set, linktype);
        struct frame four = frame4(linktype, 0, 1, 0xc6336407),
                     six = frame6(linktype, 0, some, dark);
        uint32_t whole4 = four.size, whole6 = six.size;
        cr_assert(passes(filter, &four) && passes(filter, &six));
        for (four.size = 0; four.size < whole4; four.size++)
            cr_assert_not(passes(filter, &four), "%u bytes", four.size);
        for (six.size = 0; six.size < whole6; six.size++)
            cr_assert_not(passes(filter, &six), "%u bytes", six.size);
        free(filter);
    }
    prefixset_free(set);
}

/* --- the kernel ------------------------------------------------------------------------------- */

static bool attach(int fd, const struct kernelfilter *filter)
{
    struct sock_fprog program = {.len = (unsigned short)filter->count,
                                 .filter = (struct sock_filter *)filter->insns};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

static struct kernelfilter *make_accepted(const struct prefixset *set, int fd)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options options = {
        .darknet = set, .linktype = ETHERNET, .snaplen = SNAPLEN, .max = KERNELFILTER_MAX};
    int rc = kernelfilter_make_accepted(filter, &options, fd);
    cr_assert_eq(rc, 0, "%s", err_str(rc));
    check_valid(filter);
    return filter;
}

/* A socket pair's filter runs over the datagrams as a packet socket's does over frames, and needs
 * no right. */
Test(kernelfilter, the_kernel_filters_as_libpcap_does)
{
    uint64_t state = 6;
    static const size_t counts[] = {1, 100, 1500};
    for (size_t i = 0; i < 3; i++) {
        int fds[2], accepted = 0;
        struct prefixset *set = random_set4(&state, counts[i], 24);
        size_t ranges = ranges4(set);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        struct kernelfilter *filter = make_accepted(set, fds[1]);
        cr_assert(attach(fds[1], filter), "%zu instructions: %m", filter->count);
        for (int j = 0; j < 2000; j++) {
            struct frame frame = frame4(ETHERNET, (int)random_below(&state, 3),
                                        pick4(&state, set, ranges), pick4(&state, set, ranges));
            frame.size -= j % 50 == 0 ? (uint32_t)random_below(&state, 30) : 0;
            uint8_t got[SNAPLEN];
            cr_assert_eq(send(fds[0], frame.bytes, frame.size, 0), (ssize_t)frame.size);
            ssize_t size = recv(fds[1], got, sizeof got, 0);
            cr_assert_eq(size, passes(filter, &frame) ? (ssize_t)frame.size : -1);
            accepted += size > 0;
        }
        cr_assert(accepted > 0 && accepted < 2000);
        close(fds[0]);
        close(fds[1]);
        free(filter);
        prefixset_free(set);
    }
}

static long optmem_max(void)
{
    long bytes = 0;
    FILE *file = fopen("/proc/sys/net/core/optmem_max", "r");
    if (!file || fscanf(file, "%ld", &bytes) != 1)
        bytes = 0;
    if (file)
        fclose(file);
    return bytes;
}

/* A packet socket where one may be opened. */
Test(kernelfilter, the_kernel_takes_as_many_instructions_as_it_has_room_for)
{
    uint64_t state = 7;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) {
        cr_log_warn("no packet socket without CAP_NET_RAW: tried on another one");
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    struct prefixset *set = random_set4(&state, 5000, 32);
    struct kernelfilter *filter = make_accepted(set, fd);
    cr_assert(attach(fd, filter), "%zu instructions: %m", filter->count);
    cr_assert(optmem_max() < 131072 || filter->count > 4000, "%zu instructions", filter->count);
    cr_assert_eq(let_through(filter, set, false), filter->extra);
    close(fd);
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, a_socket_that_takes_no_filter_is_an_error)
{
    int fds[2];
    static struct kernelfilter filter;
    struct prefixset *set = set_of("198.51.100.0/24");
    struct kernelfilter_options options = {
        .darknet = set, .linktype = ETHERNET, .snaplen = SNAPLEN, .max = KERNELFILTER_MAX};
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(kernelfilter_make_accepted(&filter, &options, fds[0]), ERR_IO);
    close(fds[0]);
    close(fds[1]);
    prefixset_free(set);
}

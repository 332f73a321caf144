#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/prefix.h"

static struct prefixset *make(const char *in, const char *out)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, in, errmsg), 0, "%s", errmsg);
    if (out)
        cr_assert_eq(prefixset_exclude(set, out, errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

static uint32_t ip4(const char *text)
{
    uint32_t address;
    cr_assert_eq(inet_pton(AF_INET, text, &address), 1);
    return ntohl(address);
}

static bool has6(const struct prefixset *set, const char *text)
{
    uint8_t address[16];
    cr_assert_eq(inet_pton(AF_INET6, text, address), 1);
    return prefixset_has6(set, address);
}

static void expect_text(const char *in, const char *out, const char *expected)
{
    struct prefixset *set = make(in, out);
    char *text = prefixset_text(set);
    cr_assert_str_eq(text, expected, "%s without %s: %s", in, out ? out : "nothing", text);
    free(text);
    prefixset_free(set);
}

Test(prefix, canonical_text_is_sorted_and_merged)
{
    expect_text("192.0.2.0/24", NULL, "192.0.2.0/24");
    expect_text("192.0.2.128/25,192.0.2.0/25", NULL, "192.0.2.0/24");
    expect_text("192.0.2.0/24, 192.0.2.64/26 ,192.0.2.0/24", NULL, "192.0.2.0/24");
    expect_text("192.0.2.1", NULL, "192.0.2.1/32");
    expect_text("10.0.1.0/24,10.0.2.0/24", NULL, "10.0.1.0/24,10.0.2.0/24");
    expect_text("2001:DB8::/32,198.51.100.0/24", NULL, "198.51.100.0/24,2001:db8::/32");
    expect_text("::1,::", NULL, "::/127");
    expect_text("255.255.255.255,0.0.0.0", NULL, "0.0.0.0/32,255.255.255.255/32");
}

Test(prefix, the_whole_address_space_is_one_prefix)
{
    expect_text("0.0.0.0/0,::/0", NULL, "0.0.0.0/0,::/0");
    expect_text("0.0.0.0/1,128.0.0.0/1,::/1,8000::/1", NULL, "0.0.0.0/0,::/0");
}

Test(prefix, exclusions_split_prefixes)
{
    expect_text("192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25");
    expect_text("192.0.2.0/29", "192.0.2.3", "192.0.2.0/31,192.0.2.2/32,192.0.2.4/30");
    expect_text("192.0.2.0/24,198.51.100.0/24", "192.0.2.0/24", "198.51.100.0/24");
    expect_text("0.0.0.0/30", "0.0.0.0,0.0.0.3", "0.0.0.1/32,0.0.0.2/32");
    expect_text("255.255.255.252/30", "255.255.255.255", "255.255.255.252/31,255.255.255.254/32");
    expect_text("2001:db8::/126", "2001:db8::2", "2001:db8::/127,2001:db8::3/128");
    expect_text("10.0.0.0/24,10.0.2.0/24", "10.0.0.0/23,::/0", "10.0.2.0/24");
}

Test(prefix, exclusions_win_whatever_the_order)
{
    char errmsg[ERRMSG_SIZE];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_exclude(set, "10.0.0.0/25", errmsg), 0);
    cr_assert_eq(prefixset_add(set, "10.0.0.0/24", errmsg), 0);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    cr_assert_eq(prefixset_count4(set), 128);
    cr_assert_not(prefixset_has4(set, ip4("10.0.0.127")));
    cr_assert(prefixset_has4(set, ip4("10.0.0.128")));
    prefixset_free(set);
}

static size_t missed(const char *in, const char *out, char *message)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct prefixset *set = prefixset_new();
    *message = '\0';
    cr_assert_eq(prefixset_add(set, in, errmsg), 0);
    if (out)
        cr_assert_eq(prefixset_exclude(set, out, errmsg), 0);
    cr_assert_eq(prefixset_settle(set, errmsg), 0, "%s", errmsg);
    size_t count = prefixset_missed(set, message);
    prefixset_free(set);
    return count;
}

Test(prefix, exclusions_outside_are_named)
{
    char message[ERRMSG_SIZE];
    cr_expect_eq(missed("10.0.0.0/24", NULL, message), 0);
    cr_expect_eq(missed("10.0.0.0/24,10.0.4.0/24", "10.0.0.7,10.0.0.0/25,10.0.4.255", message), 0);
    cr_expect_eq(missed("10.0.1.0/24,10.0.4.0/24", "10.0.0.0/23,10.0.3.0/24", message), 1);
    cr_expect(strstr(message, "exclude 10.0.3.0/24: "), "%s", message);
    /* Beside one another, and one of the darknet's: merged, they would not miss it. */
    cr_expect_eq(missed("10.0.0.0/24", "10.0.0.255,10.0.1.0,10.0.1.1,2001:db8::1", message), 3);
    cr_expect(strstr(message, "exclude 10.0.1.0/32 (and 2 more): "), "%s", message);
    cr_expect_eq(missed("2001:db8::/64", "2001:db8:0:1::/64,2001:db8::/65", message), 1);
    cr_expect(strstr(message, "exclude 2001:db8:0:1::/64: "), "%s", message);
}

Test(prefix, nothing_left_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "10.0.0.0/24,2001:db8::/64", errmsg), 0);
    cr_assert_eq(prefixset_exclude(set, "10.0.0.0/8,2001:db8::/32", errmsg), 0);
    cr_assert_eq(prefixset_finish(set, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "no address is left"), "%s", errmsg);
    prefixset_free(set);
}

Test(prefix, what_is_no_prefix_is_refused_by_name)
{
    static const struct {
        char list[48], named[48];
    } cases[] = {
        {"", "empty"},
        {"192.0.2.0/24,", "empty"},
        {"192.0.2.0/24,,192.0.3.0/24", "empty"},
        {"nonsense", "nonsense"},
        {"192.0.2.0/33", "0 to 32"},
        {"192.0.2.0/", "0 to 32"},
        {"192.0.2.0/-1", "0 to 32"},
        {"192.0.2.0/+8", "0 to 32"},
        {"192.0.2.0/ 8", "0 to 32"},
        {"192.0.2.0/8x", "0 to 32"},
        {"192.0.2.0/4294967320", "0 to 32"},
        {"192.0.2.0/24/24", "0 to 32"},
        {"192.0.2/24", "192.0.2/24"},
        {"192.0.2.256", "192.0.2.256"},
        {"0x7f000001", "0x7f000001"},
        {"2001:db8::/129", "0 to 128"},
        {"2001:db8::1::/64", "2001:db8::1::/64"},
        {"fe80::%eth0/64", "fe80::%eth0/64"},
        {"192.0.2.77/24", "did you mean 192.0.2.0/24?"},
        {"2001:db8::1/64", "did you mean 2001:db8::/64?"},
        {"128.0.0.0/0", "did you mean 0.0.0.0/0?"},
    };
    struct prefixset *set = prefixset_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        cr_assert_eq(prefixset_add(set, cases[i].list, errmsg), ERR_INVALID, "%s", cases[i].list);
        cr_assert(strstr(errmsg, cases[i].named), "\"%s\" said: %s", cases[i].list, errmsg);
    }
    prefixset_free(set);
}

Test(prefix, a_refused_list_leaves_the_set_as_it_was)
{
    char errmsg[ERRMSG_SIZE];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "192.0.2.0/24", errmsg), 0);
    cr_assert_eq(prefixset_add(set, "198.51.100.0/24,2001:db8::/32,bad", errmsg), ERR_INVALID);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    char *text = prefixset_text(set);
    cr_assert_str_eq(text, "192.0.2.0/24");
    free(text);
    prefixset_free(set);
}

Test(prefix, index_is_the_position_in_the_sorted_set)
{
    struct prefixset *set = make("10.1.255.254/31,10.0.0.0/30,10.2.0.0/31,10.0.0.8/32", NULL);
    static const char addresses[][16] = {"10.0.0.0",     "10.0.0.1", "10.0.0.2",
                                         "10.0.0.3",     "10.0.0.8", "10.1.255.254",
                                         "10.1.255.255", "10.2.0.0", "10.2.0.1"};
    cr_assert_eq(prefixset_count4(set), 9);
    for (uint32_t i = 0; i < 9; i++) {
        cr_assert_eq(prefixset_index4(set, ip4(addresses[i])), i, "%s", addresses[i]);
        cr_assert_eq(prefixset_address4(set, i), ip4(addresses[i]));
    }
    static const char others[][16] = {"9.255.255.255", "10.0.0.4", "10.0.0.7",        "10.0.0.9",
                                      "10.1.255.253",  "10.2.0.2", "255.255.255.255", "0.0.0.0"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(prefixset_index4(set, ip4(others[i])), PREFIX_NONE, "%s", others[i]);
    prefixset_free(set);
}

Test(prefix, the_last_of_several_ranges_in_the_last_block_is_found)
{
    struct prefixset *set = make("10.0.0.0/30,10.0.0.8/32,10.0.0.16/31", NULL);
    cr_assert_eq(prefixset_index4(set, ip4("10.0.0.8")), 4);
    cr_assert_eq(prefixset_index4(set, ip4("10.0.0.16")), 5);
    cr_assert_eq(prefixset_index4(set, ip4("10.0.0.17")), 6);
    cr_assert_eq(prefixset_index4(set, ip4("10.0.0.18")), PREFIX_NONE);
    prefixset_free(set);
}

/* Every other address of two blocks of 65,536, and a prefix over several: the table and the search
 * must agree with arithmetic. */
Test(prefix, many_ranges_in_one_block_are_found)
{
    char errmsg[ERRMSG_SIZE], text[32];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "10.2.0.0/15", errmsg), 0);
    for (unsigned i = 0; i < 65536; i++) {
        unsigned address = 2 * i + 1;
        snprintf(text, sizeof text, "10.%u.%u.%u", address >> 16, address >> 8 & 255,
                 address & 255);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    uint32_t base = ip4("10.0.0.0");
    for (uint32_t i = 0; i < 4 * 65536; i++) {
        uint32_t expected = i >= 131072 ? 65536 + i - 131072 : i % 2 ? i / 2 : PREFIX_NONE;
        cr_assert_eq(prefixset_index4(set, base + i), expected, "offset %u", i);
    }
    cr_assert_eq(prefixset_index4(set, base - 1), PREFIX_NONE);
    cr_assert_eq(prefixset_index4(set, base + 4 * 65536), PREFIX_NONE);
    prefixset_free(set);
}

/* Ascending addresses, every second, third, ... of a range with two holes, looked at from each on. */
Test(prefix, leading_addresses_end_before_the_first_that_is_not_in_the_set)
{
    struct prefixset *set = make("10.0.0.0/23,10.0.4.0/24", "10.0.0.64/28");
    uint32_t base = ip4("10.0.0.0"), addresses[2048];
    for (uint32_t step = 1; step < 100; step += 7) {
        size_t count = 0;
        for (uint32_t at = base; at < base + 1400; at += step)
            addresses[count++] = at;
        for (size_t first = 0; first <= count; first++) {
            size_t leading = 0;
            while (first + leading < count && prefixset_has4(set, addresses[first + leading]))
                leading++;
            cr_assert_eq(prefixset_leading4(set, addresses + first, count - first), leading);
            for (size_t more = 0; more < 3 && first + leading + more <= count; more++)
                cr_assert_eq(prefixset_leading4(set, addresses + first, leading + more), leading);
        }
    }
    prefixset_free(set);
    set = make("0.0.0.0/0", NULL);
    cr_assert_eq(prefixset_leading4(set, (uint32_t[]){0, UINT32_MAX}, 2), 2);
    prefixset_free(set);
}

Test(prefix, everything_holds_both_ends)
{
    struct prefixset *set = make("0.0.0.0/0,::/0", NULL);
    cr_assert_eq(prefixset_count4(set), UINT64_C(1) << 32);
    cr_assert(prefixset_has4(set, 0));
    cr_assert(prefixset_has4(set, UINT32_MAX));
    cr_assert(has6(set, "::"));
    cr_assert(has6(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    cr_assert_float_eq(prefixset_size(set), 3.402823669209385e38, 1e30);
    prefixset_free(set);
}

Test(prefix, all_but_one_address_has_an_index_up_to_the_last)
{
    struct prefixset *set = make("0.0.0.0/0", "0.0.0.7,9.9.9.9");
    cr_assert_eq(prefixset_count4(set), (UINT64_C(1) << 32) - 2);
    cr_assert_eq(prefixset_index4(set, 7), PREFIX_NONE);
    cr_assert_eq(prefixset_index4(set, 8), 7);
    cr_assert_eq(prefixset_index4(set, UINT32_MAX), UINT32_MAX - 2);
    cr_assert_eq(prefixset_address4(set, UINT32_MAX - 2), UINT32_MAX);
    prefixset_free(set);
}

Test(prefix, ipv6_membership_ends_where_the_prefix_ends)
{
    struct prefixset *set = make("2001:db8:0:1::/64,2001:db8::5", NULL);
    cr_assert(prefixset_any6(set));
    cr_assert_eq(prefixset_count4(set), 0);
    cr_assert_not(prefixset_has4(set, 0));
    cr_assert(has6(set, "2001:db8::5"));
    cr_assert_not(has6(set, "2001:db8::4"));
    cr_assert_not(has6(set, "2001:db8::6"));
    cr_assert(has6(set, "2001:db8:0:1::"));
    cr_assert(has6(set, "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    cr_assert_not(has6(set, "2001:db8:0:2::"));
    cr_assert_not(has6(set, "::"));
    cr_assert_float_eq(prefixset_size(set), 18446744073709551617.0, 1);
    prefixset_free(set);
}

Test(prefix, overlap_names_a_shared_prefix)
{
    char where[64] = "";
    struct prefixset *a = make("10.0.0.0/8,2001:db8::/32", NULL);
    struct prefixset *b = make("9.0.0.0/8,10.20.0.0/16", NULL);
    struct prefixset *c = make("11.0.0.0/8,2001:db8:ff::/48", NULL);
    cr_assert(prefixset_overlap(a, b, where));
    cr_assert_str_eq(where, "10.20.0.0/16");
    cr_assert(prefixset_overlap(c, a, where));
    cr_assert_str_eq(where, "2001:db8:ff::/48");
    cr_assert_not(prefixset_overlap(b, c, where));
    cr_assert(prefixset_overlap(a, a, NULL));
    prefixset_free(a);
    prefixset_free(b);
    prefixset_free(c);
}

Test(prefix, ranges_are_merged_and_ascend)
{
    char errmsg[ERRMSG_SIZE];
    uint32_t first, last;
    uint8_t first6[16], last6[16];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(
        prefixset_add(set, "203.0.113.0/25,203.0.113.128/25,198.51.100.7,2001:db8::/127", errmsg),
        0);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    cr_assert(prefixset_range4(set, 0, &first, &last));
    cr_assert(first == 0xc6336407 && last == 0xc6336407);
    cr_assert(prefixset_range4(set, 1, &first, &last));
    cr_assert(first == 0xcb007100 && last == 0xcb0071ff);
    cr_assert_not(prefixset_range4(set, 2, &first, &last));
    cr_assert(prefixset_range6(set, 0, first6, last6));
    cr_assert_arr_eq(first6, ((uint8_t[16]){0x20, 1, 0x0d, 0xb8}), 16);
    cr_assert_arr_eq(last6, ((uint8_t[16]){0x20, 1, 0x0d, 0xb8, [15] = 1}), 16);
    cr_assert_not(prefixset_range6(set, 1, first6, last6));
    prefixset_free(set);
}

/* Without the table every look-up gives the same. */
Test(prefix, settled_and_finished_sets_are_the_same)
{
    static const char *const lists[] = {
        "198.51.100.0/24", "10.0.0.0/8,10.0.0.0/30,11.0.0.1", "0.0.0.0/0", "2001:db8::/32",
        "198.51.100.7,198.51.100.9,198.51.101.0/25,203.0.113.0/24,255.255.255.255,0.0.0.0"};
    static const uint32_t at[] = {0,          1,          0x0a000000, 0x0affffff, 0x0b000001,
                                  0xc6336407, 0xc6336408, 0xc6336409, 0xc6336500, 0xc633657f,
                                  0xc6336580, 0xcb007100, 0xcb0071ff, 0xfffffffe, 0xffffffff};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct prefixset *settled = prefixset_new(), *finished = prefixset_new();
        cr_assert_eq(prefixset_add(settled, lists[i], NULL), 0);
        cr_assert_eq(prefixset_add(finished, lists[i], NULL), 0);
        cr_assert_eq(prefixset_settle(settled, NULL), 0);
        cr_assert_eq(prefixset_finish(finished, NULL), 0);
        for (size_t j = 0; j < sizeof at / sizeof at[0]; j++)
            cr_expect_eq(prefixset_index4(settled, at[j]), prefixset_index4(finished, at[j]),
                         "%s: %08x", lists[i], at[j]);
        prefixset_free(settled);
        prefixset_free(finished);
    }
}

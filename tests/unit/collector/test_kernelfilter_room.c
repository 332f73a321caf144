#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "tests/unit/collector/filtered.h"
#include "tests/unit/collector/prefixes.h"

Test(kernelfilter, closes_the_smallest_gaps_of_what_does_not_fit_and_says_how_much_that_is)
{
    uint64_t state = 4;
    struct prefixset *set = prefixes_random4(&state, 5000, 32);
    struct kernelfilter *filter = filtered_make(set, ETHERNET);
    cr_assert_gt(filter->extra, 0);
    cr_assert_eq(filtered_extra(filter, set, false), filter->extra);
    cr_assert_eq(filtered_extra(filter, set, true), filter->extra);
    cr_assert_gt(filter->count, KERNELFILTER_MAX * 95 / 100, "%zu instructions", filter->count);
    /* Random addresses have gaps of 2^32 / 5,000 in the mean; more than a third of them is kept open,
     * and the closed ones are the small ones. */
    cr_assert_lt(filter->extra, 0.5 * 4294967296.0);
    cr_assert_not(filtered_passes4(filter, ETHERNET, 0, 0, 0));
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, fits_a_smaller_kernel_too)
{
    uint64_t state = 5;
    struct prefixset *set = prefixes_random4(&state, 300, 20);
    double before = 0;
    for (size_t max = KERNELFILTER_MAX; max >= 128; max /= 2) {
        struct kernelfilter *filter = filtered_make_max(set, NULL, ETHERNET, max);
        cr_assert_eq(filtered_extra(filter, set, false), filter->extra);
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
    struct prefixset *set = prefixes_of("10.0.0.0/31,10.0.0.6/31,10.0.0.10/31,11.0.0.0/8");
    struct kernelfilter *exact = filtered_make(set, ETHERNET);
    struct kernelfilter *filter = filtered_make_max(set, NULL, ETHERNET, exact->count - 1);
    cr_assert_eq(filter->extra, 2);
    cr_assert(filtered_passes4(filter, ETHERNET, 0, 0, 0x0a000009));
    cr_assert_not(filtered_passes4(filter, ETHERNET, 0, 0, 0x0a000005));
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
    struct kernelfilter *filter = filtered_make(set, ETHERNET);
    cr_assert(filter->extra > 0 && filter->extra <= 128.0 * 2200, "%.0f", filter->extra);
    cr_assert_eq(filtered_extra(filter, set, false), filter->extra);
    free(filter);
    prefixset_free(set);
}

/* One range per family, with ends that take all words to tell, and tunnels beside it. */
Test(kernelfilter, the_smallest_program_is_enough_for_any_inventory)
{
    struct prefixset *set =
        prefixes_of("1.0.0.1,203.0.113.1,2001:db8:1:1:1:1:1:1,2003:db9:2:2:2:2:2:2,2002::7");
    struct prefixset *tunnels =
        prefixes_of("192.0.2.1,210.0.0.1,2001:db8:1:1:1:1:0:1,2004::2:2:2:2");
    for (size_t link = 0; link < LINKFRAME_TYPES; link++)
        free(filtered_make_max(set, tunnels, linkframe_types[link], KERNELFILTER_MIN));
    prefixset_free(tunnels);
    prefixset_free(set);
}

Test(kernelfilter, refuses_what_it_cannot_make)
{
    struct prefixset *set = prefixes_of("198.51.100.0/24");
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

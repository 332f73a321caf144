/* The rows of `darkcount annual`. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dashboards/annual.h"

#define HEADER                                                                                     \
    "year,packets,observed_addresses,packets_per_address,method,seconds_per_packet,unique_hosts,"  \
    "coverage,dropped,revision\n"

/* What is printed, as a string to be freed; csv lines may end in CR LF, which is made LF here. */
static char *printed(const struct figures *years, size_t count)
{
    char *text;
    size_t size, kept = 0;
    FILE *out = open_memstream(&text, &size);
    const struct query_annual annual = {(struct figures *)years, count};
    cr_assert_eq(annual_print(out, ROWS_CSV, &annual), 0);
    fclose(out);
    for (size_t i = 0; i <= size; i++)
        if (text[i] != '\r')
            text[kept++] = text[i];
    return text;
}

Test(annual, columns_and_decimals)
{
    const struct figures year = {
        .year = 2024,
        .any_data = true,
        .packets = UINT64_MAX,
        .observed_addresses = 290000,
        .packets_per_address = 2420000.126,
        .method = METHOD_MEAN,
        .seconds_per_packet = 13.0671,
        .hosts_known = true,
        .unique_hosts = 77,
        .coverage = 1,
        .dropped = 3,
        .revision = 2,
    };
    char *text = printed(&year, 1);
    cr_assert_str_eq(
        text,
        HEADER "2024,18446744073709551615,290000,2420000.13,mean,13.067,77,1.000000000,3,2\n");
    free(text);
}

Test(annual, what_is_missing_is_empty)
{
    const struct figures year = {
        .year = 2024,
        .any_data = true,
        .packets_per_address = NAN,
        .seconds_per_packet = NAN,
        .coverage = NAN,
    };
    char *text = printed(&year, 1);
    cr_assert_str_eq(text, HEADER "2024,0,0,,daily,,,,0,0\n");
    free(text);
}

Test(annual, coverage_below_one_is_never_printed_as_one)
{
    const struct figures year = {
        .year = 2024, .packets_per_address = NAN, .seconds_per_packet = NAN, .coverage = 1 - 1e-12};
    char *text = printed(&year, 1);
    cr_assert_str_eq(text, HEADER "2024,0,0,,daily,,,0.999999999,0,0\n");
    free(text);
}

Test(annual, nothing_is_a_header)
{
    char *text = printed(NULL, 0);
    cr_assert_str_eq(text, HEADER);
    free(text);
}

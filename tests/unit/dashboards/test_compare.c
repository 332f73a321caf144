/* The rows of `darkcount annual --compare`. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/compare.h"

#define FILE_HEADER "year,method,packets,packets_per_address,revision\n"
#define HEADER                                                                                     \
    "year,method,figure,published,present,difference,published_revision,revision,causes\n"

static struct figures years[] = {
    {.year = 2020, .any_data = true, .packets = 110, .packets_per_address = 11, .revision = 2},
    {.year = 2021, .any_data = true, .packets = 50, .packets_per_address = 5, .revision = 0},
};
static struct query_revision added[] = {
    {.year = 2020, .packets = 100},
    {.year = 2020,
     .revision = 1,
     .when_s = 1700000000,
     .sensor = "a",
     .records = 2,
     .packets_added = 4,
     .packets = 104},
    {.year = 2020,
     .revision = 2,
     .when_s = 1700000060,
     .sensor = "b",
     .records = 3,
     .packets_added = 6,
     .packets = 110},
    {.year = 2021, .packets = 50},
};

/* What is printed for a file, and how many figures differ. */
static char *compared(const char *file, size_t *differ)
{
    struct published published;
    char *text, errmsg[ERRMSG_SIZE] = "";
    size_t size;
    const struct query_annual annual[METHOD_INVENTORY + 1] = {[METHOD_DAILY] = {years, 2}};
    const struct query_revisions revisions = {added, sizeof added / sizeof *added};
    cr_assert_eq(published_parse(&published, file, errmsg), 0, "%s", errmsg);
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(compare_print(out, ROWS_CSV, &published, annual, &revisions, differ), 0);
    fclose(out);
    published_close(&published);
    return text;
}

static void expect(const char *file, size_t wanted_differ, const char *wanted)
{
    size_t differ;
    char *text = compared(file, &differ);
    cr_expect_str_eq(text, wanted);
    cr_expect_eq(differ, wanted_differ);
    free(text);
}

Test(compare, what_is_the_same_is_one_row)
{
    expect(FILE_HEADER "2021,daily,50,5.00,0\n", 0,
           HEADER "2021,daily,packets_per_address,5.00,5.00,0,0,0,\n");
}

Test(compare, what_differs_has_the_revisions_since)
{
    expect(FILE_HEADER "2020,daily,104,10.4,1\n", 2,
           HEADER "2020,daily,packets_per_address,10.40,11.00,0.60,1,2,\"revision 2, "
                  "2023-11-14T22:14:20Z: 6 packets in 3 records of sensor b\"\n"
                  "2020,daily,packets,104,110,6,1,2,\"revision 2, 2023-11-14T22:14:20Z: 6 packets "
                  "in 3 records of sensor b\"\n");
    expect(FILE_HEADER "2021,daily,60,5,0\n", 1,
           HEADER
           "2021,daily,packets_per_address,5.00,5.00,0,0,0,\"no revision: the year was not over "
           "when it was published, or its inventory has changed since\"\n"
           "2021,daily,packets,60,50,-10,0,0,\"no revision: the year was not over when it was "
           "published, or its inventory has changed since\"\n");
}

Test(compare, a_store_that_is_older_or_knows_nothing_says_so)
{
    expect(FILE_HEADER "2021,daily,50,5,3\n", 0,
           HEADER "2021,daily,packets_per_address,5.00,5.00,0,3,0,\"the store is older than what "
                  "was published, or another one\"\n");
    expect(FILE_HEADER "2019,daily,50,5,0\n", 1,
           HEADER
           "2019,daily,packets_per_address,5.00,,,0,,the store holds no data of this year\n");
    expect(FILE_HEADER "2021,mean,50,5,0\n", 1,
           HEADER "2021,mean,packets_per_address,5.00,,,0,,the store holds no data of this year\n");
}

Test(compare, a_figure_that_came_or_went_differs)
{
    expect("year,method,packets_per_address\n2021,daily,\n", 1,
           HEADER "2021,daily,packets_per_address,,5.00,,,0,\"no revision: the year was not over "
                  "when it was published, or its inventory has changed since\"\n");
}

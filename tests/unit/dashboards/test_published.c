/* Published figures: what `annual` prints is read back; what is not that is refused with its place. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/annual.h"
#include "dashboards/published.h"

#define HEADER                                                                                     \
    "year,packets,observed_addresses,packets_per_address,method,seconds_per_packet,unique_hosts,"  \
    "coverage,dropped,revision\n"

static const struct figures odd_year = {
    .year = 2024,
    .any_data = true,
    .packets = INT64_MAX,
    .observed_addresses = 290000,
    .packets_per_address = 2420000.126,
    .method = METHOD_MEAN,
    .seconds_per_packet = 13.0671,
    .hosts_known = true,
    .unique_hosts = 77,
    .coverage = 1 - 1e-12,
    .dropped = 3,
    .revision = 2,
};
static const struct figures empty_year = {.year = 2025,
                                          .any_data = true,
                                          .packets_per_address = NAN,
                                          .seconds_per_packet = NAN,
                                          .coverage = NAN};

Test(published, what_annual_prints_is_read_back_as_the_same)
{
    struct figures years[] = {odd_year, empty_year};
    const struct query_annual annual = {years, 2};
    for (int format = ROWS_CSV; format <= ROWS_JSON; format++) {
        struct published published;
        char *text, errmsg[ERRMSG_SIZE] = "";
        size_t size;
        FILE *out = open_memstream(&text, &size);
        cr_assert_eq(annual_print(out, (enum rows_format)format, &annual), 0);
        fclose(out);
        cr_assert_eq(published_parse(&published, text, errmsg), 0, "%s", errmsg);
        cr_assert_eq(published.count, 2);
        for (int i = 0; i < 2; i++) {
            struct published_year now = published_of(&years[i]);
            cr_expect_eq(published.years[i].year, years[i].year);
            cr_expect_eq(published.years[i].method, years[i].method);
            for (int figure = 0; figure < PUBLISHED_FIGURES; figure++)
                cr_expect(published_same((enum published_figure)figure,
                                         &published.years[i].figures[figure], &now.figures[figure]),
                          "%d: %s", years[i].year, published_columns[figure].name);
        }
        published_close(&published);
        free(text);
    }
}

Test(published, a_file_that_a_spreadsheet_wrote_is_read)
{
    struct published published;
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(published_parse(&published,
                                 "\xef\xbb\xbf\"method\",note,year,packets_per_address,coverage\r\n"
                                 "daily,\"a \"\"quoted\"\", one\",2020,12.5,1\r\n\r\n"
                                 "daily,,2021,,\r\n",
                                 errmsg),
                 0, "%s", errmsg);
    cr_assert_eq(published.count, 2);
    const struct published_year *year = &published.years[0];
    cr_expect_eq(year->year, 2020);
    cr_expect_eq(year->figures[PUBLISHED_PER_ADDRESS].real, 12.5);
    cr_expect_eq(year->figures[PUBLISHED_COVERAGE].real, 1);
    cr_expect_eq(year->figures[PUBLISHED_PACKETS].state, PUBLISHED_ABSENT);
    cr_expect_eq(published.years[1].figures[PUBLISHED_PER_ADDRESS].state, PUBLISHED_MISSING);
    published_close(&published);
}

Test(published, what_is_no_figure_is_refused_with_its_place)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1 names no column year"},
        {"\n", "line 1 names no column year"},
        {"year,packets\n2020,1\n", "line 1 names no column method"},
        {"year,method,packets_per_address,year\n", "line 1 names the column year twice"},
        {HEADER "2024,1,1,1,daily,1,1,1,0\n", "line 2: has not the cells"},
        {HEADER "2024,1,1,1,daily,1,1,1,0,0,9\n", "line 2: has not the cells"},
        {HEADER "2024,1,1,1,daily,1,1,1,0,0\n2024,1,1,1,daily,1,1,1,0,0\n",
         "line 3: 2024 is there twice"},
        {HEADER "1066,1,1,1,daily,1,1,1,0,0\n", "line 2: year '1066'"},
        {HEADER ",1,1,1,daily,1,1,1,0,0\n", "line 2: year ''"},
        {HEADER "2024,1,1,1,weekly,1,1,1,0,0\n", "method 'weekly'"},
        {HEADER "2024,-1,1,1,daily,1,1,1,0,0\n", "packets '-1'"},
        {HEADER "2024,18446744073709551616,1,1,daily,1,1,1,0,0\n",
         "packets '18446744073709551616'"},
        {HEADER "2024,1,1,nan,daily,1,1,1,0,0\n", "packets_per_address 'nan'"},
        {HEADER "2024,1,1,1e5,daily,1,1,1,0,0\n", "packets_per_address '1e5'"},
        {HEADER "2024,1,1,0x1,daily,1,1,1,0,0\n", "packets_per_address '0x1'"},
        {HEADER "2024,1,1,1.2.3,daily,1,1,1,0,0\n", "packets_per_address '1.2.3'"},
        {HEADER "2024,1,1,999999999999999999999999,daily,1,1,1,0,0\n", "packets_per_address '99"},
        {HEADER "\"2024,1,1,1,daily,1,1,1,0,0\n", "line 2: has not the cells"},
        {HEADER "\"2024\n\",1,1,1,daily,1,1,1,0,0\n", "line 2: has not the cells"},
        {"{", "line 1: "},
        {"{}", "has no \"rows\""},
        {"{\"rows\": 1}", "has no \"rows\""},
        {"{\"rows\": [1]}", "row 1: is no year"},
        {"{\"rows\": [{\"year\": 2020, \"method\": \"daily\"}]}", "row 1: is no year"},
        {"{\"rows\": [{\"year\": 2020, \"year\": 2021}]}", "line 1: "},
        {"{\"rows\": [{\"year\": 2020, \"method\": \"daily\", \"packets_per_address\": []}]}",
         "packets_per_address is no number"},
        {"{\"rows\": [{\"year\": 2020, \"method\": \"daily\", \"packets_per_address\": 1e300}]}",
         "packets_per_address is no number"},
        {"{\"rows\": [{\"year\": 20.5, \"method\": \"daily\", \"packets_per_address\": 1}]}",
         "year '20.5'"},
        {"{\"rows\": [{\"year\": 2020, \"method\": null, \"packets_per_address\": 1}]}",
         "method ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct published published;
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(published_parse(&published, cases[i].text, errmsg), ERR_INVALID, "%s",
                     cases[i].text);
        cr_expect(strstr(errmsg, cases[i].says), "'%s' of %s", errmsg, cases[i].text);
        published_close(&published);
    }
}

/* Wide and deep: refused, or read, in bounded memory. */
Test(published, hostile_sizes_are_bounded)
{
    static char text[1 << 20];
    char errmsg[ERRMSG_SIZE];
    struct published published;
    memset(text, ',', sizeof text - 1);
    cr_expect_eq(published_parse(&published, text, errmsg), ERR_INVALID);
    published_close(&published);
    memset(text, '[', sizeof text - 1);
    memcpy(text, "{\"rows\":", 8);
    cr_expect_eq(published_parse(&published, text, errmsg), ERR_INVALID);
    published_close(&published);
    memset(text, '9', sizeof text - 1);
    memcpy(text, HEADER, strlen(HEADER));
    cr_expect_eq(published_parse(&published, text, errmsg), ERR_INVALID);
    published_close(&published);
    cr_expect_eq(published_read(&published, "/nowhere/figures.csv", errmsg), ERR_UNKNOWN);
    cr_expect(strstr(errmsg, "/nowhere/figures.csv"));
    published_close(&published);
}

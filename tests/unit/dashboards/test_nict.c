/* The published series: its own rules, and the reference table where the shared directory exists. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboards/nict.h"

static bool known(uint64_t figure)
{
    return figure != NICT_UNPUBLISHED;
}

Test(nict, every_row_gives_a_figure_and_its_source)
{
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        cr_assert(row->year >= 2005 && row->year <= row->edition);
        cr_assert(known(row->total_packets) || known(row->packets_per_address));
        cr_assert(strlen(row->source) > 10);
        cr_assert(row->total_packets > 0 && row->packets_per_address > 0 &&
                  row->observed_addresses > 0);
    }
}

Test(nict, year_and_edition_are_the_key)
{
    for (size_t i = 0; i < nict_row_count; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_not(nict_rows[i].year == nict_rows[k].year &&
                          nict_rows[i].edition == nict_rows[k].edition);
}

/* Addresses in service vary over a year: the quotient of the printed figures is near, not equal. */
Test(nict, figures_of_a_row_fit_together)
{
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        if (!known(row->packets_per_address) || !known(row->observed_addresses))
            continue;
        double quotient = (double)row->total_packets / (double)row->observed_addresses;
        double ratio = (double)row->packets_per_address / quotient;
        cr_assert(ratio > 0.9 && ratio < 2.2, "%d: %f", row->year, ratio);
    }
}

Test(nict, the_newest_edition_that_gives_the_figure_wins)
{
    const struct nict_row *row = nict_per_address(2019);
    cr_assert_eq(row->edition, 2020);
    cr_assert_eq(row->packets_per_address, 1187935);
    cr_assert(row->exact);
    row = nict_per_address(2018);
    cr_assert_eq(row->edition, 2019);
    cr_assert_eq(row->packets_per_address, 790000);
    cr_assert_not(row->exact);
    /* Later editions restate 2015's total only. */
    cr_assert_eq(nict_per_address(2015)->packets_per_address, 213523);
}

Test(nict, what_was_not_published_stays_a_gap)
{
    cr_assert_null(nict_per_address(2004));
    cr_assert_null(nict_per_address(2023));
    cr_assert_null(nict_per_address(2025));
    cr_assert_null(nict_per_address(2026));
    cr_assert_eq(nict_first_year(), 2005);
    cr_assert_eq(nict_last_year(), 2025);
}

/* --- the reference table ---------------------------------------------------------------------- */

static uint64_t number(const char *text)
{
    return *text ? strtoull(text, NULL, 10) : NICT_UNPUBLISHED;
}

static void compare(size_t i, char *line)
{
    char *cell[7] = {0};
    for (int c = 0; c < 7; c++)
        cell[c] = c < 6 ? strsep(&line, ",") : line;
    cell[6][strcspn(cell[6], "\r\n")] = '\0';
    const struct nict_row *row = &nict_rows[i];
    cr_expect_eq(row->year, atoi(cell[0]), "row %zu", i);
    cr_expect_eq(row->total_packets, number(cell[1]), "row %zu", i);
    cr_expect_eq(row->observed_addresses, number(cell[2]), "row %zu", i);
    cr_expect_eq(row->packets_per_address, number(cell[3]), "row %zu", i);
    cr_expect_eq(row->edition, atoi(cell[4]), "row %zu", i);
    cr_expect_eq(row->exact, strcmp(cell[5], "exact") == 0, "row %zu", i);
    cr_expect_str_eq(row->source, cell[6], "row %zu", i);
}

Test(nict, rows_are_those_of_the_reference_table)
{
    char path[4096], line[1024];
    const char *shared = getenv("DARKCOUNT_SHARED");
    snprintf(path, sizeof path, "%s/reference/nict-annual.csv", shared ? shared : "../shared");
    FILE *file = fopen(path, "re");
    if (!file)
        cr_skip_test("skipped: there is no %s", path);
    size_t rows = 0;
    cr_assert_not_null(fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file) && rows < nict_row_count; rows++)
        compare(rows, line);
    cr_assert(feof(file));
    cr_assert_eq(rows, nict_row_count);
    fclose(file);
}

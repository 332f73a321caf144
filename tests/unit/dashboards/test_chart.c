/* The chart of the years: what it says, the same bytes every time, and a file that is whole or not
 * there. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/chart_annual.h"
#include "dashboards/font.h"
#include "dashboards/picture.h"

/* --- drawing ---------------------------------------------------------------------------------- */

static struct figures figures_of(int year, double value, double coverage)
{
    return (struct figures){
        .year = year, .any_data = true, .packets_per_address = value, .coverage = coverage};
}

static int draw_chart(const char *output, const struct chart_annual *chart, struct buf *picture,
                      char *errmsg)
{
    enum picture_kind kind;
    struct canvas canvas;
    buf_init(picture);
    cr_assert_eq(picture_kind_of(output, &kind, errmsg), 0);
    cr_assert_eq(chart_annual_draw(chart, &canvas), 0);
    int rc = picture_draw(&canvas, kind, chart->language, picture, errmsg);
    canvas_close(&canvas);
    return rc;
}

static int draw(const char *output, enum language language, bool reference, struct figures *years,
                size_t count, struct buf *picture, char *errmsg)
{
    const struct chart_annual chart = {.language = language,
                                       .reference_nict = reference,
                                       .sensors = 2,
                                       .timezone = "Asia/Tokyo",
                                       .years = years,
                                       .count = count};
    return draw_chart(output, &chart, picture, errmsg);
}

static bool contains(const struct buf *picture, const char *text)
{
    return memmem(picture->bytes, picture->size, text, strlen(text)) != NULL;
}

Test(chart, says_what_it_shows)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2023, 1000.4, 1), figures_of(2025, 3000000, 0.5)};
    years[0].revision = 4;
    cr_assert_eq(draw("x.svg", LANGUAGE_EN, true, years, 2, &picture, errmsg), 0, "%s", errmsg);
    static const char *const texts[] = {
        "<title>Annual total of packets per one IP address on the darknet</title>",
        ">packets per IP address and year (log scale)<",
        "this telescope (method: daily)",
        "NICT, as published",
        "1,187,935",  /* NICT's 2019, exact */
        "≈2,420,000", /* and 2024, rounded */
        ">1,000<",
        "3,000,000*", /* an estimate */
        "50.0 %",
        "100 %",
        "2 sensors; days in the time zone Asia/Tokyo",
        "2023: 4; other years 0",
        "NICT REPORT 2019 p.43", /* where the years up to 2017 are from */
        "Security NEXT 123420",  /* the edition of 2020 restated 2019 */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(contains(&picture, texts[i]), "'%s' is not there", texts[i]);
    cr_expect_not(contains(&picture, ">1,000*<"));
    cr_expect_not(contains(&picture, "growth"));
    buf_close(&picture);
}

/* An edition of NICT is cited when a figure of it is drawn, and only then. */
Test(chart, only_what_is_drawn_is_cited)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2021, 1000, 1)};
    struct chart_annual chart = {.reference_nict = true,
                                 .one_year = true,
                                 .sensors = 1,
                                 .timezone = "UTC",
                                 .years = years,
                                 .count = 1};
    cr_assert_eq(draw_chart("x.svg", &chart, &picture, errmsg), 0, "%s", errmsg);
    cr_expect(contains(&picture, "2021 Security Insight 4928"));
    cr_expect_not(contains(&picture, "NICT REPORT 2019"));
    buf_close(&picture);
    years[0].year = 2030;
    cr_assert_eq(draw_chart("x.svg", &chart, &picture, errmsg), 0, "%s", errmsg);
    cr_expect(contains(&picture, "NICT has published no figure for these years"));
    buf_close(&picture);
}

/* Growth stands below a year whose year before has a figure; 2022 has none. */
Test(chart, growth_is_told_where_it_can_be)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2020, 100, 1), figures_of(2021, 150, 1),
                              figures_of(2023, 600, 1), figures_of(2024, 9000, 1)};
    struct chart_annual chart = {
        .growth = true, .sensors = 1, .timezone = "UTC", .years = years, .count = 4};
    cr_assert_eq(draw_chart("x.svg", &chart, &picture, errmsg), 0, "%s", errmsg);
    cr_expect(contains(&picture, ">growth<"));
    cr_expect(contains(&picture, ">×1.50<"));
    cr_expect(contains(&picture, ">×15<"));
    cr_expect_not(contains(&picture, "×4.00"));
    buf_close(&picture);
}

/* A band is a line of its own colour: two years with less than 100 %, one of them beyond the scale. */
/* A year that began in June is complete and says that it is no whole one; one alone has no growth. */
Test(chart, parts_of_years_are_told)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2024, 308, 1), figures_of(2025, 400, 1)};
    struct chart_annual chart = {
        .growth = true, .sensors = 1, .timezone = "UTC", .years = years, .count = 1};
    cr_assert_eq(calendar_init("UTC", errmsg), 0, "%s", errmsg);
    years[0].first_ns = INT64_C(1717977600000000000); /* 2024-06-10 */
    years[0].last_ns = INT64_C(1735689599999999999);
    cr_assert_eq(draw_chart("x.svg", &chart, &picture, errmsg), 0, "%s", errmsg);
    cr_expect(contains(&picture, "only a part was to be observed: 2024-06-10 to 2024-12-31."));
    cr_expect(contains(&picture, ">308.0<"));
    cr_expect_not(contains(&picture, ">growth<"));
    buf_close(&picture);
    years[0].first_ns = 0;
    chart.count = 2;
    cr_assert_eq(draw_chart("x.svg", &chart, &picture, errmsg), 0, "%s", errmsg);
    cr_expect_not(contains(&picture, "only a part"));
    cr_expect(contains(&picture, ">growth<"));
    buf_close(&picture);
}

Test(chart, what_was_not_observed_is_a_band)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2020, 1000, 1), figures_of(2021, 1000, 0.8),
                              figures_of(2022, 1000, 0.01)};
    static const char band[] = "rgb(138,  28,  28)";
    cr_assert_eq(draw("x.svg", LANGUAGE_EN, false, years, 1, &picture, errmsg), 0, "%s", errmsg);
    cr_expect_not(contains(&picture, band), "a complete year has no band");
    buf_close(&picture);
    cr_assert_eq(draw("x.svg", LANGUAGE_EN, false, years, 3, &picture, errmsg), 0, "%s", errmsg);
    cr_expect(contains(&picture, band));
    cr_expect(contains(&picture, "The error band reaches"));
    cr_expect_not(contains(&picture, "100,000"), "a band must not stretch the scale");
    buf_close(&picture);
}

Test(chart, complete_years_say_so)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2023, 1000, 1), figures_of(2024, 1200, 1)};
    cr_assert_eq(draw("x.svg", LANGUAGE_EN, false, years, 2, &picture, errmsg), 0, "%s", errmsg);
    cr_assert(contains(&picture, "Coverage: 100 % of the inventory"));
    cr_assert(contains(&picture, "Revision: 0 in every year"));
    cr_assert_not(contains(&picture, "NICT"));
    cr_assert_not(contains(&picture, "log scale"));
    buf_close(&picture);
}

Test(chart, japanese_is_japanese)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2023, 1000, 0.9)};
    cr_assert_eq(draw("x.svg", LANGUAGE_JA, true, years, 1, &picture, errmsg), 0, "%s", errmsg);
    cr_assert(contains(&picture, "1 IPアドレス当たりの年間総観測パケット数"));
    cr_assert(contains(&picture, "約2,420,000"));
    cr_assert(contains(&picture, "IPAexGothic"));
    cr_assert_not(contains(&picture, "coverage"));
    buf_close(&picture);
}

/* A year without data between others keeps its place; one whose figure cannot be computed says so. */
Test(chart, gaps_keep_their_place)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    struct figures years[] = {figures_of(2020, 10, 1), figures_of(2023, NAN, 1)};
    cr_assert_eq(draw("x.svg", LANGUAGE_EN, false, years, 2, &picture, errmsg), 0, "%s", errmsg);
    cr_assert(contains(&picture, ">2021<") && contains(&picture, ">2022<"));
    cr_assert(contains(&picture, "n/a"));
    buf_close(&picture);
}

Test(chart, extremes_can_be_drawn)
{
    static const double extremes[][2] = {
        {0, 0}, {NAN, NAN}, {1e-9, 1e-9}, {1e-9, 1.8e19}, {0, 5}, {1.8e19, 1.8e19},
    };
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        struct buf picture;
        struct figures years[] = {figures_of(1970, extremes[i][0], 1),
                                  figures_of(2199, extremes[i][1], 1e-9)};
        cr_expect_eq(draw("x.svg", LANGUAGE_EN, i % 2, years, 2, &picture, errmsg), 0, "%zu: %s", i,
                     errmsg);
        buf_close(&picture);
    }
}

Test(chart, the_same_figures_give_the_same_bytes)
{
    static const char *const outputs[] = {"x.svg", "x.png", "x.pdf"};
    for (size_t i = 0; i < 3; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        struct buf first, second;
        struct figures years[] = {figures_of(2023, 1000, 1), figures_of(2024, 1200, 0.5)};
        cr_assert_eq(draw(outputs[i], LANGUAGE_EN, true, years, 2, &first, errmsg), 0, "%s",
                     errmsg);
        const time_t begun = time(NULL); /* a date in the picture would be of another second */
        const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
        while (time(NULL) == begun)
            nanosleep(&pause, NULL);
        cr_assert_eq(draw(outputs[i], LANGUAGE_EN, true, years, 2, &second, errmsg), 0, "%s",
                     errmsg);
        cr_assert_eq(first.size, second.size, "%s", outputs[i]);
        cr_assert_arr_eq(first.bytes, second.bytes, first.size, "%s", outputs[i]);
        buf_close(&first);
        buf_close(&second);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

Test(picture, the_name_says_the_kind)
{
    char errmsg[ERRMSG_SIZE] = "";
    enum picture_kind kind;
    cr_assert_eq(picture_kind_of("a.b/c.PDF", &kind, errmsg), 0);
    cr_assert_eq(kind, PICTURE_PDF);
    cr_assert_eq(picture_kind_of("chart.jpeg", &kind, errmsg), ERR_INVALID);
    cr_assert_eq(picture_kind_of("svg", &kind, errmsg), ERR_INVALID);
}

static size_t files_in(const char *directory)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    fputs(text, file);
    fclose(file);
}

Test(picture, a_failed_write_leaves_the_old_file_and_no_other)
{
    char directory[] = "/tmp/darkcount-picture.XXXXXX", path[64], errmsg[ERRMSG_SIZE] = "",
         old[8] = "";
    struct buf picture;
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/chart.svg", directory);
    put_file(path, "old");
    buf_init(&picture);
    memset(buf_extend(&picture, 100000), 'x', 100000);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit before = {RLIM_INFINITY, RLIM_INFINITY}, small = {4096, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &small);
    int rc = picture_write(&picture, path, errmsg);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_assert_lt(rc, 0);
    cr_assert(strstr(errmsg, path), "%s", errmsg);
    cr_assert_eq(files_in(directory), 1);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(fgets(old, sizeof old, file));
    fclose(file);
    cr_assert_str_eq(old, "old");
    cr_assert_eq(picture_write(&picture, path, errmsg), 0, "%s", errmsg);
    struct stat status;
    stat(path, &status);
    cr_assert_eq(status.st_size, 100000);
    cr_assert_eq(files_in(directory), 1);
    unlink(path);
    rmdir(directory);
    buf_close(&picture);
}

Test(picture, a_directory_that_is_not_there_is_named)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    buf_init(&picture);
    buf_put(&picture, "x", 1);
    cr_assert_eq(picture_write(&picture, "/nonexistent/chart.svg", errmsg), ERR_IO);
    cr_assert(strstr(errmsg, "/nonexistent/chart.svg: No such file"), "%s", errmsg);
    buf_close(&picture);
}

Test(font, a_missing_one_names_its_package)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(font_check("DejaVu Sans", "fonts-dejavu-core", errmsg), 0, "%s", errmsg);
    cr_assert_eq(font_check("No Such Font", "fonts-none", errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, "install the package fonts-none"), "%s", errmsg);
}

/*
 * The charts of a range of time: golden pictures of a synthetic telescope, everything that must stand
 * in them, and for many shapes of data that no label is cut or lies on another.
 *
 * DARKCOUNT_GOLDEN=write writes the golden pictures anew. They are those of Debian 12's gnuplot and are
 * not compared where another one is installed.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/glyphs.h"
#include "dashboards/picture.h"
#include "tests/unit/dashboards/charted.h"

#define GOLDEN  "tests/unit/dashboards/golden"
#define GNUPLOT "Produced by GNUPLOT 5.4 patchlevel 4"

static const struct caption_date june = {2025, 6, 5};

enum chart { DAILY, CLASSES, PORTS, COUNTRIES, COVERAGE, MAP, CHARTS };
static const char *const names[CHARTS] = {"daily",     "classes",  "ports",
                                          "countries", "coverage", "map"};

/* Draws one of the charts of `days` days from `first`. */
static void draw(enum chart which, enum language language, struct caption_date first, size_t days,
                 struct canvas *canvas)
{
    struct charted *telescope = charted_new(language, first, days, 4);
    struct chart_daily daily = charted_daily(telescope);
    struct chart_classes classes = charted_classes(telescope, days > 800);
    struct chart_ports ports = charted_ports(telescope, days < 2 ? 1 : 10);
    struct chart_countries countries = charted_countries(telescope, days < 2 ? 1 : 10);
    struct chart_coverage coverage = charted_coverage(telescope, 4);
    struct chart_map map = charted_map(telescope, days < 2 ? 1 : 250);
    int rc = which == DAILY       ? chart_daily_draw(&daily, canvas)
             : which == CLASSES   ? chart_classes_draw(&classes, canvas)
             : which == PORTS     ? chart_ports_draw(&ports, canvas)
             : which == COUNTRIES ? chart_countries_draw(&countries, canvas)
             : which == COVERAGE  ? chart_coverage_draw(&coverage, canvas)
                                  : chart_map_draw(&map, canvas);
    cr_assert_eq(rc, 0);
    free(telescope);
}

static void picture(struct canvas *canvas, enum picture_kind kind, enum language language,
                    struct buf *out)
{
    char errmsg[ERRMSG_SIZE] = "";
    buf_init(out);
    cr_assert_eq(picture_draw(canvas, kind, language, out, errmsg), 0, "%s", errmsg);
    canvas_close(canvas);
}

static bool contains(const struct buf *bytes, const char *text)
{
    return memmem(bytes->bytes, bytes->size, text, strlen(text)) != NULL;
}

/* --- golden ----------------------------------------------------------------------------------- */

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    buf_init(out);
    cr_assert_not_null(file, "%s is missing", path);
    for (int c; (c = getc(file)) != EOF;)
        buf_put_u8(out, (uint8_t)c);
    fclose(file);
}

static void compare_golden(enum chart which, enum language language)
{
    const char *write = getenv("DARKCOUNT_GOLDEN");
    char path[128];
    struct canvas canvas;
    struct buf drawn, golden;
    snprintf(path, sizeof path, "%s/%s-%s.svg", GOLDEN, names[which], language ? "ja" : "en");
    draw(which, language, june, 20, &canvas);
    picture(&canvas, PICTURE_SVG, language, &drawn);
    if (write && strcmp(write, "write") == 0) {
        FILE *file = fopen(path, "we");
        fwrite(drawn.bytes, 1, drawn.size, file);
        fclose(file);
    }
    read_file(path, &golden);
    if (contains(&drawn, GNUPLOT)) {
        cr_expect_eq(drawn.size, golden.size, "%s", path);
        cr_expect(drawn.size == golden.size && memcmp(drawn.bytes, golden.bytes, golden.size) == 0,
                  "%s is drawn differently", path);
    }
    buf_close(&drawn);
    buf_close(&golden);
}

Test(charts, are_as_they_were_looked_at)
{
    compare_golden(DAILY, LANGUAGE_EN);
    compare_golden(CLASSES, LANGUAGE_JA);
    compare_golden(PORTS, LANGUAGE_EN);
    compare_golden(COUNTRIES, LANGUAGE_EN);
    compare_golden(COUNTRIES, LANGUAGE_JA);
    compare_golden(COVERAGE, LANGUAGE_JA);
    compare_golden(MAP, LANGUAGE_EN);
}

/* --- what stands in them ---------------------------------------------------------------------- */

Test(charts, each_says_source_method_period_zone_coverage_and_revision)
{
    static const char *const texts[][2] = {
        {"Source: this telescope", "出典：当観測網"},
        {"4 sensors", "センサー4台"},
        {"2025-06-05 to 2025-06-24", "2025年6月5日～2025年6月24日"},
        {"Asia/Tokyo", "Asia/Tokyo"},
        {"96.8 %", "96.8 %"},
        {"Revision: 2", "：2。"},
    };
    for (int which = 0; which < CHARTS; which++) {
        for (int language = 0; language < 2; language++) {
            struct canvas canvas;
            draw((enum chart)which, (enum language)language, june, 20, &canvas);
            for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                cr_expect(contains(&canvas.script, texts[i][language]), "%s: '%s' is not there",
                          names[which], texts[i][language]);
            canvas_close(&canvas);
        }
    }
}

Test(charts, the_same_data_give_the_same_bytes)
{
    for (int which = 0; which < CHARTS; which++) {
        for (int kind = 0; kind < 3; kind++) {
            struct buf pictures[2];
            for (int i = 0; i < 2; i++) {
                struct canvas canvas;
                draw((enum chart)which, LANGUAGE_JA, june, 20, &canvas);
                picture(&canvas, (enum picture_kind)kind, LANGUAGE_JA, &pictures[i]);
            }
            cr_expect(pictures[0].size == pictures[1].size &&
                          memcmp(pictures[0].bytes, pictures[1].bytes, pictures[0].size) == 0,
                      "%s, kind %d", names[which], kind);
            buf_close(&pictures[0]);
            buf_close(&pictures[1]);
        }
    }
}

/* A map tells an address only when it was told to. */
Test(charts, a_map_keeps_addresses_back)
{
    struct charted *telescope = charted_new(LANGUAGE_EN, june, 5, 1);
    struct chart_map map = charted_map(telescope, 256);
    struct canvas canvas;
    cr_assert_eq(chart_map_draw(&map, &canvas), 0);
    cr_expect(contains(&canvas.script, "positions among the 256 addresses"));
    cr_expect_not(contains(&canvas.script, "/24"));
    canvas_close(&canvas);
    map.range = "192.0.2.0/24";
    cr_assert_eq(chart_map_draw(&map, &canvas), 0);
    cr_expect(contains(&canvas.script, "The square is 192.0.2.0/24"));
    canvas_close(&canvas);
    free(telescope);
}

/* Zero and missing differ: one day of either changes what is drawn. */
Test(charts, a_missing_day_is_no_zero)
{
    struct charted *telescope = charted_new(LANGUAGE_EN, june, 10, 1);
    struct canvas canvases[2];
    for (int i = 0; i < 2; i++) {
        telescope->packets[4] = telescope->hosts[4] = i ? NAN : 0;
        struct chart_daily daily = charted_daily(telescope);
        cr_assert_eq(chart_daily_draw(&daily, &canvases[i]), 0);
    }
    static const char shade[] = "rgb '#e6e6e6'";
    size_t in[2];
    for (int i = 0; i < 2; i++) {
        in[i] = 0;
        const uint8_t *at = canvases[i].plots.bytes, *end = at + canvases[i].plots.size;
        while ((at = memmem(at, (size_t)(end - at), shade, strlen(shade)))) {
            in[i]++;
            at++;
        }
        canvas_close(&canvases[i]);
    }
    cr_assert_eq(in[0], 0);
    cr_assert_eq(in[1], 2, "both plots shade the day");
    free(telescope);
}

Test(charts, more_sensors_than_rows_are_named)
{
    struct charted *telescope = charted_new(LANGUAGE_EN, june, 3, 202);
    struct chart_coverage coverage = charted_coverage(telescope, 202);
    struct canvas canvas;
    cr_assert_eq(chart_coverage_draw(&coverage, &canvas), 0);
    cr_expect(contains(&canvas.script, "'sensor-199'"));
    cr_expect_not(contains(&canvas.script, "'sensor-200'"));
    cr_expect(contains(&canvas.script, "2 more sensors are not drawn."));
    canvas_close(&canvas);
    free(telescope);
}

/* --- layout ----------------------------------------------------------------------------------- */

struct text {
    char words[1024];
    struct box box;
};

/* The next label of the script: its words and about where it stands. */
static const char *next_label(const char *at, const struct canvas *canvas, struct text *text)
{
    static const char begin[] = "\nset label '";
    char where[64];
    double x, y;
    int font;
    at = strstr(at, begin);
    if (!at)
        return NULL;
    at += strlen(begin);
    const char *end = strstr(at, "' at screen");
    cr_assert(end && (size_t)(end - at) < sizeof text->words);
    snprintf(text->words, sizeof text->words, "%.*s", (int)(end - at), at);
    cr_assert_eq(sscanf(end, "' at screen %lf, screen %lf %63s", &x, &y, where), 3, "%.80s", end);
    const char *size = strstr(end, "font ',");
    cr_assert_eq(sscanf(size, "font ',%d'", &font), 1);
    bool upright = memmem(end, (size_t)(size - end), "rotate", 6) != NULL;
    x *= canvas->width;
    y *= canvas->height;
    /* glyphs_ems is an upper bound; digits and Latin letters are narrower as a rule */
    double width = 0.85 * glyphs_ems(text->words, strlen(text->words)) * font, height = 0.9 * font;
    double left = where[0] == 'l' ? x : where[0] == 'r' ? x - width : x - width / 2;
    text->box = (struct box){left, y - height / 2, left + width, y + height / 2};
    if (upright)
        text->box = (struct box){x - height / 2, y - width / 2, x + height / 2, y + width / 2};
    return end;
}

static bool overlap(const struct box *a, const struct box *b)
{
    return a->left < b->right && b->left < a->right && a->bottom < b->top && b->bottom < a->top;
}

static void check_layout(const char *what, struct canvas *canvas)
{
    static struct text texts[2000];
    size_t count = 0;
    buf_put_u8(&canvas->script, 0);
    for (const char *at = (const char *)canvas->script.bytes;
         count < 2000 && (at = next_label(at, canvas, &texts[count]));)
        count++;
    cr_expect_gt(count, 5, "%s", what);
    for (size_t i = 0; i < count; i++) {
        const struct box *box = &texts[i].box;
        cr_expect(box->left >= 0 && box->right <= canvas->width && box->bottom >= 0 &&
                      box->top <= canvas->height,
                  "%s: '%s' is cut", what, texts[i].words);
        for (size_t j = 0; j < i; j++)
            cr_expect_not(overlap(box, &texts[j].box), "%s: '%s' lies on '%s'", what,
                          texts[i].words, texts[j].words);
    }
}

Test(charts, no_label_is_cut_or_lies_on_another)
{
    static const struct {
        struct caption_date first;
        size_t days;
    } shapes[] = {
        {{2025, 6, 5}, 1},     {{2025, 12, 31}, 2},  {{2025, 6, 28}, 7},    {{2025, 1, 31}, 29},
        {{2024, 1, 1}, 46},    {{2025, 11, 5}, 91},  {{2025, 11, 5}, 92},   {{2025, 11, 5}, 160},
        {{2025, 6, 1}, 214},   {{2024, 1, 1}, 366},  {{2024, 12, 20}, 400}, {{2019, 3, 15}, 732},
        {{2019, 12, 30}, 799}, {{2009, 1, 1}, 3652}, {{2000, 1, 1}, 7305},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int which = 0; which < 2 * CHARTS; which++) {
            enum language language = which % 2 ? LANGUAGE_JA : LANGUAGE_EN;
            char what[64];
            struct canvas canvas;
            snprintf(what, sizeof what, "%s of %zu days", names[which / 2], shapes[i].days);
            draw((enum chart)(which / 2), language, shapes[i].first, shapes[i].days, &canvas);
            check_layout(what, &canvas);
            canvas_close(&canvas);
        }
    }
}

/* Nothing at all, and numbers as large as they come, can be drawn by gnuplot. */
Test(charts, extremes_can_be_drawn)
{
    static const double extremes[] = {0, NAN, 1, 1.8e19};
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        struct charted *telescope = charted_new(LANGUAGE_EN, june, 3, 1);
        for (size_t d = 0; d < 3; d++) {
            telescope->packets[d] = telescope->hosts[d] = extremes[i];
            telescope->classes[d] = (struct chart_classes_column){.known = !isnan(extremes[i])};
            telescope->classes[d].packets[CLASS_UDP] = extremes[i] > 0 ? (uint64_t)extremes[i] : 0;
        }
        for (size_t c = 0; c < 256; c++)
            telescope->map[c] = isnan(extremes[i]) ? CHART_MAP_MISSING : extremes[i];
        struct chart_daily daily = charted_daily(telescope);
        struct chart_classes classes = charted_classes(telescope, false);
        struct chart_ports ports = {.caption = telescope->caption, .others = (uint64_t)(i == 3)};
        struct chart_map map = {.caption = telescope->caption,
                                .order = 4,
                                .cells = telescope->map,
                                .addresses = 256,
                                .per_cell = 1};
        struct canvas canvases[4];
        cr_assert_eq(chart_daily_draw(&daily, &canvases[0]), 0);
        cr_assert_eq(chart_classes_draw(&classes, &canvases[1]), 0);
        cr_assert_eq(chart_ports_draw(&ports, &canvases[2]), 0);
        cr_assert_eq(chart_map_draw(&map, &canvases[3]), 0);
        for (int c = 0; c < 4; c++) {
            struct buf drawn;
            picture(&canvases[c], PICTURE_SVG, LANGUAGE_EN, &drawn);
            buf_close(&drawn);
        }
        free(telescope);
    }
}

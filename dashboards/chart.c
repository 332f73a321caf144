#include "dashboards/chart.h"

#include "common/err.h"
#include "dashboards/chart_annual.h"
#include "dashboards/chart_query.h"
#include "dashboards/font.h"
#include "dashboards/picture.h"

int chart_check(struct options *options, char *errmsg)
{
    enum picture_kind kind;
    int64_t at_s;
    if (!options->output)
        return err_set(errmsg, ERR_INVALID, "%s: name the file with -o FILE.svg, .png or .pdf",
                       options->command->name);
    if (options->year && (options->from || options->to))
        return err_set(errmsg, ERR_INVALID, "%s: give --year, or --from and --to",
                       options->command->name);
    if (options->from && calendar_parse(options->from, &at_s, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--from");
    if (options->to && calendar_parse(options->to, &at_s, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--to");
    return picture_kind_of(options->output, &kind, errmsg);
}

/* --- what every chart goes through ------------------------------------------------------------ */

/* Asks the store and draws; 0 when `canvas` is drawn, which the caller then closes. */
typedef int draw_fn(struct store *store, const struct options *options, struct canvas *canvas,
                    char *errmsg);

static int nomem(int rc, char *errmsg)
{
    return rc ? err_set(errmsg, rc, "chart: %s", err_str(rc)) : 0;
}

/* The kind of picture that is asked for, and whether there is a font for it: an SVG names the font,
 * its viewer brings it. */
static int find_kind(const struct options *options, enum picture_kind *kind, char *errmsg)
{
    int rc = picture_kind_of(options->output, kind, errmsg);
    if (rc || *kind == PICTURE_SVG)
        return rc;
    return font_check(labels_font(options->language), labels_font_package(options->language),
                      errmsg);
}

/* Closes the canvas. */
static int write_picture(const struct options *options, enum picture_kind kind,
                         struct canvas *canvas, char *errmsg)
{
    struct buf picture;
    buf_init(&picture);
    int rc = picture_draw(canvas, kind, options->language, &picture, errmsg);
    if (rc == 0)
        rc = picture_write(&picture, options->output, errmsg);
    buf_close(&picture);
    canvas_close(canvas);
    return rc;
}

static int run(const struct options *options, draw_fn *draw, char *errmsg)
{
    enum picture_kind kind;
    struct store *store;
    struct canvas canvas;
    int rc = find_kind(options, &kind, errmsg);
    if (rc == 0)
        rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    rc = draw(store, options, &canvas, errmsg);
    store_close(store);
    return rc ? rc : write_picture(options, kind, &canvas, errmsg);
}

/* --- annual ----------------------------------------------------------------------------------- */

static int draw_years(struct store *store, const struct options *options,
                      const struct query_annual *annual, struct canvas *canvas, char *errmsg)
{
    if (annual->count == 0 && options->year)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart annual: the store holds no data of %d; nothing drawn", options->year);
    if (annual->count == 0)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart annual: the store holds no data yet; nothing drawn");
    struct chart_annual chart = {
        .language = options->language,
        .method = options->method,
        .reference_nict = options->reference_nict,
        .growth = options->growth,
        .one_year = options->year != 0,
        .timezone = store_timezone(store),
        .years = annual->years,
        .count = annual->count,
    };
    store_sensors(store, &chart.sensors);
    return nomem(chart_annual_draw(&chart, canvas), errmsg);
}

static int draw_annual(struct store *store, const struct options *options, struct canvas *canvas,
                       char *errmsg)
{
    struct query_annual annual;
    int rc = query_annual(store, options->method, options->year, &annual, errmsg);
    if (rc)
        return rc;
    rc = draw_years(store, options, &annual, canvas, errmsg);
    query_annual_close(&annual);
    return rc;
}

int chart_annual_run(const struct options *options, char *errmsg)
{
    return run(options, draw_annual, errmsg);
}

/* --- the charts of a range -------------------------------------------------------------------- */

static int draw_daily(struct store *store, const struct options *options, struct canvas *canvas,
                      char *errmsg)
{
    struct chart_query ask;
    struct chart_daily chart;
    int rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_daily(&ask, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_daily_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    return rc;
}

int chart_daily_run(const struct options *options, char *errmsg)
{
    return run(options, draw_daily, errmsg);
}

static int draw_classes(struct store *store, const struct options *options, struct canvas *canvas,
                        char *errmsg)
{
    struct chart_query ask;
    struct chart_classes chart;
    int rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_classes(&ask, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_classes_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    return rc;
}

int chart_classes_run(const struct options *options, char *errmsg)
{
    return run(options, draw_classes, errmsg);
}

int chart_classes_write(const struct options *options, const struct chart_classes *chart,
                        char *errmsg)
{
    enum picture_kind kind;
    struct canvas canvas;
    int rc = find_kind(options, &kind, errmsg);
    if (rc == 0)
        rc = nomem(chart_classes_draw(chart, &canvas), errmsg);
    return rc ? rc : write_picture(options, kind, &canvas, errmsg);
}

static int draw_ports(struct store *store, const struct options *options, struct canvas *canvas,
                      char *errmsg)
{
    struct chart_query ask;
    struct chart_ports chart;
    int rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_ports(&ask, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_ports_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    return rc;
}

int chart_ports_run(const struct options *options, char *errmsg)
{
    return run(options, draw_ports, errmsg);
}

static int draw_coverage(struct store *store, const struct options *options, struct canvas *canvas,
                         char *errmsg)
{
    struct chart_query ask;
    struct chart_coverage chart;
    int rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_coverage(&ask, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_coverage_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    return rc;
}

int chart_coverage_run(const struct options *options, char *errmsg)
{
    return run(options, draw_coverage, errmsg);
}

static int draw_map(struct store *store, const struct options *options, struct canvas *canvas,
                    char *errmsg)
{
    struct chart_query ask;
    struct chart_map chart;
    int rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_map(&ask, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_map_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    return rc;
}

int chart_map_run(const struct options *options, char *errmsg)
{
    return run(options, draw_map, errmsg);
}

static int draw_countries(struct store *store, const struct options *options, struct canvas *canvas,
                          char *errmsg)
{
    struct chart_query ask;
    struct chart_countries chart;
    struct geo *geo;
    int rc = options_geo(options, GEO_COUNTRY, &geo, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "chart countries");
    rc = chart_query_open(&ask, store, options, errmsg);
    if (rc == 0)
        rc = chart_query_countries(&ask, geo, &chart, errmsg);
    if (rc == 0)
        rc = nomem(chart_countries_draw(&chart, canvas), errmsg);
    chart_query_close(&ask);
    geo_close(geo);
    return rc;
}

int chart_countries_run(const struct options *options, char *errmsg)
{
    return run(options, draw_countries, errmsg);
}

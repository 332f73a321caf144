#include "dashboards/chart_daily.h"

#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/palette.h"
#include "dashboards/skyline.h"

#define PACKETS_HEIGHT 250
#define HOSTS_HEIGHT   150
#define BETWEEN        26
#define RIGHT          24
#define HEADROOM       0.06

/* Only whole days make the scale logarithmic: a day observed for a minute says nothing of the
 * range. */
static struct scale find_scale(const struct chart_daily *chart, const double *values, int ticks)
{
    double least = 0, most = 0;
    for (size_t i = 0; i < chart->count; i++) {
        if (!(values[i] > 0))
            continue;
        most = fmax(most, values[i]);
        if (chart->coverage[i] >= 1)
            least = least > 0 ? fmin(least, values[i]) : values[i];
    }
    bool log = least > 0 && most / least >= SCALE_LOG_RATIO;
    return scale_choose_counts(log ? least : 0, most, HEADROOM, ticks);
}

/* A copy of `values` with only those of days that were observed whole. */
static void take_whole(const struct chart_daily *chart, const double *values, double *whole)
{
    for (size_t i = 0; i < chart->count; i++)
        whole[i] = chart->coverage[i] >= 1 ? values[i] : NAN;
}

static void draw_plot(const struct chart_daily *chart, const struct skyline *plot,
                      const double *values, const char *unit, double *whole, struct canvas *canvas)
{
    take_whole(chart, values, whole);
    skyline_shade(canvas, plot, values, PALETTE_MISSING);
    axes_values(canvas, plot->plot, &plot->scale, unit);
    skyline_draw(canvas, plot, values, PALETTE_PARTLY);
    skyline_draw(canvas, plot, whole, PALETTE_OURS);
}

static void fill_legend(struct sheet *sheet, enum language language)
{
    sheet_entry(sheet, label(language, LABEL_WHOLE_DAY), PALETTE_OURS);
    sheet_entry(sheet, label(language, LABEL_PART_DAY), PALETTE_PARTLY);
    sheet_entry(sheet, label(language, LABEL_NO_DATA), PALETTE_MISSING);
}

int chart_daily_draw(const struct chart_daily *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    struct sheet sheet = {0};
    struct caption_notes notes;
    double *whole = calloc(chart->count, sizeof *whole);
    if (!whole)
        return ERR_NOMEM;
    struct axes_columns columns = {chart->dates, chart->count, false, 0, 0, language};
    struct skyline packets = {.columns = &columns}, hosts = {.columns = &columns};
    packets.scale = find_scale(chart, chart->packets, 6);
    hosts.scale = find_scale(chart, chart->hosts, 4);
    columns.left = ceil(fmax(axes_values_width(&packets.scale), axes_values_width(&hosts.scale)));
    axes_fit(&columns);
    double right = axes_column(&columns, chart->count);
    int width = (int)ceil(right + RIGHT);

    caption_put(&chart->caption, label(language, LABEL_DAILY_TITLE),
                label(language, LABEL_DAILY_METHOD), &notes, &sheet);
    fill_legend(&sheet, language);
    double bottom = ceil(sheet_break(&sheet, width)) + AXES_TIME_HEIGHT;
    hosts.plot = (struct box){columns.left, bottom, right, bottom + HOSTS_HEIGHT};
    bottom += HOSTS_HEIGHT + BETWEEN;
    packets.plot = (struct box){columns.left, bottom, right, bottom + PACKETS_HEIGHT};

    canvas_init(canvas, width, (int)packets.plot.top + SHEET_HEAD);
    sheet_draw(&sheet, canvas, columns.left);
    draw_plot(chart, &packets, chart->packets,
              label(language, packets.scale.log ? LABEL_PACKETS_DAY_LOG : LABEL_PACKETS_DAY), whole,
              canvas);
    draw_plot(chart, &hosts, chart->hosts,
              label(language, hosts.scale.log ? LABEL_HOSTS_DAY_LOG : LABEL_HOSTS_DAY), whole,
              canvas);
    axes_time(canvas, &columns, packets.plot.bottom, false);
    axes_time(canvas, &columns, hosts.plot.bottom, true);
    canvas_end(canvas);
    free(whole);
    return 0;
}

#include "dashboards/scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/glyphs.h"

/* --- text ------------------------------------------------------------------------------------- */

static void group_thousands(const char *digits, char out[SCALE_TEXT_MAX])
{
    size_t size = strlen(digits), used = 0;
    for (size_t i = 0; i < size && used + 2 < SCALE_TEXT_MAX; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

void scale_format(double value, char out[SCALE_TEXT_MAX])
{
    char digits[SCALE_TEXT_MAX];
    if (value >= 1e15) {
        snprintf(out, SCALE_TEXT_MAX, "%.3g", value);
    } else if (value >= 999.5) {
        snprintf(digits, sizeof digits, "%.0f", value);
        group_thousands(digits, out);
    } else if (value == floor(value)) {
        snprintf(out, SCALE_TEXT_MAX, "%.0f", value);
    } else {
        snprintf(out, SCALE_TEXT_MAX,
                 value >= 100   ? "%.1f"
                 : value >= 0.1 ? "%.2f"
                                : "%.2g",
                 value);
    }
}

void scale_format_figure(double value, char out[SCALE_TEXT_MAX])
{
    if (value >= 0.1 && value < 999.5)
        snprintf(out, SCALE_TEXT_MAX, value >= 100 ? "%.1f" : "%.2f", value);
    else
        scale_format(value, out);
}

void scale_format_tick(const struct scale *scale, double at, char out[SCALE_TEXT_MAX])
{
    double finest = scale->log ? at : scale->step;
    if (finest >= 1 || finest < 1e-6)
        scale_format(at, out);
    else
        snprintf(out, SCALE_TEXT_MAX, "%.*f", (int)-floor(log10(finest)), at);
}

double scale_ems(const struct scale *scale)
{
    char text[SCALE_TEXT_MAX];
    double widest = 0, at;
    for (int i = 0; scale_tick(scale, i, &at); i++) {
        scale_format_tick(scale, at, text);
        widest = fmax(widest, glyphs_number_ems(text));
    }
    return widest;
}

/* --- ticks ------------------------------------------------------------------------------------ */

/* 1, 2 or 5 times a power of ten, at least `value`. */
static double round_step(double value)
{
    double unit = pow(10, floor(log10(value)));
    double times = value / unit;
    return unit * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

struct scale scale_choose(double least, double most, double headroom, int ticks)
{
    struct scale scale = {.log = most > 0 && least > 0};
    if (!scale.log) {
        scale.high = most > 0 ? most / (1 - headroom) : 1;
        scale.step = round_step(scale.high / ticks);
        return scale;
    }
    /* Half a decade or more below the smallest value, so that its bar is seen. */
    double low = floor(log10(least) - 0.5);
    double high = low + (log10(most) - low) / (1 - headroom);
    scale.low = pow(10, low);
    scale.high = pow(10, high);
    scale.step = ceil((high - low) / (ticks * 1.5));
    return scale;
}

struct scale scale_choose_counts(double least, double most, double headroom, int ticks)
{
    struct scale scale = scale_choose(least, most, headroom, ticks);
    if (!scale.log)
        scale.step = fmax(scale.step, 1);
    return scale;
}

bool scale_tick(const struct scale *scale, int i, double *at)
{
    *at = scale->log ? pow(10, round(log10(scale->low)) + i * scale->step) : i * scale->step;
    return *at <= scale->high;
}

double scale_share(const struct scale *scale, double value)
{
    if (!scale->log)
        return (value - scale->low) / (scale->high - scale->low);
    return value > 0 ? log(value / scale->low) / log(scale->high / scale->low) : 0;
}

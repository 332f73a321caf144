/*
 * The calendar of coverage: a row for each sensor, a column for each day, and which of the four
 * states the day was in. Pure: plain data in, a drawing out; chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_COVERAGE_H
#define DASHBOARDS_CHART_COVERAGE_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"

#define CHART_COVERAGE_ROWS 200 /* more sensors are not drawn, but named by their number */

enum chart_coverage_state { COVERAGE_ABSENT, COVERAGE_DOWN, COVERAGE_ZERO, COVERAGE_COUNTED };

struct chart_coverage_cell {
    enum chart_coverage_state state;
    float share; /* COVERAGE_ZERO, COVERAGE_COUNTED: what was observed of the day, 0 to 1 */
};

struct chart_coverage {
    struct caption caption;
    size_t count;                     /* days, at least one */
    const struct caption_date *dates; /* ascending without a gap */
    size_t sensor_count;              /* at least one */
    const struct chart_coverage_row {
        const char *sensor;
        double share; /* of the whole period; NaN: nothing was expected */
        const struct chart_coverage_cell *cells;
    } * rows;
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_coverage_draw(const struct chart_coverage *chart, struct canvas *canvas);

#endif

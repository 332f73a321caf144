#include "dashboards/skyline.h"

#include <math.h>

#define SHADE_MIN 0.75 /* pixels, so that a missing day is seen among thousands */

/* gnuplot complains of a datablock without a line: shapes begin with the first one. */
struct shapes {
    struct canvas *canvas;
    enum canvas_shape shape;
    const char *colour;
    bool begun;
};

static void begin(struct shapes *shapes)
{
    if (!shapes->begun)
        canvas_shapes(shapes->canvas, shapes->shape, shapes->colour);
    shapes->begun = true;
}

static void end(struct shapes *shapes)
{
    if (shapes->begun)
        canvas_shapes_end(shapes->canvas);
}

struct bar {
    double left, right, value;
};

/* The next bar from column `*i` on: a column, or the largest of those that share a pixel, so that no
 * day's peak is lost. */
static bool next_bar(const struct skyline *skyline, const double *values, size_t *i,
                     struct bar *bar)
{
    const struct axes_columns *columns = skyline->columns;
    if (*i >= columns->count)
        return false;
    axes_bar(columns, *i, &bar->left, &bar->right);
    bar->value = values[(*i)++];
    if (columns->pitch >= 1)
        return true;
    bar->left = floor(bar->left);
    bar->right = bar->left + 1;
    for (; *i < columns->count && axes_column(columns, *i) < bar->right; ++*i)
        bar->value = fmax(bar->value, values[*i]); /* NaN only where both are */
    return true;
}

static void draw_top(struct canvas *canvas, const struct skyline *skyline, const struct bar *bar)
{
    double share = fmin(fmax(scale_share(&skyline->scale, bar->value), 0), 1);
    double y = skyline->plot.bottom + share * (skyline->plot.top - skyline->plot.bottom);
    canvas_point(canvas, bar->left, y);
    canvas_point(canvas, bar->right, y);
}

void skyline_draw(struct canvas *canvas, const struct skyline *skyline, const double *values,
                  const char *colour)
{
    struct shapes shapes = {canvas, CANVAS_POLYGONS, colour, false};
    struct bar bar;
    double bottom = skyline->plot.bottom, joint = 0;
    for (size_t i = 0; next_bar(skyline, values, &i, &bar);) {
        if (!(bar.value > 0))
            continue;
        if (shapes.begun && bar.left > joint) {
            canvas_point(canvas, joint, bottom);
            canvas_next(canvas);
        }
        if (!shapes.begun || bar.left > joint) {
            begin(&shapes);
            canvas_point(canvas, bar.left, bottom);
        }
        draw_top(canvas, skyline, &bar);
        joint = bar.right;
    }
    if (shapes.begun)
        canvas_point(canvas, joint, bottom);
    end(&shapes);
}

void skyline_shade(struct canvas *canvas, const struct skyline *skyline, const double *values,
                   const char *colour)
{
    struct shapes shapes = {canvas, CANVAS_RECTANGLES, colour, false};
    for (size_t i = 0, last; i < skyline->columns->count; i = last) {
        last = i + 1;
        if (!isnan(values[i]))
            continue;
        while (last < skyline->columns->count && isnan(values[last]))
            last++;
        double left = axes_column(skyline->columns, i), right = axes_column(skyline->columns, last);
        begin(&shapes);
        canvas_rectangle(canvas, (struct box){left, skyline->plot.bottom,
                                              fmax(right, left + SHADE_MIN), skyline->plot.top});
    }
    end(&shapes);
}

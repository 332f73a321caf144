#include "dashboards/canvas.h"

#include "dashboards/gnuplot.h"

#define OUTLINE_WIDTH 0.5

void canvas_init(struct canvas *canvas, int width, int height)
{
    *canvas = (struct canvas){.width = width, .height = height};
    buf_init(&canvas->script);
    buf_init(&canvas->data);
    buf_init(&canvas->plots);
}

void canvas_close(struct canvas *canvas)
{
    buf_close(&canvas->script);
    buf_close(&canvas->data);
    buf_close(&canvas->plots);
}

void canvas_text(struct canvas *canvas, double x, double y, const char *text, int font,
                 const char *where)
{
    gnuplot_put(&canvas->script, "set label ");
    gnuplot_quote(&canvas->script, text);
    gnuplot_put(&canvas->script, " at screen %.6f, screen %.6f %s font ',%d'\n", x / canvas->width,
                y / canvas->height, where, font);
}

void canvas_box(struct canvas *canvas, struct box box, const char *fill, const char *outline)
{
    gnuplot_put(&canvas->script,
                "set object rectangle from screen %.6f, screen %.6f to screen %.6f, screen %.6f "
                "fillstyle solid 1 border lc rgb '%s' fillcolor rgb '%s' lw %.1f\n",
                box.left / canvas->width, box.bottom / canvas->height, box.right / canvas->width,
                box.top / canvas->height, outline, fill, OUTLINE_WIDTH);
}

/* --- shapes ----------------------------------------------------------------------------------- */

void canvas_shapes(struct canvas *canvas, enum canvas_shape shape, const char *colour)
{
    static const char *const styles[] = {
        [CANVAS_RECTANGLES] =
            "using 1:2:1:3:2:4 with boxxyerror notitle fillstyle solid 1 noborder "
            "fillcolor",
        [CANVAS_POLYGONS] = "using 1:2 with filledcurves closed notitle fillstyle solid 1 noborder "
                            "fillcolor",
        [CANVAS_LINES] = "using 1:2 with lines notitle lw 0.5 lc",
    };
    canvas->blocks++;
    gnuplot_put(&canvas->data, "$shapes%u << EOD\n", canvas->blocks);
    gnuplot_put(&canvas->plots, ", $shapes%u %s rgb '%s'", canvas->blocks, styles[shape], colour);
}

void canvas_rectangle(struct canvas *canvas, struct box box)
{
    gnuplot_put(&canvas->data, "%.2f %.2f %.2f %.2f\n", box.left, box.bottom, box.right, box.top);
}

void canvas_point(struct canvas *canvas, double x, double y)
{
    gnuplot_put(&canvas->data, "%.2f %.2f\n", x, y);
}

void canvas_next(struct canvas *canvas)
{
    gnuplot_put(&canvas->data, "\n");
}

void canvas_shapes_end(struct canvas *canvas)
{
    gnuplot_put(&canvas->data, "EOD\n");
}

/* As a matrix of numbers, which gnuplot reads in half the time of a line for each pixel. */
void canvas_image(struct canvas *canvas, struct box box, const uint32_t *colours, size_t columns,
                  size_t rows)
{
    double width = (box.right - box.left) / (double)columns;
    double height = (box.top - box.bottom) / (double)rows;
    canvas->blocks++;
    gnuplot_put(&canvas->data, "$image%u << EOD\n", canvas->blocks);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            gnuplot_put(&canvas->data, "%u%c", *colours++, column + 1 < columns ? ' ' : '\n');
    gnuplot_put(&canvas->data, "EOD\n");
    gnuplot_put(&canvas->plots,
                ", $image%u matrix using (%.6f + %.6f * $1):(%.6f + %.6f * $2):(int($3) >> 16):"
                "(int($3) >> 8 & 255):(int($3) & 255) with rgbimage notitle",
                canvas->blocks, box.left + width / 2, width, box.bottom + height / 2, height);
}

/* One axis unit is one pixel: the plot covers the whole picture. */
void canvas_end(struct canvas *canvas)
{
    buf_put(&canvas->script, canvas->data.bytes, canvas->data.size);
    gnuplot_put(&canvas->script,
                "set lmargin at screen 0\nset rmargin at screen 1\n"
                "set bmargin at screen 0\nset tmargin at screen 1\n"
                "unset key\nunset border\nunset tics\nset xrange [0:%d]\nset yrange [0:%d]\n"
                "plot NaN notitle",
                canvas->width, canvas->height);
    buf_put(&canvas->script, canvas->plots.bytes, canvas->plots.size);
    gnuplot_put(&canvas->script, "\n");
    canvas->script.failed |= canvas->data.failed || canvas->plots.failed;
}

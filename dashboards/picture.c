#include "dashboards/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/gnuplot.h"
#include "dashboards/pdf.h"

int picture_kind_of(const char *path, enum picture_kind *kind, char *errmsg)
{
    static const char *const endings[] = {".svg", ".png", ".pdf"};
    const char *ending = strrchr(path, '.');
    for (int i = 0; ending && i < 3; i++) {
        if (strcasecmp(ending, endings[i]) == 0) {
            *kind = (enum picture_kind)i;
            return 0;
        }
    }
    return err_set(errmsg, ERR_INVALID, "chart: '%.200s' must end in .svg, .png or .pdf", path);
}

/* One pixel of the canvas is one unit in SVG, one point in PDF and a square of four in PNG. The
 * cairo terminals take a font's size at 96 dpi, SVG's as it is: 0.75 makes them equal. */
static void put_terminal(struct buf *script, enum picture_kind kind, const struct canvas *canvas,
                         const char *font)
{
    switch (kind) {
    case PICTURE_SVG:
        gnuplot_put(script, "set terminal svg size %d,%d background '#ffffff'", canvas->width,
                    canvas->height);
        break;
    case PICTURE_PNG:
        gnuplot_put(script, "set terminal pngcairo size %d,%d fontscale 1.5 linewidth 2",
                    2 * canvas->width, 2 * canvas->height);
        break;
    default:
        gnuplot_put(script, "set terminal pdfcairo size %.6fin,%.6fin fontscale 0.75 linewidth 1.5",
                    canvas->width / 72.0, canvas->height / 72.0);
    }
    gnuplot_put(script, " noenhanced font '%s,12'\n", font);
}

/* Puts `insert` in the place of the first `find`. */
static int replace(struct buf *picture, const char *find, const char *insert)
{
    const uint8_t *at = memmem(picture->bytes, picture->size, find, strlen(find));
    if (!at)
        return 0;
    size_t before = (size_t)(at - picture->bytes), after = before + strlen(find);
    struct buf replaced;
    buf_init(&replaced);
    buf_put(&replaced, picture->bytes, before);
    buf_put(&replaced, insert, strlen(insert));
    buf_put(&replaced, picture->bytes + after, picture->size - after);
    if (replaced.failed) {
        buf_close(&replaced);
        return ERR_NOMEM;
    }
    buf_close(picture);
    *picture = replaced;
    return 0;
}

/* The title, and the cells of an image as squares: viewers would blur them. */
static int finish_svg(struct buf *picture, const char *title)
{
    char element[CANVAS_TITLE_MAX + 32];
    snprintf(element, sizeof element, "<title>%s</title>", title);
    int rc = replace(picture, "<title>Gnuplot</title>", element);
    return rc ? rc
              : replace(picture, "<image ",
                        "<image style='image-rendering:optimizeSpeed;image-rendering:pixelated' ");
}

int picture_draw(const struct canvas *canvas, enum picture_kind kind, enum language language,
                 struct buf *picture, char *errmsg)
{
    struct buf script;
    buf_init(&script);
    put_terminal(&script, kind, canvas, labels_font(language));
    buf_put(&script, canvas->script.bytes, canvas->script.size);
    script.failed |= canvas->script.failed;
    int rc = gnuplot_run(&script, picture, errmsg);
    buf_close(&script);
    if (rc == 0 && kind == PICTURE_PDF)
        pdf_forget_dates(picture);
    if (rc == 0 && kind == PICTURE_SVG && finish_svg(picture, canvas->title) != 0)
        rc = err_set(errmsg, ERR_NOMEM, "chart: %s", err_str(ERR_NOMEM));
    return rc;
}

static int write_all(int fd, const struct buf *picture)
{
    for (size_t done = 0; done < picture->size;) {
        ssize_t wrote = write(fd, picture->bytes + done, picture->size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_from_errno(errno);
        done += (size_t)wrote;
    }
    return fsync(fd) == 0 ? 0 : err_from_errno(errno);
}

/* The rights that a file made by open() would have. */
static void usual_rights(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
}

int picture_write(const struct buf *picture, const char *path, char *errmsg)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return err_set(errmsg, ERR_NOMEM, "writing %s: %s", path, err_str(ERR_NOMEM));
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        int rc = err_set(errmsg, err_from_errno(errno), "writing %s: %s", path, strerror(errno));
        free(temporary);
        return rc;
    }
    usual_rights(fd);
    int rc = write_all(fd, picture);
    int cause = errno;
    if (close(fd) != 0 && rc == 0) {
        rc = err_from_errno(errno);
        cause = errno;
    }
    if (rc == 0 && rename(temporary, path) != 0) {
        rc = err_from_errno(errno);
        cause = errno;
    }
    if (rc) {
        unlink(temporary);
        err_set(errmsg, rc, "writing %s: %s", path, strerror(cause));
    }
    free(temporary);
    return rc;
}

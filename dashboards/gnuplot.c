#include "dashboards/gnuplot.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/err.h"
#include "dashboards/child.h"

#define TIMEOUT_S 20

void gnuplot_quote(struct buf *script, const char *text)
{
    buf_put_u8(script, '\'');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\'')
            buf_put_u8(script, '\'');
        buf_put_u8(script, c < 0x20 || c == 0x7f ? ' ' : c);
    }
    buf_put_u8(script, '\'');
}

void gnuplot_put(struct buf *script, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0 || size >= (int)sizeof text)
        script->failed = true;
    else
        buf_put(script, text, (size_t)size);
}

int gnuplot_run(const struct buf *script, struct buf *picture, char *errmsg)
{
    char *const words[] = {(char *)"gnuplot", (char *)"-d", NULL}; /* -d: no configuration files */
    const struct child_task task = {.words = words, .input = script, .timeout_s = TIMEOUT_S};
    char complaint[CHILD_COMPLAINT_SIZE];
    if (script->failed)
        return err_set(errmsg, ERR_NOMEM, "gnuplot: the script: %s", err_str(ERR_NOMEM));
    int rc = child_run(&task, picture, complaint, errmsg);
    if (rc == ERR_UNKNOWN)
        return err_set(errmsg, rc, "gnuplot: it is not installed; install the package gnuplot-nox");
    if (rc == 0 && (complaint[0] || picture->size == 0))
        return err_set(errmsg, ERR_INVALID, "gnuplot: it could not draw the chart: %s",
                       complaint[0] ? complaint : "it gave no reason");
    return rc;
}

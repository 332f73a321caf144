#include "dashboards/font.h"

#include <string.h>

#include "common/err.h"
#include "dashboards/child.h"

#define TIMEOUT_S 20

int font_check(const char *font, const char *package, char *errmsg)
{
    char *const words[] = {(char *)"fc-match", (char *)"-f", (char *)"%{family}", (char *)font,
                           NULL};
    const struct child_task task = {.words = words, .timeout_s = TIMEOUT_S};
    char complaint[CHILD_COMPLAINT_SIZE];
    struct buf family;
    buf_init(&family);
    int rc = child_run(&task, &family, complaint, errmsg);
    if (rc == ERR_UNKNOWN)
        err_wrap(errmsg, rc, "looking for the font %s (install the package fontconfig)", font);
    else if (rc == 0 && (!family.bytes || !memmem(family.bytes, family.size, font, strlen(font))))
        rc = err_set(errmsg, ERR_UNKNOWN, "chart: the font %s is missing; install the package %s",
                     font, package);
    buf_close(&family);
    return rc;
}

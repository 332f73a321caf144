#include "dashboards/capped.h"

#include <errno.h>

#include "common/clock.h"

static ssize_t take(void *cookie, const char *bytes, size_t size)
{
    struct capped *capped = cookie;
    capped->too_large |= size > capped->max - capped->text.size;
    capped->too_late |= monotonic_ms() > capped->deadline_ms;
    if (capped->too_large || capped->too_late) {
        errno = EFBIG;
        return 0;
    }
    buf_put(&capped->text, bytes, size);
    if (!capped->text.failed)
        return (ssize_t)size;
    errno = ENOMEM;
    return 0;
}

FILE *capped_open(struct capped *capped, size_t max, int64_t deadline_ms)
{
    *capped = (struct capped){.max = max, .deadline_ms = deadline_ms};
    buf_init(&capped->text);
    return fopencookie(capped, "w", (cookie_io_functions_t){.write = take});
}

void capped_close(struct capped *capped)
{
    buf_close(&capped->text);
}

/*
 * Capped: a stdio stream into memory that takes only so many bytes, and nothing after a deadline, so
 * that an answer of any size can be printed to it by whoever prints rows. A write beyond either fails
 * as on a full disk; the flags say of what.
 *
 *   capped_open -> fprintf ... -> fclose -> text, too_large, too_late -> capped_close
 */
#ifndef DASHBOARDS_CAPPED_H
#define DASHBOARDS_CAPPED_H

#include <stdbool.h>
#include <stdio.h>

#include "common/buf.h"

struct capped {
    struct buf text;     /* what was written; complete after fclose */
    size_t max;          /* bytes */
    int64_t deadline_ms; /* of monotonic_ms */
    bool too_large, too_late;
};

/* Opens the stream. NULL without memory; capped_close is then still to be called. */
FILE *capped_open(struct capped *capped, size_t max, int64_t deadline_ms);
void capped_close(struct capped *capped);

#endif

/*
 * Cover: a range of time cut into the periods of a step, and each of them into the fewest pieces
 * that the store keeps: years, months, days, hours, and minutes where a bound is none of theirs.
 * cover_begin, then cover_period for each period, and cover_piece for its pieces until there is
 * none. query.c walks the range by it. Pure but for the calendar.
 */
#ifndef DASHBOARDS_COVER_H
#define DASHBOARDS_COVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/calendar.h"
#include "dashboards/query.h"
#include "dashboards/store.h"

struct cover {
    int64_t at_s, to_s; /* what is left of the range */
    enum query_step step;
    int64_t piece_s, end_s; /* what is left of the present period */
    struct period day;      /* of piece_s, when it is asked for */
};

/* Whether an instant is the start of a minute of its reporting day. */
bool cover_on_minute(int64_t at_s);

/* from_s < to_s, both on a minute. */
void cover_begin(struct cover *cover, int64_t from_s, int64_t to_s, enum query_step step);
/* The next period, [start, end); false after the last. */
bool cover_period(struct cover *cover, int64_t *start_s, int64_t *end_s);
/* The next piece of that period; false after the last. */
bool cover_piece(struct cover *cover, struct store_piece *piece);

#endif

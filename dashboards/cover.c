#include "dashboards/cover.h"

#define MINUTE_S INT64_C(60)

/* No hour of any zone is shorter: clocks are changed by 20 minutes or more. */
#define HOUR_LEAST_S (20 * MINUTE_S)

static bool within(const struct period *period, int64_t at_s)
{
    return period->start_s <= at_s && at_s < period->end_s;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool cover_on_minute(int64_t at_s)
{
    struct period day = calendar_period(LEVEL_DAY, at_s);
    return (at_s - day.start_s) % MINUTE_S == 0;
}

void cover_begin(struct cover *cover, int64_t from_s, int64_t to_s, enum query_step step)
{
    *cover = (struct cover){.at_s = from_s, .to_s = to_s, .step = step};
}

static const struct period *day_of(struct cover *cover, int64_t at_s)
{
    if (!within(&cover->day, at_s))
        cover->day = calendar_period(LEVEL_DAY, at_s);
    return &cover->day;
}

static int64_t step_end(struct cover *cover)
{
    switch (cover->step) {
    case QUERY_WHOLE:
        return cover->to_s;
    case QUERY_MINUTE:
        return lesser(cover->at_s + MINUTE_S, day_of(cover, cover->at_s)->end_s);
    case QUERY_HOUR:
        return calendar_period(LEVEL_HOUR, cover->at_s).end_s;
    case QUERY_DAY:
        return day_of(cover, cover->at_s)->end_s;
    case QUERY_MONTH:
        return calendar_period(LEVEL_MONTH, cover->at_s).end_s;
    default:
        return calendar_period(LEVEL_YEAR, cover->at_s).end_s;
    }
}

bool cover_period(struct cover *cover, int64_t *start_s, int64_t *end_s)
{
    if (cover->at_s >= cover->to_s)
        return false;
    *start_s = cover->piece_s = cover->at_s;
    *end_s = cover->end_s = cover->at_s = lesser(step_end(cover), cover->to_s);
    return true;
}

/* The largest stored period that begins at `at_s` and ends by `end_s`. */
static bool largest(int64_t at_s, int64_t end_s, struct period *period)
{
    if (end_s - at_s < HOUR_LEAST_S)
        return false;
    for (int level = LEVEL_YEAR; level >= LEVEL_HOUR; level--) {
        *period = calendar_period((enum level)level, at_s);
        if (period->start_s == at_s && period->end_s <= end_s)
            return true;
    }
    return false;
}

bool cover_piece(struct cover *cover, struct store_piece *piece)
{
    int64_t at_s = cover->piece_s;
    if (at_s >= cover->end_s)
        return false;
    *piece = (struct store_piece){.start_s = at_s};
    if (largest(at_s, cover->end_s, &piece->period)) {
        piece->end_s = piece->period.end_s;
    } else {
        piece->minutes = true;
        piece->period = *day_of(cover, at_s);
        piece->end_s = cover->step == QUERY_MINUTE
                           ? cover->end_s
                           : lesser(cover->end_s, calendar_period(LEVEL_HOUR, at_s).end_s);
    }
    cover->piece_s = piece->end_s;
    return true;
}

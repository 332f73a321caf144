#include "common/course.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/planes.h"

#define FORM_VERSION 3
#define COLUMNS      5
#define COLUMNS_2    4 /* of version 2 */
#define NS_PER_S     INT64_C(1000000000)
#define MINUTE_NS    UINT64_C(60000000000)

_Static_assert(sizeof(struct course) == COLUMNS * COURSE_SLOTS * sizeof(uint64_t),
               "a course is its columns, one after the other");

static uint64_t *column(struct course *course, int index)
{
    uint64_t *const columns[COLUMNS] = {course->packets, course->bytes, course->observed_ns,
                                        course->dropped, course->merged};
    return columns[index];
}

/* The part of a sum that the slot `i` of `count` has. */
static uint64_t share(uint64_t sum, uint64_t i, uint64_t count)
{
    return sum / count + (i < sum % count);
}

/* Adds to the observed time of a slot, which begins at start_ns, the part of the span within it; returns
 * what that added. */
static uint64_t observe(struct course *course, size_t slot, int64_t start_ns,
                        const struct record *record)
{
    int64_t end_ns = start_ns + (int64_t)MINUTE_NS - 1;
    int64_t first_ns = record->first_ns > start_ns ? record->first_ns : start_ns;
    int64_t last_ns = record->last_ns < end_ns ? record->last_ns : end_ns;
    uint64_t held_ns = course->observed_ns[slot], add_ns = (uint64_t)(last_ns - first_ns) + 1;
    uint64_t left_ns = held_ns < MINUTE_NS ? MINUTE_NS - held_ns : 0;
    if (add_ns > left_ns)
        add_ns = left_ns;
    course->observed_ns[slot] += add_ns;
    return add_ns;
}

int course_add(struct course *course, int64_t day_s, const struct record *record,
               uint64_t *observed_ns)
{
    int64_t first_s = record->first_ns / NS_PER_S, last_s = record->last_ns / NS_PER_S;
    if (record->start_s < day_s || (last_s - day_s) / 60 >= COURSE_SLOTS)
        return ERR_INVALID;
    size_t slot = (size_t)((first_s - day_s) / 60);
    uint64_t count = (uint64_t)((last_s - day_s) / 60) - slot + 1, added_ns = 0;
    for (uint64_t i = 0; i < count; i++, slot++) {
        course->packets[slot] += share(record->packets, i, count);
        course->bytes[slot] += share(record->bytes, i, count);
        course->dropped[slot] +=
            share(record->kernel_dropped + record->interface_dropped, i, count);
        course->merged[slot] |= record->before > 0;
        added_ns += observe(course, slot, (day_s + 60 * (int64_t)slot) * NS_PER_S, record);
    }
    if (observed_ns)
        *observed_ns = added_ns;
    return 0;
}

void course_merge(struct course *dst, const struct course *src)
{
    for (size_t i = 0; i < COURSE_SLOTS; i++) {
        dst->packets[i] += src->packets[i];
        dst->bytes[i] += src->bytes[i];
        dst->observed_ns[i] += src->observed_ns[i];
        if (dst->observed_ns[i] > MINUTE_NS)
            dst->observed_ns[i] = MINUTE_NS;
        dst->dropped[i] += src->dropped[i];
        dst->merged[i] |= src->merged[i];
    }
}

int course_encode(const struct course *course, uint64_t folded, struct buf *out)
{
    buf_put_u8(out, FORM_VERSION);
    buf_put_u64_le(out, folded);
    int rc = 0;
    for (int i = 0; rc == 0 && i < COLUMNS; i++)
        rc = planes_encode(out, column((struct course *)course, i), COURSE_SLOTS);
    return rc ? rc : out->failed ? ERR_NOMEM : 0;
}

static int decode_column(struct cursor *in, uint64_t slots[COURSE_SLOTS])
{
    uint64_t *values;
    size_t count;
    int rc = planes_decode(in, &values, &count);
    if (rc)
        return rc;
    if (count == COURSE_SLOTS)
        memcpy(slots, values, COURSE_SLOTS * sizeof *slots);
    free(values);
    return count == COURSE_SLOTS ? 0 : ERR_DAMAGED;
}

int course_decode(struct course *course, uint64_t *folded, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    uint8_t version = cursor_u8(&in);
    if (version != FORM_VERSION && version != 2)
        return in.failed ? ERR_DAMAGED : ERR_VERSION;
    *folded = cursor_u64_le(&in);
    int rc = in.failed ? ERR_DAMAGED : 0;
    memset(course->merged, 0, sizeof course->merged);
    for (int i = 0; rc == 0 && i < (version == 2 ? COLUMNS_2 : COLUMNS); i++)
        rc = decode_column(&in, column(course, i));
    return rc ? rc : cursor_done(&in) ? 0 : ERR_DAMAGED;
}

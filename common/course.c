#include "common/course.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/planes.h"

#define FORM_VERSION 2
#define COLUMNS      4
#define MINUTE_NS    UINT64_C(60000000000)

_Static_assert(sizeof(struct course) == COLUMNS * COURSE_SLOTS * sizeof(uint64_t),
               "a course is its columns, one after the other");

static uint64_t *column(struct course *course, int index)
{
    uint64_t *const columns[COLUMNS] = {course->packets, course->bytes, course->observed_ns,
                                        course->dropped};
    return columns[index];
}

static uint64_t span_ns(const struct record *record)
{
    return (uint64_t)(record->last_ns - record->first_ns) + 1;
}

int course_add(struct course *course, int64_t day_s, const struct record *record,
               uint64_t *observed_ns)
{
    if (record->start_s < day_s || (record->start_s - day_s) / 60 >= COURSE_SLOTS)
        return ERR_INVALID;
    size_t slot = (size_t)((record->start_s - day_s) / 60);
    uint64_t held_ns = course->observed_ns[slot], add_ns = span_ns(record);
    uint64_t left_ns = held_ns < MINUTE_NS ? MINUTE_NS - held_ns : 0;
    if (add_ns > left_ns)
        add_ns = left_ns;
    course->packets[slot] += record->packets;
    course->bytes[slot] += record->bytes;
    course->observed_ns[slot] += add_ns;
    course->dropped[slot] += record->kernel_dropped + record->interface_dropped;
    if (observed_ns)
        *observed_ns = add_ns;
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
    if (cursor_u8(&in) != FORM_VERSION)
        return in.failed ? ERR_DAMAGED : ERR_VERSION;
    *folded = cursor_u64_le(&in);
    int rc = in.failed ? ERR_DAMAGED : 0;
    for (int i = 0; rc == 0 && i < COLUMNS; i++)
        rc = decode_column(&in, column(course, i));
    return rc ? rc : cursor_done(&in) ? 0 : ERR_DAMAGED;
}

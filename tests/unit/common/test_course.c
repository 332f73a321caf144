#include <criterion/criterion.h>

#include <string.h>

#include "common/calendar.h"
#include "common/course.h"
#include "common/err.h"
#include "common/planes.h"
#include "tests/unit/common/random.h"

#define NS_PER_S INT64_C(1000000000)

Test(course, a_course_comes_back_and_truncated_is_damaged)
{
    static struct course course, back;
    struct buf out;
    uint64_t seed = 17;
    uint64_t folded = 0;
    buf_init(&out);
    for (int i = 0; i < 1440; i++) {
        course.packets[i] = random_below(&seed, 1000);
        course.bytes[i] = course.packets[i] * 60;
        course.dropped[i] = random_below(&seed, 3);
        course.observed_ns[i] = i % 7 ? UINT64_C(60000000000) : 0;
    }
    course.packets[COURSE_SLOTS - 1] = UINT64_MAX;
    cr_assert_eq(course_encode(&course, 77, &out), 0);
    cr_assert_eq(course_decode(&back, &folded, out.bytes, out.size), 0);
    cr_expect(memcmp(&course, &back, sizeof back) == 0);
    cr_expect_eq(folded, 77);
    for (size_t size = 0; size < out.size; size++)
        cr_assert_eq(course_decode(&back, &folded, out.bytes, size), ERR_DAMAGED, "%zu", size);
    buf_put_u8(&out, 0);
    cr_expect_eq(course_decode(&back, &folded, out.bytes, out.size), ERR_DAMAGED,
                 "a byte too many");
    out.bytes[0] = 1;
    cr_expect_eq(course_decode(&back, &folded, out.bytes, out.size), ERR_VERSION);
    buf_close(&out);
}

Test(course, a_course_has_room_for_the_longest_day_of_all_zones)
{
    cr_assert_eq(calendar_init("Antarctica/Vostok", NULL), 0);
    struct period day = calendar_date(LEVEL_DAY, 1994, 1, 31);
    cr_expect_leq((day.end_s - day.start_s) / 60, COURSE_SLOTS);
}

/* A record of minute 2 of a day that begins at 600 s, observed from `first` to `last` ns of it. */
static struct record *minute(int64_t first, int64_t last)
{
    static struct record record;
    record.start_s = 720;
    record.first_ns = 720 * NS_PER_S + first;
    record.last_ns = 720 * NS_PER_S + last;
    record.packets = 5;
    record.bytes = 300;
    record.kernel_dropped = 2;
    record.interface_dropped = 3;
    return &record;
}

Test(course, a_record_is_added_to_its_minute)
{
    static struct course course;
    uint64_t observed;
    cr_assert_eq(course_add(&course, 600, minute(0, 9), &observed), 0);
    cr_assert_eq(course_add(&course, 600, minute(20, 29), NULL), 0);
    cr_expect_eq(observed, 10);
    cr_expect(course.packets[2] == 10 && course.bytes[2] == 600 && course.dropped[2] == 10 &&
              course.observed_ns[2] == 20);
    cr_expect(course.packets[1] == 0 && course.packets[3] == 0);
}

Test(course, a_minute_is_not_observed_longer_than_it_is)
{
    static struct course course;
    uint64_t observed;
    course_add(&course, 600, minute(0, 50 * NS_PER_S - 1), &observed);
    cr_expect_eq(observed, 50 * NS_PER_S);
    course_add(&course, 600, minute(0, 50 * NS_PER_S - 1), &observed);
    cr_expect_eq(observed, 10 * NS_PER_S);
    course_add(&course, 600, minute(0, 50 * NS_PER_S - 1), &observed);
    cr_expect_eq(observed, 0);
    cr_expect_eq(course.observed_ns[2], 60 * NS_PER_S);
    cr_expect_eq(course.packets[2], 15);
}

Test(course, records_of_another_day_are_refused)
{
    static struct course course, empty;
    cr_expect_eq(course_add(&course, 721, minute(0, 1), NULL), ERR_INVALID);
    cr_expect_eq(course_add(&course, 720 - 60 * COURSE_SLOTS, minute(0, 1), NULL), ERR_INVALID);
    cr_expect(memcmp(&course, &empty, sizeof empty) == 0);
    cr_expect_eq(course_add(&course, 780 - 60 * COURSE_SLOTS, minute(0, 1), NULL), 0);
    cr_expect_eq(course.packets[COURSE_SLOTS - 1], 5);
}

/* Minutes 0 to 14 of a day that begins at 900 s, observed from 90 s in to 30 s before the end. */
static void quarter(struct record *record)
{
    *record = *minute(0, 0);
    record->start_s = 900;
    record->width_s = RECORD_MERGED_WIDTH_S;
    record->before = 9;
    record->first_ns = (900 + 90) * NS_PER_S;
    record->last_ns = (1800 - 30) * NS_PER_S - 1;
    record->packets = 29;
    record->bytes = 14 * 100;
}

Test(course, a_merged_record_is_shared_by_the_minutes_that_it_observed)
{
    static struct course course;
    struct record record;
    uint64_t observed, packets = 0, bytes = 0;
    quarter(&record);
    cr_assert_eq(course_add(&course, 900, &record, &observed), 0);
    cr_expect_eq(observed, UINT64_C(780) * NS_PER_S);
    for (int i = 0; i < 15; i++) {
        packets += course.packets[i];
        bytes += course.bytes[i];
        cr_expect_eq(course.merged[i], i > 0, "%d", i);
    }
    cr_expect_eq(packets, 29);
    cr_expect_eq(bytes, 1400);
    cr_expect(course.packets[0] == 0 && course.observed_ns[0] == 0);
    cr_expect(course.packets[1] == 3 && course.observed_ns[1] == 30 * NS_PER_S);
    cr_expect(course.packets[2] == 2 && course.observed_ns[2] == 60 * NS_PER_S);
    cr_expect(course.packets[14] == 2 && course.observed_ns[14] == 30 * NS_PER_S);
    cr_expect(course.packets[15] == 0 && course.merged[15] == 0);
}

Test(course, a_merged_minute_stays_one_when_days_are_merged)
{
    static struct course course, other;
    struct record record;
    quarter(&record);
    course_add(&other, 900, &record, NULL);
    course_merge(&course, &other);
    course_merge(&course, &other);
    cr_expect(course.merged[1] == 1 && course.merged[0] == 0 && course.packets[1] == 6);
}

/* What was stored before there were merged records. */
Test(course, the_form_without_merged_minutes_is_read)
{
    static struct course course, back;
    struct buf two, three;
    uint64_t folded = 0;
    course_add(&course, 600, minute(0, 9), NULL);
    buf_init(&two);
    buf_init(&three);
    cr_assert_eq(course_encode(&course, 7, &three), 0);
    cr_assert_eq(planes_encode(&two, course.merged, COURSE_SLOTS), 0);
    three.size -= two.size;
    three.bytes[0] = 2;
    back.merged[3] = 1;
    cr_assert_eq(course_decode(&back, &folded, three.bytes, three.size), 0);
    cr_expect(memcmp(&back, &course, sizeof back) == 0 && folded == 7);
    buf_close(&two);
    buf_close(&three);
}

#include <criterion/criterion.h>

#include <string.h>

#include "common/err.h"
#include "tests/unit/common/made_record.h"

#define NS_PER_S INT64_C(1000000000)

/* Minute `i` of a quarter of an hour, with something in every field. */
static void minute(struct record *record, int i)
{
    made_record(record);
    record->seq = 100 + (uint64_t)i;
    record->start_s = 1795320900 + 60 * (int64_t)i;
    record->first_ns = record->start_s * NS_PER_S;
    record->last_ns = record->first_ns + 60 * NS_PER_S - 1;
}

static void round_trip(const struct record *record, struct record *back)
{
    struct buf out;
    struct record_header header;
    char errmsg[ERRMSG_SIZE] = "";
    buf_init(&out);
    cr_assert_eq(record_seal(record, &out, errmsg), 0, "%s", errmsg);
    cr_assert_eq(record_peek(out.bytes, out.size, &header), 0);
    cr_expect(header.seq == record->seq && header.first == record->seq - record->before);
    record_init(back);
    cr_assert_eq(record_open(back, out.bytes, out.size, errmsg), 0, "%s", errmsg);
    buf_close(&out);
}

Test(record_merge, a_quarter_of_an_hour_becomes_one)
{
    struct record sum, next, back;
    minute(&sum, 0);
    for (int i = 1; i < 15; i++) {
        minute(&next, i);
        next.tables.class_witnesses[CLASS_UDP] = next.tables.udp_ports.witnesses[0] =
            (uint8_t)(1 << i % 8);
        cr_assert(record_mergeable(&sum, &next), "%d", i);
        cr_assert_eq(record_merge(&sum, &next), 0);
        record_close(&next);
    }
    minute(&next, 15);
    cr_expect_not(record_mergeable(&sum, &next), "the next quarter");
    record_close(&next);
    round_trip(&sum, &back);
    cr_expect(back.seq == 114 && back.before == 14 && back.start_s == 1795320900 &&
              back.width_s == RECORD_MERGED_WIDTH_S && (back.flags & RECORD_MERGED));
    cr_expect(back.first_ns == back.start_s * NS_PER_S &&
              back.last_ns == back.first_ns + 900 * NS_PER_S - 1);
    minute(&next, 0);
    cr_expect(back.packets == 15 * next.packets && back.bytes == 15 * next.bytes &&
              back.captured == 15 * next.captured && back.late == 15 * next.late &&
              back.kernel_dropped == 15 * next.kernel_dropped &&
              back.interface_dropped == 15 * next.interface_dropped);
    cr_expect(back.addresses.count4 == 3 && back.addresses.packets4[1] == 15 * 300);
    cr_assert_eq(back.sources.count4, next.sources.count4);
    for (size_t i = 0; i < next.sources.count4; i++)
        cr_expect_eq(back.sources.packets4[i], 15 * next.sources.packets4[i]);
    cr_expect_eq(addrvec_packets(&back.sources), 15 * addrvec_packets(&next.sources));
    cr_expect_eq(back.tables.classes[CLASS_UDP].packets,
                 15 * next.tables.classes[CLASS_UDP].packets);
    cr_expect(back.tables.class_witnesses[CLASS_UDP] == 255 &&
              back.tables.udp_ports.witnesses[0] == 255 &&
              back.tables.tcp_ports.witnesses[0] == next.tables.tcp_ports.witnesses[0]);
    cr_expect(memcmp(&back.hosts, &next.hosts, sizeof next.hosts) == 0);
    cr_expect_eq(back.alarms_omitted, 15 * next.alarms_omitted);
    record_close(&next);
    record_close(&sum);
    record_close(&back);
}

/* As many sources in each of two minutes as a record may have, and none in both. */
Test(record_merge, the_greatest_sources_of_all_are_kept)
{
    struct record sum, next;
    record_init(&sum);
    record_init(&next);
    sum.seq = 1, next.seq = 2;
    for (uint32_t i = 0; i < RECORD_SOURCES_MAX; i++) {
        addrvec_append4(&sum.sources, 2 * i + 1, 1 + i % 2);
        addrvec_append4(&next.sources, 2 * i + 2, 3);
    }
    cr_assert_eq(record_merge(&sum, &next), 0);
    cr_expect_eq(sum.sources.count4, RECORD_SOURCES_MAX);
    cr_expect_eq(addrvec_packets(&sum.sources), 3 * (uint64_t)RECORD_SOURCES_MAX);
    record_close(&sum);
    record_close(&next);
}

typedef void spoiler(struct record *next);
static void other_sensor(struct record *r)
{
    strcpy(r->sensor, "campus-2");
}
static void other_epoch(struct record *r)
{
    r->epoch[3] ^= 1;
}
static void not_the_next(struct record *r)
{
    r->seq++;
}
static void a_gap(struct record *r)
{
    r->first_ns += 1;
}
static void merged_itself(struct record *r)
{
    r->before = 1;
}
static void too_many_bytes(struct record *r)
{
    r->bytes = UINT64_MAX;
}
static void too_many_packets(struct record *r)
{
    r->captured = RECORD_CAPTURED_MAX;
}
static void too_many_dropped(struct record *r)
{
    r->kernel_dropped = UINT64_MAX;
}

Test(record_merge, what_does_not_follow_is_not_merged)
{
    static spoiler *const spoilers[] = {
        other_sensor,  other_epoch,    not_the_next,     a_gap,
        merged_itself, too_many_bytes, too_many_packets, too_many_dropped};
    struct record first, next;
    minute(&first, 3);
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++) {
        minute(&next, 4);
        cr_assert(record_mergeable(&first, &next));
        spoilers[i](&next);
        cr_expect_not(record_mergeable(&first, &next), "spoiler %zu", i);
        record_close(&next);
    }
    record_close(&first);
}

Test(record_merge, no_more_than_a_window_takes)
{
    struct record first, next;
    minute(&first, 3);
    minute(&next, 4);
    first.before = RECORD_MERGED_MAX - 2;
    cr_expect(record_mergeable(&first, &next));
    first.before = RECORD_MERGED_MAX - 1;
    cr_expect_not(record_mergeable(&first, &next));
    record_close(&first);
    record_close(&next);
}

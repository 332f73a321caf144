#include <criterion/criterion.h>
#include <string.h>

#include "collector/backlog.h"
#include "common/err.h"
#include "tests/unit/common/tables_of.h"

/* A record of `packets` packets, one to each of so many addresses. */
static struct record make(int64_t start_s, uint32_t packets)
{
    struct record record;
    record_init(&record);
    record.start_s = start_s;
    record.packets = packets;
    for (uint32_t i = 0; i < packets; i++)
        cr_assert_eq(addrvec_append4(&record.addresses, i, 1), 0);
    tables_of(&record.tables, packets, UINT64_C(40) * packets);
    return record;
}

Test(backlog, gives_records_in_order)
{
    struct backlog backlog = {0};
    cr_assert_null(backlog_front(&backlog));
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 5; i++) {
            struct record record = make(i * 60, i);
            cr_assert_eq(backlog_push(&backlog, &record), 0);
            cr_assert_eq(record.packets, 0, "taken over");
            cr_assert_null(record.addresses.address4);
            record_close(&record);
        }
        for (uint32_t i = 0; i < 5; i++) {
            struct record *record = backlog_front(&backlog);
            cr_assert_eq(record->start_s, i * 60);
            cr_assert_eq(addrvec_packets(&record->addresses), i);
            backlog_pop(&backlog);
        }
        cr_assert_null(backlog_front(&backlog));
        cr_assert_eq(backlog.bytes, 0);
    }
    backlog_close(&backlog);
}

Test(backlog, is_bounded_and_counts_what_it_lost)
{
    struct backlog backlog = {0};
    uint64_t held = 0;
    for (;;) {
        struct record record = make(0, 1 << 20);
        int rc = backlog_push(&backlog, &record);
        record_close(&record);
        if (rc) {
            cr_assert_eq(rc, ERR_FULL);
            break;
        }
        cr_assert_leq(++held * (12 << 20), BACKLOG_MAX_BYTES);
    }
    cr_assert_geq(held, 20);
    cr_assert_eq(backlog.lost_intervals, 1);
    cr_assert_eq(backlog.lost_packets, 1 << 20);
    cr_assert_leq(backlog.bytes, BACKLOG_MAX_BYTES);
    backlog_pop(&backlog);
    struct record record = make(60, 3);
    cr_assert_eq(backlog_push(&backlog, &record), 0);
    backlog_close(&backlog);
    cr_assert_eq(backlog.bytes, 0);
    cr_assert_null(backlog_front(&backlog));
}

Test(backlog, counts_the_memory_of_tables)
{
    struct backlog backlog = {0};
    struct record record = make(0, 0);
    for (uint32_t port = 0; port <= UINT16_MAX; port++)
        table_append(&record.tables.tcp_ports, (uint16_t)port, (struct sum){1, 40});
    cr_assert_eq(backlog_push(&backlog, &record), 0);
    cr_assert_geq(backlog.bytes, 65536 * (sizeof(uint16_t) + sizeof(struct sum) + sizeof(uint8_t)));
    backlog_close(&backlog);
    cr_assert_eq(backlog.bytes, 0);
}

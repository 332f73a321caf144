#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "collector/shipping.h"
#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/sealed.h"

/* A spool with one live epoch of `records` records, and an environment whose clock is ours. */
static char spool[64], errmsg[ERRMSG_SIZE];
static struct shipping shipping;
static struct ship_options options = {
    .aggregator = "unix:/a", .retention_s = 3600, .patience_s = 300};
static uint64_t clock_ms;
static unsigned connects, disconnects;
static bool refusing, busy;
static struct buf sent;

static uint64_t env_now_ms(void *user)
{
    (void)user;
    return clock_ms;
}

static int64_t env_now_s(void *user)
{
    (void)user;
    return 1773140000 + (int64_t)clock_ms / 1000;
}

static uint32_t env_random(void *user)
{
    (void)user;
    return 0; /* the least of each wait: its half */
}

static int env_connect(void *user, char *why)
{
    (void)user;
    connects++;
    return refusing ? err_set(why, ERR_INVALID, "no certificate") : 0;
}

static void env_disconnect(void *user)
{
    (void)user;
    disconnects++;
}

static bool env_free(void *user)
{
    (void)user;
    return !busy;
}

static void env_send(void *user, struct buf *bytes)
{
    (void)user;
    buf_put(&sent, bytes->bytes, bytes->size);
    bytes->size = 0;
}

static const struct shipping_env env = {NULL,        env_now_ms,     env_now_s, env_random,
                                        env_connect, env_disconnect, env_free,  env_send};

static void fill(unsigned records)
{
    struct spool_identity identity = {
        .epoch = {7}, .sensor = "tester", .darknet = "192.0.2.0/24", .first_ns = 1};
    struct spool_writer *writer;
    struct buf sealed;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), 0, "%s", errmsg);
    buf_init(&sealed);
    for (unsigned i = 1; i <= records; i++) {
        sealed.size = 0;
        sealed_put(&sealed, identity.epoch, i, 100);
        cr_assert_eq(spool_append(writer, sealed.bytes, sealed.size, errmsg), 0);
    }
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    buf_close(&sealed);
    spool_writer_close(writer);
}

static void start(unsigned records)
{
    struct spool_epoch *epochs;
    size_t count;
    if (records > 0)
        fill(records);
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(shipping_init(&shipping, &options, &env, epochs, count), 0);
    shipping_wake(&shipping);
}

static void set_up(void)
{
    folder_make(spool);
    options.spool = spool;
    clock_ms = 1000;
    buf_init(&sent);
}

static void tear_down(void)
{
    shipping_close(&shipping);
    buf_close(&sent);
    folder_remove(spool);
}

TestSuite(shipping, .init = set_up, .fini = tear_down);

/* Lets time pass as a loop does: called when it asked for it. */
static void pass(uint64_t ms)
{
    uint64_t until = clock_ms + ms;
    while (shipping_wake_ms(&shipping) <= until) {
        cr_assert_geq(shipping_wake_ms(&shipping), clock_ms);
        clock_ms = shipping_wake_ms(&shipping);
        shipping_wake(&shipping);
    }
    clock_ms = until;
}

static void hear(int (*put)(struct buf *out, uint64_t seq), uint64_t seq)
{
    struct buf frame;
    buf_init(&frame);
    put(&frame, seq);
    shipping_input(&shipping, frame.bytes, frame.size);
    buf_close(&frame);
}

static int put_hello(struct buf *out, uint64_t unused)
{
    (void)unused;
    return frame_put_hello(out);
}

static void stream(void)
{
    shipping_connected(&shipping);
    hear(put_hello, 0);
    hear(frame_put_resume, 0);
}

Test(shipping, empty_spool_does_not_connect)
{
    start(0);
    pass(60000);
    cr_expect_eq(connects, 0);
}

Test(shipping, waits_longer_after_each_failure)
{
    const uint64_t waits[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    start(1);
    for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
        cr_assert_eq(connects, i + 1);
        shipping_disconnected(&shipping);
        pass(waits[i] - 1);
        cr_assert_eq(connects, i + 1, "after %u failures", i + 1);
        pass(1);
    }
}

Test(shipping, progress_makes_the_next_wait_short_again)
{
    start(1);
    for (int i = 0; i < 5; i++) {
        shipping_disconnected(&shipping);
        pass(5000);
    }
    stream();
    shipping_disconnected(&shipping);
    unsigned before = connects;
    pass(100);
    cr_expect_eq(connects, before + 1);
}

Test(shipping, connection_that_cannot_even_begin_is_tried_again)
{
    refusing = true;
    start(1);
    cr_expect_eq(connects, 1);
    refusing = false;
    pass(100);
    cr_expect_eq(connects, 2);
    stream();
    cr_expect_eq(shipping.delivery.sent, 1);
}

Test(shipping, aggregator_that_does_not_answer_is_given_up)
{
    start(1);
    shipping_connected(&shipping);
    pass(SHIPPING_ANSWER_MS);
    cr_expect_eq(disconnects, 0);
    pass(2 * SHIPPING_TICK_MS);
    cr_expect_gt(disconnects, 0);
}

Test(shipping, connection_without_acknowledgements_is_given_up)
{
    start(2);
    stream();
    hear(frame_put_ack, 1);
    pass(SHIPPING_ACK_MS);
    cr_expect_eq(disconnects, 0);
    pass(2 * SHIPPING_TICK_MS);
    cr_expect_gt(disconnects, 0);
}

Test(shipping, connection_that_is_still_sending_is_not)
{
    start(2);
    stream();
    busy = true;
    pass(3 * SHIPPING_ACK_MS);
    cr_expect_eq(disconnects, 0);
}

Test(shipping, connection_on_which_nothing_is_due_is_not)
{
    start(1);
    stream();
    hear(frame_put_ack, 1);
    pass(3 * SHIPPING_ACK_MS);
    cr_expect_eq(disconnects, 0);
}

static void note(enum ship_note_kind kind)
{
    const struct ship_note word = {.kind = kind};
    shipping_note(&shipping, &word);
    shipping_noted(&shipping);
}

Test(shipping, drain_ends_when_all_is_acknowledged)
{
    start(1);
    stream();
    note(SHIP_DRAIN);
    cr_expect_not(shipping.finished);
    hear(frame_put_ack, 1);
    cr_expect(shipping.finished);
    cr_expect_eq(shipping_result(&shipping), SHIP_DELIVERED);
}

Test(shipping, drain_without_progress_is_given_up_when_patience_ends)
{
    start(1);
    note(SHIP_DRAIN);
    pass(options.patience_s * 1000 - SHIPPING_TICK_MS);
    cr_expect_not(shipping.finished);
    pass(2 * SHIPPING_TICK_MS);
    cr_expect(shipping.finished);
    cr_expect_eq(shipping_result(&shipping), SHIP_WAITING);
}

Test(shipping, stop_waits_for_its_time_and_no_longer)
{
    start(1);
    note(SHIP_STOP);
    pass(SHIP_STOP_MS - 2 * SHIPPING_STOP_TICK_MS);
    cr_expect_not(shipping.finished);
    pass(3 * SHIPPING_STOP_TICK_MS);
    cr_expect(shipping.finished);
}

/*
 * Applying records: `apply STORE SENSORS ADDRESSES MINUTES` seals a record of every minute of every
 * sensor beforehand, then offers them to lanes (aggregator/lane.h) over the store, unix://SOCKET or
 * redis-cluster://..., as connections would. Prints, a word and a number a line:
 *   rate     addresses applied a second, everything durable, with WINDOW records of a sensor under way
 *   records  the same in records
 *   cpu      ms of the aggregator's time a record, of the two runs
 *   bytes    a record, sealed
 * and of a single server:
 *   incr     pipelined INCRs of one key an address, a second, on the same server (the better of before
 *            and after)
 *   p50 p99  ms from offering a record to its acknowledgement, one at a time, the hour's close included
 *   stall    ms, the longest that another client has waited for a PING meanwhile
 *   stall_idle  the same while nothing is done
 *   stall_incr  the same during the INCRs
 *   block    ms, the longest call by the server's own clock (its slow log)
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "aggregator/lane.h"
#include "aggregator/stats.h"
#include "aggregator/store.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/schema.h"
#include "tests/bench/minutes.h"

#define START_S  (INT64_C(1795320000) + 55 * 60) /* so that the hour's close comes soon */
#define WINDOW   8
#define PIPELINE 10000

struct sensor {
    struct bench *bench;
    struct owner *owner;
    struct frame_open open;
    char darknet[32];
    struct buf *sealed; /* by minute */
    size_t offered, durable, window;
    uint64_t offered_ns;
    bool later;
};

struct bench {
    uv_loop_t loop;
    struct store store;
    struct lanes lanes;
    struct stats stats;
    struct storeurl url;
    const char *path; /* of the single server's socket; NULL: a cluster */
    struct sensor *sensors;
    size_t sensor_count, addresses, minutes, until, opened;
    uint64_t *waits_ns; /* of the records offered one at a time */
    size_t wait_count;
    bool up;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static double cpu_ms(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (double)spent.tv_sec * 1e3 + (double)spent.tv_nsec / 1e6;
}

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "apply: %s: %s\n", what, why);
    exit(1);
}

/* --- another client --------------------------------------------------------------------------- */

static _Atomic bool pinging = true;
static _Atomic uint64_t stall_ns;

static redisContext *connect_to(const char *path)
{
    redisContext *redis = redisConnectUnix(path);
    if (!redis || redis->err)
        stop(path, "cannot be reached");
    return redis;
}

static void *ping(void *path)
{
    redisContext *redis = connect_to(path);
    while (pinging) {
        uint64_t from_ns = now_ns();
        freeReplyObject(redisCommand(redis, "PING"));
        uint64_t took_ns = now_ns() - from_ns;
        if (took_ns > stall_ns)
            stall_ns = took_ns;
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    redisFree(redis);
    return NULL;
}

static void print_stall(const char *name)
{
    printf("%s %.2f\n", name, (double)atomic_exchange(&stall_ns, 0) / 1e6);
}

/* --- INCR ------------------------------------------------------------------------------------- */

static double measure_incr(const struct bench *bench, redisContext *redis)
{
    size_t keys = bench->sensor_count * bench->addresses;
    uint64_t from_ns = now_ns();
    for (size_t at = 0; at < keys; at += PIPELINE) {
        size_t end = at + PIPELINE < keys ? at + PIPELINE : keys;
        for (size_t i = at; i < end; i++)
            redisAppendCommand(redis, "INCR packets:%lu", (unsigned long)i);
        for (size_t i = at; i < end; i++) {
            void *reply = NULL;
            if (redisGetReply(redis, &reply) != REDIS_OK)
                stop("INCR", redis->errstr);
            freeReplyObject(reply);
        }
    }
    return (double)keys / ((double)(now_ns() - from_ns) / 1e9);
}

/* --- records ---------------------------------------------------------------------------------- */

static void seal_minute(struct minutes *minutes, struct buf *sealed, size_t minute)
{
    char errmsg[ERRMSG_SIZE];
    struct record record;
    record_init(&record);
    buf_init(sealed);
    minutes_fill(minutes, &record, minute + 1, START_S + (int64_t)minute * 60);
    if (record_seal(&record, sealed, errmsg))
        stop("seal", errmsg);
    record_close(&record);
}

static void make_sensor(struct bench *bench, size_t index)
{
    struct sensor *sensor = &bench->sensors[index];
    int length = 32;
    while ((size_t)1 << (32 - length) < bench->addresses)
        length--;
    struct minutes minutes = {.random = index + 1, .addresses = bench->addresses};
    minutes.first = UINT32_C(0x0a000000) + ((uint32_t)index << (32 - length));
    snprintf(minutes.sensor, sizeof minutes.sensor, "sensor-%zu", index);
    memset(minutes.epoch, 0x5e, EPOCH_SIZE);
    *sensor = (struct sensor){.bench = bench, .window = WINDOW};
    snprintf(sensor->darknet, sizeof sensor->darknet, "%u.%u.%u.%u/%d", minutes.first >> 24,
             minutes.first >> 16 & 255, minutes.first >> 8 & 255, minutes.first & 255, length);
    sensor->open = (struct frame_open){.darknet = sensor->darknet};
    memcpy(sensor->open.sensor, minutes.sensor, sizeof minutes.sensor);
    memcpy(sensor->open.epoch, minutes.epoch, EPOCH_SIZE);
    sensor->sealed = calloc(bench->minutes, sizeof *sensor->sealed);
    for (size_t i = 0; i < bench->minutes; i++)
        seal_minute(&minutes, &sensor->sealed[i], i);
}

/* --- a sensor's connection -------------------------------------------------------------------- */

static void offer(struct sensor *sensor)
{
    struct bench *bench = sensor->bench;
    while (!sensor->later && sensor->offered < bench->until &&
           sensor->offered - sensor->durable < sensor->window) {
        const struct buf *sealed = &sensor->sealed[sensor->offered];
        struct frame_refuse refuse;
        uint64_t durable;
        if (sensor->window == 1 && sensor->offered_ns == 0)
            sensor->offered_ns = now_ns();
        enum lane_taken taken =
            lane_record(sensor->owner, sealed->bytes, sealed->size, &durable, &refuse);
        if (taken == LANE_REFUSED)
            stop("record", refuse.text);
        sensor->later = taken == LANE_LATER;
        sensor->offered += taken == LANE_TAKEN;
    }
}

static void on_opened(void *data, uint64_t seq)
{
    struct sensor *sensor = data;
    if (seq != 0)
        stop("open", "the store is not empty");
    sensor->bench->opened++;
}

static void on_ready(void *data)
{
    struct sensor *sensor = data;
    sensor->later = false;
    offer(sensor);
}

static void on_durable(void *data, uint64_t seq)
{
    struct sensor *sensor = data;
    struct bench *bench = sensor->bench;
    sensor->durable = seq;
    if (sensor->window == 1) {
        bench->waits_ns[bench->wait_count++] = now_ns() - sensor->offered_ns;
        sensor->offered_ns = 0;
    }
}

static void on_refused(void *data, const struct frame_refuse *refuse)
{
    (void)data;
    stop("refused", refuse->text);
}

static const struct lane_events lane_events = {on_opened, on_ready, on_durable, on_refused};

/* --- the run ---------------------------------------------------------------------------------- */

static void on_up(void *data)
{
    struct bench *bench = data;
    bench->up = true;
}

static void on_down(void *data, int code, const char *why)
{
    (void)data;
    stop(err_str(code), why);
}

static void open_store(struct bench *bench)
{
    static const struct store_events events = {on_up, on_down};
    uv_loop_init(&bench->loop);
    store_init(&bench->store, &bench->loop, &bench->url, "UTC", &events, bench);
    lanes_init(&bench->lanes, &bench->store.storage, "", &bench->stats, 1);
    store_open(&bench->store);
    while (!bench->up)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

/* Makes the sensors known to the store: that a new one is compared with every other is not what is
 * measured. */
static void enter_sensors(const struct bench *bench)
{
    redisContext *redis = connect_to(bench->path);
    for (size_t i = 0; i < bench->sensor_count; i++) {
        const struct sensor *sensor = &bench->sensors[i];
        char key[SCHEMA_KEY_MAX], start_ns[32];
        schema_key_head(key, sensor->open.sensor);
        snprintf(start_ns, sizeof start_ns, "%" PRId64, START_S * INT64_C(1000000000));
        freeReplyObject(redisCommand(redis,
                                     "HSET %s n 1 folded 1 darknet %s from_ns %s until_ns %s", key,
                                     sensor->darknet, start_ns, start_ns));
    }
    redisFree(redis);
}

static void open_sensors(struct bench *bench)
{
    for (size_t i = 0; i < bench->sensor_count; i++) {
        struct sensor *sensor = &bench->sensors[i];
        struct frame_refuse refuse;
        if (lane_open(&bench->lanes, NULL, &sensor->open, &lane_events, sensor, &sensor->owner,
                      &refuse))
            stop("open", refuse.text);
        while (bench->opened <= i)
            uv_run(&bench->loop, UV_RUN_ONCE);
    }
}

static bool all_durable(const struct bench *bench)
{
    for (size_t i = 0; i < bench->sensor_count; i++)
        if (bench->sensors[i].durable < bench->until)
            return false;
    return true;
}

/* Applies the minutes up to `until` with so many records of a sensor under way. Seconds. */
static double apply_until(struct bench *bench, size_t until, size_t window)
{
    uint64_t from_ns = now_ns();
    bench->until = until;
    for (size_t i = 0; i < bench->sensor_count; i++)
        bench->sensors[i].window = window;
    while (!all_durable(bench)) {
        for (size_t i = 0; i < bench->sensor_count; i++)
            offer(&bench->sensors[i]);
        uv_run(&bench->loop, UV_RUN_ONCE);
    }
    return (double)(now_ns() - from_ns) / 1e9;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_waits(struct bench *bench)
{
    size_t count = bench->wait_count;
    qsort(bench->waits_ns, count, sizeof *bench->waits_ns, by_size);
    printf("p50 %.2f\n", (double)bench->waits_ns[count / 2] / 1e6);
    printf("p99 %.2f\n", (double)bench->waits_ns[count - 1 - count / 100] / 1e6);
}

static void print_block(redisContext *redis)
{
    redisReply *log = redisCommand(redis, "SLOWLOG GET -1");
    long long longest = 0;
    for (size_t i = 0; i < log->elements; i++)
        if (log->element[i]->element[2]->integer > longest)
            longest = log->element[i]->element[2]->integer;
    printf("block %.2f\n", (double)longest / 1e3);
    freeReplyObject(log);
}

/* Half of the minutes one at a time, the others with more under way. */
static void measure_apply(struct bench *bench)
{
    size_t alone = bench->minutes / 2;
    double cpu = cpu_ms();
    apply_until(bench, alone, 1);
    print_waits(bench);
    double took_s = apply_until(bench, bench->minutes, WINDOW);
    printf("cpu %.3f\n", (cpu_ms() - cpu) / (double)(bench->minutes * bench->sensor_count));
    double records = (double)((bench->minutes - alone) * bench->sensor_count) / took_s;
    printf("records %.1f\nrate %.0f\n", records, records * (double)bench->addresses);
    printf("bytes %zu\n", bench->sensors[0].sealed[0].size);
}

static void measure_single(struct bench *bench)
{
    pthread_t pinger;
    redisContext *redis = connect_to(bench->path);
    if (pthread_create(&pinger, NULL, ping, (void *)bench->path))
        stop("thread", "cannot be made");
    double incr = measure_incr(bench, redis);
    print_stall("stall_incr");
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    print_stall("stall_idle");
    freeReplyObject(redisCommand(redis, "CONFIG SET slowlog-log-slower-than 500"));
    freeReplyObject(redisCommand(redis, "SLOWLOG RESET"));
    measure_apply(bench);
    print_stall("stall");
    print_block(redis);
    double again = measure_incr(bench, redis);
    printf("incr %.0f\n", incr > again ? incr : again);
    redisFree(redis);
    pinging = false;
    pthread_join(pinger, NULL);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char errmsg[ERRMSG_SIZE];
    if (argc != 5) {
        fputs("Usage: apply STORE SENSORS ADDRESSES MINUTES\n", stderr);
        return 2;
    }
    if (storeurl_parse(&bench.url, argv[1], errmsg))
        stop(argv[1], errmsg);
    if (strncmp(argv[1], "unix://", 7) == 0)
        bench.path = argv[1] + 7;
    bench.sensor_count = (size_t)atol(argv[2]);
    bench.addresses = (size_t)atol(argv[3]);
    bench.minutes = (size_t)atol(argv[4]);
    calendar_init("UTC", NULL);
    bench.sensors = calloc(bench.sensor_count, sizeof *bench.sensors);
    bench.waits_ns = calloc(bench.sensor_count * bench.minutes, sizeof *bench.waits_ns);
    for (size_t i = 0; i < bench.sensor_count; i++)
        make_sensor(&bench, i);
    open_store(&bench);
    if (bench.path)
        enter_sensors(&bench);
    open_sensors(&bench);
    if (bench.path)
        measure_single(&bench);
    else
        measure_apply(&bench);
    fflush(stdout);
    _Exit(0); /* with lanes open: what the store has is thrown away with it */
}

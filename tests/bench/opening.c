/*
 * Opening: `opening STORE STATE SENSORS` opens so many new sensors on lanes (aggregator/lane.h) over the
 * store, unix://SOCKET, PEER_OPENING_MAX of them at a time, as connections would. Each has a /24 of its own,
 * none delivers anything. With a STATE directory they are enrolled in its registry; with "-" they are not,
 * and so each is compared with all. Prints the seconds until all are open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "aggregator/lane.h"
#include "aggregator/peer.h"
#include "aggregator/registry.h"
#include "aggregator/store.h"
#include "common/clock.h"

struct sensor {
    struct frame_open open;
    struct owner *owner;
    char darknet[32], inventory[40];
};

static uv_loop_t loop;
static struct store store;
static struct lanes lanes;
static struct stats stats;
static struct sensor *sensors;
static size_t count, opened;
static bool up;

static _Noreturn void stop(const char *what, const char *why)
{
    fprintf(stderr, "opening: %s: %s\n", what, why);
    exit(1);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_up(void *data)
{
    (void)data;
    up = true;
}

static void on_down(void *data, int code, const char *why)
{
    (void)data;
    stop(err_str(code), why);
}

static void on_opened(void *data, uint64_t seq)
{
    (void)data, (void)seq;
    opened++;
}

static void on_ready(void *data)
{
    (void)data;
}

static void on_durable(void *data, uint64_t seq)
{
    (void)data, (void)seq;
}

static void on_refused(void *data, const struct frame_refuse *refuse)
{
    (void)data;
    stop("refused", refuse->text);
}

/* --- sensors ---------------------------------------------------------------------------------- */

static void enrol(const char *state, struct sensor *sensor)
{
    char errmsg[ERRMSG_SIZE];
    struct enrolment enrolment = {0};
    strcpy(enrolment.name, sensor->open.sensor);
    inventory_init(&enrolment.inventory);
    if (inventory_parse(&enrolment.inventory, sensor->inventory, errmsg) != 0 ||
        registry_write(state, &enrolment, errmsg) != 0)
        stop("enrol", errmsg);
    enrolment_close(&enrolment);
    sensor->open.inventory = sensor->inventory;
}

static void make_sensor(size_t i, const char *state)
{
    struct sensor *sensor = &sensors[i];
    snprintf(sensor->darknet, sizeof sensor->darknet, "10.%zu.%zu.0/24", i >> 8 & 255, i & 255);
    snprintf(sensor->inventory, sizeof sensor->inventory, "0=%s", sensor->darknet);
    snprintf(sensor->open.sensor, sizeof sensor->open.sensor, "sensor-%zu", i);
    sensor->open.darknet = sensor->darknet;
    memset(sensor->open.epoch, 1, EPOCH_SIZE);
    if (state)
        enrol(state, sensor);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void open_store(const char *text, const char *state)
{
    static const struct store_events events = {on_up, on_down};
    struct storeurl url;
    char errmsg[ERRMSG_SIZE];
    if (storeurl_parse(&url, text, errmsg) != 0)
        stop(text, errmsg);
    uv_loop_init(&loop);
    store_init(&store, &loop, &url, "UTC", &events, NULL);
    lanes_init(&lanes, &store.storage, state, &stats, 1);
    store_open(&store);
    while (!up)
        uv_run(&loop, UV_RUN_ONCE);
}

static void open_sensors(void)
{
    static const struct lane_events events = {on_opened, on_ready, on_durable, on_refused};
    struct frame_refuse refuse;
    for (size_t asked = 0; opened < count;) {
        for (; asked < count && asked - opened < PEER_OPENING_MAX; asked++)
            if (lane_open(&lanes, NULL, &sensors[asked].open, &events, &sensors[asked],
                          &sensors[asked].owner, &refuse) != 0)
                stop("open", refuse.text);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const char *state = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
    count = strtoul(argv[3], NULL, 10);
    sensors = calloc(count, sizeof *sensors);
    if (!sensors)
        stop("memory", "out of it");
    calendar_init("UTC", NULL);
    for (size_t i = 0; i < count; i++)
        make_sensor(i, state);
    open_store(argv[1], state);
    int64_t begun_ms = monotonic_ms();
    open_sensors();
    printf("%.2f\n", (double)(monotonic_ms() - begun_ms) / 1000);
    fflush(stdout);
    _Exit(0); /* with lanes open: what the store has is thrown away with it */
}

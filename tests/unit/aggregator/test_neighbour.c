/* Sensors that open on the lanes of two aggregators, over one store, one by one and many at once: what is
 * compared with what, against a model that goes through all pairs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/lane.h"
#include "aggregator/registry.h"
#include "common/err.h"
#include "tests/unit/aggregator/keymap.h"
#include "tests/unit/aggregator/sensor.h"

#define SENSORS 14
#define HUBS    2
#define START_S INT64_C(1795320000)

/* --- a store ---------------------------------------------------------------------------------- */

struct request {
    struct request *next;
    storage_done_fn *done;
    void *data;
    int code;
};

/* An aggregator: what it asks is done at once, and answered in its order by settle(). */
struct hub {
    struct storage storage; /* the first: it is what the lanes have */
    struct request *first, *last;
    struct lanes lanes;
    struct stats stats;
};

static struct keymap keys;
static struct hub hubs[HUBS];

static int ask(struct storage *storage, int code, storage_done_fn *done, void *data)
{
    struct hub *hub = (struct hub *)storage;
    struct request *request = calloc(1, sizeof *request);
    *request = (struct request){NULL, done, data, code};
    if (hub->last)
        hub->last->next = request;
    else
        hub->first = request;
    hub->last = request;
    return 0;
}

static int put(struct storage *storage, const struct put *what, storage_done_fn *done, void *data)
{
    enum keymap_answer answer = keymap_call(&keys, what);
    cr_assert_neq(answer, KEYMAP_ERROR);
    return ask(storage, answer == KEYMAP_OK ? 0 : ERR_STALE, done, data);
}

static int fetch(struct storage *storage, struct fetch *what, storage_done_fn *done, void *data)
{
    keymap_fetch(&keys, what);
    return ask(storage, 0, done, data);
}

static int add_sensor(struct storage *storage, const char *sensor, storage_done_fn *done,
                      void *data)
{
    keymap_sadd(&keys, SCHEMA_SENSORS, sensor);
    return ask(storage, 0, done, data);
}

/* Answers the oldest request; false when there is none. */
static bool answer(struct hub *hub)
{
    struct request *request = hub->first;
    if (!request)
        return false;
    hub->first = request->next;
    if (!hub->first)
        hub->last = NULL;
    request->done(request->data, request->code, "");
    free(request);
    return true;
}

static void settle(struct hub *hub)
{
    while (answer(hub))
        ;
}

/* --- sensors ---------------------------------------------------------------------------------- */

struct sensor {
    char name[8], darknet[128], inventory[160]; /* that it opens with next, or opened with */
    char known[128]; /* what it opened with first, or has in the store; empty: nothing */
    bool enrolled, stored;
    struct hub *hub; /* on which it is; NULL: none */
    struct owner *owner;
    uint64_t seq;
    bool opened;
    struct frame_refuse refuse;
};

static struct sensor sensors[SENSORS];
static char state[] = "/tmp/darkcount-neighbour-XXXXXX";

static void on_opened(void *data, uint64_t seq)
{
    struct sensor *sensor = data;
    cr_expect_eq(seq, sensor->seq);
    sensor->opened = true;
}

static void on_ready(void *data)
{
    (void)data;
}

static void on_durable(void *data, uint64_t seq)
{
    struct sensor *sensor = data;
    cr_expect_eq(seq, sensor->seq);
    sensor->stored = true;
}

static void on_refused(void *data, const struct frame_refuse *refuse)
{
    struct sensor *sensor = data;
    sensor->refuse = *refuse;
    sensor->owner = NULL;
}

/* Few addresses, so that many share some: /28 to /32, and the same of IPv6. */
static void choose_darknet(struct sensor *sensor, uint64_t *random)
{
    char *list = sensor->darknet;
    *list = '\0';
    for (uint64_t count = 1 + sensor_random(random) % 2; count > 0; count--) {
        unsigned bits = (unsigned)(sensor_random(random) % 5), used = (unsigned)strlen(list);
        unsigned host = (unsigned)(sensor_random(random) % 256) >> bits << bits;
        bool six = sensor_random(random) % 2;
        snprintf(list + used, sizeof sensor->darknet - used,
                 six ? "%s2001:db8::%x/%u" : "%s10.0.0.%u/%u", used ? "," : "", host,
                 (six ? 128 : 32) - bits);
    }
    snprintf(sensor->inventory, sizeof sensor->inventory, "0=%s", list);
}

/* The sensor's file in the registry, or the directory of all. */
static const char *path_of(const struct sensor *sensor)
{
    static char path[128];
    snprintf(path, sizeof path, "%.60s/%s%s%.8s%s", state, REGISTRY_DIRECTORY, sensor ? "/" : "",
             sensor ? sensor->name : "", sensor ? ".conf" : "");
    return path;
}

static void make_sensors(uint64_t *random)
{
    for (size_t i = 0; i < SENSORS; i++) {
        struct sensor *sensor = &sensors[i];
        *sensor = (struct sensor){.enrolled = sensor_random(random) % 2};
        snprintf(sensor->name, sizeof sensor->name, "s%zu", i);
        unlink(path_of(sensor));
        FILE *file = sensor->enrolled ? fopen(path_of(sensor), "w") : NULL;
        cr_assert_eq(file != NULL, sensor->enrolled);
        if (file)
            fclose(file);
        choose_darknet(sensor, random);
    }
}

static void begin_open(struct sensor *sensor, struct hub *hub)
{
    static const struct lane_events events = {on_opened, on_ready, on_durable, on_refused};
    struct frame_open open = {.darknet = sensor->darknet, .first_ns = 1};
    strcpy(open.sensor, sensor->name);
    memset(open.epoch, 1, EPOCH_SIZE);
    open.inventory = sensor->enrolled ? sensor->inventory : NULL;
    sensor->opened = false;
    sensor->hub = hub;
    cr_assert_eq(
        lane_open(&hub->lanes, NULL, &open, &events, sensor, &sensor->owner, &sensor->refuse), 0);
}

/* A record of nothing: every darknet has that. */
static void deliver(struct sensor *sensor, uint64_t *random)
{
    struct record record;
    struct buf sealed;
    struct frame_refuse refuse;
    uint64_t durable;
    int64_t start_s = START_S + (int64_t)sensor->seq * 60;
    sensor->seq++;
    record_init(&record);
    do {
        record_close(&record);
        record_init(&record);
        sensor_record(&record, sensor->name, 1, sensor->seq, start_s, random);
    } while (record.packets > 0);
    buf_init(&sealed);
    cr_assert_eq(record_seal(&record, &sealed, NULL), 0);
    record_close(&record);
    while (lane_record(sensor->owner, sealed.bytes, sealed.size, &durable, &refuse) == LANE_LATER)
        settle(sensor->hub);
    settle(sensor->hub);
    cr_assert(sensor->stored);
    buf_close(&sealed);
}

static void leave(struct sensor *sensor)
{
    lane_release(sensor->owner);
    settle(sensor->hub);
    sensor->owner = NULL;
    sensor->hub = NULL;
    if (!sensor->stored)
        *sensor->known = '\0';
}

/* --- the model -------------------------------------------------------------------------------- */

static bool share(const char *a, const char *b)
{
    struct prefixset *left = neighbour_parse(a), *right = neighbour_parse(b);
    bool shares = prefixset_overlap(left, right, NULL);
    prefixset_free(left);
    prefixset_free(right);
    return shares;
}

/* Whether `sensor`, which comes to the hub, must not because of the other one. */
static bool naive_conflict(const struct sensor *sensor, const struct sensor *other,
                           const struct hub *hub)
{
    bool seen = other->stored || (other->owner && other->hub == hub);
    return other != sensor && seen && !(sensor->enrolled && other->enrolled) &&
           share(sensor->darknet, other->known);
}

static void canonical(const char *list, char text[128])
{
    struct prefixset *set = neighbour_parse(list);
    char *shortest = prefixset_text(set);
    snprintf(text, 128, "%s", shortest);
    free(shortest);
    prefixset_free(set);
}

static void expect_named(const struct sensor *sensor, const struct hub *hub, const bool *accepted)
{
    const char *words = " is in the darknet of sensor ";
    const char *name = strstr(sensor->refuse.text, words);
    cr_assert(name, "%s", sensor->refuse.text);
    name += strlen(words);
    const struct sensor *other = &sensors[atoi(name + 1)];
    cr_expect_eq(strncmp(name, other->name, strlen(other->name)), 0);
    cr_expect_eq(sensor->refuse.final, other->stored, "%s", sensor->refuse.text);
    cr_expect(naive_conflict(sensor, other, hub) && accepted[other - sensors], "%s",
              sensor->refuse.text);
}

/* What must have come of the opening of one; `accepted`: who is in, or has been, as of then. */
static void expect_opening(struct sensor *sensor, struct hub *hub, bool *accepted)
{
    char list[128];
    bool conflict = false;
    canonical(sensor->darknet, list);
    bool same = strcmp(list, sensor->known) == 0, other_space = *sensor->known && !same;
    for (size_t i = 0; i < SENSORS && !same; i++)
        conflict |= accepted[i] && naive_conflict(sensor, &sensors[i], hub);
    bool refused = conflict || (other_space && !sensor->enrolled);
    cr_assert_eq(sensor->opened, !refused, "%s %s: %s", sensor->name, sensor->darknet,
                 sensor->refuse.text);
    if (refused) {
        cr_expect_eq(sensor->refuse.code, REFUSE_IDENTITY);
        if (conflict)
            expect_named(sensor, hub, accepted);
        sensor->hub = NULL;
        return;
    }
    if (!*sensor->known)
        strcpy(sensor->known, list);
    accepted[sensor - sensors] = true;
}

/* Some that are nowhere open at once; each is compared with those before it. */
static unsigned open_some(struct hub *hub, uint64_t *random)
{
    struct sensor *some[SENSORS];
    size_t count = 0, most = 1 + sensor_random(random) % SENSORS;
    unsigned refused = 0;
    bool accepted[SENSORS];
    for (size_t i = 0; i < SENSORS; i++)
        accepted[i] = sensors[i].owner || sensors[i].stored;
    for (size_t i = 0; i < SENSORS && count < most; i++) {
        struct sensor *sensor = &sensors[(i * 5 + most) % SENSORS];
        if (sensor->owner || sensor_random(random) % 2)
            continue;
        if (sensor_random(random) % 4 == 0)
            choose_darknet(sensor, random);
        some[count++] = sensor;
    }
    for (size_t i = 0; i < count; i++) {
        begin_open(some[i], hub);
        for (uint64_t answers = sensor_random(random) % 4; answers > 0; answers--)
            answer(hub);
    }
    settle(hub);
    for (size_t i = 0; i < count; i++) {
        expect_opening(some[i], hub, accepted);
        refused += !some[i]->opened;
    }
    return refused;
}

/* --- the test --------------------------------------------------------------------------------- */

static void make_registry(void)
{
    cr_assert(mkdtemp(state));
    cr_assert_eq(mkdir(path_of(NULL), 0700), 0);
    calendar_init("UTC", NULL);
}

static void remove_registry(void)
{
    for (size_t i = 0; i < SENSORS; i++)
        unlink(path_of(&sensors[i]));
    rmdir(path_of(NULL));
    rmdir(state);
}

TestSuite(neighbour, .init = make_registry, .fini = remove_registry);

static void begin(uint64_t *random)
{
    make_sensors(random);
    for (size_t i = 0; i < HUBS; i++) {
        struct hub *hub = &hubs[i];
        *hub = (struct hub){
            .storage = {.up = true, .put = put, .fetch = fetch, .add_sensor = add_sensor}};
        lanes_init(&hub->lanes, &hub->storage, state, &hub->stats, i);
    }
}

static void end(void)
{
    for (size_t i = 0; i < SENSORS; i++)
        if (sensors[i].owner)
            leave(&sensors[i]);
    for (size_t i = 0; i < HUBS; i++) {
        cr_expect_null(hubs[i].lanes.first);
        cr_expect_null(hubs[i].lanes.by_name);
        cr_expect_null(hubs[i].lanes.claims.root);
        stats_close(&hubs[i].stats);
    }
    keymap_close(&keys);
    keys = (struct keymap){0};
}

Test(neighbour, sensors_that_share_an_address_are_not_both_let_in, .timeout = 300)
{
    uint64_t random = 4711;
    unsigned refused = 0, opened = 0;
    for (unsigned round = 0; round < 60; round++) {
        begin(&random);
        for (unsigned step = 0; step < 30; step++) {
            refused += open_some(&hubs[sensor_random(&random) % HUBS], &random);
            struct sensor *sensor = &sensors[sensor_random(&random) % SENSORS];
            opened += sensor->owner != NULL;
            if (sensor->owner && sensor_random(&random) % 2)
                deliver(sensor, &random);
            else if (sensor->owner)
                leave(sensor);
        }
        end();
    }
    cr_expect(refused > 500 && opened > 500, "%u refused, %u open", refused, opened);
}

/* What the other aggregator has accepted since the list was read is seen by who comes after that. */
Test(neighbour, who_comes_while_the_list_is_read_is_compared_with_a_newer_one)
{
    uint64_t random = 1;
    begin(&random);
    static const char *const darknets[] = {"192.0.2.0/24", "198.51.100.0/24", "10.0.0.0/24",
                                           "10.0.0.0/25"};
    struct sensor *first = &sensors[0], *known = &sensors[1], *fresh = &sensors[2];
    struct sensor *second = &sensors[3];
    for (size_t i = 0; i < 4; i++) {
        sensors[i].enrolled = false;
        strcpy(sensors[i].darknet, darknets[i]);
    }
    begin_open(known, &hubs[1]);
    settle(&hubs[1]);
    deliver(known, &random);
    begin_open(first, &hubs[0]);
    cr_assert(answer(&hubs[0])); /* what the store has of it: the list was asked for */
    begin_open(fresh, &hubs[1]);
    settle(&hubs[1]);
    deliver(fresh, &random);
    begin_open(second, &hubs[0]);
    settle(&hubs[0]);
    cr_expect(known->opened && first->opened && fresh->opened && !second->opened);
    cr_expect(strstr(second->refuse.text, "10.0.0.0/25 is in the darknet of sensor s2"), "%s",
              second->refuse.text);
    end();
}

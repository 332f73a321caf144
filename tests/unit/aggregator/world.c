#include "tests/unit/aggregator/world.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

const int64_t world_places[5] = {1774742400, 1792890000, 1777573800, 1798756200, 1577833200};

/* --- the store -------------------------------------------------------------------------------- */

static int take_all(struct world *world, struct load *load, char *errmsg)
{
    int rc;
    do {
        keymap_fetch(&world->store, &load->fetch);
        rc = load_take(load, errmsg);
    } while (rc == 0);
    load_close(load);
    return rc;
}

static int turn(struct world *world, int64_t at_s, char *errmsg)
{
    struct load load;
    return load_turn(&load, &world->part, at_s) ? take_all(world, &load, errmsg) : 1;
}

static int load_part(struct world *world, char *errmsg)
{
    struct load load;
    part_close(&world->part);
    part_init(&world->part, "s");
    snprintf(world->part.writer, sizeof world->part.writer, "%p-%u", (void *)world, world->loads++);
    world->part.keep = world->keep;
    world->part.now_s = world->now_s;
    load_begin(&load, &world->part);
    return take_all(world, &load, errmsg);
}

int world_load(struct world *world, int64_t at_s, char *errmsg)
{
    int rc = load_part(world, errmsg);
    return rc < 0 || part_holds(&world->part, at_s) ? rc : turn(world, at_s, errmsg);
}

void world_reload(struct world *world)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(load_part(world, errmsg), 1, "%s", errmsg);
    world->reloads++;
}

void world_begin(struct world *world, const char *zone)
{
    char errmsg[ERRMSG_SIZE] = "";
    *world = (struct world){.keep = {.minute_records = PART_MINUTE_RECORDS}};
    cr_assert_eq(calendar_init(zone, errmsg), 0, "%s", errmsg);
    world->applied = calloc(WORLD_MOST, sizeof *world->applied);
    part_init(&world->part, "s");
    world_reload(world);
}

void world_end(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        record_close(&world->applied[i].record);
    free(world->applied);
    part_close(&world->part);
    keymap_close(&world->store);
}

static void send_redis(struct world *world, const struct put *put)
{
    size_t argc = 3, most = argc + put->keys.count + put->args.count;
    const char **argv = calloc(most, sizeof *argv);
    size_t *sizes = calloc(most, sizeof *sizes);
    char count[24];
    snprintf(count, sizeof count, "%zu", put->keys.count);
    argv[0] = "FCALL";
    argv[1] = "darkcount_put";
    argv[2] = count;
    for (size_t i = 0; i < argc; i++)
        sizes[i] = strlen(argv[i]);
    for (size_t i = 0; i < put->keys.count; i++, argc++)
        argv[argc] = put_string(put, &put->keys, i, &sizes[argc]);
    for (size_t i = 0; i < put->args.count; i++, argc++)
        argv[argc] = put_string(put, &put->args, i, &sizes[argc]);
    redisReply *reply = redisCommandArgv(world->redis, (int)argc, argv, sizes);
    cr_assert(reply && reply->str && strcmp(reply->str, "OK") == 0, "%s",
              reply && reply->str ? reply->str : "no reply");
    freeReplyObject(reply);
    free(argv);
    free(sizes);
}

void world_send(struct world *world, struct put *put, int rc)
{
    cr_assert_eq(rc, 0);
    cr_assert(keymap_put(&world->store, put), "a guard does not hold");
    if (world->redis)
        send_redis(world, put);
    put_close(put);
}

uint64_t world_head(const struct world *world, const char *field)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, "s");
    const struct keymap_entry *entry = keymap_find(&world->store, key, field);
    return entry ? strtoull((char *)entry->bytes, NULL, 10) : 0;
}

/* --- records ---------------------------------------------------------------------------------- */

uint64_t world_open(struct world *world, uint8_t epoch, bool replay)
{
    struct frame_open open = {.replay = replay};
    struct frame_refuse refuse;
    uint64_t seq = 0;
    memset(open.epoch, epoch, EPOCH_SIZE);
    cr_assert_eq(apply_open(&world->part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    return seq;
}

void world_fold(struct world *world)
{
    struct put put;
    put_init(&put);
    world_send(world, &put, apply_fold(&world->part, &put));
    world->folds++;
}

/* The span of a record, but with those of its minute before it no more than the minute. */
static uint64_t observed_by(const struct world *world, const struct record *record)
{
    uint64_t left = 60 * (uint64_t)NS_PER_S;
    uint64_t span = (uint64_t)(record->last_ns - record->first_ns) + 1;
    for (size_t i = 0; i < world->count; i++)
        if (world->applied[i].record.start_s == record->start_s)
            left -= world->applied[i].observed_ns;
    return span < left ? span : left;
}

void world_apply(struct world *world, struct record *record)
{
    char errmsg[ERRMSG_SIZE] = "";
    if (apply_fold_due(&world->part, record->start_s))
        world_fold(world);
    if (!part_holds(&world->part, record->start_s)) {
        cr_assert_eq(turn(world, record->start_s, errmsg), 1, "%s", errmsg);
        world->turns++;
    }
    struct put put;
    struct buf sealed;
    put_init(&put);
    buf_init(&sealed);
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    world_send(world, &put,
               apply_record(&world->part, record, (struct chunk){sealed.bytes, sealed.size}, &put));
    buf_close(&sealed);
    cr_assert_lt(world->count, WORLD_MOST);
    struct world_record *applied = &world->applied[world->count];
    *applied = (struct world_record){*record, world->part.n, observed_by(world, record)};
    world->count++;
    world->seq[record->epoch[0]] = record->seq;
}

static bool overlaps_another(const struct world *world, const struct record *record)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct record *other = &world->applied[i].record;
        if (memcmp(other->epoch, record->epoch, EPOCH_SIZE) != 0 &&
            span_overlap((struct span){other->first_ns, other->last_ns},
                         (struct span){record->first_ns, record->last_ns}))
            return true;
    }
    return false;
}

void world_deliver(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random)
{
    struct record record;
    struct frame_refuse refuse;
    uint8_t uuid[EPOCH_SIZE];
    memset(uuid, epoch, EPOCH_SIZE);
    bool again = world->seq[epoch] > 0 && sensor_random(random) >> 60 == 0;
    record_init(&record);
    sensor_record(&record, "s", epoch, world->seq[epoch] + !again, start_s, random);
    cr_assert_eq(world_open(world, epoch, false), world->seq[epoch]);
    int expected = again ? 1 : overlaps_another(world, &record) ? ERR_REFUSED : 0;
    cr_assert_eq(apply_check(&world->part, uuid, &record, &refuse), expected);
    if (expected == ERR_REFUSED) {
        cr_assert_eq(refuse.code, REFUSE_OVERLAP);
        world->overlaps++;
    }
    if (expected == 0)
        world_apply(world, &record);
    else
        record_close(&record);
}

void world_deliver_new(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random)
{
    for (size_t count = world->count; world->count == count;)
        world_deliver(world, epoch, start_s, random);
}

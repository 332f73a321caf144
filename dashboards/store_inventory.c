/* The inventories of the sensors, and up to when each of them is to have observed. */
#include "dashboards/store_link.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define MINUTE_S 60
#define NS_PER_S INT64_C(1000000000)

static int take_hash(struct store *store, struct inventory_stored *stored, const char *key,
                     const redisReply *reply, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i + 1 < reply->elements; i += 2) {
        const redisReply *field = reply->element[i], *value = reply->element[i + 1];
        rc = field->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING
                 ? inventory_stored_take(stored, field->str, value->str, value->len)
                 : ERR_DAMAGED;
    }
    if (rc == 0)
        rc = inventory_stored_finish(stored);
    return rc ? store_bad_value(store, key, rc, errmsg) : 0;
}

/* The restatements, and the versions if there are any: without, those that the records imply hold. */
static void take_over(struct store_sensor *sensor, struct inventory_stored *stored)
{
    sensor->changes = stored->restated;
    sensor->change_count = stored->restated_count;
    stored->restated = NULL;
    for (size_t i = 0; i < sensor->change_count; i++) {
        int year = sensor->changes[i].year;
        if (year >= STORE_YEAR_MIN && year <= STORE_YEAR_MAX)
            sensor->restated[year - STORE_YEAR_MIN]++;
    }
    if (stored->inventory.count == 0)
        return;
    inventory_close(&sensor->inventory);
    sensor->inventory = stored->inventory;
    inventory_init(&stored->inventory);
    sensor->enrolled = true;
}

/* Of an archive nothing is expected outside of what it observed. What is enrolled, or once was live, is
 * expected to observe until its inventory says otherwise. */
static void bound(struct store_sensor *sensor, int64_t now_s)
{
    int64_t due_s = (now_s - STORE_GRACE_S) / MINUTE_S * MINUTE_S;
    sensor->expected_from_ns = sensor->enrolled ? 0 : sensor->from_ns;
    sensor->expected_until_ns = sensor->until_ns;
    if ((sensor->enrolled || sensor->live) && due_s * NS_PER_S - 1 > sensor->until_ns)
        sensor->expected_until_ns = due_s * NS_PER_S - 1;
}

static double addresses_at(const struct inventory *inventory, int64_t at_s)
{
    double size = 0;
    for (size_t i = 0; i < inventory->count && inventory->versions[i].from_s <= at_s; i++)
        if (inventory->versions[i].size > 0)
            size = inventory->versions[i].size;
    return size;
}

static int send_inventory(struct store *store, size_t i, void *user, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    (void)user;
    schema_key_inventory(key, store->sensors[i].name);
    return store_send(store, errmsg, "HGETALL %s", key);
}

static int receive_inventory(struct store *store, size_t i, void *user, char *errmsg)
{
    struct store_sensor *sensor = &store->sensors[i];
    char key[SCHEMA_KEY_MAX];
    struct inventory_stored stored;
    redisReply *reply;
    (void)user;
    schema_key_inventory(key, sensor->name);
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    inventory_stored_init(&stored);
    rc = take_hash(store, &stored, key, reply, errmsg);
    freeReplyObject(reply);
    if (rc == 0) {
        take_over(sensor, &stored);
        bound(sensor, store->now_s);
        sensor->addresses = addresses_at(&sensor->inventory, store->now_s);
    }
    inventory_stored_close(&stored);
    return rc;
}

int store_read_inventories(struct store *store, char *errmsg)
{
    const struct store_talk talk = {store->count, 0, NULL, send_inventory, receive_inventory, true};
    return store_talk(store, &talk, errmsg);
}

#include "aggregator/neighbour.h"

#include <stdio.h>
#include <string.h>

#include "aggregator/registry.h"
#include "common/prefix.h"
#include "common/schema.h"

struct prefixset *neighbour_parse(const char *list)
{
    struct prefixset *set = prefixset_new();
    if (set && prefixset_add(set, list, NULL) == 0 && prefixset_settle(set, NULL) == 0)
        return set;
    prefixset_free(set);
    return NULL;
}

bool neighbour_shares(const char *sensor, const struct prefixset *darknet, const char *other,
                      const struct prefixset *other_darknet, struct frame_refuse *refuse)
{
    char where[64];
    if (!darknet || !other_darknet || !prefixset_overlap(darknet, other_darknet, where))
        return false;
    refuse->code = REFUSE_IDENTITY;
    refuse->final = true;
    snprintf(refuse->text, sizeof refuse->text,
             "%s is in the darknet of sensor %s: counted by %s as well it would count twice", where,
             other, sensor);
    return true;
}

static void finish(struct neighbours *check, int code, const struct frame_refuse *refuse,
                   const char *why)
{
    fetch_close(&check->fetch);
    check->done(check->data, code, refuse, why);
}

static void entered(void *data, int code, const char *why)
{
    finish(data, code == ERR_REFUSED ? ERR_IO : code, NULL, why);
}

/* The darknet of another sensor, whose name stands in the key. */
static bool shares_item(const struct neighbours *check, const struct prefixset *ours,
                        const struct fetch_item *item, struct frame_refuse *refuse)
{
    const char *other = item->key + strlen("darkcount:{");
    char name[SCHEMA_KEY_MAX];
    if (item->count == 0)
        return false;
    struct prefixset *theirs = neighbour_parse(item->values[0].bytes);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(other, "}"), other);
    bool shares = neighbour_shares(check->sensor, ours, name, theirs, refuse);
    prefixset_free(theirs);
    return shares;
}

static void compare(void *data, int code, const char *why)
{
    struct neighbours *check = data;
    struct frame_refuse refuse = {0};
    if (code) {
        finish(check, code, NULL, why);
        return;
    }
    struct prefixset *ours = neighbour_parse(check->darknet);
    bool shares = false;
    for (size_t i = 0; i < check->fetch.count && !shares; i++)
        shares = shares_item(check, ours, &check->fetch.items[i], &refuse);
    prefixset_free(ours);
    if (shares) {
        finish(check, ERR_REFUSED, &refuse, "");
        return;
    }
    int rc = check->store->add_sensor(check->store, check->sensor, entered, check);
    if (rc)
        finish(check, rc, NULL, err_str(rc));
}

static void listed(void *data, int code, const char *why)
{
    struct neighbours *check = data;
    if (code) {
        finish(check, code, NULL, why);
        return;
    }
    struct fetch names = check->fetch;
    const struct fetch_item *set = &names.items[0];
    fetch_init(&check->fetch);
    for (size_t i = 0; i < set->count; i++) {
        char key[SCHEMA_KEY_MAX];
        if (!sensor_name_valid(set->values[i].bytes) ||
            strcmp(set->values[i].bytes, check->sensor) == 0 ||
            registry_has(check->registry, set->values[i].bytes))
            continue;
        schema_key_head(key, set->values[i].bytes);
        fetch_ask(&check->fetch, FETCH_FIELD, key, "darknet");
    }
    fetch_close(&names);
    if (check->fetch.count == 0) {
        compare(check, 0, "");
        return;
    }
    int rc = check->store->fetch(check->store, &check->fetch, compare, check);
    if (rc)
        finish(check, rc, NULL, err_str(rc));
}

int neighbours_check(struct neighbours *check, struct storage *store, const char *sensor,
                     const char *darknet, const char *registry, neighbours_done_fn *done,
                     void *data)
{
    *check = (struct neighbours){.store = store,
                                 .sensor = sensor,
                                 .darknet = darknet,
                                 .registry = registry,
                                 .done = done,
                                 .data = data};
    fetch_init(&check->fetch);
    fetch_ask(&check->fetch, FETCH_SET, SCHEMA_SENSORS, NULL);
    int rc = store->fetch(store, &check->fetch, listed, check);
    if (rc)
        fetch_close(&check->fetch);
    return rc;
}

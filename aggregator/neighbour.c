#include "aggregator/neighbour.h"

#include <stdio.h>
#include <string.h>

#include "aggregator/registry.h"
#include "common/err.h"
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

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(struct neighbour *neighbour, int code, const char *why)
{
    struct prefixset *addresses = neighbour->addresses;
    neighbour->done(neighbour->data, code, &neighbour->refuse, why); /* it may be gone now */
    prefixset_free(addresses);
}

static struct neighbour *pop(struct neighbour **list)
{
    struct neighbour *neighbour = *list;
    if (neighbour)
        *list = neighbour->next;
    return neighbour;
}

static int ask_list(struct neighbours *all);

/* Those that were compared are done with: turns to those that have come meanwhile. */
static void finish_all(struct neighbours *all, int code, const char *why)
{
    struct neighbour *neighbour;
    for (;;) {
        fetch_close(&all->fetch);
        while ((neighbour = pop(&all->compared)) != NULL)
            finish(neighbour, code, why);
        all->busy = all->waiting != NULL;
        if (!all->busy || (code = ask_list(all)) == 0)
            return;
        why = err_str(code);
    }
}

static void entered(void *data, int code, const char *why)
{
    finish(data, code == ERR_REFUSED ? ERR_IO : code, why);
}

static void decide(struct neighbours *all, struct neighbour *neighbour)
{
    int rc = neighbour->shares
                 ? ERR_REFUSED
                 : all->store->add_sensor(all->store, neighbour->sensor, entered, neighbour);
    if (rc)
        finish(neighbour, rc, neighbour->shares ? "" : err_str(rc));
}

/* --- comparing -------------------------------------------------------------------------------- */

/* A sensor of the store. */
struct other {
    const struct neighbours *all;
    char name[SENSOR_NAME_MAX + 1];
    struct prefixset *addresses;
};

static bool note_shared(void *data, const struct holder *holder)
{
    const struct other *other = data;
    struct neighbour *ours = holder->owner;
    if (!ours->shares && strcmp(ours->sensor, other->name) != 0 &&
        !(ours->enrolled && registry_has(other->all->registry, other->name)))
        ours->shares = neighbour_shares(ours->sensor, ours->addresses, other->name,
                                        other->addresses, &ours->refuse);
    return false;
}

/* The darknet of another sensor, whose name stands in the key. */
static void compare_item(const struct neighbours *all, const struct claims *claims,
                         const struct fetch_item *item)
{
    const char *name = item->key + strlen("darkcount:{");
    struct other other = {.all = all};
    if (item->count > 0)
        other.addresses = neighbour_parse(item->values[0].bytes);
    if (!other.addresses)
        return;
    snprintf(other.name, sizeof other.name, "%.*s", (int)strcspn(name, "}"), name);
    claims_each(claims, other.addresses, note_shared, &other);
    prefixset_free(other.addresses);
}

/* Compares the few that are new with each of the many in the store. */
static int compare_all(const struct neighbours *all)
{
    struct claims claims = {0};
    int rc = 0;
    for (struct neighbour *ours = all->compared; ours && rc == 0; ours = ours->next)
        rc = claims_add(&claims, &ours->holder);
    for (size_t i = 0; i < all->fetch.count && rc == 0; i++)
        compare_item(all, &claims, &all->fetch.items[i]);
    for (struct neighbour *ours = all->compared; ours; ours = ours->next)
        claims_drop(&claims, &ours->holder);
    return rc;
}

static void compare(void *data, int code, const char *why)
{
    struct neighbours *all = data;
    struct neighbour *neighbour;
    int rc = code ? code : compare_all(all);
    while (rc == 0 && (neighbour = pop(&all->compared)) != NULL)
        decide(all, neighbour);
    finish_all(all, rc, code ? why : err_str(rc));
}

/* --- the list --------------------------------------------------------------------------------- */

/* Whether those of the registry are to be compared, too. */
static bool any_stranger(const struct neighbours *all)
{
    const struct neighbour *ours = all->compared;
    while (ours && ours->enrolled)
        ours = ours->next;
    return ours != NULL;
}

static void ask_darknets(struct neighbours *all, const struct fetch_item *names)
{
    bool everyone = any_stranger(all);
    for (size_t i = 0; i < names->count; i++) {
        char key[SCHEMA_KEY_MAX];
        const char *name = names->values[i].bytes;
        if (!sensor_name_valid(name) || !(everyone || !registry_has(all->registry, name)))
            continue;
        schema_key_head(key, name);
        fetch_ask(&all->fetch, FETCH_FIELD, key, "darknet");
    }
}

static void listed(void *data, int code, const char *why)
{
    struct neighbours *all = data;
    struct fetch list = all->fetch;
    int rc = code;
    fetch_init(&all->fetch);
    if (code == 0)
        ask_darknets(all, &list.items[0]);
    fetch_close(&list);
    if (rc == 0 && (all->fetch.count > 0 || all->fetch.failed))
        rc = all->store->fetch(all->store, &all->fetch, compare, all);
    else if (rc == 0)
        compare(all, 0, "");
    if (rc)
        finish_all(all, rc, code ? why : err_str(rc));
}

/* Begins with all that wait. */
static int ask_list(struct neighbours *all)
{
    all->compared = all->waiting;
    all->waiting = all->last = NULL;
    fetch_init(&all->fetch);
    fetch_ask(&all->fetch, FETCH_SET, SCHEMA_SENSORS, NULL);
    return all->store->fetch(all->store, &all->fetch, listed, all);
}

void neighbours_init(struct neighbours *all, struct storage *store, const char *registry)
{
    *all = (struct neighbours){.store = store, .registry = registry};
}

static void append(struct neighbours *all, struct neighbour *neighbour)
{
    if (all->last)
        all->last->next = neighbour;
    else
        all->waiting = neighbour;
    all->last = neighbour;
}

int neighbours_check(struct neighbours *all, struct neighbour *neighbour)
{
    neighbour->next = NULL;
    neighbour->shares = false;
    neighbour->addresses = neighbour_parse(neighbour->darknet);
    neighbour->holder = (struct holder){neighbour->sensor, neighbour->addresses, neighbour};
    if (!neighbour->addresses)
        return ERR_NOMEM; /* the list is canonical */
    append(all, neighbour);
    if (all->busy)
        return 0;
    int rc = ask_list(all);
    all->busy = rc == 0;
    if (rc) {
        fetch_close(&all->fetch);
        prefixset_free(pop(&all->compared)->addresses);
    }
    return rc;
}

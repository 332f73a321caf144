#include "aggregator/inventories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/registry.h"
#include "common/err.h"
#include "common/log.h"

static void next(struct inventories *all);

void inventories_init(struct inventories *all, struct storage *store, const struct lanes *lanes,
                      const char *registry, void (*again)(void *data), void *data)
{
    *all = (struct inventories){
        .store = store, .lanes = lanes, .registry = registry, .again = again, .data = data};
    fetch_init(&all->fetch);
}

static void free_entries(struct inventories_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].text);
    free(entries);
}

void inventories_close(struct inventories *all)
{
    fetch_close(&all->fetch);
    inventory_put_close(&all->change);
    free_entries(all->entries, all->count);
}

void inventories_forget(struct inventories *all)
{
    for (size_t i = 0; i < all->count; i++)
        all->entries[i].settled = false;
}

/* --- the registry ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct inventories_entry *)a)->name,
                  ((const struct inventories_entry *)b)->name);
}

/* Whether the store is known to have just this already. */
static bool is_settled(const struct inventories *all, const struct inventories_entry *entry)
{
    const struct inventories_entry *before =
        all->count ? bsearch(entry, all->entries, all->count, sizeof *entry, compare) : NULL;
    return before && before->settled && strcmp(before->text, entry->text) == 0;
}

static int read_registry(struct inventories *all, char *errmsg)
{
    struct enrolment *list;
    size_t count, made = 0;
    int rc = registry_list(all->registry, &list, &count, errmsg);
    if (rc)
        return rc;
    struct inventories_entry *entries = calloc(count + 1, sizeof *entries);
    for (; entries && made < count; made++) {
        struct inventories_entry *entry = &entries[made];
        memcpy(entry->name, list[made].name, sizeof entry->name);
        entry->text = enrolment_expected(&list[made]);
        if (!entry->text)
            break;
        entry->settled = is_settled(all, entry);
    }
    registry_list_free(list, count);
    if (!entries || made < count) {
        free_entries(entries, entries ? made : 0);
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    }
    free_entries(all->entries, all->count);
    all->entries = entries;
    all->count = count;
    return 0;
}

/* --- one sensor ------------------------------------------------------------------------------- */

/* The sensor at hand is done with: `code` says how. What another aggregator or a lane was faster in, or
 * a store that is away, is tried again later; what is damaged is told. */
static void finish(struct inventories *all, int code, const char *why)
{
    fetch_close(&all->fetch);
    fetch_init(&all->fetch);
    inventory_put_close(&all->change);
    all->change = (struct inventory_put){0};
    all->busy = false;
    if (code == ERR_STALE || code == ERR_UNREACHABLE) {
        all->again(all->data);
        return;
    }
    if (code)
        log_warn("the inventory of sensor %s is not in the store: %s", all->entries[all->at].name,
                 why);
    all->entries[all->at].settled = true;
    next(all);
}

static void entered(void *data, int code, const char *why)
{
    finish(data, code, why);
}

/* Readers find it among the sensors from now on, even before it has delivered anything. */
static void written(void *data, int code, const char *why)
{
    struct inventories *all = data;
    const char *sensor = all->change.sensor;
    int rc = code ? code : all->store->add_sensor(all->store, sensor, entered, all);
    if (rc)
        finish(all, rc, code ? why : err_str(rc));
}

static void write_change(struct inventories *all)
{
    uint64_t n = all->change.n;
    struct put put;
    put_init(&put);
    lanes_calls(all->lanes, all->change.sensor, &n);
    int rc = inventory_put_write(&all->change, n, time(NULL), &put);
    if (rc == 0)
        rc = all->store->put(all->store, &put, written, all);
    put_close(&put);
    if (rc)
        finish(all, rc, err_str(rc));
}

static void years_answered(void *data, int code, const char *why)
{
    struct inventories *all = data;
    if (code) {
        finish(all, code, why);
        return;
    }
    inventory_put_take_years(&all->change, &all->fetch);
    write_change(all);
}

static void sensors_answered(void *data, int code, const char *why)
{
    struct inventories *all = data;
    struct fetch names = all->fetch;
    fetch_init(&all->fetch);
    if (code == 0)
        inventory_put_ask_years(&all->fetch, &names.items[0]);
    fetch_close(&names);
    int rc = code || all->fetch.count == 0
                 ? code
                 : all->store->fetch(all->store, &all->fetch, years_answered, all);
    if (rc)
        finish(all, rc, code ? why : err_str(rc));
    else if (all->fetch.count == 0)
        write_change(all);
}

static void answered(void *data, int code, const char *why)
{
    struct inventories *all = data;
    char errmsg[ERRMSG_SIZE];
    const char *text = all->entries[all->at].text;
    if (code) {
        finish(all, code, why);
        return;
    }
    int rc = inventory_put_compare(&all->change, &all->fetch, text, time(NULL), errmsg);
    if (rc || (!all->change.differs && !*text)) {
        finish(all, rc, errmsg);
    } else if (!all->change.differs) {
        written(all, 0, "");
    } else if (!all->change.any_year) {
        write_change(all);
    } else {
        fetch_close(&all->fetch);
        fetch_init(&all->fetch);
        fetch_ask(&all->fetch, FETCH_SET, SCHEMA_SENSORS, NULL);
        rc = all->store->fetch(all->store, &all->fetch, sensors_answered, all);
        if (rc)
            finish(all, rc, err_str(rc));
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Begins with the first sensor that the store may not know as it is. */
static void next(struct inventories *all)
{
    char errmsg[ERRMSG_SIZE];
    if (all->stale) {
        all->stale = false;
        if (read_registry(all, errmsg) != 0)
            log_warn("registry: %s", errmsg);
    }
    for (all->at = 0; all->at < all->count && all->entries[all->at].settled;)
        all->at++;
    if (all->at == all->count || !all->store->up)
        return;
    inventory_put_init(&all->change, all->entries[all->at].name);
    inventory_put_ask(&all->change, &all->fetch);
    all->busy = true;
    int rc = all->store->fetch(all->store, &all->fetch, answered, all);
    if (rc)
        finish(all, rc, err_str(rc));
}

void inventories_look(struct inventories *all)
{
    all->stale = true;
    if (!all->busy)
        next(all);
}

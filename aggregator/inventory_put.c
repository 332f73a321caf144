#include "aggregator/inventory_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

enum { ITEM_INVENTORY, ITEM_N, ITEM_DARKNET, ITEM_FROM, ITEM_UNTIL, ITEM_LIVE };

void inventory_put_init(struct inventory_put *change, const char *sensor)
{
    *change = (struct inventory_put){0};
    snprintf(change->sensor, sizeof change->sensor, "%s", sensor);
}

void inventory_put_close(struct inventory_put *change)
{
    inventory_stored_close(&change->stored);
    inventory_close(&change->wanted);
}

void inventory_put_ask(const struct inventory_put *change, struct fetch *fetch)
{
    static const char *const fields[] = {"n", "darknet", "from_ns", "until_ns", "live"};
    char key[SCHEMA_KEY_MAX];
    schema_key_inventory(key, change->sensor);
    fetch_ask(fetch, FETCH_HASH, key, NULL);
    schema_key_head(key, change->sensor);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        fetch_ask(fetch, FETCH_FIELD, key, fields[i]);
}

/* --- comparing -------------------------------------------------------------------------------- */

static int take_stored(struct inventory_stored *stored, const struct fetch_item *hash)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i + 1 < hash->count; i += 2)
        rc = inventory_stored_take(stored, hash->values[i].bytes, hash->values[i + 1].bytes,
                                   hash->values[i + 1].size);
    return rc ? rc : inventory_stored_finish(stored);
}

static int64_t number(const struct fetch_value *value)
{
    return value ? strtoll(value->bytes, NULL, 10) : 0;
}

/* What readers have gone by so far: nothing, before the first record and without an inventory. */
static int take_before(const struct inventory_put *change, const struct fetch *fetch,
                       struct inventory *before)
{
    const struct fetch_value *darknet = fetch_value(fetch, ITEM_DARKNET);
    char *text = change->stored.inventory.count ? inventory_text(&change->stored.inventory) : NULL;
    int rc = change->stored.inventory.count && !text ? ERR_NOMEM : 0;
    if (text)
        rc = inventory_parse(before, text, NULL);
    else if (rc == 0 && darknet)
        rc = inventory_implied(before, darknet->bytes, number(fetch_value(fetch, ITEM_FROM)),
                               number(fetch_value(fetch, ITEM_UNTIL)),
                               fetch_value(fetch, ITEM_LIVE) != NULL);
    free(text);
    return rc;
}

static void find_years(struct inventory_put *change, const struct inventory *before, int64_t now_s)
{
    for (int i = 0; i < INVENTORY_PUT_YEARS; i++) {
        struct period year = calendar_date(LEVEL_YEAR, INVENTORY_PUT_YEAR_MIN + i, 1, 1);
        if (year.end_s > now_s)
            return;
        change->years[i] = inventory_differs(before, &change->wanted, &year);
        change->any_year |= change->years[i];
    }
}

int inventory_put_compare(struct inventory_put *change, const struct fetch *fetch,
                          const char *wanted, int64_t now_s, char *errmsg)
{
    const struct fetch_item *hash = &fetch->items[ITEM_INVENTORY];
    struct inventory before;
    int rc = fetch->failed ? ERR_NOMEM : take_stored(&change->stored, hash);
    if (rc)
        return err_set(errmsg, rc, "%s: %s", hash->key, err_str(rc));
    change->n = (uint64_t)number(fetch_value(fetch, ITEM_N));
    rc = inventory_parse(&change->wanted, wanted, errmsg);
    if (rc)
        return rc;
    char *stored = inventory_text(&change->stored.inventory);
    inventory_init(&before);
    rc = stored ? take_before(change, fetch, &before) : ERR_NOMEM;
    change->differs = stored && strcmp(stored, wanted) != 0;
    if (rc == 0 && change->differs)
        find_years(change, &before, now_s);
    inventory_close(&before);
    free(stored);
    return rc ? err_set(errmsg, rc, "inventory of sensor %s: %s", change->sensor, err_str(rc)) : 0;
}

/* --- years with data -------------------------------------------------------------------------- */

void inventory_put_ask_years(struct fetch *fetch, const struct fetch_item *sensors)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const struct period year = {.level = LEVEL_YEAR, .year = INVENTORY_PUT_YEAR_MIN};
    for (size_t i = 0; i < sensors->count; i++) {
        if (!sensor_name_valid(sensors->values[i].bytes))
            continue;
        schema_key_totals(key, field, sensors->values[i].bytes, &year);
        fetch_ask(fetch, FETCH_HASH, key, NULL);
    }
}

void inventory_put_take_years(struct inventory_put *change, const struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        for (size_t k = 0; k + 1 < fetch->items[i].count; k += 2) {
            int64_t year = number(&fetch->items[i].values[k]) - INVENTORY_PUT_YEAR_MIN;
            if (year >= 0 && year < INVENTORY_PUT_YEARS)
                change->with_data[year] = true;
        }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The version of the inventory that begins at that very time, or NULL. */
static const struct inventory_version *beginning(const struct inventory *inventory, int64_t from_s)
{
    const struct inventory_version *version = inventory_at(inventory, from_s);
    return version && version->from_s == from_s ? version : NULL;
}

static void put_versions(const struct inventory_put *change, const char *key, struct put *put)
{
    const struct inventory *stored = &change->stored.inventory, *wanted = &change->wanted;
    char field[INVENTORY_FIELD_MAX];
    for (size_t i = 0; i < stored->count; i++) {
        inventory_field(field, stored->versions[i].from_s);
        if (!beginning(wanted, stored->versions[i].from_s))
            put_hdel(put, key, field);
    }
    for (size_t i = 0; i < wanted->count; i++) {
        const struct inventory_version *version = &wanted->versions[i];
        const struct inventory_version *there = beginning(stored, version->from_s);
        inventory_field(field, version->from_s);
        if (!there || strcmp(there->list, version->list) != 0)
            put_hset(put, key, field, *version->list ? version->list : INVENTORY_NOTHING);
    }
}

static void put_restated(const struct inventory_put *change, const char *key, int64_t now_s,
                         struct put *put)
{
    char field[INVENTORY_FIELD_MAX], text[INVENTORY_RESTATED_MAX];
    inventory_restated_format(text, now_s);
    for (int i = 0; i < INVENTORY_PUT_YEARS; i++) {
        int year = INVENTORY_PUT_YEAR_MIN + i;
        if (!change->years[i] || !change->with_data[i])
            continue;
        inventory_restated_field(field, year, inventory_restatements(&change->stored, year) + 1);
        put_hset(put, key, field, text);
    }
}

int inventory_put_write(const struct inventory_put *change, uint64_t n, int64_t now_s,
                        struct put *put)
{
    char head[SCHEMA_KEY_MAX], key[SCHEMA_KEY_MAX];
    schema_key_head(head, change->sensor);
    schema_key_inventory(key, change->sensor);
    put_begin_beside(put, head, n);
    put_versions(change, key, put);
    put_restated(change, key, now_s, put);
    return put_failed(put) ? ERR_NOMEM : 0;
}

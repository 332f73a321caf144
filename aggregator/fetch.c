#include "aggregator/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/err.h"
#include "common/list.h"

void fetch_init(struct fetch *fetch)
{
    *fetch = (struct fetch){0};
}

void fetch_close(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        for (size_t j = 0; j < fetch->items[i].count; j++)
            free(fetch->items[i].values[j].bytes);
        free(fetch->items[i].values);
    }
    free(fetch->items);
    fetch_init(fetch);
}

void fetch_ask(struct fetch *fetch, enum fetch_kind kind, const char *key, const char *field)
{
    struct fetch_item *items = list_room(fetch->items, fetch->count, &fetch->room, sizeof *items);
    if (!items) {
        fetch->failed = true;
        return;
    }
    fetch->items = items;
    struct fetch_item *item = &fetch->items[fetch->count++];
    *item = (struct fetch_item){.kind = kind};
    snprintf(item->key, sizeof item->key, "%s", key);
    snprintf(item->field, sizeof item->field, "%s", field ? field : "");
}

void fetch_answer(struct fetch *fetch, size_t index, const void *bytes, size_t size)
{
    struct fetch_item *item = &fetch->items[index];
    struct fetch_value *values = list_room(item->values, item->count, &item->room, sizeof *values);
    item->values = values ? values : item->values;
    char *copy = values ? malloc(size + 1) : NULL;
    if (!copy) {
        fetch->failed = true;
        return;
    }
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    item->values[item->count++] = (struct fetch_value){copy, size};
}

const struct fetch_value *fetch_value(const struct fetch *fetch, size_t index)
{
    const struct fetch_item *item = &fetch->items[index];
    return item->count ? &item->values[0] : NULL;
}

/* --- values that are cut ---------------------------------------------------------------------- */

static struct chunk chunk_of(const struct fetch_value *value)
{
    return (struct chunk){(const uint8_t *)value->bytes, value->size};
}

/* The number of chunks of an item's value; 1 for what is no value in chunks. */
static int announced(const struct fetch_item *item, char *errmsg)
{
    if (item->kind != FETCH_STRING || item->count == 0)
        return 1;
    int count = chunk_announced(chunk_of(&item->values[0]));
    return count < 0 ? err_set(errmsg, count, "%s: %s", item->key, err_str(count)) : count;
}

int fetch_rest(const struct fetch *fetch, struct fetch *rest, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    for (size_t i = 0; i < fetch->count; i++) {
        int count = announced(&fetch->items[i], errmsg);
        if (count < 0)
            return count;
        for (int c = 1; c < count; c++) {
            schema_key_chunk(key, fetch->items[i].key, (size_t)c);
            fetch_ask(rest, FETCH_STRING, key, NULL);
        }
    }
    return rest->failed ? err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : 0;
}

/* Joins the value of an item with the answers of `rest` from `at` on. */
static int join_item(struct fetch_item *item, size_t count, const struct fetch *rest, size_t at)
{
    struct chunk chunks[CHUNKS_MAX];
    struct buf whole;
    chunks[0] = chunk_of(&item->values[0]);
    for (size_t c = 1; c < count; c++) {
        const struct fetch_value *value = fetch_value(rest, at + c - 1);
        if (!value)
            return ERR_DAMAGED;
        chunks[c] = chunk_of(value);
    }
    buf_init(&whole);
    int rc = chunk_join(chunks, count, &whole);
    buf_put_u8(&whole, 0); /* as behind every value */
    if (rc == 0 && whole.failed)
        rc = ERR_NOMEM;
    if (rc) {
        buf_close(&whole);
        return rc;
    }
    free(item->values[0].bytes);
    item->values[0] = (struct fetch_value){(char *)whole.bytes, whole.size - 1};
    return 0;
}

int fetch_join(struct fetch *fetch, const struct fetch *rest, char *errmsg)
{
    size_t at = 0;
    for (size_t i = 0; i < fetch->count; i++) {
        int count = announced(&fetch->items[i], errmsg);
        int rc = count > 1 ? join_item(&fetch->items[i], (size_t)count, rest, at) : 0;
        if (rc)
            return err_set(errmsg, rc, "%s, which is cut into %d: %s", fetch->items[i].key, count,
                           err_str(rc));
        at += (size_t)count - 1;
    }
    return 0;
}

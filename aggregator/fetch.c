#include "aggregator/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Room for one more element of `size` bytes behind `count` of them. */
static bool grow(void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;
    size_t wanted = *room ? *room * 2 : 4;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger)
        return false;
    *array = bigger;
    *room = wanted;
    return true;
}

void fetch_ask(struct fetch *fetch, enum fetch_kind kind, const char *key, const char *field)
{
    void *items = fetch->items;
    if (!grow(&items, fetch->count, &fetch->room, sizeof *fetch->items)) {
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
    void *values = item->values;
    char *copy = malloc(size + 1);
    if (!copy || !grow(&values, item->count, &item->room, sizeof *item->values)) {
        free(copy);
        fetch->failed = true;
        return;
    }
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    item->values = values;
    item->values[item->count++] = (struct fetch_value){copy, size};
}

const struct fetch_value *fetch_value(const struct fetch *fetch, size_t index)
{
    const struct fetch_item *item = &fetch->items[index];
    return item->count ? &item->values[0] : NULL;
}

#include "tests/unit/aggregator/keymap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/hll.h"

static uint64_t hash_of(const char *key, const char *field)
{
    return murmurhash64a(key, strlen(key), 1) ^ murmurhash64a(field, strlen(field), 2);
}

struct keymap_entry *keymap_find(const struct keymap *map, const char *key, const char *field)
{
    uint64_t hash = hash_of(key, field);
    for (size_t i = 0; i < map->count; i++) {
        struct keymap_entry *entry = &map->entries[i];
        if (entry->hash == hash && strcmp(entry->key, key) == 0 && strcmp(entry->field, field) == 0)
            return entry;
    }
    return NULL;
}

/* When the fields expire that a hash has; 0: never, or it has none. */
static int64_t expiry_of(const struct keymap *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key, key) == 0)
            return map->entries[i].expires_s;
    return 0;
}

static void store(struct keymap *map, const char *key, const char *field, const void *bytes,
                  size_t size)
{
    struct keymap_entry *entry = keymap_find(map, key, field);
    if (!entry) {
        int64_t expires_s = *field ? expiry_of(map, key) : 0;
        if (map->count == map->room) {
            map->room = map->room ? map->room * 2 : 64;
            map->entries = realloc(map->entries, map->room * sizeof *map->entries);
        }
        entry = &map->entries[map->count++];
        *entry = (struct keymap_entry){.hash = hash_of(key, field),
                                       .key = strdup(key),
                                       .field = strdup(field),
                                       .expires_s = expires_s};
    }
    entry->bytes = realloc(entry->bytes, size + 1);
    memcpy(entry->bytes, bytes, size);
    entry->bytes[size] = '\0';
    entry->size = size;
    if (!*field)
        entry->expires_s = 0; /* as SET does */
}

static void entry_free(struct keymap_entry *entry)
{
    free(entry->key);
    free(entry->field);
    free(entry->bytes);
}

static void remove_entry(struct keymap *map, struct keymap_entry *entry)
{
    entry_free(entry);
    *entry = map->entries[--map->count];
}

/* Without a field: the whole key. */
static void unlink_key(struct keymap *map, const char *key, const char *field)
{
    struct keymap_entry *entry = keymap_find(map, key, field);
    if (entry)
        remove_entry(map, entry);
}

static void expire(struct keymap *map, const char *key, const char *at_s)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key, key) == 0)
            map->entries[i].expires_s = atoll(at_s);
}

void keymap_expire(struct keymap *map, int64_t now_s)
{
    for (size_t i = map->count; i-- > 0;)
        if (map->entries[i].expires_s && map->entries[i].expires_s <= now_s)
            remove_entry(map, &map->entries[i]);
}

void keymap_close(struct keymap *map)
{
    for (size_t i = 0; i < map->count; i++)
        entry_free(&map->entries[i]);
    free(map->entries);
    *map = (struct keymap){0};
}

/* A string of the put, copied; the last few stay valid. */
static const char *text_of(const struct put *put, const struct put_list *list, size_t index)
{
    static char copies[8][8192];
    static unsigned next;
    size_t size;
    const char *bytes = put_string(put, list, index, &size);
    char *copy = copies[next++ % 8];
    assert(size < sizeof copies[0]);
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

static bool guarded(const struct keymap *map, const struct put *put)
{
    const char *head = text_of(put, &put->keys, 0);
    const struct keymap_entry *n = keymap_find(map, head, "n");
    if (strcmp(n ? (char *)n->bytes : "0", text_of(put, &put->args, 0)) != 0)
        return false;
    const char *field = text_of(put, &put->args, 2);
    if (!*field)
        return true;
    const struct keymap_entry *epoch = keymap_find(map, head, field);
    uint64_t seq = epoch ? strtoull((char *)epoch->bytes, NULL, 10) : 0;
    return seq == strtoull(text_of(put, &put->args, 3), NULL, 10);
}

bool keymap_put(struct keymap *map, const struct put *put)
{
    if (!guarded(map, put))
        return false;
    const struct put_list *args = &put->args;
    size_t key = 1, size;
    for (size_t at = 4; at < args->count;) {
        const char *operation = text_of(put, args, at++);
        const char *name = text_of(put, &put->keys, strcmp(operation, "HEAD") == 0 ? 0 : key++);
        const char *field = "";
        if (strcmp(operation, "UNLINK") == 0) {
            unlink_key(map, name, "");
            continue;
        }
        if (strcmp(operation, "HDEL") == 0) {
            unlink_key(map, name, text_of(put, args, at++));
            continue;
        }
        if (strcmp(operation, "EXPIREAT") == 0) {
            expire(map, name, text_of(put, args, at++));
            continue;
        }
        if (strcmp(operation, "SET") != 0)
            field = text_of(put, args, at++);
        const char *value = put_string(put, args, at++, &size);
        store(map, name, field, value, size);
    }
    assert(key == put->keys.count);
    const char *n = text_of(put, args, 1);
    store(map, text_of(put, &put->keys, 0), "n", n, strlen(n));
    return true;
}

static void fetch_hash(const struct keymap *map, struct fetch *fetch, size_t index)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct keymap_entry *entry = &map->entries[i];
        if (strcmp(entry->key, fetch->items[index].key) != 0)
            continue;
        fetch_answer(fetch, index, entry->field, strlen(entry->field));
        fetch_answer(fetch, index, entry->bytes, entry->size);
    }
}

void keymap_fetch(const struct keymap *map, struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        const struct fetch_item *item = &fetch->items[i];
        if (item->kind == FETCH_HASH) {
            fetch_hash(map, fetch, i);
            continue;
        }
        const struct keymap_entry *entry = keymap_find(map, item->key, item->field);
        if (entry)
            fetch_answer(fetch, i, entry->bytes, entry->size);
    }
}

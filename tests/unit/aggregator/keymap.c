#include "tests/unit/aggregator/keymap.h"

#include <stdlib.h>
#include <string.h>

#include "common/hll.h"

/* A word of a put: not ended by a NUL. */
struct word {
    const char *bytes;
    size_t size;
};

static uint64_t hash_of(struct word word)
{
    return murmurhash64a(word.bytes, word.size, 1);
}

static struct word text(const char *bytes)
{
    return (struct word){bytes, strlen(bytes)};
}

static bool same(struct word word, const char *bytes)
{
    return strlen(bytes) == word.size && memcmp(word.bytes, bytes, word.size) == 0;
}

static char *copy(const void *bytes, size_t size)
{
    char *room = malloc(size + 1);
    if (!room)
        abort();
    memcpy(room, bytes, size);
    room[size] = '\0';
    return room;
}

/* --- entries ---------------------------------------------------------------------------------- */

static struct keymap_entry *find(const struct keymap *map, struct word key, struct word field)
{
    uint64_t key_hash = hash_of(key), field_hash = hash_of(field);
    for (size_t i = 0; i < map->count; i++) {
        struct keymap_entry *entry = &map->entries[i];
        if (entry->key_hash == key_hash && entry->field_hash == field_hash &&
            same(key, entry->key) && same(field, entry->field))
            return entry;
    }
    return NULL;
}

struct keymap_entry *keymap_find(const struct keymap *map, const char *key, const char *field)
{
    return find(map, text(key), text(field));
}

static struct keymap_entry *add(struct keymap *map)
{
    if (map->count == map->room) {
        map->room = map->room ? map->room * 2 : 64;
        map->entries = realloc(map->entries, map->room * sizeof *map->entries);
        if (!map->entries)
            abort();
    }
    return &map->entries[map->count++];
}

static bool of_key(const struct keymap_entry *entry, uint64_t hash, struct word key)
{
    return entry->key_hash == hash && same(key, entry->key);
}

/* When the key expires; 0: never, or it is not there. */
static int64_t expiry_of(const struct keymap *map, struct word key)
{
    uint64_t hash = hash_of(key);
    for (size_t i = 0; i < map->count; i++)
        if (of_key(&map->entries[i], hash, key))
            return map->entries[i].expires_s;
    return 0;
}

static void store(struct keymap *map, enum keymap_kind kind, struct word key, struct word field,
                  struct word value)
{
    struct keymap_entry *entry = find(map, key, field);
    if (entry) {
        free(entry->bytes);
    } else {
        int64_t expires_s = kind == KEYMAP_HASH ? expiry_of(map, key) : 0;
        entry = add(map);
        *entry = (struct keymap_entry){.key_hash = hash_of(key),
                                       .field_hash = hash_of(field),
                                       .kind = kind,
                                       .expires_s = expires_s,
                                       .key = copy(key.bytes, key.size),
                                       .field = copy(field.bytes, field.size)};
    }
    entry->bytes = (uint8_t *)copy(value.bytes, value.size);
    entry->size = value.size;
    if (kind == KEYMAP_STRING)
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

static void unlink_key(struct keymap *map, struct word key)
{
    uint64_t hash = hash_of(key);
    for (size_t i = map->count; i-- > 0;)
        if (of_key(&map->entries[i], hash, key))
            remove_entry(map, &map->entries[i]);
}

static void remove_field(struct keymap *map, struct word key, struct word field)
{
    struct keymap_entry *entry = find(map, key, field);
    if (entry)
        remove_entry(map, entry);
}

static void set_expiry(struct keymap *map, struct word key, struct word at_s)
{
    uint64_t hash = hash_of(key);
    for (size_t i = 0; i < map->count; i++)
        if (of_key(&map->entries[i], hash, key))
            map->entries[i].expires_s = strtoll(at_s.bytes, NULL, 10);
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

void keymap_copy(struct keymap *to, const struct keymap *from)
{
    *to = (struct keymap){0};
    for (size_t i = 0; i < from->count; i++) {
        const struct keymap_entry *entry = &from->entries[i];
        *add(to) = (struct keymap_entry){.key_hash = entry->key_hash,
                                         .field_hash = entry->field_hash,
                                         .kind = entry->kind,
                                         .expires_s = entry->expires_s,
                                         .key = copy(entry->key, strlen(entry->key)),
                                         .field = copy(entry->field, strlen(entry->field)),
                                         .bytes = (uint8_t *)copy(entry->bytes, entry->size),
                                         .size = entry->size};
    }
}

void keymap_sadd(struct keymap *map, const char *key, const char *member)
{
    store(map, KEYMAP_SET, text(key), text(member), text(""));
}

/* --- the function ----------------------------------------------------------------------------- */

static struct word word_of(const struct put *put, const struct put_list *list, size_t index)
{
    struct word word;
    word.bytes = put_string(put, list, index, &word.size);
    return word;
}

/* Whether the key is there, as another kind. */
static bool wrong_type(const struct keymap *map, struct word key, enum keymap_kind kind)
{
    if (kind == KEYMAP_ANY)
        return false;
    uint64_t hash = hash_of(key);
    for (size_t i = 0; i < map->count; i++)
        if (of_key(&map->entries[i], hash, key))
            return map->entries[i].kind != kind;
    return false;
}

enum operation { SET, HSET, HDEL, UNLINK, EXPIREAT, HEAD, NO_OPERATION };

static const struct {
    const char *name;
    size_t arguments;
    enum keymap_kind kind;
} operations[] = {
    [SET] = {"SET", 1, KEYMAP_STRING},        [HSET] = {"HSET", 2, KEYMAP_HASH},
    [HDEL] = {"HDEL", 1, KEYMAP_HASH},        [UNLINK] = {"UNLINK", 0, KEYMAP_STRING},
    [EXPIREAT] = {"EXPIREAT", 1, KEYMAP_ANY}, [HEAD] = {"HEAD", 2, KEYMAP_HASH},
};

static enum operation operation_of(struct word word)
{
    enum operation at = SET;
    while (at < NO_OPERATION && !same(word, operations[at].name))
        at++;
    return at;
}

static bool a_time(struct word word)
{
    size_t digits = 0;
    while (digits < word.size && word.bytes[digits] >= '0' && word.bytes[digits] <= '9')
        digits++;
    return digits > 0 && digits == word.size && digits <= 12;
}

/* Whether the call cannot be done. */
static bool objection(const struct keymap *map, const struct put *put)
{
    size_t key = 1;
    for (size_t at = 4; at < put->args.count;) {
        enum operation operation = operation_of(word_of(put, &put->args, at));
        if (operation == NO_OPERATION || at + operations[operation].arguments >= put->args.count)
            return true;
        if (operation == EXPIREAT && !a_time(word_of(put, &put->args, at + 1)))
            return true;
        if (operation != HEAD &&
            (key >= put->keys.count ||
             wrong_type(map, word_of(put, &put->keys, key++), operations[operation].kind)))
            return true;
        at += 1 + operations[operation].arguments;
    }
    return key != put->keys.count;
}

/* False: Redis stops in the midst, at a key that the call itself has made of another kind. */
static bool write_all(struct keymap *map, const struct put *put)
{
    size_t key = 1;
    for (size_t at = 4; at < put->args.count;) {
        enum operation operation = operation_of(word_of(put, &put->args, at++));
        struct word name = word_of(put, &put->keys, operation == HEAD ? 0 : key++);
        if (operation == UNLINK) {
            unlink_key(map, name);
            continue;
        }
        if (operation == EXPIREAT) {
            set_expiry(map, name, word_of(put, &put->args, at++));
            continue;
        }
        bool wrong = wrong_type(map, name, operations[operation].kind);
        if (wrong && operation != SET)
            return false;
        if (wrong)
            unlink_key(map, name); /* SET takes the place of whatever there is */
        if (operation == HDEL) {
            remove_field(map, name, word_of(put, &put->args, at++));
            continue;
        }
        struct word field = operation == SET ? text("") : word_of(put, &put->args, at++);
        store(map, operations[operation].kind, name, field, word_of(put, &put->args, at++));
    }
    struct word head = word_of(put, &put->keys, 0), writer = word_of(put, &put->args, 3);
    store(map, KEYMAP_HASH, head, text("n"), word_of(put, &put->args, 1));
    if (writer.size > 0)
        store(map, KEYMAP_HASH, head, text("writer"), writer);
    return true;
}

static bool written_by(const struct keymap *map, struct word head, struct word writer)
{
    const struct keymap_entry *entry = find(map, head, text("writer"));
    struct word held = entry ? (struct word){(const char *)entry->bytes, entry->size} : text("");
    return held.size == writer.size && memcmp(held.bytes, writer.bytes, writer.size) == 0;
}

enum keymap_answer keymap_call(struct keymap *map, const struct put *put)
{
    if (put->args.count < 4 || put->keys.count < 1)
        return KEYMAP_ERROR;
    struct word head = word_of(put, &put->keys, 0), wanted = word_of(put, &put->args, 0);
    if (wrong_type(map, head, KEYMAP_HASH))
        return KEYMAP_ERROR;
    const struct keymap_entry *n = find(map, head, text("n"));
    if (!same(wanted, n ? (const char *)n->bytes : "0"))
        return KEYMAP_STALE;
    if (objection(map, put))
        return KEYMAP_ERROR;
    if (word_of(put, &put->args, 3).size > 0 && !written_by(map, head, word_of(put, &put->args, 2)))
        return KEYMAP_STALE;
    return write_all(map, put) ? KEYMAP_OK : KEYMAP_ERROR;
}

bool keymap_put(struct keymap *map, const struct put *put)
{
    return keymap_call(map, put) == KEYMAP_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void fetch_all(const struct keymap *map, struct fetch *fetch, size_t index)
{
    bool set = fetch->items[index].kind == FETCH_SET;
    for (size_t i = 0; i < map->count; i++) {
        const struct keymap_entry *entry = &map->entries[i];
        if (strcmp(entry->key, fetch->items[index].key) != 0)
            continue;
        fetch_answer(fetch, index, entry->field, strlen(entry->field));
        if (!set)
            fetch_answer(fetch, index, entry->bytes, entry->size);
    }
}

void keymap_fetch(const struct keymap *map, struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        const struct fetch_item *item = &fetch->items[i];
        if (item->kind == FETCH_HASH || item->kind == FETCH_SET) {
            fetch_all(map, fetch, i);
            continue;
        }
        const struct keymap_entry *entry = keymap_find(map, item->key, item->field);
        if (entry)
            fetch_answer(fetch, i, entry->bytes, entry->size);
    }
}

#include "aggregator/put.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/list.h"
#include "common/schema.h"

void put_init(struct put *put)
{
    *put = (struct put){0};
    buf_init(&put->bytes);
}

void put_close(struct put *put)
{
    buf_close(&put->bytes);
    free(put->keys.strings);
    free(put->args.strings);
    put_init(put);
}

/* Adds a string made of two. */
static void add_pair(struct put *put, struct put_list *list, struct chunk first,
                     struct chunk second)
{
    struct put_string *strings =
        list_room(list->strings, list->count, &list->room, sizeof *strings);
    if (!strings) {
        put->failed = true;
        return;
    }
    list->strings = strings;
    list->strings[list->count++] = (struct put_string){put->bytes.size, first.size + second.size};
    buf_put(&put->bytes, first.bytes, first.size);
    buf_put(&put->bytes, second.bytes, second.size);
}

static void add(struct put *put, struct put_list *list, const void *bytes, size_t size)
{
    add_pair(put, list, (struct chunk){NULL, 0}, (struct chunk){bytes, size});
}

static void add_key(struct put *put, const char *key)
{
    add(put, &put->keys, key, strlen(key));
}

static void add_text(struct put *put, const char *text)
{
    add(put, &put->args, text, strlen(text));
}

static void add_u64(struct put *put, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    add_text(put, text);
}

static void begin(struct put *put, const char *key, uint64_t before, uint64_t after,
                  const char *writer_before, const char *writer)
{
    add_key(put, key);
    add_u64(put, before);
    add_u64(put, after);
    add_text(put, writer_before);
    add_text(put, writer);
}

void put_begin(struct put *put, const char *key, uint64_t n, const char *before, const char *writer)
{
    begin(put, key, n, n + 1, before, writer);
}

void put_begin_beside(struct put *put, const char *key, uint64_t n)
{
    begin(put, key, n, n, "", "");
}

void put_set(struct put *put, const char *key, const void *bytes, size_t size)
{
    add_key(put, key);
    add_text(put, "SET");
    add(put, &put->args, bytes, size);
}

size_t put_set_long(struct put *put, const char *key, const void *bytes, size_t size, size_t held)
{
    char name[SCHEMA_KEY_MAX];
    size_t count = chunk_count(size);
    for (size_t i = 0; i < count; i++) {
        uint8_t header[CHUNK_HEADER];
        size_t header_size;
        struct chunk chunk = chunk_cut(bytes, size, i, header, &header_size);
        schema_key_chunk(name, key, i);
        add_key(put, name);
        add_text(put, "SET");
        add_pair(put, &put->args, (struct chunk){header, header_size}, chunk);
    }
    for (size_t i = count; i < held; i++) {
        schema_key_chunk(name, key, i);
        put_unlink(put, name);
    }
    return count;
}

void put_hset(struct put *put, const char *key, const char *field, const char *value)
{
    add_key(put, key);
    add_text(put, "HSET");
    add_text(put, field);
    add_text(put, value);
}

void put_unlink(struct put *put, const char *key)
{
    add_key(put, key);
    add_text(put, "UNLINK");
}

void put_hdel(struct put *put, const char *key, const char *field)
{
    add_key(put, key);
    add_text(put, "HDEL");
    add_text(put, field);
}

void put_expire(struct put *put, const char *key, int64_t at_s)
{
    add_key(put, key);
    add_text(put, "EXPIREAT");
    add_u64(put, (uint64_t)at_s);
}

void put_head(struct put *put, const char *field, const void *bytes, size_t size)
{
    add_text(put, "HEAD");
    add_text(put, field);
    add(put, &put->args, bytes, size);
}

void put_head_u64(struct put *put, const char *field, uint64_t value)
{
    add_text(put, "HEAD");
    add_text(put, field);
    add_u64(put, value);
}

void put_head_i64(struct put *put, const char *field, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_head(put, field, text, strlen(text));
}

bool put_failed(const struct put *put)
{
    return put->failed || put->bytes.failed;
}

const char *put_string(const struct put *put, const struct put_list *list, size_t index,
                       size_t *size)
{
    *size = list->strings[index].size;
    return (const char *)put->bytes.bytes + list->strings[index].at;
}

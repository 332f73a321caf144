#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/store_link.h"

int store_setting(struct store *store, const char *name, char value[STORE_SETTING_MAX],
                  char *errmsg)
{
    redisReply *reply;
    int rc = store_at(store, SCHEMA_TELESCOPE, errmsg);
    if (rc == 0)
        rc = store_send(store, errmsg, "CONFIG GET %s", name);
    if (rc == 0)
        rc = store_take(store, name, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    snprintf(value, STORE_SETTING_MAX, "%s",
             reply->elements == 2 && reply->element[1]->str ? reply->element[1]->str : "");
    freeReplyObject(reply);
    return 0;
}

int store_read_hash(struct store *store, const char *key, struct store_hash *hash, char *errmsg)
{
    redisReply *reply;
    *hash = (struct store_hash){0};
    int rc = store_at(store, key, errmsg);
    if (rc == 0)
        rc = store_send(store, errmsg, "HGETALL %s", key);
    if (rc == 0)
        rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    hash->reply = reply;
    hash->words = calloc(reply->elements + 1, sizeof *hash->words);
    if (!hash->words) {
        store_free_hash(hash);
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    }
    for (; hash->count < reply->elements; hash->count++)
        hash->words[hash->count] = reply->element[hash->count]->str;
    return 0;
}

void store_free_hash(struct store_hash *hash)
{
    freeReplyObject(hash->reply);
    free(hash->words);
    *hash = (struct store_hash){0};
}

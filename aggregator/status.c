#include "aggregator/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION "connection:"
#define ERROR      "error"
#define LOCAL      "local"

/* --- writing ---------------------------------------------------------------------------------- */

static void on_beat(uv_timer_t *timer)
{
    struct status *status = timer->data;
    char value[64];
    snprintf(value, sizeof value, "%s %" PRId64, status->run, (int64_t)time(NULL));
    store_note(status->store,
               (const char *[]){"HSET", SCHEMA_AGGREGATORS, status->name, value, NULL});
}

void status_init(struct status *status, uv_loop_t *loop, struct store *store, const char *state,
                 uint64_t run)
{
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    status->store = store;
    snprintf(status->name, sizeof status->name, "%s:%.180s", host, state);
    snprintf(status->run, sizeof status->run, "%016" PRIx64, run);
    uv_timer_init(loop, &status->beat);
    status->beat.data = status;
}

void status_begin(struct status *status)
{
    uv_timer_start(&status->beat, on_beat, 0, STATUS_BEAT_MS);
}

void status_close(struct status *status)
{
    uv_close((uv_handle_t *)&status->beat, NULL);
}

static void connection_field(const struct status *status, char field[SCHEMA_KEY_MAX + 64])
{
    snprintf(field, SCHEMA_KEY_MAX + 64, CONNECTION "%.240s", status->name);
}

void status_opened(struct status *status, const char *sensor, const char *from)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX + 64], value[128];
    schema_key_status(key, sensor);
    connection_field(status, field);
    snprintf(value, sizeof value, "%s %" PRId64 " %.64s", status->run, (int64_t)time(NULL),
             *from ? from : LOCAL);
    store_note(status->store, (const char *[]){"HSET", key, field, value, NULL});
}

void status_left(struct status *status, const char *sensor)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX + 64];
    schema_key_status(key, sensor);
    connection_field(status, field);
    store_note(status->store, (const char *[]){"HDEL", key, field, NULL});
}

void status_refused(struct status *status, const char *sensor, const char *why)
{
    char key[SCHEMA_KEY_MAX], value[STATUS_TEXT + 32];
    schema_key_status(key, sensor);
    snprintf(value, sizeof value, "%" PRId64 " %.*s", (int64_t)time(NULL), STATUS_TEXT - 1, why);
    store_note(status->store, (const char *[]){"HSET", key, ERROR, value, NULL});
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The value of a field of a fetched hash, or NULL. */
static const char *field_of(const struct fetch_item *hash, const char *field)
{
    for (size_t i = 0; i + 1 < hash->count; i += 2)
        if (strcmp(hash->values[i].bytes, field) == 0)
            return hash->values[i + 1].bytes;
    return NULL;
}

/* Whether the aggregator beats, as that run. */
static bool beats(const struct fetch_item *aggregators, const char *name, const char *run,
                  int64_t now_s)
{
    char its_run[STATUS_RUN_MAX + 1];
    int64_t beat_s;
    const char *value = field_of(aggregators, name);
    return value && sscanf(value, "%16s %" SCNd64, its_run, &beat_s) == 2 &&
           strcmp(run, its_run) == 0 && now_s - beat_s < STATUS_DEAD_S;
}

static void take_connection(struct status_seen *seen, const struct fetch_item *aggregators,
                            const char *name, const char *value, int64_t now_s)
{
    char run[STATUS_RUN_MAX + 1], peer[64];
    int64_t since_s;
    if (sscanf(value, "%16s %" SCNd64 " %63s", run, &since_s, peer) != 3 ||
        !beats(aggregators, name, run, now_s) || (seen->connected && since_s <= seen->since_s))
        return;
    seen->connected = true;
    seen->since_s = since_s;
    strcpy(seen->peer, peer);
}

void status_read(struct status_seen *seen, const struct fetch_item *aggregators,
                 const struct fetch_item *status, int64_t now_s)
{
    const char *error = field_of(status, ERROR);
    int used = 0;
    *seen = (struct status_seen){0};
    for (size_t i = 0; i + 1 < status->count; i += 2)
        if (strncmp(status->values[i].bytes, CONNECTION, strlen(CONNECTION)) == 0)
            take_connection(seen, aggregators, status->values[i].bytes + strlen(CONNECTION),
                            status->values[i + 1].bytes, now_s);
    if (!error || sscanf(error, "%" SCNd64 " %n", &seen->error_s, &used) != 1)
        return;
    seen->refused = true;
    snprintf(seen->error, sizeof seen->error, "%s", error + used);
}

#include "aggregator/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/fault.h"
#include "common/backoff.h"

#define RETRY_PATIENT_MS 20
#define RETRY_FIRST_MS   100
#define RETRY_REFUSED_MS 1000 /* at least, when it is not for us to mend */

static void connect_now(struct store *store);

/* --- state ------------------------------------------------------------------------------------ */

static void retry_now(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static uint64_t retry_delay(struct store *store, int code)
{
    uint32_t random = 0;
    if (store->patient)
        return RETRY_PATIENT_MS;
    uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
    uint64_t delay_ms = backoff_ms(store->attempts++, RETRY_FIRST_MS, store->retry_most_ms, random);
    return code != ERR_UNREACHABLE && delay_ms < RETRY_REFUSED_MS ? RETRY_REFUSED_MS : delay_ms;
}

/* Whether that is news. That it cannot be reached may have one cause after the other; what it refuses
 * for is told again when it is another. */
static bool is_news(struct store *store, int code, const char *why)
{
    char word[sizeof store->told_word];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(why, " "), why);
    if (store->patient && code == ERR_UNREACHABLE)
        return false;
    if (store->told == code && (code == ERR_UNREACHABLE || strcmp(word, store->told_word) == 0))
        return false;
    store->told = code;
    strcpy(store->told_word, word);
    return true;
}

/* Gives the connection up and arranges for the next one. */
static void go_down(struct store *store, int code, const char *why)
{
    bool tell = is_news(store, code, why);
    struct servers *servers = store->servers;
    bool was_up = store->storage.up;
    store->servers = NULL;
    store->storage.up = false;
    servers_close(servers);
    if (was_up && store->storage.lost)
        store->storage.lost(store->storage.data);
    if (store->closing)
        return;
    uv_timer_start(&store->retry, retry_now, retry_delay(store, code), 0);
    if (tell)
        store->on.down(store->data, code, why);
}

static void on_lost(void *data, int code, const char *why)
{
    go_down(data, code, why);
}

static void on_ready(void *data)
{
    struct store *store = data;
    store->storage.up = true;
    store->told = 0;
    store->warned = true;
    store->attempts = 0;
    store->on.up(store->data);
}

static void connect_now(struct store *store)
{
    static const struct servers_events events = {on_ready, on_lost};
    const struct servers_config config = {.url = &store->url,
                                          .timezone = store->timezone,
                                          .known = &store->known,
                                          .durability = &store->durability,
                                          .replicated = &store->replicated,
                                          .warn = !store->warned && !store->looking,
                                          .look = store->looking};
    char why[ERRMSG_SIZE];
    if (store->closing)
        return;
    store->servers = servers_open(store->loop, &config, &events, store, why);
    if (!store->servers)
        go_down(store, ERR_UNREACHABLE, why);
}

void store_open(struct store *store)
{
    connect_now(store);
}

void store_set_patient(struct store *store, bool patient)
{
    store->patient = patient;
}

static void retry_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    if (store->closed)
        store->closed(store->data);
}

void store_set_looking(struct store *store)
{
    store->looking = true;
}

void store_close(struct store *store, void (*closed)(void *data))
{
    if (store->closing)
        return;
    struct servers *servers = store->servers;
    store->closing = true;
    store->storage.up = false;
    store->closed = closed;
    store->servers = NULL;
    servers_close(servers);
    uv_close((uv_handle_t *)&store->retry, retry_closed);
}

/* --- one command ------------------------------------------------------------------------------ */

static struct store *store_of(struct storage *storage)
{
    return (struct store *)storage;
}

struct call {
    struct store *store;
    storage_done_fn *done;
    void *data;
};

static struct call *call_new(struct store *store, storage_done_fn *done, void *data)
{
    struct call *call = malloc(sizeof *call);
    if (call)
        *call = (struct call){store, done, data};
    return call;
}

/* Frees the call and tells its owner. */
static void finish(struct call *call, int code, const char *why)
{
    struct call done = *call;
    free(call);
    done.done(done.data, code, why);
}

/* Redis does not do what it was asked: the code for whoever asked, and the words. What concerns every
 * sensor is told by the store, once, and ends the connection. */
static int judge(struct store *store, const redisReply *reply, const char *key, char *why)
{
    if (reply && reply->type != REDIS_REPLY_ERROR)
        return err_set(why, ERR_REFUSED, "no such reply");
    if (!reply || !store->storage.up)
        return err_set(why, ERR_UNREACHABLE, "the connection to the store was lost");
    enum fault fault = fault_read(reply->str, key, why);
    if (fault == FAULT_KEY)
        return ERR_REFUSED;
    go_down(store, fault == FAULT_STORE ? ERR_REFUSED : ERR_UNREACHABLE, why);
    return ERR_UNREACHABLE;
}

static void finish_failed(struct call *call, const redisReply *reply)
{
    char why[ERRMSG_SIZE];
    int code = judge(call->store, reply, NULL, why);
    finish(call, code, why);
}

/* OK, the n that the head holds, or an error. */
static void put_replied(void *data, const redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_STATUS)
        finish(data, 0, "");
    else if (reply && reply->type == REDIS_REPLY_STRING)
        finish(data, ERR_STALE, "another aggregator wrote for this sensor");
    else
        finish_failed(data, reply);
}

#define PUT_HEAD 3 /* where the first key stands in its words */

/* FCALL darkcount_put numkeys key... arg... */
static void put_words(const struct put *put, char numkeys[24], const char **argv, size_t *sizes)
{
    size_t at = PUT_HEAD;
    argv[0] = "FCALL";
    argv[1] = "darkcount_put";
    argv[2] = numkeys;
    snprintf(numkeys, 24, "%zu", put->keys.count);
    for (size_t i = 0; i < PUT_HEAD; i++)
        sizes[i] = strlen(argv[i]);
    for (size_t i = 0; i < put->keys.count; i++, at++)
        argv[at] = put_string(put, &put->keys, i, &sizes[at]);
    for (size_t i = 0; i < put->args.count; i++, at++)
        argv[at] = put_string(put, &put->args, i, &sizes[at]);
}

static int put_keys(struct storage *storage, const struct put *put, storage_done_fn *done,
                    void *data)
{
    struct store *store = store_of(storage);
    if (!store->storage.up)
        return ERR_UNREACHABLE;
    char numkeys[24];
    size_t argc = PUT_HEAD + put->keys.count + put->args.count;
    const char **argv = calloc(argc, sizeof *argv);
    size_t *sizes = calloc(argc, sizeof *sizes);
    struct call *call = call_new(store, done, data);
    int rc = ERR_NOMEM;
    if (argv && sizes && call) {
        put_words(put, numkeys, argv, sizes);
        rc = servers_change(store->servers, PUT_HEAD, argc, argv, sizes, put_replied, call);
    }
    free(argv);
    free(sizes);
    if (rc)
        free(call);
    return rc;
}

static void sensor_replied(void *data, const redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        finish(data, 0, "");
    else
        finish_failed(data, reply);
}

static int add_sensor(struct storage *storage, const char *sensor, storage_done_fn *done,
                      void *data)
{
    struct store *store = store_of(storage);
    if (!store->storage.up)
        return ERR_UNREACHABLE;
    struct call *call = call_new(store, done, data);
    if (!call)
        return ERR_NOMEM;
    int rc = servers_words(store->servers, (const char *[]){"SADD", SCHEMA_SENSORS, sensor, NULL},
                           sensor_replied, call);
    if (rc)
        free(call);
    return rc;
}

static void note_replied(void *data, const redisReply *reply)
{
    (void)data;
    (void)reply;
}

void store_note(struct store *store, const char *const *words)
{
    if (store->storage.up)
        servers_words(store->servers, words, note_replied, NULL);
}

/* --- many reads ------------------------------------------------------------------------------- */

struct reads;

/* One of them, under way. */
struct read {
    struct reads *of;
    size_t index;
};

struct reads {
    struct fetch *fetch;
    size_t asked, answered; /* `asked`: of the items, and the trial behind them */
    int code;
    char why[ERRMSG_SIZE];
    struct call call;
    struct read each[]; /* by item */
};

static void reads_failed(struct reads *reads, int code, const char *why)
{
    if (reads->code == 0)
        reads->code = err_set(reads->why, code, "%s", why);
}

/* Calls the owner back after the last answer. */
static void reads_finish(struct reads *reads)
{
    if (reads->answered < reads->asked)
        return;
    if (reads->code == 0 && reads->fetch->failed)
        reads->code = err_set(reads->why, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    reads->call.done(reads->call.data, reads->code, reads->why);
    free(reads);
}

static void take_reply(struct reads *reads, size_t index, const redisReply *reply)
{
    const struct fetch_item *item = &reads->fetch->items[index];
    char why[ERRMSG_SIZE];
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        reads_failed(reads, judge(reads->call.store, reply, item->key, why), why);
    else if (reply->type == REDIS_REPLY_STRING)
        fetch_answer(reads->fetch, index, reply->str, (size_t)reply->len);
    else if (reply->type == REDIS_REPLY_ARRAY)
        for (size_t i = 0; i < reply->elements; i++)
            fetch_answer(reads->fetch, index, reply->element[i]->str,
                         (size_t)reply->element[i]->len);
}

static void read_replied(void *data, const redisReply *reply)
{
    const struct read *read = data;
    struct reads *reads = read->of;
    take_reply(reads, read->index, reply);
    reads->answered++;
    reads_finish(reads);
}

static void trial_replied(void *data, const redisReply *reply)
{
    struct reads *reads = data;
    char why[ERRMSG_SIZE];
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        reads_failed(reads, judge(reads->call.store, reply, NULL, why), why);
    reads->answered++;
    reads_finish(reads);
}

/* A change behind the reads, in the slot of the first: when that is durable, so is what they read. */
static int ask_trial(struct store *store, struct reads *reads)
{
    char key[SCHEMA_KEY_MAX];
    const char *read = reads->fetch->items[0].key, *tag_end = strchr(read, '}');
    if (!reads->fetch->durable || store->durability.replicas == 0 || !tag_end)
        return 0;
    snprintf(key, sizeof key, "%.*s:trial", (int)(tag_end + 1 - read), read);
    const char *argv[] = {"FCALL", "darkcount_trial", "1", key};
    const size_t sizes[] = {5, 15, 1, strlen(key)};
    int rc = servers_change(store->servers, 3, 4, argv, sizes, trial_replied, reads);
    reads->asked += rc == 0;
    return rc;
}

static int ask_item(struct store *store, struct reads *reads, size_t index)
{
    static const char *const verbs[] = {"GET", "HGET", "HGETALL", "SMEMBERS"};
    const struct fetch_item *item = &reads->fetch->items[index];
    const char *field = item->kind == FETCH_FIELD ? item->field : NULL;
    reads->each[index] = (struct read){reads, index};
    return servers_words(store->servers,
                         (const char *[]){verbs[item->kind], item->key, field, NULL}, read_replied,
                         &reads->each[index]);
}

static int fetch_keys(struct storage *storage, struct fetch *fetch, storage_done_fn *done,
                      void *data)
{
    struct store *store = store_of(storage);
    if (!store->storage.up)
        return ERR_UNREACHABLE;
    struct reads *reads = fetch->failed || fetch->count == 0
                              ? NULL
                              : calloc(1, sizeof *reads + fetch->count * sizeof *reads->each);
    if (!reads)
        return ERR_NOMEM;
    reads->fetch = fetch;
    reads->call = (struct call){store, done, data};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < fetch->count; i++) {
        rc = ask_item(store, reads, i);
        reads->asked += rc == 0;
    }
    if (rc == 0)
        rc = ask_trial(store, reads);
    if (rc && reads->asked == 0) {
        free(reads);
        return rc;
    }
    if (rc) /* the rest could not be asked: the answers that still come end it */
        reads_failed(reads, rc, err_str(rc));
    return 0;
}

/* --- beginning -------------------------------------------------------------------------------- */

int store_init(struct store *store, uv_loop_t *loop, const struct storeurl *url,
               const char *timezone, const struct store_events *events, void *data)
{
    *store =
        (struct store){.storage = {.put = put_keys, .fetch = fetch_keys, .add_sensor = add_sensor},
                       .loop = loop,
                       .url = *url,
                       .on = *events,
                       .data = data};
    store->retry_most_ms = STORE_RETRY_MOST_MS;
    snprintf(store->timezone, sizeof store->timezone, "%s", timezone);
    store->retry.data = store;
    servers_known_init(&store->known, url);
    return uv_timer_init(loop, &store->retry) == 0 ? 0 : ERR_NOMEM;
}

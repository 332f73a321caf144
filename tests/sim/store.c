#include "tests/sim/store.h"

#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "tests/sim/checks.h"

struct store store;

static void state_close(struct state *state)
{
    keymap_close(&state->keys);
    *state = (struct state){0};
}

static void state_copy(struct state *to, const struct state *from)
{
    state_close(to);
    keymap_copy(&to->keys, &from->keys);
    to->held = from->held;
}

/* --- requests --------------------------------------------------------------------------------- */

static void request_free(struct request *request)
{
    put_close(&request->put);
    free(request);
}

/* The put is the caller's: a copy. */
static void copy_put(struct put *to, const struct put *from)
{
    put_init(to);
    buf_put(&to->bytes, from->bytes.bytes, from->bytes.size);
    const struct put_list *lists[] = {&from->keys, &from->args};
    struct put_list *copies[] = {&to->keys, &to->args};
    for (int i = 0; i < 2; i++) {
        *copies[i] = *lists[i];
        copies[i]->strings = malloc(lists[i]->room * sizeof *lists[i]->strings);
        memcpy(copies[i]->strings, lists[i]->strings, lists[i]->count * sizeof *lists[i]->strings);
        copies[i]->room = lists[i]->room;
    }
}

static void do_put(struct state *state, const struct request *request)
{
    if (request->kind == REQUEST_SENSOR)
        keymap_sadd(&state->keys, SCHEMA_SENSORS, request->sensor);
    else if (request->kind == REQUEST_PUT)
        keymap_put(&state->keys, &request->put);
    if (request->source >= 0)
        state->held.records[request->source] |= request->bits;
}

static void answer(void *data, uint64_t connection);
static void synced(void *data, uint64_t life);

/* It is answered when it is on disk. */
static void execute(struct request *request)
{
    request->executed = true;
    if (request->kind == REQUEST_FETCH) {
        keymap_fetch(&store.now.keys, request->fetch);
    } else if (request->kind == REQUEST_PUT) {
        enum keymap_answer result = keymap_call(&store.now.keys, &request->put);
        request->code = result == KEYMAP_OK ? 0 : result == KEYMAP_STALE ? ERR_STALE : ERR_REFUSED;
        if (request->code == 0)
            checks_done(&store.now, request);
        if (request->source >= 0)
            store.now.held.records[request->source] |= request->bits;
    } else {
        do_put(&store.now, request);
    }
    if (request->code == 0 && request->kind != REQUEST_FETCH) {
        if (store.unsynced_count == sizeof store.unsynced / sizeof *store.unsynced)
            abort();
        store.unsynced[store.unsynced_count++] = request;
    }
    if (!store.syncing)
        world_after(world_between(100, 4000), synced, NULL, store.life);
    store.syncing = true;
}

/* Takes what was executed out of the rows of answers, newest puts too: they are on disk. */
static void synced(void *data, uint64_t life)
{
    (void)data;
    if (!store.up || store.life != life)
        return;
    store.syncing = false;
    for (size_t i = 0; i < store.unsynced_count; i++) {
        do_put(&store.disk, store.unsynced[i]);
        checks_durable(store.unsynced[i]);
    }
    store.unsynced_count = 0;
    for (unsigned i = 0; i < store.user_count; i++) {
        struct user *user = &store.users[i];
        for (struct request *request = user->first; request; request = request->next) {
            if (!request->executed || request->answered)
                continue;
            request->answered = true;
            uint64_t at = world.now_us + world_between(50, 5000);
            user->answered_us = at > user->answered_us ? at : user->answered_us;
            world_after(user->answered_us - world.now_us, answer, user, user->connection);
        }
    }
}

static struct request *pop(struct user *user)
{
    struct request *request = user->first;
    user->first = request->next;
    if (!user->first)
        user->last = NULL;
    return request;
}

static void finish(struct request *request, int code)
{
    request->done(request->data, code, code ? "the connection to the store was lost" : "");
    request_free(request);
}

static void answer(void *data, uint64_t connection)
{
    struct user *user = data;
    if (user->connection != connection || !user->first)
        return;
    struct request *request = pop(user);
    if (!process_enter(user->process, user->process->life)) {
        request_free(request);
        return;
    }
    finish(request, request->code);
    process_leave();
}

static void arrive(void *data, uint64_t connection)
{
    struct user *user = data;
    if (user->connection != connection || !store.up)
        return;
    struct request *request = user->first;
    while (request && request->executed)
        request = request->next;
    if (request)
        execute(request);
}

static int ask(struct user *user, struct request *request, storage_done_fn *done, void *data)
{
    request->done = done;
    request->data = data;
    if (user->last)
        user->last->next = request;
    else
        user->first = request;
    user->last = request;
    uint64_t at = world.now_us + world_between(50, 5000);
    user->arrives_us = at > user->arrives_us ? at : user->arrives_us;
    world_after(user->arrives_us - world.now_us, arrive, user, user->connection);
    return 0;
}

static struct request *request_new(struct storage *storage, int kind)
{
    struct user *user = (struct user *)storage;
    if (!storage->up || user->failing || !process_acts())
        return NULL;
    struct request *request = calloc(1, sizeof *request);
    request->kind = kind;
    request->source = request->epoch = -1;
    put_init(&request->put);
    return request;
}

static int put_keys(struct storage *storage, const struct put *put, storage_done_fn *done,
                    void *data)
{
    struct request *request = request_new(storage, REQUEST_PUT);
    if (!request)
        return ERR_UNREACHABLE;
    copy_put(&request->put, put);
    return ask((struct user *)storage, request, done, data);
}

static int fetch_keys(struct storage *storage, struct fetch *fetch, storage_done_fn *done,
                      void *data)
{
    struct request *request = request_new(storage, REQUEST_FETCH);
    if (!request)
        return ERR_UNREACHABLE;
    request->fetch = fetch;
    return ask((struct user *)storage, request, done, data);
}

static int add_sensor(struct storage *storage, const char *sensor, storage_done_fn *done,
                      void *data)
{
    struct request *request = request_new(storage, REQUEST_SENSOR);
    if (!request)
        return ERR_UNREACHABLE;
    strcpy(request->sensor, sensor);
    return ask((struct user *)storage, request, done, data);
}

/* --- connections ------------------------------------------------------------------------------ */

static void connected(void *data, uint64_t connection)
{
    struct user *user = data;
    if (user->connection != connection || !user->process->alive)
        return;
    if (!store.up) {
        uint32_t random = (uint32_t)world_random();
        world_after(backoff_ms(user->attempts++, 100, 15000, random) * 1000, connected, user,
                    connection);
        return;
    }
    user->attempts = 0;
    user->storage.up = true;
}

static void reconnect(struct user *user)
{
    user->connection++;
    user->arrives_us = user->answered_us = 0;
    world_after(world_between(SECOND / 20, SECOND / 5), connected, user, user->connection);
}

void store_connect(struct user *user, struct process *process)
{
    user->storage =
        (struct storage){.put = put_keys, .fetch = fetch_keys, .add_sensor = add_sensor};
    user->process = process;
    user->attempts = 0;
    reconnect(user);
}

/* What is in the socket may still be done, up to some point. */
static void drain_socket(struct user *user)
{
    size_t waiting = 0;
    for (struct request *request = user->first; request; request = request->next)
        waiting += !request->executed;
    size_t done = store.up ? world_below(waiting + 1) : 0;
    for (struct request *request = user->first; request && done > 0; request = request->next) {
        done -= !request->executed;
        if (!request->executed && request->kind != REQUEST_FETCH)
            execute(request);
    }
}

/* Requests that are executed and not on disk are the store's until they are. */
static void sync_now(void)
{
    for (size_t i = 0; i < store.unsynced_count; i++) {
        do_put(&store.disk, store.unsynced[i]);
        checks_durable(store.unsynced[i]);
    }
    store.unsynced_count = 0;
}

/* Every request fails; whether it was done is not known. */
static void fail_all(struct user *user)
{
    user->failing = true;
    while (user->first)
        finish(pop(user), ERR_UNREACHABLE);
    user->failing = false;
}

void store_abandon(struct user *user)
{
    user->storage.up = false;
    drain_socket(user);
    sync_now();
    user->connection++;
    fail_all(user);
}

static void lose_connection(struct user *user)
{
    user->connection++;
    if (process_enter(user->process, user->process->life)) {
        fail_all(user); /* still `up`, as hiredis does it: what is asked now fails */
        bool was_up = user->storage.up;
        user->storage.up = false;
        if (was_up && user->storage.lost)
            user->storage.lost(user->storage.data);
        process_leave();
    }
    if (user->process->alive)
        reconnect(user);
}

void store_cut(struct user *user)
{
    if (!user->storage.up)
        return;
    world_say("the store loses a connection");
    drain_socket(user);
    sync_now();
    lose_connection(user);
}

/* --- the server ------------------------------------------------------------------------------- */

static void start_again(void *data, uint64_t life)
{
    (void)data;
    if (store.life == life)
        store.up = true;
}

/* Of what is done and not on disk, the first ones may be. */
static void crash(void)
{
    size_t kept = world_below(store.unsynced_count + 1);
    for (size_t i = 0; i < kept; i++) {
        do_put(&store.disk, store.unsynced[i]);
        checks_durable(store.unsynced[i]);
    }
    store.unsynced_count = 0;
    store.syncing = false;
    store.up = false;
    store.life++;
    for (unsigned i = 0; i < store.user_count; i++)
        lose_connection(&store.users[i]);
}

void store_crash(void)
{
    world_say("the store crashes");
    crash();
    state_copy(&store.now, &store.disk);
    world_after(world_between(SECOND / 20, 3 * SECOND), start_again, NULL, store.life);
}

void store_keep(void)
{
    world_say("the store's state is kept");
    state_copy(&store.kept, &store.disk);
    store.has_kept = true;
}

void store_go_back(void)
{
    if (!store.has_kept)
        return;
    world_say("the store goes back to the state that was kept");
    crash();
    struct held before = store.disk.held;
    state_copy(&store.disk, &store.kept);
    state_copy(&store.now, &store.kept);
    checks_went_back(&before, &store.disk.held);
    world_after(world_between(SECOND / 20, 3 * SECOND), start_again, NULL, store.life);
}

void store_begin(unsigned users)
{
    store = (struct store){.up = true, .user_count = users};
}

void store_end(void)
{
    state_close(&store.now);
    state_close(&store.disk);
    state_close(&store.kept);
}

/*
 * Shipping: what the ship process does, without its I/O: when to connect, what to send, when to give
 * a connection up, how long to wait before the next one, and when all is over. Clocks, random numbers
 * and the connection are a struct shipping_env, which is ship.c's libuv loop or a simulation's.
 *
 *   shipping_init -> [connect] -> shipping_connected -> shipping_input, shipping_sent ... ->
 *   shipping_lost or not, [disconnect] -> shipping_disconnected -> after a while [connect] ...
 *
 * After every call the owner looks at `finished`, and has shipping_wake called when
 * shipping_wake_ms says. One connection at a time; TLS and its certificates are the owner's.
 */
#ifndef COLLECTOR_SHIPPING_H
#define COLLECTOR_SHIPPING_H

#include "collector/delivery.h"
#include "collector/manifest.h"
#include "collector/ship.h"

#define SHIPPING_RETRY_MIN_MS 200
#define SHIPPING_RETRY_MAX_MS 10000
#define SHIPPING_TICK_MS      1000
#define SHIPPING_STOP_TICK_MS 200
#define SHIPPING_ANSWER_MS    10000             /* from connecting to HELLO, from OPEN to RESUME */
#define SHIPPING_ACK_MS       120000            /* without a word, while acknowledgements are due */
#define SHIPPING_OUTPUT_MOST  ((size_t)1 << 20) /* bytes handed to the connection at a time */

/* A connection that cannot be may be told as lost and disconnected before `connect` returns; else
 * none of the functions calls shipping before it returns, but that `send` may tell that it is lost. */
struct shipping_env {
    void *user;
    uint64_t (*now_ms)(void *user); /* monotonic */
    int64_t (*now_s)(void *user);   /* UTC: only for how old a segment is */
    uint32_t (*random)(void *user);
    /* Begins a connection. An error with the cause in `errmsg`: there is none to be disconnected. */
    int (*connect)(void *user, char *errmsg);
    /* Ends it; shipping_disconnected follows. Without effect when there is none. */
    void (*disconnect)(void *user);
    bool (*free)(void *user);                    /* whether `send` may be called */
    void (*send)(void *user, struct buf *bytes); /* empties `bytes`; shipping_sent follows */
};

enum shipping_ending { SHIPPING_RUNS, SHIPPING_DRAINS, SHIPPING_STOPS };

struct shipping {
    const struct ship_options *options; /* borrowed */
    const struct shipping_env *env;     /* borrowed */
    struct delivery delivery;
    struct manifest manifest;
    struct buf output;
    bool linked;       /* from connect to shipping_disconnected */
    uint64_t retry_ms; /* not to be connected before; 0: at any time */
    uint64_t tick_ms;  /* the next one is due */
    unsigned failures; /* connections in a row that came to nothing */
    uint64_t heard_ms; /* when we last heard from the aggregator, or asked it something */
    bool said_unreachable;
    enum shipping_ending ending;
    uint64_t deadline_ms; /* stopping: when to end; draining: when without progress */
    uint64_t progress;
    bool finished; /* for good: the connection is ended, nothing more is to be told */
};

/* Takes over `epochs`, as manifest_init. ERR_NOMEM: nothing to be closed. */
int shipping_init(struct shipping *shipping, const struct ship_options *options,
                  const struct shipping_env *env, struct spool_epoch *epochs, size_t count);
/* Notes in the spool what is acknowledged, and frees. */
void shipping_close(struct shipping *shipping);

/* Connects where that is wanted; the first time after shipping_init, and when a wait is over. */
void shipping_wake(struct shipping *shipping);
/* When shipping_wake is to be called, in milliseconds of `now_ms`. */
uint64_t shipping_wake_ms(const struct shipping *shipping);

/* What the capture process said; shipping_noted after the last of several. */
void shipping_note(struct shipping *shipping, const struct ship_note *note);
void shipping_noted(struct shipping *shipping);

void shipping_connected(struct shipping *shipping);
void shipping_input(struct shipping *shipping, const uint8_t *bytes, size_t size);
void shipping_sent(struct shipping *shipping);
/* The connection does not work any more. */
void shipping_lost(struct shipping *shipping, const char *why);
void shipping_disconnected(struct shipping *shipping);

/* Ends the connection, for the reason `why` unless NULL; another is begun later. */
void shipping_drop(struct shipping *shipping, const char *why);
/* Whether an answer is awaited, without which nothing is delivered. */
bool shipping_waits(const struct shipping *shipping);

enum ship_result shipping_result(const struct shipping *shipping);

#endif

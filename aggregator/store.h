/*
 * The store: a connection to Redis, one server or a cluster, that is checked before it is used, kept
 * up, and asked through its storage (aggregator/storage.h). In a cluster a read sees every change of
 * the same sensor asked for before it, unless its slot is moved meanwhile; the guard of a put then
 * refuses what came out of turn, and its owner reloads.
 *
 *   store_init -> store_open -> connecting -> checking -> UP -> requests
 *                                  ^-- a growing, jittered delay <-- connection lost, check failed
 *
 * While it is not up, requests fail at once with ERR_UNREACHABLE; those under way fail when the
 * connection is lost (whether they were done is then not known: the owner reloads). When Redis refuses
 * a request for a reason that concerns every sensor (fault.h), the connection is given up, too, and the
 * check does not pass before that is mended. Every change of state is told once. Only this file,
 * servers.c, storecheck.c and redis.c know hiredis.
 */
#ifndef AGGREGATOR_STORE_H
#define AGGREGATOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "aggregator/servers.h"
#include "aggregator/storage.h"
#include "common/calendar.h"
#include "common/storeurl.h"

#define STORE_RETRY_MOST_MS 15000 /* a store of somebody else's */
#define STORE_RETRY_OWN_MS  200   /* a store of our own, which is started again at once */

struct store_events {
    /* The store answers, its checks passed. */
    void (*up)(void *data);
    /* It does not: `code` ERR_UNREACHABLE (will be tried again), or ERR_REFUSED and ERR_VERSION
     * when it cannot be used as it is (tried again too, at the slowest pace). `why` is for people.
     */
    void (*down)(void *data, int code, const char *why);
};

struct store {
    struct storage storage; /* first; what lanes ask is asked through it */
    uv_loop_t *loop;
    struct storeurl url;
    char timezone[CALENDAR_ZONE_MAX + 1];
    struct store_events on;
    void *data;
    struct servers_known known;
    struct durability durability; /* may be set before store_open */
    struct replicated replicated;
    struct servers *servers; /* NULL while waiting to connect */
    bool closing, warned, patient, looking;
    int told;               /* the code that `down` was last told, 0 after `up` */
    char told_word[32];     /* the first word of the reason */
    unsigned attempts;      /* since it was last up */
    uint64_t retry_most_ms; /* the greatest delay between two of them */
    uv_timer_t retry;
    void (*closed)(void *data);
};

/* Prepares a store; nothing is connected yet. `events` is copied, store->retry_most_ms may be
 * changed. */
int store_init(struct store *store, uv_loop_t *loop, const struct storeurl *url,
               const char *timezone, const struct store_events *events, void *data);
/* Begins to connect. */
void store_open(struct store *store);
/* For a server of ours that is just starting: tries again every few milliseconds and does not tell
 * that it is not reachable for as long as it is patient. */
void store_set_patient(struct store *store, bool patient);
/* Before store_open: for one who only reads. Nothing is made ready there or warned about. */
void store_set_looking(struct store *store);
/* Ends it: requests under way fail; `closed` is called once the last handle has closed. */
void store_close(struct store *store, void (*closed)(void *data));

/* A command (words ended by NULL) whose answer does not matter; dropped while the store is not up. */
void store_note(struct store *store, const char *const *words);

#endif

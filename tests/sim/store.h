/*
 * Store: Redis with `appendfsync always` as the aggregators see it. Each has a connection on which
 * requests are done in their order; what was done is on disk a little later, and answered then. The
 * keys are those of tests/unit/aggregator/keymap.h, which is held to a real redis-server by a test of
 * its own. It can crash (what was not on disk yet is lost from some point on), lose connections, and
 * be put back to an older state.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "aggregator/storage.h"
#include "tests/sim/world.h"
#include "tests/unit/aggregator/keymap.h"

#define STORE_USERS   2
#define STORE_SOURCES 8

/* Which records a state of the store has: bit i of a source is its record i. */
struct held {
    uint64_t records[STORE_SOURCES];
};

struct state {
    struct keymap keys;
    struct held held;
};

struct request {
    struct request *next;
    enum { REQUEST_PUT, REQUEST_FETCH, REQUEST_SENSOR } kind;
    struct put put;
    struct fetch *fetch;
    char sensor[72];
    storage_done_fn *done;
    void *data;
    bool executed, answered;
    int code;
    int source;    /* of the record that the put is; -1: it is none */
    uint64_t bits; /* of that record */
    int epoch;     /* of the source whose epoch it advances; -1: none */
    uint64_t seq;  /* to here */
};

/* An aggregator's connection. */
struct user {
    struct storage storage; /* first */
    struct process *process;
    struct request *first, *last;
    unsigned connection; /* counts them; events of an earlier one are void */
    unsigned attempts;
    bool failing; /* its requests are being failed: what is asked meanwhile fails at once */
    uint64_t arrives_us, answered_us;
};

struct store {
    struct state now, disk;
    struct state kept; /* a copy to go back to */
    bool has_kept, up;
    struct request *unsynced[256];
    size_t unsynced_count;
    bool syncing;
    struct user users[STORE_USERS];
    unsigned user_count;
    unsigned life;
};
extern struct store store;

void store_begin(unsigned users);
void store_end(void);

/* Of an aggregator that starts: connects. */
void store_connect(struct user *user, struct process *process);
/* Of one that dies: every request of its own fails, without effect. */
void store_abandon(struct user *user);

void store_cut(struct user *user);
void store_crash(void);
void store_keep(void); /* remembers its state on disk */
void store_go_back(void);

#endif

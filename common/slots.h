/*
 * Slots of a Redis Cluster: which of the 16,384 a key belongs to, and what a server answers that does
 * not serve it (now). Sources: Redis Cluster specification, "Key distribution model", "Hash tags",
 * "Redirection and resharding". Pure.
 */
#ifndef COMMON_SLOTS_H
#define COMMON_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/storeurl.h"

#define SLOTS 16384

/* The slot of a key: CRC-16 (XMODEM) of its hash tag, the bytes between the first { and the next },
 * where there are any; of the whole key otherwise. */
uint16_t slots_of(const char *key, size_t size);

enum slots_answer {
    SLOTS_OTHER, /* no redirection: an error like any other */
    SLOTS_MOVED, /* ask `server` from now on */
    SLOTS_ASK,   /* ask `server` this once, after ASKING */
    SLOTS_AGAIN, /* the slot is on its way, or the cluster is busy with itself: ask again */
    SLOTS_STALE, /* the server is no longer what it was (a replica now): look for the slots anew */
};

/* What the text of an error reply means. With SLOTS_MOVED and SLOTS_ASK `server` is filled in; an empty
 * host there is that of the server that answered. */
enum slots_answer slots_answer(const char *error, struct storeurl_server *server);

#endif

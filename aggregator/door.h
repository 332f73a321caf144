/*
 * Door: the listening sockets. Connections are taken DOOR_BATCH at a time, so that those who came
 * before get on with their handshakes meanwhile and a storm of sensors waits in the kernel's queue.
 * When no descriptor is left (EMFILE and its like) the door is shut for DOOR_PAUSE_MS, where libuv's
 * own accept would turn away whoever waits, or spin; that is said once. server.c owns one.
 *
 *   door_init -> door_add ... -> door_open -> [accepted] ... -> door_close
 */
#ifndef AGGREGATOR_DOOR_H
#define AGGREGATOR_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "common/address.h"

#define DOOR_LEAVES_MAX 16
#define DOOR_BATCH      16
#define DOOR_QUEUE      4096 /* connections that wait in the kernel, as far as that allows */
#define DOOR_PAUSE_MS   500

/* A connection was taken; the descriptor, which does not block, is the callee's. */
typedef void door_accepted_fn(void *data, int descriptor, enum address_kind kind);

struct door {
    uv_loop_t *loop;
    struct door_leaf {
        struct door *door;
        struct address address;
        uv_poll_t poll;
        int descriptor;
    } leaves[DOOR_LEAVES_MAX];
    size_t count;
    uv_timer_t pause;
    bool shut; /* paused, which was said */
    door_accepted_fn *accepted;
    void *data;
};

void door_init(struct door *door, uv_loop_t *loop, door_accepted_fn *accepted, void *data);
/* Binds one address. ERR_FULL, ERR_INVALID, ERR_IO with the cause in `errmsg`. */
int door_add(struct door *door, const struct address *address, char *errmsg);
/* Begins to listen and to accept. ERR_IO with the cause in `errmsg`. */
int door_open(struct door *door, char *errmsg);
/* Closes all; the loop closes the handles, which stay in `door` until it has ended. */
void door_close(struct door *door);

#endif

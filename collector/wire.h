/*
 * Wire: one connection to the aggregator on a libuv loop, bytes in and bytes out: finds the host's
 * address, connects, and speaks TLS where the address asks for it. ship.c and join.c own one each.
 *
 *   wire_init -> wire_open -> ready -> { input | wire_send -> sent } -> lost or wire_close -> closed
 *   wire_open may be called again after `closed`.
 *
 * `lost` is said once; the owner answers with wire_close. Nothing is called back after `closed`.
 */
#ifndef COLLECTOR_WIRE_H
#define COLLECTOR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/address.h"
#include "common/buf.h"
#include "common/tls.h"

struct wire_events {
    void (*ready)(void *data); /* the other side is whom the address and the certificate say */
    void (*input)(void *data, const uint8_t *bytes, size_t size);
    void (*sent)(void *data); /* all that was given is with the system */
    void (*lost)(void *data, const char *why);
    void (*closed)(void *data);
};

struct wire {
    uv_loop_t *loop;
    struct address address;
    const struct wire_events *on;
    void *data;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } link;
    bool link_open, link_closing, resolving, ready, closing, told_lost;
    uv_getaddrinfo_t resolve;
    struct addrinfo *found, *next; /* addresses of a host name; the next to be tried */
    uv_connect_t connect;
    uv_write_t write;
    struct buf out, writing; /* `writing` belongs to the request while busy */
    bool busy;
    struct tls *tls; /* NULL: in the clear */
};

void wire_init(struct wire *wire, uv_loop_t *loop, const struct address *address,
               const struct wire_events *events, void *data);

/* Connects; `context` (borrowed until `closed`) is for an address of ADDRESS_TLS. */
void wire_open(struct wire *wire, const struct tls_context *context);
/* Sends; once at a time, after `ready` and then after each `sent`. Empties `bytes`. */
void wire_send(struct wire *wire, struct buf *bytes);
/* Whether wire_send may be called. */
bool wire_free(const struct wire *wire);
/* Whether it is neither closed nor was never opened. */
bool wire_used(const struct wire *wire);
/* Ends the connection at once; `closed` follows. Without effect when it is not open. */
void wire_close(struct wire *wire);

#endif

/*
 * Peer: one connection. It carries bytes between a libuv stream and a session, and the session's
 * events to the sensor's lane and back. The server makes one for each connection that it accepts.
 *
 * Happy path: peer_accept -> HELLO out -> bytes in -> OPEN -> lane -> RESUME out -> records -> ACKs
 * out. End: a refusal is sent, the sending side is closed, and what still arrives is thrown away
 * for PEER_LINGER_MS, so that the sensor can read why; everything else closes at once. `closed` is
 * the last thing a peer does.
 */
#ifndef AGGREGATOR_PEER_H
#define AGGREGATOR_PEER_H

#include <stdbool.h>
#include <uv.h>

#include "aggregator/lane.h"
#include "aggregator/session.h"

#define PEER_HANDSHAKE_MS 10000  /* to a complete OPEN */
#define PEER_IDLE_MS      300000 /* without a byte from the sensor, while nothing is owed to it */
#define PEER_LINGER_MS    1000
#define PEER_UNSENT_MAX   65536 /* a sensor that does not read its acknowledgements is cut off */

struct peer {
    struct peer *next;
    struct lanes *lanes;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } socket;
    uv_timer_t timer;
    int handles; /* not yet closed */
    struct session session;
    struct owner *owner; /* its place on the sensor's lane; NULL while there is none */
    bool open_asked;     /* the lane has the OPEN at hand */
    bool record_offered; /* the lane said "later" to the record at hand */
    bool working, reading, lingering, closing, quiet;
    size_t unsent;
    uint8_t *chunk; /* SESSION_CHUNK_MAX bytes shared by all peers, borrowed */
    void (*closed)(struct peer *peer, void *data);
    void *data;
};

/* Takes the next connection of `listener`, a Unix socket or TCP, as `unix_socket` says. Returns the
 * peer, which frees itself after `closed`; NULL when it could not be taken. */
struct peer *peer_accept(uv_stream_t *listener, bool unix_socket, struct lanes *lanes,
                         uint8_t *chunk, void (*closed)(struct peer *peer, void *data), void *data);

/* Takes nothing more from the sensor; acknowledgements still go out. */
void peer_quiesce(struct peer *peer);
/* Ends the connection at once. */
void peer_close(struct peer *peer);

#endif

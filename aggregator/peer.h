/*
 * Peer: one connection. It carries bytes between a libuv stream and a session, and the session's
 * events to the sensor's lane and back. The server makes one for each connection that it accepts.
 *
 * Over TCP it speaks TLS, and who the sensor is comes from its certificate: it opens what the registry
 * says is its own, and without a certificate it can only join.
 *
 * Happy path: peer_accept -> [TLS] -> HELLO out -> bytes in -> OPEN -> lane -> RESUME out -> records -> ACKs
 * out. End: a refusal is sent, the sending side is closed, and what still arrives is thrown away
 * for PEER_LINGER_MS, so that the sensor can read why; everything else closes at once. `closed` is
 * the last thing a peer does.
 */
#ifndef AGGREGATOR_PEER_H
#define AGGREGATOR_PEER_H

#include <stdbool.h>
#include <uv.h>

#include "aggregator/lane.h"
#include "aggregator/origin.h"
#include "aggregator/session.h"
#include "common/address.h"
#include "common/tls.h"

struct enrol;
struct peer;
struct probe;
struct status;

#define PEER_HANDSHAKE_MS 10000  /* to a complete OPEN, with TLS and all */
#define PEER_IDLE_MS      300000 /* without a byte from the sensor, while nothing is owed to it */
#define PEER_LINGER_MS    1000
#define PEER_UNSENT_MAX   65536 /* a sensor that does not read its acknowledgements is cut off */
#define PEER_SILENT_S     60    /* a machine that answers nothing at all, not even keep-alives */
#define PEER_OPENING_MAX  64    /* sensors whose state is being read from the store */
#define PEER_RETRY_S      30 /* when to come back, for sensors beyond the most that there may be */
#define PEER_RUSH_S       2  /* and for those that come when so many others do */

/* What all peers of a server share; borrowed by them. */
struct peer_host {
    struct lanes *lanes;
    uint8_t *chunk; /* SESSION_CHUNK_MAX bytes to read into */
    struct enrol *enrol;
    struct tls_context *tls;
    struct stats *stats;
    unsigned delivering, delivering_max; /* connections that have a place on a lane */
    unsigned opening;                    /* of them, those that wait for their first answer */
    struct status *status;
    void (*closed)(struct peer *peer, void *data);
    void *data;
};

struct peer {
    struct peer *next;
    struct peer_host *host;
    struct tls *tls;         /* NULL: in the clear */
    struct cert_facts facts; /* of the certificate, while session.peer is SESSION_SENSOR */
    struct origin from;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } socket;
    uv_timer_t timer;
    int handles; /* not yet closed */
    struct session session;
    struct owner *owner; /* its place on the sensor's lane; NULL while there is none */
    bool opening;        /* the lane has the OPEN at hand; is one of host->opening */
    bool opened;         /* an OPEN was accepted: the sensor counts as connected */
    struct probe *probe; /* one that is under way, or NULL */
    bool record_offered; /* the lane said "later" to the record at hand */
    bool working, reading, lingering, closing, quiet;
    bool delivering; /* is one of host->delivering */
    bool noted;      /* why it was refused is in the log, or is not to be */
    size_t unsent;
};

/* Takes over the descriptor of a connection to an address of this kind. Returns the peer, which frees
 * itself after `closed`; NULL when it could not be taken and is closed. */
struct peer *peer_accept(uv_loop_t *loop, int descriptor, enum address_kind kind,
                         struct peer_host *host);
/* Whether it has not shown who it is. */
bool peer_stranger(const struct peer *peer);

/* The registry has changed: ends the connection of a sensor whose certificate is no good any more. */
void peer_recheck(struct peer *peer);
/* Takes nothing more from the sensor; acknowledgements still go out. */
void peer_quiesce(struct peer *peer);
/* Ends the connection at once. */
void peer_close(struct peer *peer);

#endif

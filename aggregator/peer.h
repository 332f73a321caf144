/*
 * Peer: one connection, without its I/O. It takes bytes to the session, the session's events to the
 * sensor's lane, and what comes back to whatever carries the bytes (struct peer_line), which is
 * wire.c's libuv stream, or a simulation's. One is made for each connection that is accepted.
 *
 * Over TCP it speaks TLS, and who the sensor is comes from its certificate: it opens what the registry
 * says is its own, and without a certificate it can only join.
 *
 * Happy path: peer_init, peer_start -> [TLS] -> HELLO out -> bytes in -> OPEN -> lane -> RESUME out -> records -> ACKs
 * out. End: a refusal is sent, the sending side is closed, and what still arrives is thrown away
 * for PEER_LINGER_MS, so that the sensor can read why; everything else closes at once. `closed` is
 * the last thing a peer does. No clock is read here: the line measures the time that a peer asks for.
 */
#ifndef AGGREGATOR_PEER_H
#define AGGREGATOR_PEER_H

#include <stdbool.h>

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

/* What carries the bytes. Its functions may be called inside any function of the peer; they call none
 * of the peer's before they return. */
struct peer_line {
    /* Sends the bytes and takes them over; peer_sent follows. An error when it cannot: they are freed. */
    int (*send)(struct peer *peer, struct buf *bytes);
    /* Begins or stops to hand over what arrives. */
    int (*read)(struct peer *peer, bool wanted);
    /* Calls peer_timeout once, so many milliseconds from now, instead of the time asked for before; 0:
     * not at all. */
    void (*wait)(struct peer *peer, uint64_t ms);
    /* Tells the other end that nothing more comes after what is being sent. */
    int (*end)(struct peer *peer);
    /* Ends the connection at once; peer_closed follows, and after it nothing. */
    void (*close)(struct peer *peer);
};

struct peer {
    struct peer *next;
    struct peer_host *host;
    const struct peer_line *line;
    struct tls *tls;         /* NULL: in the clear */
    struct cert_facts facts; /* of the certificate, while session.peer is SESSION_SENSOR */
    struct origin from;
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

/* Makes a zeroed peer ready; `kind` is that of the address it came to. ERR_NOMEM: peer_closed is due
 * all the same. */
int peer_init(struct peer *peer, struct peer_host *host, const struct peer_line *line,
              enum address_kind kind);
/* The connection stands: says HELLO. */
void peer_start(struct peer *peer);
/* Bytes arrived, at most SESSION_CHUNK_MAX. */
void peer_input(struct peer *peer, const uint8_t *bytes, size_t size);
/* So many bytes are with the system. */
void peer_sent(struct peer *peer, size_t size);
void peer_timeout(struct peer *peer);
/* Nobody has answered for PEER_SILENT_S: says so and ends the connection. */
void peer_vanished(struct peer *peer);
/* The connection has closed: frees what the peer holds and tells the host. */
void peer_closed(struct peer *peer);
/* Whether it has not shown who it is. */
bool peer_stranger(const struct peer *peer);

/* The registry has changed: ends the connection of a sensor whose certificate is no good any more. */
void peer_recheck(struct peer *peer);
/* Takes nothing more from the sensor; acknowledgements still go out. */
void peer_quiesce(struct peer *peer);
/* Ends the connection at once. */
void peer_close(struct peer *peer);

#endif

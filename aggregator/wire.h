/*
 * Wire: the libuv stream under a peer (struct peer_line): reads, writes, waits and closes. The
 * server makes one of each connection that its door has let in.
 */
#ifndef AGGREGATOR_WIRE_H
#define AGGREGATOR_WIRE_H

#include <uv.h>

#include "aggregator/peer.h"

/* Takes over the descriptor of a connection to an address of this kind. Returns the peer, which frees
 * itself after `closed`; NULL when it could not be taken and is closed. */
struct peer *wire_accept(uv_loop_t *loop, int descriptor, enum address_kind kind,
                         struct peer_host *host);

#endif

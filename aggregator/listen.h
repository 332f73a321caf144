/*
 * Where the aggregator listens: an address (common/address.h) whose host is a number.
 */
#ifndef AGGREGATOR_LISTEN_H
#define AGGREGATOR_LISTEN_H

#include <uv.h>

#include "common/address.h"

/* As address_parse, and ERR_INVALID for the name of a host. */
int listen_parse(struct address *address, const char *text, char *errmsg);

/* Binds a stream that was just initialised: uv_pipe_t for a Unix socket, else uv_tcp_t. A socket
 * file that nobody answers on is taken over. ERR_IO with the cause in `errmsg`. */
int listen_bind(uv_stream_t *stream, const struct address *address, char *errmsg);

#endif

/*
 * Where the aggregator listens: `unix:///path` or `HOST:PORT` with a loopback address. Anything
 * else is refused until connections are encrypted. Pure but for listen_bind_*.
 */
#ifndef AGGREGATOR_LISTEN_H
#define AGGREGATOR_LISTEN_H

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct listen_address {
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* Unix socket; empty for TCP */
    struct sockaddr_storage tcp;
    char shown[160];
};

/* ERR_INVALID, or ERR_REFUSED for an address that is not loopback, with the cause in `errmsg`. */
int listen_parse(struct listen_address *address, const char *text, char *errmsg);

/* Binds a stream that was just initialised: uv_pipe_t when `path` is set, else uv_tcp_t. A socket
 * file that nobody answers on is taken over. ERR_IO with the cause in `errmsg`. */
int listen_bind(uv_stream_t *stream, const struct listen_address *address, char *errmsg);

#endif

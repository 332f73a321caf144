#include "aggregator/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"

struct wire {
    struct peer peer; /* first: a peer of this file is a wire */
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } socket;
    uv_timer_t timer;
    int handles; /* not yet closed */
};

static struct wire *wire_of(struct peer *peer)
{
    return (struct wire *)peer;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    struct wire *wire = handle->data;
    if (--wire->handles > 0)
        return;
    peer_closed(&wire->peer);
    free(wire);
}

static void close_line(struct peer *peer)
{
    uv_close((uv_handle_t *)&wire_of(peer)->socket.stream, handle_closed);
    uv_close((uv_handle_t *)&wire_of(peer)->timer, handle_closed);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status; /* the timer or the end of the stream closes it in any case */
    free(request);
}

static int end(struct peer *peer)
{
    uv_shutdown_t *request = malloc(sizeof *request);
    if (request && uv_shutdown(request, &wire_of(peer)->socket.stream, on_shutdown) == 0)
        return 0;
    free(request);
    return ERR_IO;
}

static void on_timer(uv_timer_t *timer)
{
    peer_timeout(timer->data);
}

static void wait_ms(struct peer *peer, uint64_t ms)
{
    if (ms == 0)
        uv_timer_stop(&wire_of(peer)->timer);
    else
        uv_timer_start(&wire_of(peer)->timer, on_timer, ms, 0);
}

/* --- out -------------------------------------------------------------------------------------- */

struct sending {
    uv_write_t request;
    struct peer *peer;
    struct buf bytes;
};

/* The connection is no good any more. */
static void fail(struct peer *peer, int status)
{
    if (status == UV_ETIMEDOUT)
        peer_vanished(peer);
    else
        peer_close(peer);
}

/* libuv calls this back before the stream's close callback, so the peer is still there. */
static void on_written(uv_write_t *request, int status)
{
    struct sending *sending = (struct sending *)request;
    struct peer *peer = sending->peer;
    peer_sent(peer, sending->bytes.size);
    buf_close(&sending->bytes);
    free(sending);
    if (status < 0)
        fail(peer, status);
}

static int send_bytes(struct peer *peer, struct buf *wire)
{
    struct sending *sending = malloc(sizeof *sending);
    if (!sending) {
        buf_close(wire);
        return ERR_NOMEM;
    }
    *sending = (struct sending){.peer = peer, .bytes = *wire};
    uv_buf_t bytes = uv_buf_init((char *)wire->bytes, (unsigned)wire->size);
    if (uv_write(&sending->request, &wire_of(peer)->socket.stream, &bytes, 1, on_written) == 0)
        return 0;
    buf_close(&sending->bytes);
    free(sending);
    return ERR_IO;
}

/* --- in --------------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct wire *wire = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)wire->peer.host->chunk, SESSION_CHUNK_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct wire *wire = stream->data;
    if (size < 0)
        fail(&wire->peer, (int)size);
    else if (size > 0)
        peer_input(&wire->peer, (const uint8_t *)buf->base, (size_t)size);
}

static int read_bytes(struct peer *peer, bool wanted)
{
    uv_stream_t *stream = &wire_of(peer)->socket.stream;
    return wanted ? uv_read_start(stream, on_alloc, on_read) : uv_read_stop(stream);
}

/* --- accepting -------------------------------------------------------------------------------- */

static const struct peer_line line = {send_bytes, read_bytes, wait_ms, end, close_line};

static bool init_handles(struct wire *wire, uv_loop_t *loop, bool unix_socket)
{
    int rc = unix_socket ? uv_pipe_init(loop, &wire->socket.pipe, 0)
                         : uv_tcp_init(loop, &wire->socket.tcp);
    if (rc == 0) {
        uv_timer_init(loop, &wire->timer);
        wire->socket.stream.data = wire->timer.data = wire;
        wire->handles = 2;
    }
    return rc == 0;
}

/* Ends a connection whose other end has vanished, which TCP alone would take a quarter of an hour for:
 * its sensor would be taken for its own clone meanwhile. */
static void expect_life(int descriptor)
{
    const int interval_s = 10, probes = 3;
    const unsigned silent_ms = PEER_SILENT_S * 1000;
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
}

static void note_origin(struct wire *wire)
{
    struct sockaddr_storage name;
    int size = sizeof name;
    if (uv_tcp_getpeername(&wire->socket.tcp, (struct sockaddr *)&name, &size) == 0)
        origin_set(&wire->peer.from, (struct sockaddr *)&name);
}

static int begin(struct wire *wire, int descriptor, enum address_kind kind, struct peer_host *host)
{
    int rc = peer_init(&wire->peer, host, &line, kind);
    int opened = kind == ADDRESS_UNIX ? uv_pipe_open(&wire->socket.pipe, descriptor)
                                      : uv_tcp_open(&wire->socket.tcp, descriptor);
    if (opened)
        close(descriptor);
    if (rc || opened)
        return ERR_IO;
    if (kind == ADDRESS_UNIX)
        return 0;
    uv_tcp_nodelay(&wire->socket.tcp, 1);
    uv_tcp_keepalive(&wire->socket.tcp, 1, PEER_SILENT_S / 2);
    expect_life(descriptor);
    note_origin(wire);
    return 0;
}

struct peer *wire_accept(uv_loop_t *loop, int descriptor, enum address_kind kind,
                         struct peer_host *host)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire || !init_handles(wire, loop, kind == ADDRESS_UNIX)) {
        free(wire);
        close(descriptor);
        return NULL;
    }
    if (begin(wire, descriptor, kind, host))
        peer_close(&wire->peer);
    else
        peer_start(&wire->peer);
    return &wire->peer;
}

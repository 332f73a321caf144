#include "collector/wire.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"

/*
 * Happy path: wire_open -> [on_resolved] -> connect_next -> on_connect -> [on_read: handshake] ->
 * ready -> on_read ... Failure: an address that does not answer is closed and the next one tried,
 * from on_link_closed; everything else ends in lose().
 */

static void connect_next(struct wire *wire);
static void flush(struct wire *wire);

void wire_init(struct wire *wire, uv_loop_t *loop, const struct address *address,
               const struct wire_events *events, void *data)
{
    *wire = (struct wire){.loop = loop, .address = *address, .on = events, .data = data};
    buf_init(&wire->out);
    buf_init(&wire->writing);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void end(struct wire *wire)
{
    if (wire->link_open || wire->resolving)
        return;
    uv_freeaddrinfo(wire->found);
    wire->found = wire->next = NULL;
    tls_free(wire->tls);
    wire->tls = NULL;
    buf_close(&wire->out);
    buf_close(&wire->writing);
    wire->closing = wire->told_lost = wire->ready = false;
    wire->on->closed(wire->data);
}

static void on_link_closed(uv_handle_t *handle)
{
    struct wire *wire = handle->data;
    wire->link_open = wire->link_closing = false;
    if (wire->closing)
        end(wire);
    else
        connect_next(wire);
}

static void close_link(struct wire *wire)
{
    if (wire->link_open && !wire->link_closing) {
        wire->link_closing = true;
        uv_close(&wire->link.handle, on_link_closed);
    }
}

bool wire_used(const struct wire *wire)
{
    return wire->link_open || wire->resolving;
}

void wire_close(struct wire *wire)
{
    if (!wire_used(wire) || wire->closing)
        return;
    wire->closing = true;
    if (wire->resolving)
        uv_cancel((uv_req_t *)&wire->resolve);
    close_link(wire);
}

static void lose(struct wire *wire, const char *what, const char *cause)
{
    char why[ERRMSG_SIZE];
    if (wire->closing || wire->told_lost)
        return;
    wire->told_lost = true;
    wire->ready = false;
    snprintf(why, sizeof why, "aggregator %s: %s%s%s", wire->address.shown, what, *what ? ": " : "",
             cause);
    wire->on->lost(wire->data, why);
}

/* What TLS has to say for the last time, as far as the socket takes it at once. */
static void lose_tls(struct wire *wire)
{
    struct buf last;
    buf_init(&last);
    if (!wire->busy && wire->out.size == 0 && tls_take(wire->tls, &last) == 0 && last.size > 0) {
        uv_buf_t bytes = uv_buf_init((char *)last.bytes, (unsigned)last.size);
        uv_try_write(&wire->link.stream, &bytes, 1);
    }
    buf_close(&last);
    lose(wire, "", tls_reason(wire->tls));
}

/* --- out -------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
    struct wire *wire = request->data;
    wire->busy = false;
    wire->writing.size = 0;
    if (status == UV_ECANCELED || wire->closing)
        return;
    if (status < 0) {
        lose(wire, "sending", uv_strerror(status));
        return;
    }
    flush(wire);
    if (!wire->busy && wire->ready)
        wire->on->sent(wire->data);
}

/* One write is under way at a time. */
static void flush(struct wire *wire)
{
    if (wire->busy || wire->closing)
        return;
    if (wire->out.failed) {
        lose(wire, "sending", err_str(ERR_NOMEM));
        return;
    }
    if (wire->out.size == 0)
        return;
    struct buf full = wire->out;
    wire->out = wire->writing;
    wire->writing = full;
    uv_buf_t bytes = uv_buf_init((char *)full.bytes, (unsigned)full.size);
    wire->write.data = wire;
    int rc = uv_write(&wire->write, &wire->link.stream, &bytes, 1, on_written);
    if (rc < 0)
        lose(wire, "sending", uv_strerror(rc));
    else
        wire->busy = true;
}

bool wire_free(const struct wire *wire)
{
    return wire->ready && !wire->busy && !wire->closing;
}

void wire_send(struct wire *wire, struct buf *bytes)
{
    int rc = 0;
    if (!wire->tls)
        buf_put(&wire->out, bytes->bytes, bytes->size);
    else if ((rc = tls_output(wire->tls, bytes->bytes, bytes->size)) == 0)
        rc = tls_take(wire->tls, &wire->out);
    bytes->size = 0;
    if (rc)
        lose(wire, "sending", rc == ERR_REFUSED ? tls_reason(wire->tls) : err_str(rc));
    else
        flush(wire);
}

/* --- in --------------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    static char room[65536]; /* used up in on_read before the loop goes on */
    (void)handle;
    (void)suggested;
    *bytes = uv_buf_init(room, sizeof room);
}

static void say_ready(struct wire *wire)
{
    wire->ready = true;
    wire->on->ready(wire->data);
}

static void take_encrypted(struct wire *wire, const uint8_t *bytes, size_t size)
{
    struct buf plain;
    buf_init(&plain);
    int rc = tls_input(wire->tls, bytes, size, &plain);
    if (rc == 0)
        rc = tls_take(wire->tls, &wire->out);
    flush(wire);
    if (!wire->ready && !wire->told_lost && tls_state(wire->tls) == TLS_OPEN)
        say_ready(wire);
    if (plain.size > 0 && !wire->closing && !wire->told_lost)
        wire->on->input(wire->data, plain.bytes, plain.size);
    buf_close(&plain);
    if (rc == ERR_REFUSED)
        lose_tls(wire);
    else if (rc)
        lose(wire, "reading", err_str(rc));
    else if (tls_state(wire->tls) == TLS_CLOSED)
        lose(wire, "connection lost", "the aggregator closed it");
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct wire *wire = stream->data;
    if (wire->closing)
        return;
    if (got < 0 && wire->tls && got == UV_EOF) {
        tls_input_end(wire->tls);
        lose(wire, "connection lost", tls_reason(wire->tls));
    } else if (got < 0) {
        lose(wire, "connection lost", uv_strerror((int)got));
    } else if (wire->tls) {
        take_encrypted(wire, (const uint8_t *)bytes->base, (size_t)got);
    } else {
        wire->on->input(wire->data, (const uint8_t *)bytes->base, (size_t)got);
    }
}

/* --- connecting ------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *request, int status)
{
    struct wire *wire = request->data;
    if (status == UV_ECANCELED || wire->closing)
        return;
    if (status < 0 && wire->next) {
        close_link(wire);
        return;
    }
    int rc = status < 0 ? status : uv_read_start(&wire->link.stream, on_alloc, on_read);
    if (rc < 0) {
        lose(wire, "cannot be reached", uv_strerror(rc));
    } else if (wire->tls) {
        tls_take(wire->tls, &wire->out);
        flush(wire);
    } else {
        say_ready(wire);
    }
}

static void connect_unix(struct wire *wire)
{
    uv_pipe_init(wire->loop, &wire->link.pipe, 0);
    wire->link_open = true;
    wire->link.handle.data = wire;
    uv_pipe_connect(&wire->connect, &wire->link.pipe, wire->address.path, on_connect);
}

static void connect_tcp(struct wire *wire, const struct sockaddr *to)
{
    uv_tcp_init(wire->loop, &wire->link.tcp);
    wire->link_open = true;
    wire->link.handle.data = wire;
    uv_tcp_nodelay(&wire->link.tcp, 1);
    int rc = uv_tcp_connect(&wire->connect, &wire->link.tcp, to, on_connect);
    if (rc < 0)
        lose(wire, "cannot be reached", uv_strerror(rc));
}

/* Tries the next address of the host. */
static void connect_next(struct wire *wire)
{
    const struct sockaddr *to = wire->next->ai_addr;
    wire->next = wire->next->ai_next;
    connect_tcp(wire, to);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct wire *wire = request->data;
    wire->resolving = false;
    wire->found = wire->next = found;
    if (wire->closing) {
        end(wire);
    } else if (status < 0 || !found) {
        lose(wire, "its name cannot be resolved", uv_strerror(status));
        end(wire);
    } else {
        connect_next(wire);
    }
}

static void resolve(struct wire *wire)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    char port[8];
    snprintf(port, sizeof port, "%u", wire->address.port);
    wire->resolve.data = wire;
    wire->resolving = true;
    int rc =
        uv_getaddrinfo(wire->loop, &wire->resolve, on_resolved, wire->address.host, port, &hints);
    if (rc < 0)
        on_resolved(&wire->resolve, rc, NULL);
}

void wire_open(struct wire *wire, const struct tls_context *context)
{
    wire->connect.data = wire;
    if (wire->address.kind == ADDRESS_TLS && !(wire->tls = tls_new(context))) {
        lose(wire, "cannot be reached", err_str(ERR_NOMEM));
        end(wire);
        return;
    }
    if (wire->address.kind == ADDRESS_UNIX)
        connect_unix(wire);
    else if (wire->address.literal)
        connect_tcp(wire, (const struct sockaddr *)&wire->address.socket);
    else
        resolve(wire);
}

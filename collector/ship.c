#include "collector/ship.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "collector/delivery.h"
#include "collector/manifest.h"
#include "common/err.h"
#include "common/log.h"

/*
 * Happy path: ship_run -> connect_if_wanted -> on_connect -> on_read (HELLO) -> pump (OPEN) ->
 * on_read (RESUME) -> pump (RECORD ...) -> on_read (ACK) ... -> finish when a drain or stop is
 * over. Failure: whatever breaks the connection ends in drop(), which closes the handle; on_closed
 * starts the retry timer, and that begins again at connect_if_wanted. Several connections never
 * exist at once.
 */

#define RETRY_MIN_MS   200
#define RETRY_MAX_MS   10000
#define TICK_MS        1000
#define STOP_TICK_MS   200
#define OUTPUT_MOST    ((size_t)1 << 20) /* bytes handed to the socket at a time */
#define CONNECT_MAX_MS 10000             /* from connecting to HELLO and RESUME */

enum ending { RUNNING, DRAINING, STOPPING };

struct ship {
    const struct ship_options *options;
    uv_loop_t loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } link;
    bool link_open; /* initialised and not yet closed */
    bool link_closing;
    uv_connect_t connect;
    uv_write_t write;
    struct buf output; /* belongs to `write` while writing */
    bool writing;
    uv_timer_t retry, tick;
    uv_poll_t notes;
    unsigned failures; /* connections in a row that came to nothing */
    bool said_unreachable;
    uint64_t link_since_ms; /* when we last were not waiting for an answer to connect or OPEN */
    struct delivery delivery;
    struct manifest manifest;
    enum ending ending;
    uint64_t deadline_ms; /* stopping: when to end; draining: when without progress */
    uint64_t progress;
    bool finished;
};

static void connect_if_wanted(struct ship *ship);
static void pump(struct ship *ship);
static void check_ending(struct ship *ship);
static void on_tick(uv_timer_t *timer);

/* --- address ---------------------------------------------------------------------------------- */

/* Splits HOST:PORT or [v6]:PORT and makes a socket address of it; the host is a literal address. */
static int parse_tcp(const char *address, struct sockaddr_storage *out)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    char *end;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || size == 0 || size >= sizeof host || port < 1 || port > 65535 || *end)
        return ERR_INVALID;
    bool bracketed = address[0] == '[' && colon[-1] == ']' && size > 2;
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? size - 2 : size), address + bracketed);
    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out) == 0)
        return 0;
    return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out) == 0 ? 0 : ERR_INVALID;
}

int ship_address_check(const char *address, char *errmsg)
{
    struct sockaddr_storage storage;
    if (strncmp(address, "unix://", 7) == 0) {
        if (address[7] == '/' && strlen(address + 7) < sizeof((struct sockaddr_un *)0)->sun_path)
            return 0;
        return err_set(errmsg, ERR_INVALID,
                       "aggregator '%s': a Unix socket is unix:///path of at most %zu bytes",
                       address, sizeof((struct sockaddr_un *)0)->sun_path - 1);
    }
    if (parse_tcp(address, &storage) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID,
                   "aggregator '%s': write unix:///path or ADDRESS:PORT, such as 127.0.0.1:4739",
                   address);
}

/* --- the connection's end --------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
    connect_if_wanted(timer->data);
}

/* Waits longer after each failure, with jitter, so that sensors do not come back in step. */
static void schedule_retry(struct ship *ship)
{
    unsigned shift = ship->failures < 6 ? ship->failures : 6;
    uint64_t most = (uint64_t)RETRY_MIN_MS << shift;
    if (most > RETRY_MAX_MS)
        most = RETRY_MAX_MS;
    ship->failures++;
    uv_timer_start(&ship->retry, on_retry, most / 2 + (uint64_t)rand() % (most / 2 + 1), 0);
}

static void on_link_closed(uv_handle_t *handle)
{
    struct ship *ship = handle->data;
    ship->link_open = ship->link_closing = false;
    buf_close(&ship->output); /* what could not be handed to this connection is not for the next */
    delivery_disconnected(&ship->delivery);
    if (!ship->finished)
        schedule_retry(ship);
}

/* Closes the connection; says why when that is news. */
static void drop(struct ship *ship, const char *why)
{
    if (why && !ship->said_unreachable) {
        log_warn("%s; records wait in %s", why, ship->options->spool);
        ship->said_unreachable = true;
    }
    if (ship->link_open && !ship->link_closing) {
        ship->link_closing = true;
        uv_close(&ship->link.handle, on_link_closed);
    }
}

static void drop_uv(struct ship *ship, const char *what, int code)
{
    char why[ERRMSG_SIZE];
    snprintf(why, sizeof why, "aggregator %s: %s: %s", ship->options->aggregator, what,
             uv_strerror(code));
    drop(ship, why);
}

/* --- data ------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
    struct ship *ship = request->data;
    ship->writing = false;
    ship->output.size = 0;
    if (status == UV_ECANCELED)
        return;
    if (status < 0)
        drop_uv(ship, "sending", status);
    else
        pump(ship);
}

/* Sends what may be sent now; one write is under way at a time. */
static void pump(struct ship *ship)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    if (!ship->link_open || ship->link_closing || ship->writing)
        return;
    int rc = delivery_output(&ship->delivery, &ship->output, OUTPUT_MOST, errmsg);
    if (rc < 0) {
        drop(ship, errmsg);
        return;
    }
    if (ship->output.size == 0)
        return;
    uv_buf_t bytes = uv_buf_init((char *)ship->output.bytes, (unsigned)ship->output.size);
    ship->write.data = ship;
    rc = uv_write(&ship->write, &ship->link.stream, &bytes, 1, on_written);
    if (rc < 0)
        drop_uv(ship, "sending", rc);
    else
        ship->writing = true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    static char room[65536]; /* used up in on_read before the loop goes on */
    (void)handle;
    (void)suggested;
    *bytes = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct ship *ship = stream->data;
    char errmsg[ERRMSG_SIZE] = "out of memory";
    if (got < 0) {
        drop_uv(ship, "connection lost", (int)got);
        return;
    }
    uint64_t before = ship->manifest.progress;
    int rc = delivery_input(&ship->delivery, (const uint8_t *)bytes->base, (size_t)got, errmsg);
    if (ship->manifest.progress != before) {
        if (ship->said_unreachable)
            log_info("aggregator %s: delivering again", ship->options->aggregator);
        ship->failures = 0;
        ship->said_unreachable = false;
    }
    if (rc < 0)
        drop(ship, rc == ERR_REFUSED && ship->manifest.refused ? NULL : errmsg);
    else
        pump(ship);
    check_ending(ship);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *request, int status)
{
    struct ship *ship = request->data;
    if (status == UV_ECANCELED)
        return;
    if (status < 0) {
        drop_uv(ship, "cannot be reached", status);
        return;
    }
    delivery_connected(&ship->delivery);
    int rc = uv_read_start(&ship->link.stream, on_alloc, on_read);
    if (rc < 0)
        drop_uv(ship, "reading", rc);
}

static void connect_unix(struct ship *ship)
{
    uv_pipe_init(&ship->loop, &ship->link.pipe, 0);
    ship->link_open = true;
    ship->link.handle.data = ship;
    uv_pipe_connect(&ship->connect, &ship->link.pipe, ship->options->aggregator + 7, on_connect);
}

static void connect_tcp(struct ship *ship)
{
    struct sockaddr_storage address;
    parse_tcp(ship->options->aggregator, &address); /* checked by ship_address_check */
    uv_tcp_init(&ship->loop, &ship->link.tcp);
    ship->link_open = true;
    ship->link.handle.data = ship;
    uv_tcp_nodelay(&ship->link.tcp, 1);
    int rc =
        uv_tcp_connect(&ship->connect, &ship->link.tcp, (struct sockaddr *)&address, on_connect);
    if (rc < 0)
        drop_uv(ship, "cannot be reached", rc);
}

/* Connects when there is something to say, no connection yet and no wait for the next try. An
 * aggregator does not keep a connection on which nothing is opened. */
static void connect_if_wanted(struct ship *ship)
{
    if (ship->link_open || ship->finished || uv_is_active((uv_handle_t *)&ship->retry) ||
        !manifest_wants(&ship->manifest))
        return;
    ship->connect.data = ship;
    ship->link_since_ms = uv_now(&ship->loop);
    if (strncmp(ship->options->aggregator, "unix://", 7) == 0)
        connect_unix(ship);
    else
        connect_tcp(ship);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void close_walk(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(struct ship *ship)
{
    if (ship->finished)
        return;
    ship->finished = true;
    drop(ship, NULL);
    uv_walk(&ship->loop, close_walk, NULL);
}

/* Ends when all is delivered, or when waiting longer is over. */
static void check_ending(struct ship *ship)
{
    uint64_t now = uv_now(&ship->loop);
    if (ship->manifest.broken || ship->manifest.live_refused) {
        finish(ship);
        return;
    }
    if (ship->ending == RUNNING)
        return;
    if (ship->ending == DRAINING && ship->manifest.progress != ship->progress) {
        ship->progress = ship->manifest.progress;
        ship->deadline_ms = now + SHIP_GIVE_UP_MS;
    }
    if (manifest_waiting(&ship->manifest) == 0 || now >= ship->deadline_ms)
        finish(ship);
}

static void begin_ending(struct ship *ship, enum ending ending)
{
    if (ship->ending >= ending)
        return;
    ship->ending = ending;
    ship->progress = ship->manifest.progress;
    ship->deadline_ms =
        uv_now(&ship->loop) + (ending == DRAINING ? (uint64_t)SHIP_GIVE_UP_MS : SHIP_STOP_MS);
    uv_timer_stop(&ship->retry); /* the next try is worth making at once */
    if (ending == STOPPING)
        uv_timer_start(&ship->tick, on_tick, STOP_TICK_MS, STOP_TICK_MS);
}

static void on_tick(uv_timer_t *timer)
{
    struct ship *ship = timer->data;
    bool waiting = ship->delivery.state == DELIVERY_OFFLINE ||
                   ship->delivery.state == DELIVERY_HELLO ||
                   ship->delivery.state == DELIVERY_RESUME;
    if (!waiting)
        ship->link_since_ms =
            uv_now(&ship->loop); /* an OPEN that is sent later counts from there */
    else if (ship->link_open && uv_now(&ship->loop) - ship->link_since_ms > CONNECT_MAX_MS)
        drop(ship, "aggregator: does not answer");
    manifest_save(&ship->manifest, (int64_t)ship->options->retention_s, (int64_t)time(NULL));
    check_ending(ship);
}

static void take_note(struct ship *ship, const struct ship_note *note)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    switch (note->kind) {
    case SHIP_DURABLE:
        if (manifest_durable(&ship->manifest, note->epoch, note->seq, errmsg) != 0) {
            log_error("%s", errmsg);
            ship->manifest.broken = true;
        }
        break;
    case SHIP_DRAIN:
        begin_ending(ship, DRAINING);
        break;
    default:
        begin_ending(ship, STOPPING);
    }
}

/* A note is written whole (it is smaller than PIPE_BUF), so reads give whole ones. */
static void on_notes(uv_poll_t *poll, int status, int events)
{
    struct ship *ship = poll->data;
    struct ship_note notes[64];
    (void)events;
    ssize_t got = status < 0 ? 0 : read(ship->options->notes, notes, sizeof notes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        uv_poll_stop(poll);
        begin_ending(ship, STOPPING);
    }
    for (ssize_t i = 0; i < got / (ssize_t)sizeof notes[0]; i++)
        take_note(ship, &notes[i]);
    connect_if_wanted(ship);
    pump(ship);
    check_ending(ship);
}

static int start(struct ship *ship)
{
    int rc = uv_loop_init(&ship->loop);
    if (rc < 0)
        return rc;
    uv_timer_init(&ship->loop, &ship->retry);
    uv_timer_init(&ship->loop, &ship->tick);
    ship->retry.data = ship->tick.data = ship;
    uv_timer_start(&ship->tick, on_tick, TICK_MS, TICK_MS);
    rc = uv_poll_init(&ship->loop, &ship->notes, ship->options->notes);
    if (rc < 0)
        return rc;
    ship->notes.data = ship;
    rc = uv_poll_start(&ship->notes, UV_READABLE | UV_DISCONNECT, on_notes);
    connect_if_wanted(ship);
    return rc;
}

static enum ship_result result(const struct ship *ship)
{
    if (ship->manifest.broken)
        return SHIP_BROKEN;
    if (manifest_waiting(&ship->manifest) > 0)
        return SHIP_WAITING;
    return ship->manifest.refused ? SHIP_REFUSED : SHIP_DELIVERED;
}

enum ship_result ship_run(const struct ship_options *options, struct spool_epoch *epochs,
                          size_t count)
{
    struct ship *ship = calloc(1, sizeof *ship);
    if (!ship || manifest_init(&ship->manifest, options->spool, epochs, count) != 0) {
        log_error("ship: out of memory");
        free(ship);
        return SHIP_BROKEN;
    }
    ship->options = options;
    ship->manifest.max_bytes = options->max_bytes;
    srand((unsigned)getpid() ^ (unsigned)time(NULL)); /* jitter only */
    struct delivery_source source = manifest_source(&ship->manifest);
    delivery_init(&ship->delivery, &source);
    int rc = start(ship);
    if (rc < 0) {
        log_error("ship: event loop: %s", uv_strerror(rc));
        ship->manifest.broken = true;
    } else {
        uv_run(&ship->loop, UV_RUN_DEFAULT);
        uv_loop_close(&ship->loop);
    }
    manifest_save(&ship->manifest, (int64_t)options->retention_s, (int64_t)time(NULL));
    manifest_report(&ship->manifest);
    enum ship_result end = result(ship);
    if (end == SHIP_WAITING)
        log_error("%" PRIu64
                  " records are not acknowledged: they stay in %s and go out when the sensor "
                  "runs again",
                  manifest_waiting(&ship->manifest), options->spool);
    delivery_close(&ship->delivery);
    manifest_close(&ship->manifest);
    buf_close(&ship->output);
    free(ship);
    return end;
}

#include "collector/ship.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "collector/credentials.h"
#include "collector/delivery.h"
#include "collector/manifest.h"
#include "collector/shipmetrics.h"
#include "collector/wire.h"
#include "common/cert.h"
#include "common/err.h"
#include "common/httpd.h"
#include "common/log.h"

/*
 * Happy path: ship_run -> connect_if_wanted -> on_ready -> on_input (HELLO) -> pump (OPEN) ->
 * on_input (RESUME) -> pump (RECORD ...) -> on_input (ACK) ... -> finish when a drain or stop is
 * over. Failure: whatever breaks the connection ends in drop(), which closes the wire; on_closed
 * starts the retry timer, and that begins again at connect_if_wanted. Several connections never
 * exist at once.
 */

#define RETRY_MIN_MS   200
#define RETRY_MAX_MS   10000
#define TICK_MS        1000
#define STOP_TICK_MS   200
#define OUTPUT_MOST    ((size_t)1 << 20) /* bytes handed to the socket at a time */
#define RENEW_AGAIN_S  3600              /* after a renewal that came to nothing */
#define CONNECT_MAX_MS 10000             /* from connecting to HELLO and RESUME */
#define ACK_MAX_MS     120000            /* without an acknowledgement, while one is owed */

enum ending { RUNNING, DRAINING, STOPPING };

struct ship {
    const struct ship_options *options;
    uv_loop_t loop;
    struct wire wire;
    struct tls_context *tls; /* of the connection; NULL: none, or in the clear */
    int64_t renew_s;         /* when the certificate is to be renewed: UTC; INT64_MAX: never */
    int64_t retry_renewal_s; /* not before this, after one that came to nothing */
    char *key, *request;     /* of a renewal that was begun on this connection; or NULL */
    struct buf output;
    uv_timer_t retry, tick;
    uv_poll_t notes;
    unsigned failures; /* connections in a row that came to nothing */
    bool said_unreachable;
    uint64_t link_since_ms; /* when we last were not waiting for an answer to connect or OPEN */
    uint64_t owed_since_ms; /* when the aggregator last owed nothing, or acknowledged something */
    uint64_t owed_progress; /* and how far that was */
    uint64_t connections;   /* that were made */
    int64_t certificate_until_s; /* UTC; 0: none was used */
    struct httpd *httpd;         /* NULL: no page of metrics */
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
    uint64_t wait = most / 2 + (uint64_t)rand() % (most / 2 + 1);
    uint64_t asked = (uint64_t)ship->delivery.retry_s * 1000;
    if (asked > 0) /* the aggregator wants us back, and all whom it told so, not sooner */
        asked += (uint64_t)rand() % asked;
    uv_timer_start(&ship->retry, on_retry, asked > wait ? asked : wait, 0);
}

static void on_closed(void *data)
{
    struct ship *ship = data;
    buf_close(&ship->output); /* what could not be handed to this connection is not for the next */
    tls_context_free(ship->tls);
    ship->tls = NULL;
    free(ship->request);
    free(ship->key);
    ship->request = ship->key = NULL;
    delivery_disconnected(&ship->delivery);
    if (!ship->finished)
        schedule_retry(ship);
}

/* Says why there is no connection, when that is news. */
static void complain(struct ship *ship, const char *why)
{
    if (ship->said_unreachable)
        return;
    log_warn("%s; records wait in %s", why, ship->options->spool);
    ship->said_unreachable = true;
}

static void drop(struct ship *ship, const char *why)
{
    if (why)
        complain(ship, why);
    wire_close(&ship->wire);
}

static void on_lost(void *data, const char *why)
{
    drop(data, why);
}

/* --- data ------------------------------------------------------------------------------------- */

/* Sends what may be sent now. */
static void pump(struct ship *ship)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    if (!wire_free(&ship->wire))
        return;
    int rc = delivery_output(&ship->delivery, &ship->output, OUTPUT_MOST, errmsg);
    if (rc < 0)
        drop(ship, errmsg);
    else if (ship->output.size > 0)
        wire_send(&ship->wire, &ship->output);
}

static void on_sent(void *data)
{
    pump(data);
}

static void on_input(void *data, const uint8_t *bytes, size_t size)
{
    struct ship *ship = data;
    char errmsg[ERRMSG_SIZE] = "out of memory";
    uint64_t before = ship->manifest.progress;
    int rc = delivery_input(&ship->delivery, bytes, size, errmsg);
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

static int on_certified(void *user, const struct frame_certificate *certificate, char *errmsg)
{
    struct ship *ship = user;
    struct cert_facts facts;
    int rc = cert_read(certificate->certificate, &facts, errmsg);
    if (rc == 0)
        rc = credentials_write(ship->options->spool, ship->key, certificate->certificate,
                               certificate->authority, errmsg);
    if (rc == 0)
        log_info("the certificate of sensor %s was renewed", facts.name);
    return rc;
}

/* Asks for another certificate when it is time, with another key. When that comes to nothing, the
 * next connections deliver with the present one. */
static void renew_if_due(struct ship *ship)
{
    char errmsg[ERRMSG_SIZE];
    int64_t now_s = time(NULL);
    if (now_s < ship->renew_s)
        return;
    ship->retry_renewal_s = now_s + RENEW_AGAIN_S;
    ship->key = cert_key(errmsg);
    ship->request = ship->key ? cert_request(ship->key, errmsg) : NULL;
    if (!ship->request) {
        log_warn("renewing the certificate: %s", errmsg);
        return;
    }
    const struct delivery_renewal renewal = {ship->request, on_certified, ship};
    delivery_renew(&ship->delivery, &renewal);
}

static void on_ready(void *data)
{
    struct ship *ship = data;
    ship->connections++;
    delivery_connected(&ship->delivery);
    renew_if_due(ship);
}

/* The credentials are read each time: they may have been renewed or replaced. */
static int prepare_tls(struct ship *ship, char *errmsg)
{
    char *identity = credentials_read(ship->options->spool, errmsg);
    struct tls_terms terms = {.server = false, .identity = identity};
    if (!identity)
        return ERR_INVALID;
    struct cert_facts facts;
    if (cert_read(identity, &facts, NULL) == 0)
        ship->certificate_until_s = facts.until_s;
    ship->renew_s = credentials_renewal(identity);
    if (ship->renew_s < ship->retry_renewal_s)
        ship->renew_s = ship->retry_renewal_s;
    ship->tls = tls_context_new(&terms, errmsg);
    explicit_bzero(identity, strlen(identity));
    free(identity);
    return ship->tls ? 0 : ERR_INVALID;
}

/* Connects when there is something to say, no connection yet and no wait for the next try. An
 * aggregator does not keep a connection on which nothing is opened. */
static void connect_if_wanted(struct ship *ship)
{
    char errmsg[ERRMSG_SIZE];
    if (wire_used(&ship->wire) || ship->finished || uv_is_active((uv_handle_t *)&ship->retry) ||
        !manifest_wants(&ship->manifest))
        return;
    ship->link_since_ms = uv_now(&ship->loop);
    if (ship->wire.address.kind == ADDRESS_TLS && prepare_tls(ship, errmsg) != 0) {
        complain(ship, errmsg);
        schedule_retry(ship);
        return;
    }
    wire_open(&ship->wire, ship->tls);
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
    httpd_stop(ship->httpd);
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

/* A connection on which nothing comes back is given up: the other end may be gone, or hang. */
static void watch_acknowledgements(struct ship *ship)
{
    const struct delivery *delivery = &ship->delivery;
    bool owed = delivery->state == DELIVERY_STREAMING && delivery->sent > delivery->acked;
    if (!owed || ship->manifest.progress != ship->owed_progress) {
        ship->owed_since_ms = uv_now(&ship->loop);
        ship->owed_progress = ship->manifest.progress;
    } else if (uv_now(&ship->loop) - ship->owed_since_ms > ACK_MAX_MS) {
        drop(ship, "aggregator: acknowledges nothing any more");
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct ship *ship = timer->data;
    bool waiting =
        ship->delivery.state == DELIVERY_OFFLINE || ship->delivery.state == DELIVERY_HELLO ||
        ship->delivery.state == DELIVERY_RENEWING || ship->delivery.state == DELIVERY_RESUME;
    if (!waiting)
        ship->link_since_ms =
            uv_now(&ship->loop); /* an OPEN that is sent later counts from there */
    else if (wire_used(&ship->wire) && uv_now(&ship->loop) - ship->link_since_ms > CONNECT_MAX_MS)
        drop(ship, ship->wire.address.kind == ADDRESS_UNIX
                       ? "aggregator: does not answer"
                       : "aggregator: does not answer; does it expect TLS there, or the clear?");
    watch_acknowledgements(ship);
    if (!waiting && ship->tls && !ship->request && time(NULL) >= ship->renew_s)
        drop(ship, NULL); /* the next connection begins with renewing */
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

/* --- metrics ---------------------------------------------------------------------------------- */

static void on_page(void *data, struct buf *text)
{
    struct ship *ship = data;
    struct manifest *manifest = &ship->manifest;
    int64_t oldest_s = manifest_oldest(manifest), now_s = time(NULL);
    const struct shipmetrics figures = {
        .vitals = ship->options->vitals,
        .connected = ship->wire.ready,
        .connections = ship->connections,
        .acknowledged = manifest->acknowledged,
        .waiting = manifest_waiting(manifest),
        .lag_s = oldest_s < now_s ? (uint64_t)(now_s - oldest_s) : 0,
        .lost = manifest->lost,
        .spool_bytes = manifest->used_bytes,
        .spool_max_bytes = manifest->max_bytes,
        .certificate_until_s = ship->certificate_until_s,
    };
    shipmetrics_write(&figures, text);
}

/* Without the page records are delivered all the same. */
static void serve_metrics(struct ship *ship)
{
    char errmsg[ERRMSG_SIZE];
    if (ship->options->metrics > 0 &&
        httpd_start(&ship->httpd, &ship->loop, ship->options->metrics, on_page, ship, errmsg) != 0)
        log_warn("%s", errmsg);
}

static int start(struct ship *ship)
{
    static const struct wire_events events = {on_ready, on_input, on_sent, on_lost, on_closed};
    struct address address;
    int rc = uv_loop_init(&ship->loop);
    if (rc < 0)
        return rc;
    address_parse(&address, ship->options->aggregator, NULL); /* it was checked */
    wire_init(&ship->wire, &ship->loop, &address, &events, ship);
    uv_timer_init(&ship->loop, &ship->retry);
    uv_timer_init(&ship->loop, &ship->tick);
    ship->retry.data = ship->tick.data = ship;
    uv_timer_start(&ship->tick, on_tick, TICK_MS, TICK_MS);
    rc = uv_poll_init(&ship->loop, &ship->notes, ship->options->notes);
    if (rc < 0)
        return rc;
    ship->notes.data = ship;
    rc = uv_poll_start(&ship->notes, UV_READABLE | UV_DISCONNECT, on_notes);
    serve_metrics(ship);
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
    ship->renew_s = INT64_MAX;
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

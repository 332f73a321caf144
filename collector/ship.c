#include "collector/ship.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "collector/credentials.h"
#include "collector/shipmetrics.h"
#include "collector/shipping.h"
#include "collector/wire.h"
#include "common/cert.h"
#include "common/err.h"
#include "common/httpd.h"
#include "common/log.h"

/*
 * What to do is shipping's to say; this is its environment: the loop's clock and timer, the wire, the
 * pipe from the capture process, and the certificate of the connection. Whatever may have changed
 * when the next thing is due ends in look().
 */

#define RENEW_AGAIN_S 3600 /* after a renewal that came to nothing */

struct ship {
    const struct ship_options *options;
    struct shipping shipping;
    struct shipping_env env;
    uv_loop_t loop;
    struct wire wire;
    struct tls_context *tls; /* of the connection; NULL: none, or in the clear */
    int64_t renew_s;         /* when the certificate is to be renewed: UTC; INT64_MAX: never */
    int64_t retry_renewal_s; /* not before this, after one that came to nothing */
    char *key, *request;     /* of a renewal that was begun on this connection; or NULL */
    uv_timer_t timer;
    uv_poll_t notes;
    uint64_t connections;        /* that were made */
    int64_t certificate_until_s; /* UTC; 0: none was used */
    struct httpd *httpd;         /* NULL: no page of metrics */
    bool ended;
};

static void on_timer(uv_timer_t *timer);

static void close_walk(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Has the timer go off when shipping wants to be called next; ends the loop when it has ended. */
static void look(struct ship *ship)
{
    uint64_t now = uv_now(&ship->loop), due = shipping_wake_ms(&ship->shipping);
    if (ship->ended)
        return;
    if (!ship->shipping.finished) {
        uv_timer_start(&ship->timer, on_timer, due > now ? due - now : 0, 0);
        return;
    }
    ship->ended = true;
    httpd_stop(ship->httpd);
    uv_walk(&ship->loop, close_walk, NULL);
}

/* --- certificates ----------------------------------------------------------------------------- */

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
    delivery_renew(&ship->shipping.delivery, &renewal);
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

/* --- the connection --------------------------------------------------------------------------- */

static void on_ready(void *data)
{
    struct ship *ship = data;
    ship->connections++;
    shipping_connected(&ship->shipping);
    renew_if_due(ship);
}

static void on_input(void *data, const uint8_t *bytes, size_t size)
{
    struct ship *ship = data;
    shipping_input(&ship->shipping, bytes, size);
    look(ship);
}

static void on_sent(void *data)
{
    struct ship *ship = data;
    shipping_sent(&ship->shipping);
    look(ship);
}

static void on_lost(void *data, const char *why)
{
    struct ship *ship = data;
    shipping_lost(&ship->shipping, why);
}

static void on_closed(void *data)
{
    struct ship *ship = data;
    tls_context_free(ship->tls);
    ship->tls = NULL;
    free(ship->request);
    free(ship->key);
    ship->request = ship->key = NULL;
    shipping_disconnected(&ship->shipping);
    look(ship);
}

/* --- the environment -------------------------------------------------------------------------- */

static uint64_t env_now_ms(void *user)
{
    struct ship *ship = user;
    return uv_now(&ship->loop);
}

static int64_t env_now_s(void *user)
{
    (void)user;
    return time(NULL);
}

static uint32_t env_random(void *user)
{
    uint32_t random = 0;
    (void)user;
    uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
    return random;
}

static int env_connect(void *user, char *errmsg)
{
    struct ship *ship = user;
    int rc = ship->wire.address.kind == ADDRESS_TLS ? prepare_tls(ship, errmsg) : 0;
    if (rc == 0)
        wire_open(&ship->wire, ship->tls);
    return rc;
}

static void env_disconnect(void *user)
{
    struct ship *ship = user;
    wire_close(&ship->wire);
}

static bool env_free(void *user)
{
    struct ship *ship = user;
    return wire_free(&ship->wire);
}

static void env_send(void *user, struct buf *bytes)
{
    struct ship *ship = user;
    wire_send(&ship->wire, bytes);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct ship *ship = timer->data;
    bool renews = ship->tls && !ship->request && !shipping_waits(&ship->shipping);
    if (renews && time(NULL) >= ship->renew_s)
        shipping_drop(&ship->shipping, NULL); /* the next connection begins with renewing */
    shipping_wake(&ship->shipping);
    look(ship);
}

/* A note is written whole (it is smaller than PIPE_BUF), so reads give whole ones. */
static void on_notes(uv_poll_t *poll, int status, int events)
{
    static const struct ship_note stop = {.kind = SHIP_STOP};
    struct ship *ship = poll->data;
    struct ship_note notes[64];
    (void)events;
    ssize_t got = status < 0 ? 0 : read(ship->options->notes, notes, sizeof notes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        uv_poll_stop(poll);
        shipping_note(&ship->shipping, &stop);
    }
    for (ssize_t i = 0; i < got / (ssize_t)sizeof notes[0]; i++)
        shipping_note(&ship->shipping, &notes[i]);
    shipping_noted(&ship->shipping);
    look(ship);
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void on_page(void *data, struct buf *text)
{
    struct ship *ship = data;
    struct manifest *manifest = &ship->shipping.manifest;
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
        .merged = manifest->merged,
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
    address_parse(&address, ship->options->aggregator, NULL); /* it was checked */
    wire_init(&ship->wire, &ship->loop, &address, &events, ship);
    uv_timer_init(&ship->loop, &ship->timer);
    ship->timer.data = ship;
    int rc = uv_poll_init(&ship->loop, &ship->notes, ship->options->notes);
    if (rc < 0)
        return rc;
    ship->notes.data = ship;
    rc = uv_poll_start(&ship->notes, UV_READABLE | UV_DISCONNECT, on_notes);
    serve_metrics(ship);
    shipping_wake(&ship->shipping);
    look(ship);
    return rc;
}

static void say_waiting(const struct ship *ship)
{
    log_error("%" PRIu64
              " records are not acknowledged: they stay in %s and go out when the sensor "
              "runs again",
              manifest_waiting(&ship->shipping.manifest), ship->options->spool);
}

static enum ship_result run(struct ship *ship)
{
    int rc = start(ship);
    if (rc < 0) {
        log_error("ship: event loop: %s", uv_strerror(rc));
        return SHIP_BROKEN;
    }
    uv_run(&ship->loop, UV_RUN_DEFAULT);
    uv_loop_close(&ship->loop);
    manifest_report(&ship->shipping.manifest);
    enum ship_result end = shipping_result(&ship->shipping);
    if (end == SHIP_WAITING)
        say_waiting(ship);
    return end;
}

enum ship_result ship_run(const struct ship_options *options, struct spool_epoch *epochs,
                          size_t count)
{
    struct ship *ship = calloc(1, sizeof *ship);
    if (ship) {
        *ship = (struct ship){.options = options, .renew_s = INT64_MAX};
        ship->env = (struct shipping_env){ship,        env_now_ms,     env_now_s, env_random,
                                          env_connect, env_disconnect, env_free,  env_send};
    }
    if (!ship || uv_loop_init(&ship->loop) < 0 ||
        shipping_init(&ship->shipping, options, &ship->env, epochs, count) != 0) {
        log_error("ship: out of memory");
        free(ship);
        return SHIP_BROKEN;
    }
    enum ship_result end = run(ship);
    shipping_close(&ship->shipping);
    free(ship);
    return end;
}

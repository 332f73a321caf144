#include "collector/shipping.h"

#include "common/address.h"
#include "common/backoff.h"
#include "common/err.h"
#include "common/log.h"

static uint64_t now_ms(const struct shipping *shipping)
{
    return shipping->env->now_ms(shipping->env->user);
}

static void save(struct shipping *shipping)
{
    manifest_save(&shipping->manifest, (int64_t)shipping->options->retention_s,
                  shipping->env->now_s(shipping->env->user));
}

int shipping_init(struct shipping *shipping, const struct ship_options *options,
                  const struct shipping_env *env, struct spool_epoch *epochs, size_t count)
{
    *shipping = (struct shipping){.options = options, .env = env};
    int rc = manifest_init(&shipping->manifest, options->spool, epochs, count);
    if (rc)
        return rc;
    shipping->manifest.max_bytes = options->max_bytes;
    struct delivery_source source = manifest_source(&shipping->manifest);
    delivery_init(&shipping->delivery, &source);
    shipping->tick_ms = now_ms(shipping) + SHIPPING_TICK_MS;
    return 0;
}

void shipping_close(struct shipping *shipping)
{
    save(shipping);
    delivery_close(&shipping->delivery);
    manifest_close(&shipping->manifest);
    buf_close(&shipping->output);
}

/* --- the connection's end --------------------------------------------------------------------- */

static void schedule_retry(struct shipping *shipping)
{
    uint32_t random = shipping->env->random(shipping->env->user);
    uint64_t wait =
        backoff_ms(shipping->failures++, SHIPPING_RETRY_MIN_MS, SHIPPING_RETRY_MAX_MS, random);
    uint64_t asked = (uint64_t)shipping->delivery.retry_s * 1000;
    if (asked > 0) /* the aggregator wants us back, and all whom it told so, not sooner */
        asked += random % asked;
    shipping->retry_ms = now_ms(shipping) + (asked > wait ? asked : wait);
}

/* Says why there is no connection, when that is news. */
static void complain(struct shipping *shipping, const char *why)
{
    if (shipping->said_unreachable)
        return;
    log_warn("%s; records wait in %s", why, shipping->options->spool);
    shipping->said_unreachable = true;
}

void shipping_drop(struct shipping *shipping, const char *why)
{
    if (why)
        complain(shipping, why);
    shipping->env->disconnect(shipping->env->user);
}

void shipping_lost(struct shipping *shipping, const char *why)
{
    shipping_drop(shipping, why);
}

void shipping_disconnected(struct shipping *shipping)
{
    shipping->linked = false;
    buf_close(&shipping->output); /* what could not be handed to this one is not for the next */
    delivery_disconnected(&shipping->delivery);
    if (!shipping->finished)
        schedule_retry(shipping);
}

/* --- connecting ------------------------------------------------------------------------------- */

/* Connects when there is something to say, no connection yet and no wait for the next try. An
 * aggregator does not keep a connection on which nothing is opened. */
static void connect_if_wanted(struct shipping *shipping)
{
    char errmsg[ERRMSG_SIZE];
    uint64_t now = now_ms(shipping);
    if (shipping->linked || shipping->finished || now < shipping->retry_ms ||
        !manifest_wants(&shipping->manifest))
        return;
    shipping->retry_ms = 0;
    shipping->heard_ms = now;
    shipping->linked = true;
    if (shipping->env->connect(shipping->env->user, errmsg) == 0)
        return;
    shipping->linked = false;
    complain(shipping, errmsg);
    schedule_retry(shipping);
}

void shipping_connected(struct shipping *shipping)
{
    delivery_connected(&shipping->delivery);
    manifest_connected(&shipping->manifest);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(struct shipping *shipping)
{
    if (shipping->finished)
        return;
    shipping->finished = true;
    shipping_drop(shipping, NULL);
}

/* Ends when all is delivered, or when waiting longer is over. */
static void check_ending(struct shipping *shipping)
{
    uint64_t now = now_ms(shipping);
    const struct manifest *manifest = &shipping->manifest;
    if (manifest->broken || manifest->live_refused) {
        finish(shipping);
        return;
    }
    if (shipping->ending == SHIPPING_RUNS)
        return;
    if (shipping->ending == SHIPPING_DRAINS && manifest->progress != shipping->progress) {
        shipping->progress = manifest->progress;
        shipping->deadline_ms = now + shipping->options->patience_s * 1000;
    }
    if (manifest_waiting(manifest) == 0 || now >= shipping->deadline_ms)
        finish(shipping);
}

static void begin_ending(struct shipping *shipping, enum shipping_ending ending)
{
    uint64_t now = now_ms(shipping);
    if (shipping->ending >= ending)
        return;
    shipping->ending = ending;
    shipping->progress = shipping->manifest.progress;
    shipping->deadline_ms =
        now + (ending == SHIPPING_DRAINS ? shipping->options->patience_s * 1000 : SHIP_STOP_MS);
    shipping->retry_ms = 0; /* the next try is worth making at once */
    if (ending == SHIPPING_STOPS)
        shipping->tick_ms = now + SHIPPING_STOP_TICK_MS;
}

/* --- data ------------------------------------------------------------------------------------- */

/* Sends what may be sent now. */
static void pump(struct shipping *shipping)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    if (!shipping->linked || !shipping->env->free(shipping->env->user))
        return;
    int rc = delivery_output(&shipping->delivery, &shipping->output, SHIPPING_OUTPUT_MOST, errmsg);
    if (rc < 0)
        shipping_drop(shipping, errmsg);
    else if (shipping->output.size > 0)
        shipping->env->send(shipping->env->user, &shipping->output);
}

void shipping_sent(struct shipping *shipping)
{
    pump(shipping);
}

void shipping_input(struct shipping *shipping, const uint8_t *bytes, size_t size)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    uint64_t before = shipping->manifest.progress;
    shipping->heard_ms = now_ms(shipping);
    int rc = delivery_input(&shipping->delivery, bytes, size, errmsg);
    if (shipping->manifest.progress != before) {
        if (shipping->said_unreachable)
            log_info("aggregator %s: delivering again", shipping->options->aggregator);
        shipping->failures = 0;
        shipping->said_unreachable = false;
    }
    if (rc < 0)
        shipping_drop(shipping, rc == ERR_REFUSED && shipping->manifest.refused ? NULL : errmsg);
    else
        pump(shipping);
    check_ending(shipping);
}

void shipping_note(struct shipping *shipping, const struct ship_note *note)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    switch (note->kind) {
    case SHIP_DURABLE:
        if (manifest_durable(&shipping->manifest, note->epoch, note->seq, errmsg) != 0) {
            log_error("%s", errmsg);
            shipping->manifest.broken = true;
        }
        break;
    case SHIP_DRAIN:
        begin_ending(shipping, SHIPPING_DRAINS);
        break;
    default:
        begin_ending(shipping, SHIPPING_STOPS);
    }
}

void shipping_noted(struct shipping *shipping)
{
    connect_if_wanted(shipping);
    pump(shipping);
    check_ending(shipping);
}

/* --- time ------------------------------------------------------------------------------------- */

bool shipping_waits(const struct shipping *shipping)
{
    enum delivery_state state = shipping->delivery.state;
    return state == DELIVERY_OFFLINE || state == DELIVERY_HELLO || state == DELIVERY_RENEWING ||
           state == DELIVERY_RESUME;
}

/* How long the aggregator may be silent now; 0: for ever, since nothing is due, or not all is sent:
 * then the system finds out that nobody takes it. */
static uint64_t patience_ms(const struct shipping *shipping)
{
    const struct delivery *delivery = &shipping->delivery;
    if (shipping_waits(shipping))
        return SHIPPING_ANSWER_MS;
    bool due = delivery->state == DELIVERY_STREAMING && delivery->sent > delivery->acked;
    return due && shipping->env->free(shipping->env->user) ? SHIPPING_ACK_MS : 0;
}

static const char *silence(const struct shipping *shipping)
{
    struct address address;
    if (shipping->delivery.state == DELIVERY_STREAMING)
        return "aggregator: acknowledges nothing any more";
    if (address_parse(&address, shipping->options->aggregator, NULL) == 0 &&
        address.kind == ADDRESS_UNIX)
        return "aggregator: does not answer";
    return "aggregator: does not answer; does it expect TLS there, or the clear?";
}

/* The connection may stand for all that this machine knows, with nobody at its other end. */
static void check_answer(struct shipping *shipping, uint64_t now)
{
    uint64_t patience = patience_ms(shipping);
    if (patience == 0)
        shipping->heard_ms = now; /* what is asked later counts from there */
    else if (shipping->linked && now - shipping->heard_ms > patience)
        shipping_drop(shipping, silence(shipping));
}

static void tick(struct shipping *shipping, uint64_t now)
{
    bool stops = shipping->ending == SHIPPING_STOPS;
    shipping->tick_ms = now + (stops ? SHIPPING_STOP_TICK_MS : SHIPPING_TICK_MS);
    check_answer(shipping, now);
    save(shipping);
    check_ending(shipping);
}

void shipping_wake(struct shipping *shipping)
{
    uint64_t now = now_ms(shipping);
    if (now >= shipping->tick_ms)
        tick(shipping, now);
    if (now >= shipping->retry_ms)
        shipping->retry_ms = 0;
    connect_if_wanted(shipping);
}

uint64_t shipping_wake_ms(const struct shipping *shipping)
{
    bool retries = !shipping->linked && shipping->retry_ms > 0;
    return retries && shipping->retry_ms < shipping->tick_ms ? shipping->retry_ms
                                                             : shipping->tick_ms;
}

enum ship_result shipping_result(const struct shipping *shipping)
{
    if (shipping->manifest.broken)
        return SHIP_BROKEN;
    if (manifest_waiting(&shipping->manifest) > 0)
        return SHIP_WAITING;
    return shipping->manifest.refused ? SHIP_REFUSED : SHIP_DELIVERED;
}

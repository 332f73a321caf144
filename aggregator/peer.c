#include "aggregator/peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/enrol.h"
#include "aggregator/notice.h"
#include "aggregator/probe.h"
#include "aggregator/secure.h"
#include "aggregator/status.h"
#include "common/err.h"
#include "common/log.h"

static void work(struct peer *peer);

/* --- the end ---------------------------------------------------------------------------------- */

void peer_closed(struct peer *peer)
{
    session_close(&peer->session);
    tls_free(peer->tls);
    peer->host->delivering -= peer->delivering;
    peer->host->closed(peer, peer->host->data);
}

static void set_opening(struct peer *peer, bool opening)
{
    peer->host->opening -= peer->opening;
    peer->host->opening += opening;
    peer->opening = opening;
}

void peer_close(struct peer *peer)
{
    if (peer->closing)
        return;
    struct owner *owner = peer->owner;
    peer->closing = true;
    set_opening(peer, false);
    peer->owner = NULL;
    probe_forget(peer->probe);
    peer->probe = NULL;
    peer->line->close(peer);
    if (owner)
        lane_release(owner);
}

/* Nothing more will be sent after what is; the sensor may still be sending. */
static void linger(struct peer *peer)
{
    peer->lingering = true;
    peer->line->wait(peer, PEER_LINGER_MS);
    if (peer->line->end(peer) != 0)
        peer_close(peer);
}

/* Says who it is in a message. */
static const char *shown(const struct peer *peer)
{
    if (*peer->session.sensor)
        return peer->session.sensor;
    if (peer->session.peer == SESSION_SENSOR)
        return peer->facts.name;
    return *peer->from.text ? peer->from.text : "(unknown)";
}

/* Says why it was turned away, in the log and where the operator looks for it. Who it is must be known
 * for that: strangers write nothing. */
static void tell(const struct peer *peer, const char *why)
{
    const char *sensor =
        peer->session.peer == SESSION_SENSOR ? peer->facts.name : peer->session.sensor;
    notice("sensor %s refused: %s", shown(peer), why);
    if (*sensor && peer->session.peer != SESSION_STRANGER)
        status_refused(peer->host->status, sensor, why);
}

void peer_vanished(struct peer *peer)
{
    if (!peer->closing)
        notice("sensor %s: its machine does not answer any more: the connection is ended",
               shown(peer));
    peer_close(peer);
}

static void handshake_over(struct peer *peer)
{
    peer->host->stats->turned_away[STATS_SLOW]++;
    if (peer->tls && tls_state(peer->tls) == TLS_HANDSHAKE)
        notice("sensor %s refused: no TLS handshake within %d s", shown(peer),
               PEER_HANDSHAKE_MS / 1000);
    peer_close(peer);
}

/* --- out -------------------------------------------------------------------------------------- */

void peer_sent(struct peer *peer, size_t size)
{
    peer->unsent -= size;
}

static void flush(struct peer *peer)
{
    struct buf wire;
    if (peer->closing)
        return;
    int rc = secure_take(peer->tls, &peer->session, &wire);
    if (rc == 0 && wire.size == 0) {
        buf_close(&wire);
        return;
    }
    if (rc || peer->unsent + wire.size > PEER_UNSENT_MAX) {
        buf_close(&wire);
        peer_close(peer);
        return;
    }
    peer->unsent += wire.size;
    if (peer->line->send(peer, &wire) != 0)
        peer_close(peer);
}

/* --- the lane's word -------------------------------------------------------------------------- */

static void idle_over(struct peer *peer)
{
    if (peer->session.pending > 0 || peer->record_offered || peer->opening || peer->probe)
        peer->line->wait(peer, PEER_IDLE_MS);
    else
        peer_close(peer);
}

void peer_timeout(struct peer *peer)
{
    if (peer->lingering)
        peer_close(peer);
    else if (peer->session.state == SESSION_OPEN)
        idle_over(peer);
    else
        handshake_over(peer);
}

static void on_opened(void *data, uint64_t seq)
{
    struct peer *peer = data;
    set_opening(peer, false);
    peer->line->wait(peer, PEER_IDLE_MS);
    if (!peer->opened)
        status_opened(peer->host->status, peer->session.sensor, peer->from.text);
    peer->opened = true;
    session_opened(&peer->session, seq);
    work(peer);
}

static void on_ready(void *data)
{
    struct peer *peer = data;
    peer->record_offered = false;
    work(peer);
}

static void on_durable(void *data, uint64_t seq)
{
    struct peer *peer = data;
    session_durable(&peer->session, 1, seq);
    work(peer);
}

/* Ends the conversation. What is no fault of this sensor's was logged where it was found out. */
static void refuse(struct peer *peer, const struct frame_refuse *why)
{
    if (why->retry_s == 0 && why->code != REFUSE_STORE)
        tell(peer, why->text);
    peer->noted = true;
    peer->owner = NULL;
    set_opening(peer, false);
    session_refuse(&peer->session, why);
}

static void on_refused(void *data, const struct frame_refuse *why)
{
    struct peer *peer = data;
    refuse(peer, why);
    work(peer);
}

/* --- the session's events --------------------------------------------------------------------- */

/* Whether another sensor can be served now. When all come back at once, the first ones are and the
 * others are told when to try again: so nobody waits until he gives up, and comes again. */
static bool has_room(const struct peer *peer, struct frame_refuse *why)
{
    const struct peer_host *host = peer->host;
    *why = (struct frame_refuse){.code = REFUSE_BUSY};
    if (peer->delivering)
        return true;
    if (host->delivering >= host->delivering_max) {
        why->retry_s = PEER_RETRY_S;
        snprintf(why->text, sizeof why->text,
                 "%u connections are delivering, which is the most that this aggregator serves",
                 host->delivering_max);
        notice("%s", why->text);
        return false;
    }
    if (host->opening < PEER_OPENING_MAX)
        return true;
    why->retry_s = PEER_RUSH_S;
    snprintf(why->text, sizeof why->text, "many sensors are coming at once: try again in %d s",
             PEER_RUSH_S);
    notice("more than %d sensors are coming at once: the others are told to come later",
           PEER_OPENING_MAX);
    return false;
}

/* Whether the sensor may open what it asks for; a connection in the clear may open anything. */
static bool may_open(struct peer *peer, struct frame_refuse *why)
{
    char errmsg[ERRMSG_SIZE];
    if (!has_room(peer, why))
        return false;
    if (peer->session.peer == SESSION_LOCAL)
        return true;
    if (!registry_opens(peer->host->enrol->state, &peer->facts, &peer->session.frame.open, why))
        return false;
    if (*why->text) {
        notice("sensor %s: %s", shown(peer), why->text);
        status_refused(peer->host->status, peer->facts.name, why->text);
    }
    if (enrol_seen(peer->host->enrol, &peer->facts, errmsg) != 0)
        log_warn("%s", errmsg); /* the certificate before stays good for longer */
    return true;
}

/* Gives up the sensor's place on its lane, then says why. */
static void turn_away(struct peer *peer, const struct frame_refuse *why)
{
    struct owner *owner = peer->owner;
    refuse(peer, why);
    if (owner)
        lane_release(owner);
}

/* Each returns whether the session's next event can be asked for at once. */
static bool open_lane(struct peer *peer)
{
    static const struct lane_events events = {on_opened, on_ready, on_durable, on_refused};
    struct frame_refuse why = {0};
    if (peer->opening)
        return false;
    if (!may_open(peer, &why)) {
        turn_away(peer, &why);
        return true;
    }
    set_opening(peer, true);
    peer->host->delivering += !peer->delivering;
    peer->delivering = true;
    peer->line->wait(peer, 0);
    if (lane_open(peer->host->lanes, peer->owner, &peer->session.frame.open, &events, peer,
                  &peer->owner, &why))
        refuse(peer, &why);
    return true;
}

static void count_record(struct stats *stats, enum lane_taken taken, const struct frame_refuse *why)
{
    stats->records++;
    stats->duplicate += taken == LANE_DUPLICATE;
    if (taken == LANE_REFUSED)
        stats->records_refused[why->code]++;
}

static bool offer_record(struct peer *peer)
{
    struct frame_refuse why = {0};
    uint64_t durable = 0;
    uint64_t seq = 0;
    if (peer->record_offered || peer->quiet)
        return false;
    const struct frame *frame = &peer->session.frame;
    struct record_header header;
    enum lane_taken taken;
    peer->record_offered = true; /* on_ready may come before the lane's function returns */
    if (frame->type == FRAME_LOST) {
        seq = frame->lost.last;
        taken = lane_lost(peer->owner, &frame->lost, &durable, &why);
    } else {
        if (record_peek(frame->record.bytes, frame->record.size, &header) == 0)
            seq = header.seq;
        taken = lane_record(peer->owner, frame->record.bytes, frame->record.size, &durable, &why);
    }
    if (taken == LANE_LATER)
        return !peer->record_offered || peer->session.state == SESSION_ENDED;
    peer->record_offered = false;
    count_record(peer->host->stats, taken, &why);
    if (taken == LANE_REFUSED) {
        refuse(peer, &why);
        return true;
    }
    session_taken(&peer->session, taken == LANE_TAKEN);
    if (taken == LANE_DUPLICATE && seq <= durable)
        session_durable(&peer->session, 0, durable);
    return true;
}

static bool answer_join(struct peer *peer)
{
    struct frame answer = {.type = FRAME_CERTIFICATE};
    struct frame_refuse why = {0};
    const struct cert_facts *facts = peer->session.peer == SESSION_SENSOR ? &peer->facts : NULL;
    if (enrol_answer(peer->host->enrol, facts, &peer->session.frame.join, time(NULL),
                     &answer.certificate, &why)) {
        turn_away(peer, &why);
        return true;
    }
    log_info("sensor %s %s a certificate, from %s", answer.certificate.sensor,
             facts ? "renewed" : "joined and got", peer->from.text);
    session_certified(&peer->session, &answer.certificate);
    frame_close(&answer);
    return true;
}

/* Nobody else has logged what the store did not do here; that it has much to do is no fault. */
static void fail_probe(struct peer *peer, const struct frame_refuse *why)
{
    if (why->code == REFUSE_STORE)
        tell(peer, why->text);
    turn_away(peer, why);
}

static void on_probed(void *data, const struct frame_refuse *why)
{
    struct peer *peer = data;
    peer->probe = NULL;
    if (peer->session.state == SESSION_ENDED)
        return;
    if (why)
        fail_probe(peer, why);
    else
        session_probed(&peer->session);
    work(peer);
}

/* A sensor that has joined asks whether its records will arrive. */
static bool begin_probe(struct peer *peer)
{
    struct frame_refuse why = {0};
    if (peer->probe)
        return false;
    peer->probe = probe_begin(peer->host->lanes->store, peer->session.sensor,
                              peer->session.frame.nonce, on_probed, peer, &why);
    if (peer->probe)
        return false;
    fail_probe(peer, &why);
    return true;
}

static bool handle(struct peer *peer, enum session_event event)
{
    switch (event) {
    case SESSION_OPENS:
        return !peer->quiet && open_lane(peer);
    case SESSION_RECORDS:
        return offer_record(peer);
    case SESSION_JOINS:
        return answer_join(peer);
    case SESSION_PROBES:
        return !peer->quiet && begin_probe(peer);
    case SESSION_NOTHING:
    case SESSION_REFUSED:
        break;
    }
    return false;
}

static void ended(struct peer *peer)
{
    struct owner *owner = peer->owner;
    peer->host->stats->refused[peer->session.refused.code]++;
    if (!peer->noted) /* the session found it out: a breach of protocol, a revoked certificate */
        tell(peer, peer->session.refused.text);
    peer->owner = NULL;
    flush(peer);
    if (!peer->closing)
        linger(peer);
    if (owner)
        lane_release(owner);
}

/* --- in --------------------------------------------------------------------------------------- */

/* A conversation that TLS ended: it has perhaps something to say for the last time. */
static void fail_tls(struct peer *peer)
{
    struct owner *owner = peer->owner;
    peer->host->stats->turned_away[STATS_TLS]++;
    notice("sensor %s refused: %s", shown(peer), tls_reason(peer->tls));
    peer->owner = NULL;
    flush(peer);
    if (!peer->closing)
        linger(peer);
    if (owner)
        lane_release(owner);
}

/* Feeds what arrived to the session; false when the peer has ended meanwhile. */
static bool feed(struct peer *peer, const uint8_t *bytes, size_t size)
{
    int rc = secure_feed(peer->tls, &peer->session, &peer->facts, bytes, size);
    if (rc == ERR_REFUSED)
        fail_tls(peer);
    else if (rc || (peer->tls && tls_state(peer->tls) == TLS_CLOSED))
        peer_close(peer);
    return !peer->closing && !peer->lingering;
}

void peer_input(struct peer *peer, const uint8_t *bytes, size_t size)
{
    peer->host->stats->received_bytes += size;
    if (peer->lingering || !feed(peer, bytes, size))
        return;
    if (peer->session.state == SESSION_OPEN)
        peer->line->wait(peer, PEER_IDLE_MS);
    work(peer);
}

/* Reads while the session is hungry, and to the end while lingering. */
static void adjust_reading(struct peer *peer)
{
    bool wanted = peer->lingering || (!peer->quiet && session_hungry(&peer->session));
    if (peer->closing || wanted == peer->reading)
        return;
    peer->reading = wanted;
    if (peer->line->read(peer, wanted) != 0)
        peer_close(peer);
}

/* Does all that can be done now. A lane's word that comes meanwhile is found by the loop. */
static void work(struct peer *peer)
{
    if (peer->working || peer->closing || peer->lingering)
        return;
    peer->working = true;
    enum session_event event;
    do {
        event = session_next(&peer->session);
    } while (handle(peer, event));
    peer->working = false;
    if (peer->session.state == SESSION_ENDED)
        ended(peer);
    else
        flush(peer);
    adjust_reading(peer);
}

int peer_init(struct peer *peer, struct peer_host *host, const struct peer_line *line,
              enum address_kind kind)
{
    peer->host = host;
    peer->line = line;
    int rc = session_init(&peer->session);
    if (rc == 0 && kind == ADDRESS_TLS) {
        peer->session.peer = SESSION_STRANGER;
        peer->tls = tls_new(host->tls);
        rc = peer->tls ? 0 : ERR_NOMEM;
    }
    return rc;
}

void peer_start(struct peer *peer)
{
    peer->line->wait(peer, PEER_HANDSHAKE_MS);
    work(peer);
}

bool peer_stranger(const struct peer *peer)
{
    return peer->session.state == SESSION_HANDSHAKE && peer->session.peer != SESSION_SENSOR;
}

/* The registry may hold another inventory of the sensor by now. */
static void take_inventory(struct peer *peer)
{
    char *text =
        peer->owner ? registry_inventory(peer->host->enrol->state, peer->facts.name) : NULL;
    if (text)
        lane_inventory(peer->owner, text);
    free(text);
}

void peer_recheck(struct peer *peer)
{
    struct frame_refuse why = {0};
    if (peer->closing || peer->lingering || peer->session.peer != SESSION_SENSOR)
        return;
    if (registry_admits(peer->host->enrol->state, &peer->facts, &why)) {
        take_inventory(peer);
        return;
    }
    session_refuse(&peer->session, &why);
    work(peer);
}

void peer_quiesce(struct peer *peer)
{
    peer->quiet = true;
    adjust_reading(peer);
}

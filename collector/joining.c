#include "collector/joining.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "collector/wire.h"
#include "common/err.h"

#define STEPS_MAX 2

/* One request and the type of its answer. */
struct step {
    struct buf request;
    enum frame_type wanted;
    const char *lacks; /* what did not come when no answer did */
};

/*
 * converse() -> on_ready -> on_input (HELLO) -> the first request goes out -> on_input (its answer)
 * -> the next ... -> finish() -> on_closed; whatever goes wrong on the way ends in finish(), too.
 */
struct talk {
    uv_loop_t loop;
    uv_timer_t patience;
    struct wire wire;
    struct buf in;
    struct step steps[STEPS_MAX];
    unsigned count, at;
    bool ready, greeted;
    struct frame *answer; /* the last step's */
    int rc;
    bool finished;
    char *errmsg;
};

static void finish(struct talk *talk, int rc)
{
    if (talk->finished)
        return;
    talk->finished = true;
    talk->rc = rc;
    uv_close((uv_handle_t *)&talk->patience, NULL);
    wire_close(&talk->wire);
}

/* How far it came, for whoever has to find out why it did not come further. */
static const char *how_far(const struct talk *talk)
{
    if (!talk->ready)
        return talk->wire.address.kind == ADDRESS_TLS ? "no connection with TLS came about"
                                                      : "no connection came about";
    if (!talk->greeted)
        return "it is connected, and the aggregator does not greet";
    return talk->steps[talk->at].lacks;
}

static void on_patience(uv_timer_t *timer)
{
    struct talk *talk = timer->data;
    finish(talk, err_set(talk->errmsg, ERR_UNREACHABLE, "aggregator %s: %s within %d seconds",
                         talk->wire.address.shown, how_far(talk), JOINING_MS / 1000));
}

static void on_ready(void *data)
{
    struct talk *talk = data; /* the aggregator speaks first */
    talk->ready = true;
}

static void on_sent(void *data)
{
    (void)data;
}

static void on_lost(void *data, const char *why)
{
    struct talk *talk = data;
    finish(talk, err_set(talk->errmsg, ERR_UNREACHABLE, "%s%s%s", why, talk->greeted ? "; " : "",
                         talk->greeted ? how_far(talk) : ""));
}

static void on_closed(void *data)
{
    (void)data; /* the loop has nothing left and ends */
}

static void say(struct talk *talk)
{
    if (talk->at < talk->count)
        wire_send(&talk->wire, &talk->steps[talk->at].request);
    else
        finish(talk, 0);
}

static void take_hello(struct talk *talk, const struct frame *frame)
{
    if (frame->protocol != FRAME_PROTOCOL) {
        finish(talk, err_set(talk->errmsg, ERR_VERSION,
                             "aggregator: speaks protocol %u, this sensor %d: update the older one",
                             frame->protocol, FRAME_PROTOCOL));
        return;
    }
    talk->greeted = true;
    say(talk);
}

/* What one frame means; true: the caller has it now. */
static bool take_frame(struct talk *talk, struct frame *frame)
{
    bool wanted =
        talk->greeted && talk->at < talk->count && frame->type == talk->steps[talk->at].wanted;
    if (frame->type == FRAME_REFUSE) {
        finish(talk,
               err_set(talk->errmsg, frame->refuse.code == REFUSE_BUSY ? ERR_FULL : ERR_REFUSED,
                       "aggregator: %s", frame->refuse.text));
    } else if (frame->type == FRAME_HELLO && !talk->greeted) {
        take_hello(talk, frame);
    } else if (!wanted) {
        finish(talk, err_set(talk->errmsg, ERR_DAMAGED, "aggregator: answers out of turn"));
    } else if (++talk->at == talk->count) {
        *talk->answer = *frame;
        finish(talk, 0);
        return true;
    } else {
        say(talk);
    }
    return false;
}

static void on_input(void *data, const uint8_t *bytes, size_t size)
{
    struct talk *talk = data;
    buf_put(&talk->in, bytes, size);
    while (!talk->finished) {
        struct frame frame;
        size_t need;
        int64_t got = frame_read(talk->in.bytes, talk->in.size, &frame, &need, talk->errmsg);
        if (got < 0 || talk->in.failed || need > FRAME_CONTROL_MAX + FRAME_HEADER_SIZE)
            finish(talk,
                   err_set(talk->errmsg, ERR_DAMAGED, "aggregator: what it says is no frame"));
        if (got <= 0)
            return;
        buf_consume(&talk->in, (size_t)got);
        if (!take_frame(talk, &frame))
            frame_close(&frame);
    }
}

/* Takes the steps after HELLO, the last answer into `talk->answer`. */
static int converse(struct talk *talk, const struct address *address, const struct tls_terms *terms)
{
    static const struct wire_events events = {on_ready, on_input, on_sent, on_lost, on_closed};
    struct tls_context *tls = terms ? tls_context_new(terms, talk->errmsg) : NULL;
    if (terms && !tls)
        return ERR_INVALID;
    uv_loop_init(&talk->loop);
    uv_timer_init(&talk->loop, &talk->patience);
    talk->patience.data = talk;
    uv_timer_start(&talk->patience, on_patience, JOINING_MS, 0);
    wire_init(&talk->wire, &talk->loop, address, &events, talk);
    wire_open(&talk->wire, tls);
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    uv_loop_close(&talk->loop);
    tls_context_free(tls);
    return talk->rc;
}

static void talk_init(struct talk *talk, struct frame *answer, char *errmsg)
{
    *talk = (struct talk){.answer = answer, .errmsg = errmsg};
    buf_init(&talk->in);
    for (size_t i = 0; i < STEPS_MAX; i++)
        buf_init(&talk->steps[i].request);
}

/* The request of another step, to be filled. */
static struct buf *add_step(struct talk *talk, enum frame_type wanted, const char *lacks)
{
    struct step *step = &talk->steps[talk->count++];
    step->wanted = wanted;
    step->lacks = lacks;
    return &step->request;
}

static void talk_close(struct talk *talk)
{
    buf_close(&talk->in);
    for (size_t i = 0; i < STEPS_MAX; i++)
        buf_close(&talk->steps[i].request);
}

int joining_ask(const struct address *address, const struct token *token, const char *key,
                struct frame *answer, char *errmsg)
{
    struct talk talk;
    struct frame_join join = {.secret_given = true, .request = cert_request(key, errmsg)};
    if (!join.request)
        return ERR_INVALID;
    memcpy(join.secret, token->secret, sizeof join.secret);
    talk_init(&talk, answer, errmsg);
    int rc = frame_put_join(
        add_step(&talk, FRAME_CERTIFICATE, "it greets, but no certificate came"), &join);
    free(join.request);
    const struct tls_terms terms = {.server = false, .pin = token->pin};
    if (rc == 0)
        rc = converse(&talk, address, &terms);
    talk_close(&talk);
    return rc;
}

static int put_proof(struct talk *talk, const struct frame_open *open,
                     const uint8_t nonce[FRAME_NONCE_SIZE])
{
    int rc = frame_put_open(
        add_step(talk, FRAME_RESUME, "it greets, but whether this sensor is let in was not said"),
        open);
    return rc ? rc
              : frame_put_probe(add_step(talk, FRAME_PROBED,
                                         "this sensor is let in, but its test record did not come "
                                         "back from the store"),
                                nonce);
}

int joining_prove(const struct address *address, const char *identity, const char *sensor,
                  char *darknet, char *errmsg)
{
    struct talk talk;
    struct frame answer;
    uint8_t nonce[FRAME_NONCE_SIZE];
    struct frame_open open = {.darknet = darknet};
    const struct tls_terms terms = {.server = false, .identity = identity};
    if (getrandom(open.epoch, sizeof open.epoch, 0) != (ssize_t)sizeof open.epoch ||
        getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return err_set(errmsg, ERR_IO, "the system has no random numbers");
    snprintf(open.sensor, sizeof open.sensor, "%s", sensor);
    talk_init(&talk, &answer, errmsg);
    int rc = put_proof(&talk, &open, nonce);
    if (rc == 0)
        rc = converse(&talk, address, &terms);
    talk_close(&talk);
    if (rc == 0 && memcmp(answer.nonce, nonce, sizeof nonce) != 0)
        rc = err_set(errmsg, ERR_DAMAGED,
                     "the test record came back from the store as another than was sent");
    return rc;
}

int joining_greet(const struct address *address, char *errmsg)
{
    struct talk talk;
    talk_init(&talk, NULL, errmsg);
    int rc = converse(&talk, address, NULL);
    talk_close(&talk);
    return rc;
}

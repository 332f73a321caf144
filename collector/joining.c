#include "collector/joining.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "collector/wire.h"
#include "common/err.h"

/*
 * converse() -> on_ready -> on_input (HELLO) -> the request goes out -> on_input (the answer) ->
 * finish() -> on_closed; whatever goes wrong on the way ends in finish(), too.
 */
struct talk {
    uv_loop_t loop;
    uv_timer_t patience;
    struct wire wire;
    struct buf in, request;
    enum frame_type wanted; /* the answer to `request` */
    struct frame *answer;
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

static void on_patience(uv_timer_t *timer)
{
    struct talk *talk = timer->data;
    finish(talk, err_set(talk->errmsg, ERR_UNREACHABLE, "aggregator %s: does not answer",
                         talk->wire.address.shown));
}

static void on_ready(void *data)
{
    (void)data; /* the aggregator speaks first */
}

static void on_sent(void *data)
{
    (void)data;
}

static void on_lost(void *data, const char *why)
{
    struct talk *talk = data;
    finish(talk, err_set(talk->errmsg, ERR_UNREACHABLE, "%s", why));
}

static void on_closed(void *data)
{
    (void)data; /* the loop has nothing left and ends */
}

/* What one frame means; it is closed unless it is the answer. */
static void take_frame(struct talk *talk, struct frame *frame)
{
    if (frame->type == FRAME_HELLO && frame->protocol != FRAME_PROTOCOL) {
        finish(talk, err_set(talk->errmsg, ERR_VERSION,
                             "aggregator: speaks protocol %u, this sensor %d: update the older one",
                             frame->protocol, FRAME_PROTOCOL));
    } else if (frame->type == FRAME_HELLO && wire_free(&talk->wire) && talk->request.size > 0) {
        wire_send(&talk->wire, &talk->request);
    } else if (frame->type == talk->wanted) {
        *talk->answer = *frame;
        finish(talk, 0);
        return;
    } else if (frame->type == FRAME_REFUSE) {
        finish(talk, err_set(talk->errmsg, ERR_REFUSED, "aggregator: %s", frame->refuse.text));
    } else {
        finish(talk, err_set(talk->errmsg, ERR_DAMAGED, "aggregator: answers out of turn"));
    }
    frame_close(frame);
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
        take_frame(talk, &frame);
    }
}

/* Says `talk->request` after HELLO and waits for the answer of the wanted type. */
static int converse(struct talk *talk, const struct address *address, const struct tls_terms *terms)
{
    static const struct wire_events events = {on_ready, on_input, on_sent, on_lost, on_closed};
    struct tls_context *tls = tls_context_new(terms, talk->errmsg);
    if (!tls)
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

static void talk_init(struct talk *talk, enum frame_type wanted, struct frame *answer, char *errmsg)
{
    *talk = (struct talk){.wanted = wanted, .answer = answer, .errmsg = errmsg};
    buf_init(&talk->in);
    buf_init(&talk->request);
}

static void talk_close(struct talk *talk)
{
    buf_close(&talk->in);
    buf_close(&talk->request);
}

int joining_ask(const struct address *address, const struct token *token, const char *key,
                struct frame *answer, char *errmsg)
{
    struct talk talk;
    struct frame_join join = {.secret_given = true, .request = cert_request(key, errmsg)};
    if (!join.request)
        return ERR_INVALID;
    memcpy(join.secret, token->secret, sizeof join.secret);
    talk_init(&talk, FRAME_CERTIFICATE, answer, errmsg);
    int rc = frame_put_join(&talk.request, &join);
    free(join.request);
    const struct tls_terms terms = {.server = false, .pin = token->pin};
    if (rc == 0)
        rc = converse(&talk, address, &terms);
    talk_close(&talk);
    return rc;
}

int joining_prove(const struct address *address, const char *identity, const char *sensor,
                  char *darknet, char *errmsg)
{
    struct talk talk;
    struct frame answer;
    struct frame_open open = {.darknet = darknet};
    const struct tls_terms terms = {.server = false, .identity = identity};
    if (getrandom(open.epoch, sizeof open.epoch, 0) != (ssize_t)sizeof open.epoch)
        return err_set(errmsg, ERR_IO, "the system has no random numbers");
    strcpy(open.sensor, sensor);
    talk_init(&talk, FRAME_RESUME, &answer, errmsg);
    int rc = frame_put_open(&talk.request, &open);
    if (rc == 0)
        rc = converse(&talk, address, &terms);
    talk_close(&talk);
    return rc;
}

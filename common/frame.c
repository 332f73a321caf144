#include "common/frame.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/record.pb-c.h"
#include "common/unpack.h"

#ifndef DARKCOUNT_VERSION
#define DARKCOUNT_VERSION "unversioned"
#endif

#define UNPACK_MOST ((size_t)8 * FRAME_CONTROL_MAX)

/* --- writing ---------------------------------------------------------------------------------- */

static int put_message(struct buf *out, enum frame_type type, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > FRAME_CONTROL_MAX)
        return ERR_FULL;
    buf_put_u32_be(out, (uint32_t)size);
    buf_put_u8(out, (uint8_t)type);
    uint8_t *at = buf_extend(out, size);
    if (at)
        protobuf_c_message_pack(message, at);
    return out->failed ? ERR_NOMEM : 0;
}

int frame_put_hello(struct buf *out)
{
    Darkcount__Hello message = DARKCOUNT__HELLO__INIT;
    message.protocol = FRAME_PROTOCOL;
    message.software = (char *)"darkcount " DARKCOUNT_VERSION;
    return put_message(out, FRAME_HELLO, &message.base);
}

int frame_put_open(struct buf *out, const struct frame_open *open)
{
    Darkcount__Open message = DARKCOUNT__OPEN__INIT;
    message.sensor = (char *)open->sensor;
    message.epoch.data = (uint8_t *)open->epoch;
    message.epoch.len = EPOCH_SIZE;
    message.darknet = open->darknet;
    message.replay = open->replay;
    message.first_ns = open->first_ns;
    message.last_ns = open->last_ns;
    return put_message(out, FRAME_OPEN, &message.base);
}

int frame_put_resume(struct buf *out, uint64_t seq)
{
    Darkcount__Resume message = DARKCOUNT__RESUME__INIT;
    message.seq = seq;
    return put_message(out, FRAME_RESUME, &message.base);
}

int frame_put_record(struct buf *out, const uint8_t *sealed, size_t size)
{
    buf_put_u32_be(out, (uint32_t)size);
    buf_put_u8(out, FRAME_RECORD);
    buf_put(out, sealed, size);
    return out->failed ? ERR_NOMEM : 0;
}

int frame_put_lost(struct buf *out, const struct frame_lost *lost)
{
    Darkcount__Lost message = DARKCOUNT__LOST__INIT;
    message.first = lost->first;
    message.last = lost->last;
    return put_message(out, FRAME_LOST, &message.base);
}

int frame_put_ack(struct buf *out, uint64_t seq)
{
    Darkcount__Ack message = DARKCOUNT__ACK__INIT;
    message.seq = seq;
    return put_message(out, FRAME_ACK, &message.base);
}

int frame_put_refuse(struct buf *out, const struct frame_refuse *refuse)
{
    Darkcount__Refuse message = DARKCOUNT__REFUSE__INIT;
    char cut[FRAME_TEXT_MAX];
    size_t size = strnlen(refuse->text, sizeof cut - 1);
    memcpy(cut, refuse->text, size);
    cut[size] = '\0';
    message.code = (Darkcount__Refuse__Code)refuse->code;
    message.final = refuse->final;
    message.retry_s = refuse->retry_s;
    message.text = cut;
    return put_message(out, FRAME_REFUSE, &message.base);
}

int frame_put_join(struct buf *out, const struct frame_join *join)
{
    Darkcount__Join message = DARKCOUNT__JOIN__INIT;
    message.secret.data = (uint8_t *)join->secret;
    message.secret.len = join->secret_given ? sizeof join->secret : 0;
    message.request = join->request;
    return put_message(out, FRAME_JOIN, &message.base);
}

int frame_put_certificate(struct buf *out, const struct frame_certificate *certificate)
{
    Darkcount__Certificate message = DARKCOUNT__CERTIFICATE__INIT;
    message.sensor = (char *)certificate->sensor;
    message.darknet = certificate->darknet;
    message.certificate = certificate->certificate;
    message.authority = certificate->authority;
    return put_message(out, FRAME_CERTIFICATE, &message.base);
}

int frame_put_probe(struct buf *out, const uint8_t nonce[FRAME_NONCE_SIZE])
{
    Darkcount__Probe message = DARKCOUNT__PROBE__INIT;
    message.nonce.data = (uint8_t *)nonce;
    message.nonce.len = FRAME_NONCE_SIZE;
    return put_message(out, FRAME_PROBE, &message.base);
}

int frame_put_probed(struct buf *out, const uint8_t nonce[FRAME_NONCE_SIZE])
{
    Darkcount__Probed message = DARKCOUNT__PROBED__INIT;
    message.nonce.data = (uint8_t *)nonce;
    message.nonce.len = FRAME_NONCE_SIZE;
    return put_message(out, FRAME_PROBED, &message.base);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_hello(struct frame *frame, const uint8_t *body, size_t size,
                       struct unpack_memory *memory)
{
    Darkcount__Hello *message = darkcount__hello__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    frame->protocol = message->protocol;
    darkcount__hello__free_unpacked(message, &memory->allocator);
    return true;
}

static bool read_open(struct frame *frame, const uint8_t *body, size_t size,
                      struct unpack_memory *memory)
{
    Darkcount__Open *message = darkcount__open__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    struct frame_open *open = &frame->open;
    bool sound = message->epoch.len == EPOCH_SIZE && sensor_name_valid(message->sensor) &&
                 message->first_ns >= 0 && message->last_ns >= 0 &&
                 (!message->replay || message->last_ns >= message->first_ns);
    if (sound) {
        strcpy(open->sensor, message->sensor);
        memcpy(open->epoch, message->epoch.data, EPOCH_SIZE);
        open->replay = message->replay;
        open->first_ns = message->first_ns;
        open->last_ns = message->last_ns;
        open->darknet = strdup(message->darknet);
        if (!open->darknet)
            memory->rc = ERR_NOMEM;
    }
    darkcount__open__free_unpacked(message, &memory->allocator);
    return sound && open->darknet;
}

static bool read_resume(struct frame *frame, const uint8_t *body, size_t size,
                        struct unpack_memory *memory)
{
    Darkcount__Resume *message = darkcount__resume__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    frame->seq = message->seq;
    darkcount__resume__free_unpacked(message, &memory->allocator);
    return true;
}

static bool read_ack(struct frame *frame, const uint8_t *body, size_t size,
                     struct unpack_memory *memory)
{
    Darkcount__Ack *message = darkcount__ack__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    frame->seq = message->seq;
    darkcount__ack__free_unpacked(message, &memory->allocator);
    return true;
}

static bool read_lost(struct frame *frame, const uint8_t *body, size_t size,
                      struct unpack_memory *memory)
{
    Darkcount__Lost *message = darkcount__lost__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    frame->lost = (struct frame_lost){message->first, message->last};
    darkcount__lost__free_unpacked(message, &memory->allocator);
    return frame->lost.first > 0 && frame->lost.first <= frame->lost.last;
}

/* Copies foreign text with its control characters replaced: it ends up in somebody's log. Those of
 * Latin-1 (U+0080 to U+009F, in UTF-8 behind a byte 0xc2) drive terminals as well. */
static void copy_text(char out[FRAME_TEXT_MAX], const char *text)
{
    size_t used = 0;
    unsigned char before = 0;
    for (; text[used] && used < FRAME_TEXT_MAX - 1; used++) {
        unsigned char c = (unsigned char)text[used];
        bool control = c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c <= 0x9f);
        out[used] = control ? '?' : text[used];
        before = c;
    }
    out[used] = '\0';
}

static bool read_refuse(struct frame *frame, const uint8_t *body, size_t size,
                        struct unpack_memory *memory)
{
    Darkcount__Refuse *message = darkcount__refuse__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    unsigned code = (unsigned)message->code;
    frame->refuse.code = code <= REFUSE_CERTIFICATE ? (enum refuse_code)code : REFUSE_UNKNOWN;
    frame->refuse.final = message->final;
    frame->refuse.retry_s =
        message->retry_s < FRAME_RETRY_MAX_S ? message->retry_s : FRAME_RETRY_MAX_S;
    copy_text(frame->refuse.text, message->text);
    darkcount__refuse__free_unpacked(message, &memory->allocator);
    return true;
}

static bool read_join(struct frame *frame, const uint8_t *body, size_t size,
                      struct unpack_memory *memory)
{
    Darkcount__Join *message = darkcount__join__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    struct frame_join *join = &frame->join;
    join->secret_given = message->secret.len > 0;
    bool sound = !join->secret_given || message->secret.len == sizeof join->secret;
    if (sound && join->secret_given)
        memcpy(join->secret, message->secret.data, sizeof join->secret);
    if (sound && !(join->request = strdup(message->request)))
        memory->rc = ERR_NOMEM;
    darkcount__join__free_unpacked(message, &memory->allocator);
    return sound && join->request;
}

static bool read_certificate(struct frame *frame, const uint8_t *body, size_t size,
                             struct unpack_memory *memory)
{
    Darkcount__Certificate *message =
        darkcount__certificate__unpack(&memory->allocator, size, body);
    if (!message)
        return false;
    struct frame_certificate *certificate = &frame->certificate;
    bool sound = sensor_name_valid(message->sensor), whole = false;
    if (sound) {
        strcpy(certificate->sensor, message->sensor);
        certificate->darknet = strdup(message->darknet);
        certificate->certificate = strdup(message->certificate);
        certificate->authority = strdup(message->authority);
        whole = certificate->darknet && certificate->certificate && certificate->authority;
        if (!whole) {
            memory->rc = ERR_NOMEM;
            frame_close(frame);
        }
    }
    darkcount__certificate__free_unpacked(message, &memory->allocator);
    return whole;
}

static bool take_nonce(struct frame *frame, const ProtobufCBinaryData *nonce)
{
    if (nonce->len == sizeof frame->nonce)
        memcpy(frame->nonce, nonce->data, sizeof frame->nonce);
    return nonce->len == sizeof frame->nonce;
}

static bool read_probe(struct frame *frame, const uint8_t *body, size_t size,
                       struct unpack_memory *memory)
{
    Darkcount__Probe *message = darkcount__probe__unpack(&memory->allocator, size, body);
    bool sound = message && take_nonce(frame, &message->nonce);
    darkcount__probe__free_unpacked(message, &memory->allocator);
    return sound;
}

static bool read_probed(struct frame *frame, const uint8_t *body, size_t size,
                        struct unpack_memory *memory)
{
    Darkcount__Probed *message = darkcount__probed__unpack(&memory->allocator, size, body);
    bool sound = message && take_nonce(frame, &message->nonce);
    darkcount__probed__free_unpacked(message, &memory->allocator);
    return sound;
}

static bool read_body(struct frame *frame, const uint8_t *body, size_t size,
                      struct unpack_memory *memory)
{
    switch (frame->type) {
    case FRAME_HELLO:
        return read_hello(frame, body, size, memory);
    case FRAME_OPEN:
        return read_open(frame, body, size, memory);
    case FRAME_RESUME:
        return read_resume(frame, body, size, memory);
    case FRAME_ACK:
        return read_ack(frame, body, size, memory);
    case FRAME_REFUSE:
        return read_refuse(frame, body, size, memory);
    case FRAME_LOST:
        return read_lost(frame, body, size, memory);
    case FRAME_JOIN:
        return read_join(frame, body, size, memory);
    case FRAME_CERTIFICATE:
        return read_certificate(frame, body, size, memory);
    case FRAME_PROBE:
        return read_probe(frame, body, size, memory);
    case FRAME_PROBED:
        return read_probed(frame, body, size, memory);
    case FRAME_RECORD:
        frame->record.bytes = body;
        frame->record.size = size;
        return true;
    }
    return false;
}

int64_t frame_read(const uint8_t *bytes, size_t size, struct frame *frame, size_t *need,
                   char *errmsg)
{
    *need = FRAME_HEADER_SIZE;
    if (size < FRAME_HEADER_SIZE)
        return 0;
    struct cursor in = cursor_over(bytes, size);
    uint32_t body = cursor_u32_be(&in);
    uint8_t type = cursor_u8(&in);
    if (type < FRAME_HELLO || type > FRAME_PROBED)
        return err_set(errmsg, ERR_DAMAGED, "not a frame: type %u", type);
    uint32_t most =
        type == FRAME_RECORD ? RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX : FRAME_CONTROL_MAX;
    if (body > most)
        return err_set(errmsg, ERR_DAMAGED, "a frame of type %u announces %u bytes, %u is the most",
                       type, body, most);
    *need = FRAME_HEADER_SIZE + (size_t)body;
    if (size < *need)
        return 0;
    *frame = (struct frame){.type = (enum frame_type)type};
    struct unpack_memory memory;
    unpack_memory_init(&memory, UNPACK_MOST);
    if (!read_body(frame, in.at, body, &memory))
        return err_set(errmsg, memory.rc, "a frame of type %u does not parse: %s", type,
                       err_str(memory.rc));
    return (int64_t)*need;
}

void frame_close(struct frame *frame)
{
    switch (frame->type) {
    case FRAME_OPEN:
        free(frame->open.darknet);
        free(frame->open.inventory);
        frame->open.darknet = frame->open.inventory = NULL;
        break;
    case FRAME_JOIN:
        free(frame->join.request);
        frame->join.request = NULL;
        break;
    case FRAME_CERTIFICATE:
        free(frame->certificate.darknet);
        free(frame->certificate.certificate);
        free(frame->certificate.authority);
        frame->certificate = (struct frame_certificate){0};
        break;
    default:
        break;
    }
}

/*
 * Delivery alone: `deliver_sink DIR RECORDS` fills a spool in DIR with records of a /16 with every address
 * hit, has the ship process's code deliver them over TLS on loopback to a process that acknowledges each at
 * once, and prints the bytes and the seconds. `deliver_sink DIR RECORDS FILE` writes the same frames to FILE,
 * and key and certificates for others to DIR/sink.pem and DIR/sensor.pem.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/credentials.h"
#include "collector/ship.h"
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/err.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/textfile.h"
#include "common/tls.h"
#include "tests/bench/minute.h"

#define DIFFERENT 16 /* records that differ; then they come again under other sequences */

static char errmsg[ERRMSG_SIZE];
static const uint8_t epoch[EPOCH_SIZE] = "deliver-deliver";

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "deliver_sink: %s: %s\n", what, *errmsg ? errmsg : strerror(errno));
    exit(1);
}

/* --- records ---------------------------------------------------------------------------------- */

static void seal(struct buf *sealed, uint64_t seq, uint64_t *random)
{
    static struct record record;
    const struct minute_plan plan = {0x0a140000, 65536, 1, 20000, 2000};
    record_init(&record);
    minute_fill(&record, &plan, "bench", seq, 1600000020, random);
    memcpy(record.epoch, epoch, EPOCH_SIZE);
    if (record_seal(&record, sealed, errmsg) != 0)
        die("sealing");
    record_close(&record);
}

/* Gives a sealed record another sequence: common/record.h has the form. */
static void stamp(struct buf *sealed, uint64_t seq)
{
    struct buf head;
    buf_init(&head);
    buf_put_u64_be(&head, seq);
    memcpy(sealed->bytes + 8, head.bytes, 8);
    head.size = 0;
    uint32_t crc = crc32c(0, sealed->bytes + 4, 28);
    buf_put_u32_be(
        &head, crc32c(crc, sealed->bytes + RECORD_HEADER_SIZE, sealed->size - RECORD_HEADER_SIZE));
    memcpy(sealed->bytes + 32, head.bytes, 4);
    buf_close(&head);
}

/* Calls `put` for each sealed record. Returns their bytes with frames. */
static uint64_t make_records(uint64_t count, void (*put)(void *user, const struct buf *sealed),
                             void *user)
{
    static struct buf sealed[DIFFERENT];
    uint64_t random = 4711, bytes = 0;
    for (uint64_t seq = 1; seq <= count; seq++) {
        struct buf *record = &sealed[seq % DIFFERENT];
        if (seq <= DIFFERENT)
            seal(record, seq, &random);
        stamp(record, seq);
        put(user, record);
        bytes += FRAME_HEADER_SIZE + record->size;
    }
    return bytes;
}

static void put_spool(void *user, const struct buf *sealed)
{
    if (spool_append(user, sealed->bytes, sealed->size, errmsg) != 0)
        die("spool");
}

static uint64_t fill_spool(const char *dir, uint64_t count)
{
    struct spool_writer *writer;
    static char darknet[] = "10.20.0.0/16";
    struct spool_identity identity = {.sensor = "bench", .darknet = darknet, .first_ns = 1};
    memcpy(identity.epoch, epoch, EPOCH_SIZE);
    if (spool_lock(dir, errmsg) < 0 || spool_writer_open(&writer, dir, &identity, errmsg) != 0)
        die("spool");
    uint64_t bytes = make_records(count, put_spool, writer);
    if (spool_sync(writer, errmsg) != 0)
        die("spool");
    spool_writer_close(writer);
    return bytes;
}

static void put_file(void *user, const struct buf *sealed)
{
    struct buf frame;
    buf_init(&frame);
    frame_put_record(&frame, sealed->bytes, sealed->size);
    fwrite(frame.bytes, 1, frame.size, user);
    buf_close(&frame);
}

/* --- certificates ----------------------------------------------------------------------------- */

static char *identity_of(enum cert_role role, const char *name, const char *issuer, const char *by)
{
    char *identity, *key = cert_key(errmsg);
    const struct cert_terms terms = {.role = role,
                                     .name = name,
                                     .from_s = time(NULL) - 86400,
                                     .until_s = time(NULL) + 30 * 86400,
                                     .issuer = issuer,
                                     .key = by ? by : key};
    char *certificate = key ? cert_issue(&terms, key, errmsg) : NULL;
    if (!certificate || asprintf(&identity, "%s%s%s", key, certificate, issuer ? issuer : "") < 0)
        die("certificate");
    free(key);
    free(certificate);
    return identity;
}

static void make_identities(char **sink, char **sensor)
{
    char *authority = identity_of(CERT_AUTHORITY, "bench", NULL, NULL);
    const char *certificate = strstr(authority, "-----BEGIN CERTIFICATE");
    *sink = identity_of(CERT_SERVER, CERT_AGGREGATOR, certificate, authority);
    *sensor = identity_of(CERT_SENSOR, "bench", certificate, authority);
    free(authority);
}

/* --- the sink --------------------------------------------------------------------------------- */

static void answer(const struct frame *frame, struct buf *out)
{
    struct record_header header;
    if (frame->type == FRAME_OPEN)
        frame_put_resume(out, 0);
    else if (frame->type == FRAME_RECORD &&
             record_peek(frame->record.bytes, frame->record.size, &header) == 0)
        frame_put_ack(out, header.seq);
}

/* Takes what is whole of the conversation's bytes. */
static void take(struct buf *in, struct buf *out)
{
    struct frame frame;
    size_t need, used = 0;
    int64_t size;
    while ((size = frame_read(in->bytes + used, in->size - used, &frame, &need, errmsg)) > 0) {
        answer(&frame, out);
        frame_close(&frame);
        used += (size_t)size;
    }
    if (size < 0)
        die("frame");
    buf_consume(in, used);
}

static void say(int fd, struct tls *tls, struct buf *out)
{
    struct buf wire;
    buf_init(&wire);
    if (tls_state(tls) == TLS_OPEN && out->size > 0) {
        tls_output(tls, out->bytes, out->size);
        out->size = 0;
    }
    tls_take(tls, &wire);
    for (size_t at = 0; at < wire.size;) {
        ssize_t sent = send(fd, wire.bytes + at, wire.size - at, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        at += (size_t)sent;
    }
    buf_close(&wire);
}

static _Noreturn void sink(int listening, const char *identity)
{
    static uint8_t bytes[1 << 18];
    const struct tls_terms terms = {.server = true, .identity = identity};
    struct tls *tls = tls_new(tls_context_new(&terms, errmsg));
    struct buf in, out;
    ssize_t got;
    int fd = accept(listening, NULL, NULL);
    buf_init(&in);
    buf_init(&out);
    frame_put_hello(&out);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        if (tls_input(tls, bytes, (size_t)got, &in) != 0)
            die(tls_reason(tls));
        take(&in, &out);
        say(fd, tls, &out);
    }
    exit(0);
}

/* --- both ------------------------------------------------------------------------------------- */

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &size) != 0)
        die("listen");
    *port = ntohs(name.sin_port);
    return fd;
}

static void deliver(const char *dir, uint64_t count)
{
    char *identity, *own, address[32];
    uint16_t port;
    int listening = listen_on_loopback(&port), notes[2];
    const struct ship_note drain = {.kind = SHIP_DRAIN};
    struct spool_epoch *epochs;
    size_t epoch_count;
    make_identities(&identity, &own);
    uint64_t bytes = fill_spool(dir, count);
    const char *certificate = strstr(own, "-----BEGIN CERTIFICATE");
    char *key = strndup(own, (size_t)(certificate - own));
    if (credentials_write(dir, key, certificate, "", errmsg) != 0)
        die("credentials");
    pid_t pid = fork();
    if (pid == 0)
        sink(listening, identity);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct ship_options options = {
        .spool = dir, .aggregator = address, .retention_s = 86400, .patience_s = SHIP_PATIENCE_S};
    if (pipe2(notes, O_NONBLOCK) != 0 || write(notes[1], &drain, sizeof drain) < 0 ||
        spool_list(dir, &epochs, &epoch_count, errmsg) != 0)
        die("spool");
    options.notes = notes[0];
    int64_t begun_ns = monotonic_ns();
    if (ship_run(&options, epochs, epoch_count) != SHIP_DELIVERED)
        die("delivering");
    printf("%" PRIu64 " %.3f\n", bytes, (double)(monotonic_ns() - begun_ns) / 1e9);
    free(key);
    free(identity);
    free(own);
    waitpid(pid, NULL, 0);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%.4000s/%s", dir, name);
    if (textfile_replace(path, text, 0600, errmsg) != 0)
        die("write");
}

static void write_frames(const char *dir, uint64_t count, const char *path)
{
    char *identity, *own;
    FILE *file = fopen(path, "w");
    if (!file)
        die(path);
    printf("%" PRIu64 "\n", make_records(count, put_file, file));
    fclose(file);
    make_identities(&identity, &own);
    write_text(dir, "sink.pem", identity);
    write_text(dir, "sensor.pem", own);
    free(identity);
    free(own);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    log_init("deliver_sink");
    uint64_t count = strtoull(argv[2], NULL, 10);
    if (argc == 3)
        deliver(argv[1], count);
    else
        write_frames(argv[1], count, argv[3]);
    return 0;
}

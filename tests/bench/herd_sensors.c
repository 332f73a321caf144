/*
 * Many sensors in one process: `herd_sensors STATE PORT COUNT` enrols them with the aggregator whose state
 * directory that is, says "ready", and obeys lines of its input:
 *
 *   up      connects all to 127.0.0.1:PORT, each from an address of its own, and opens their epochs, trying
 *           again as a sensor does; prints "SECONDS TIMEOUTS ATTEMPTS" when all are open
 *   minute  delivers a record of a /24 for each; prints the seconds until all are acknowledged
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/ca.h"
#include "aggregator/registry.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/frame.h"
#include "common/tls.h"
#include "tests/bench/minute.h"

#define CONNECT_MAX_MS 10000 /* as collector/ship.c */
#define RETRY_MIN_MS   200
#define RETRY_MAX_MS   10000
#define WAIT_MAX_S     300

struct sensor {
    char name[32];
    struct tls_context *context;
    struct tls *tls;
    int fd; /* -1: none */
    struct buf plain, wire;
    uint64_t sent, acked;
    bool open;
    unsigned failures;
    uint32_t asked_s; /* the aggregator wants to be left alone so long */
    int64_t at_ms;    /* connected, or when to try again */
};

static struct sensor *sensors;
static size_t count, up;
static uint16_t port;
static unsigned timeouts, attempts;
static char errmsg[ERRMSG_SIZE];
static char darknets[32];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "herd_sensors: %s: %s\n", what, *errmsg ? errmsg : strerror(errno));
    exit(1);
}

static uint32_t base_of(size_t i)
{
    return UINT32_C(0x0a000000) + (uint32_t)i * 256;
}

static char *darknet_of(size_t i)
{
    snprintf(darknets, sizeof darknets, "10.%zu.%zu.0/24", i >> 8, i & 255);
    return darknets;
}

/* --- enrolling -------------------------------------------------------------------------------- */

static void enrol(const char *state, const struct ca *ca, size_t i, time_t now)
{
    struct sensor *sensor = &sensors[i];
    struct enrolment enrolment = {0};
    struct cert_facts facts;
    char *identity, *key = cert_key(errmsg), *request = key ? cert_request(key, errmsg) : NULL;
    snprintf(sensor->name, sizeof sensor->name, "herd-%04zu", i);
    char *certificate = request ? ca_sign(ca, sensor->name, request, now, errmsg) : NULL;
    if (!certificate || cert_read(certificate, &facts, errmsg) != 0 ||
        asprintf(&identity, "%s%s%s", key, certificate, ca->certificate) < 0)
        die("certificate");
    strcpy(enrolment.name, sensor->name);
    strcpy(enrolment.serial, facts.serial);
    enrolment.until_s = facts.until_s;
    inventory_init(&enrolment.inventory);
    if (inventory_change(&enrolment.inventory, 0, darknet_of(i), NULL, errmsg) != 0)
        die("inventory");
    const struct tls_terms terms = {.identity = identity};
    sensor->context = tls_context_new(&terms, errmsg);
    if (registry_write(state, &enrolment, errmsg) != 0 || !sensor->context)
        die("enrol");
    inventory_close(&enrolment.inventory);
    sensor->fd = -1;
    free(identity);
    free(certificate);
    free(request);
    free(key);
}

static void enrol_all(const char *state)
{
    struct ca ca;
    time_t now = time(NULL);
    int lock = registry_lock(state, REGISTRY_LOCK_MS, errmsg);
    if (lock < 0 || ca_open(&ca, state, now, errmsg) != 0)
        die("authority");
    for (size_t i = 0; i < count; i++)
        enrol(state, &ca, i, now);
    ca_close(&ca);
    close(lock);
}

/* --- a connection ----------------------------------------------------------------------------- */

static void drop(struct sensor *sensor)
{
    if (sensor->fd >= 0)
        close(sensor->fd);
    tls_free(sensor->tls);
    buf_close(&sensor->plain);
    buf_close(&sensor->wire);
    up -= sensor->open;
    sensor->tls = NULL;
    sensor->fd = -1;
    sensor->open = false;
    int64_t most = (int64_t)RETRY_MIN_MS << (sensor->failures < 6 ? sensor->failures : 6);
    most = most < RETRY_MAX_MS ? most : RETRY_MAX_MS;
    int64_t wait = most / 2 + rand() % (most / 2 + 1), asked = (int64_t)sensor->asked_s * 1000;
    if (asked > 0)
        asked += rand() % asked;
    sensor->failures++;
    sensor->asked_s = 0;
    sensor->at_ms = monotonic_ms() + (asked > wait ? asked : wait);
}

static void begin(struct sensor *sensor)
{
    uint32_t from = UINT32_C(0x7f010001) + (uint32_t)(sensor - sensors);
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    attempts++;
    sensor->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sensor->tls = tls_new(sensor->context);
    sensor->at_ms = monotonic_ms();
    if (sensor->fd < 0 || !sensor->tls || bind(sensor->fd, (const void *)&own, sizeof own) != 0)
        die("socket");
    if (connect(sensor->fd, (const void *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        drop(sensor);
    else
        tls_take(sensor->tls, &sensor->wire);
}

static void send_open(struct sensor *sensor)
{
    struct buf out;
    size_t i = (size_t)(sensor - sensors);
    struct frame_open open = {.darknet = darknet_of(i), .first_ns = 1};
    strcpy(open.sensor, sensor->name);
    memcpy(open.epoch, sensor->name, 10);
    buf_init(&out);
    frame_put_open(&out, &open);
    tls_output(sensor->tls, out.bytes, out.size);
    buf_close(&out);
}

static void send_record(struct sensor *sensor)
{
    static struct record record;
    size_t i = (size_t)(sensor - sensors);
    const struct minute_plan plan = {base_of(i), 256, 1, 60, 10};
    uint64_t random = 4711 + i;
    struct buf sealed, out;
    int64_t start_s = time(NULL) / 60 * 60 - 3600 + (int64_t)sensor->acked * 60;
    buf_init(&sealed);
    buf_init(&out);
    record_init(&record);
    minute_fill(&record, &plan, sensor->name, ++sensor->sent, start_s, &random);
    memcpy(record.epoch, sensor->name, 10);
    if (record_seal(&record, &sealed, errmsg) != 0 ||
        frame_put_record(&out, sealed.bytes, sealed.size) != 0)
        die("record");
    tls_output(sensor->tls, out.bytes, out.size);
    tls_take(sensor->tls, &sensor->wire);
    record_close(&record);
    buf_close(&sealed);
    buf_close(&out);
}

/* False: the aggregator does not want it. */
static bool on_frame(struct sensor *sensor, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_HELLO:
        send_open(sensor);
        return true;
    case FRAME_RESUME:
        sensor->sent = sensor->acked = frame->seq;
        sensor->failures = 0;
        sensor->open = true;
        up++;
        return true;
    case FRAME_ACK:
        sensor->acked = frame->seq;
        return true;
    default:
        if (frame->type == FRAME_REFUSE && attempts < 3 * count)
            fprintf(stderr, "herd_sensors: %s: %s\n", sensor->name, frame->refuse.text);
        sensor->asked_s = frame->type == FRAME_REFUSE ? frame->refuse.retry_s : 0;
        return false;
    }
}

static bool take_frames(struct sensor *sensor)
{
    struct frame frame;
    size_t need;
    int64_t size;
    while ((size = frame_read(sensor->plain.bytes, sensor->plain.size, &frame, &need, errmsg)) >
           0) {
        bool wanted = on_frame(sensor, &frame);
        frame_close(&frame);
        if (!wanted)
            return false;
        buf_consume(&sensor->plain, (size_t)size);
    }
    return size == 0;
}

static bool feed(struct sensor *sensor)
{
    static uint8_t bytes[65536];
    ssize_t got = recv(sensor->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return true;
    return got > 0 && tls_input(sensor->tls, bytes, (size_t)got, &sensor->plain) == 0 &&
           take_frames(sensor) && tls_take(sensor->tls, &sensor->wire) == 0;
}

static bool flush(struct sensor *sensor)
{
    ssize_t sent = send(sensor->fd, sensor->wire.bytes, sensor->wire.size, MSG_NOSIGNAL);
    if (sent > 0)
        buf_consume(&sensor->wire, (size_t)sent);
    return sent >= 0 || errno == EAGAIN;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void check_time(struct sensor *sensor, int64_t now_ms)
{
    if (sensor->fd < 0 && now_ms >= sensor->at_ms) {
        begin(sensor);
    } else if (sensor->fd >= 0 && !sensor->open && now_ms - sensor->at_ms > CONNECT_MAX_MS) {
        timeouts++;
        drop(sensor);
    }
}

static void turn(void)
{
    static struct pollfd *fds;
    int64_t now_ms = monotonic_ms();
    if (!fds && !(fds = calloc(count, sizeof *fds)))
        die("memory");
    for (size_t i = 0; i < count; i++) {
        check_time(&sensors[i], now_ms);
        fds[i] = (struct pollfd){.fd = sensors[i].fd, .events = POLLIN};
        fds[i].events |= sensors[i].wire.size > 0 ? POLLOUT : 0;
    }
    poll(fds, count, 20);
    for (size_t i = 0; i < count; i++) {
        bool sound = !(fds[i].revents & (POLLIN | POLLHUP | POLLERR)) || feed(&sensors[i]);
        if (sound && fds[i].revents & POLLOUT)
            sound = flush(&sensors[i]);
        if (!sound)
            drop(&sensors[i]);
    }
}

static void go_up(void)
{
    int64_t begun_ms = monotonic_ms();
    timeouts = attempts = 0;
    for (size_t i = 0; i < count; i++) {
        drop(&sensors[i]);
        sensors[i].failures = 0;
        sensors[i].at_ms = begun_ms;
    }
    while (up < count && monotonic_ms() - begun_ms < WAIT_MAX_S * 1000)
        turn();
    printf("%.2f %u %u\n", (double)(monotonic_ms() - begun_ms) / 1000, timeouts, attempts);
}

static bool all_acknowledged(void)
{
    for (size_t i = 0; i < count; i++)
        if (sensors[i].acked < sensors[i].sent)
            return false;
    return true;
}

static void deliver_minute(void)
{
    int64_t begun_ms = monotonic_ms();
    if (up < count)
        die("not all are connected");
    for (size_t i = 0; i < count; i++)
        send_record(&sensors[i]);
    while (!all_acknowledged() && monotonic_ms() - begun_ms < WAIT_MAX_S * 1000)
        turn();
    if (!all_acknowledged() || up < count)
        die("not all was acknowledged");
    printf("%.2f\n", (double)(monotonic_ms() - begun_ms) / 1000);
}

int main(int argc, char **argv)
{
    char line[16];
    if (argc != 4)
        return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    port = (uint16_t)atoi(argv[2]);
    count = strtoul(argv[3], NULL, 10);
    sensors = calloc(count, sizeof *sensors);
    if (!sensors)
        die("memory");
    enrol_all(argv[1]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "up\n") == 0)
            go_up();
        else
            deliver_minute();
        fflush(stdout);
    }
    return 0;
}

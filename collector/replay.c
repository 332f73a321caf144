#include "collector/sensor.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "collector/capture.h"
#include "collector/meter.h"
#include "common/err.h"
#include "common/log.h"
#include "common/schema.h"

#define NS_PER_S     INT64_C(1000000000)
#define MAX_QUIET_NS (24 * 3600 * NS_PER_S) /* a longer silence in a capture is a gap in it */
#define SYNC_EVERY   256                    /* records between two fsyncs */
#define STOP_EVERY   1024                   /* packets between two looks at the signal */

/* One capture, as the first pass over it finds it. */
struct survey {
    const char *path;
    uint64_t total;   /* packets in the file */
    uint64_t packets; /* those of them with a time stamp that can be */
    struct span span;
    uint8_t epoch[EPOCH_SIZE];
    bool damaged;
    char damage[ERRMSG_SIZE];
};

/* --- first pass: what is in the file ---------------------------------------------------------- */

static void store_le(uint8_t *at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static int digest_packet(EVP_MD_CTX *digest, const struct capture_packet *packet)
{
    uint8_t head[16];
    store_le(head, (uint64_t)packet->ts_ns, 8);
    store_le(head + 8, packet->caplen, 4);
    store_le(head + 12, packet->len, 4);
    return EVP_DigestUpdate(digest, head, sizeof head) == 1 &&
                   EVP_DigestUpdate(digest, packet->data, packet->caplen) == 1
               ? 0
               : ERR_NOMEM;
}

/* What the packets are counted for: their sensor, and the tunnels that they are taken out of, without
 * which the same packets are other records. A NUL behind each keeps them and the packets apart. */
static int digest_sensor(EVP_MD_CTX *digest, const struct sensor *sensor)
{
    const char *tunnels = sensor->tunnels_text;
    return EVP_DigestUpdate(digest, sensor->name, strlen(sensor->name) + 1) == 1 &&
                   (!tunnels || EVP_DigestUpdate(digest, tunnels, strlen(tunnels) + 1) == 1)
               ? 0
               : ERR_NOMEM;
}

/* A UUID of version 8 (RFC 9562 section 5.8) from the first bytes of a SHA-256. */
static int finish_epoch(EVP_MD_CTX *digest, uint8_t epoch[EPOCH_SIZE])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(digest, hash, NULL) != 1)
        return ERR_NOMEM;
    memcpy(epoch, hash, EPOCH_SIZE);
    epoch[6] = (uint8_t)((epoch[6] & 0x0f) | 0x80);
    epoch[8] = (uint8_t)((epoch[8] & 0x3f) | 0x80);
    return 0;
}

static void widen(struct survey *survey, int64_t ts_ns)
{
    if (survey->packets == 1 || ts_ns < survey->span.first_ns)
        survey->span.first_ns = ts_ns;
    if (survey->packets == 1 || ts_ns > survey->span.last_ns)
        survey->span.last_ns = ts_ns;
}

static int survey_packets(struct sensor *sensor, struct capture *capture, struct survey *survey,
                          EVP_MD_CTX *digest, char *errmsg)
{
    struct capture_packet packet;
    int rc;
    while ((rc = capture_next(capture, &packet, errmsg)) == 1) {
        survey->total++;
        if (meter_time_valid(packet.ts_ns)) {
            survey->packets++;
            widen(survey, packet.ts_ns);
        }
        if (digest_packet(digest, &packet) != 0)
            return err_set(errmsg, ERR_NOMEM, "%s: no digest", survey->path);
        if (survey->total % STOP_EVERY == 0 && sensor_stopping(sensor))
            return ERR_STOPPED;
    }
    if (rc == ERR_DAMAGED) {
        survey->damaged = true;
        memcpy(survey->damage, errmsg, ERRMSG_SIZE);
        return 0;
    }
    return rc;
}

static int survey_file(struct sensor *sensor, struct survey *survey, char *errmsg)
{
    struct capture *capture;
    int rc = capture_open_file(&capture, survey->path, errmsg);
    if (rc == ERR_DAMAGED) {
        survey->damaged = true;
        memcpy(survey->damage, errmsg, ERRMSG_SIZE);
        return 0;
    }
    if (rc)
        return rc;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
        digest_sensor(digest, sensor) != 0)
        rc = err_set(errmsg, ERR_NOMEM, "%s: no digest", survey->path);
    if (rc == 0)
        rc = survey_packets(sensor, capture, survey, digest, errmsg);
    if (rc == 0)
        rc = finish_epoch(digest, survey->epoch);
    EVP_MD_CTX_free(digest);
    capture_close(capture);
    return rc;
}

/* --- captures of one call against each other -------------------------------------------------- */

/* The same packets twice in one call are one capture; other packets of the same time are refused. */
static int check_overlaps(const struct survey *surveys, size_t count, char *errmsg)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct survey *a = &surveys[j], *b = &surveys[i];
            if (a->packets == 0 || b->packets == 0 || memcmp(a->epoch, b->epoch, EPOCH_SIZE) == 0 ||
                !span_overlap(a->span, b->span))
                continue;
            return err_set(
                errmsg, ERR_REFUSED,
                "%s and %s cover the same time and are not the same packets: nothing was "
                "counted; merge them first (mergecap), or give the second one's sensor its "
                "own name and darknet",
                a->path, b->path);
        }
    }
    return 0;
}

/* --- second pass: counting -------------------------------------------------------------------- */

struct counting {
    struct sensor *sensor;
    struct spool_writer *writer;
    const struct survey *survey;
    uint64_t have;    /* records that the spool held before */
    uint64_t sealed;  /* so far in this pass */
    uint64_t packets; /* to the darknet */
    char *errmsg;
};

/* The same capture gives the same records in the same order: those that the spool has are passed
 * over. */
static int on_record(void *user, struct record *record)
{
    struct counting *counting = user;
    counting->packets += record->packets;
    if (++counting->sealed <= counting->have)
        return 0;
    int rc = sensor_append(counting->sensor, counting->writer, counting->survey->epoch, record,
                           counting->errmsg);
    if (rc == 0 && counting->sealed % SYNC_EVERY == 0)
        rc = sensor_publish(counting->sensor, counting->writer, counting->survey->epoch,
                            counting->errmsg);
    return rc;
}

static int count_packets(struct counting *counting, struct capture *capture, struct meter *meter)
{
    struct capture_packet packet;
    char ignored[ERRMSG_SIZE];
    int rc = meter_begin(meter, counting->survey->span.first_ns);
    /* No more than the first pass saw: a file that is still written to gives what its epoch says.
     */
    uint64_t left = counting->survey->total;
    meter_enter(meter, 0);
    for (; rc == 0 && left > 0 && capture_next(capture, &packet, ignored) == 1; left--) {
        rc = meter_packet(meter, 0, capture_linktype(capture), &packet);
        if (rc == 0 && left % STOP_EVERY == 0 && sensor_stopping(counting->sensor))
            rc = ERR_STOPPED;
    }
    meter_leave(meter, 0);
    if (rc == 0 && left > 0)
        rc = err_set(counting->errmsg, ERR_IO, "%s: changed while it was read",
                     counting->survey->path);
    return rc ? rc : meter_end(meter, counting->survey->span.last_ns);
}

static int count_capture(struct counting *counting, struct capture *capture)
{
    struct meter_options options = {
        .sensor = counting->sensor->name,
        .darknet = counting->sensor->darknet,
        .tunnels = counting->sensor->tunnels,
        .keep_late = true,
        .without_sources = !counting->sensor->sources,
        .max_quiet_ns = MAX_QUIET_NS,
        .sink = on_record,
        .user = counting,
    };
    struct meter *meter;
    if (meter_new(&meter, &options, counting->errmsg) != 0)
        return err_set(counting->errmsg, ERR_NOMEM, "%s: out of memory", counting->survey->path);
    int rc = count_packets(counting, capture, meter);
    meter_free(meter);
    int published = sensor_publish(counting->sensor, counting->writer, counting->survey->epoch,
                                   rc ? NULL : counting->errmsg);
    return rc ? rc : published;
}

static int count_file(struct sensor *sensor, const struct survey *survey, char *errmsg)
{
    struct spool_identity identity = {.darknet = sensor->darknet_text,
                                      .replay = true,
                                      .first_ns = survey->span.first_ns,
                                      .last_ns = survey->span.last_ns};
    memcpy(identity.epoch, survey->epoch, EPOCH_SIZE);
    strcpy(identity.sensor, sensor->name);
    struct counting counting = {.sensor = sensor, .survey = survey, .errmsg = errmsg};
    struct capture *capture = NULL;
    int rc = capture_open_file(&capture, survey->path, errmsg);
    if (rc == 0)
        rc = spool_writer_open(&counting.writer, sensor->spool, &identity, errmsg);
    if (rc == 0) {
        counting.have = spool_writer_last(counting.writer);
        rc = count_capture(&counting, capture);
    }
    spool_writer_close(counting.writer);
    capture_close(capture);
    if (rc == 0) {
        char epoch[37];
        epoch_format(survey->epoch, epoch);
        log_info("%s: %" PRIu64 " packets to the darknet in %" PRIu64 " records, capture %s",
                 survey->path, counting.packets, counting.sealed, epoch);
    }
    return rc;
}

static int count_all(struct sensor *sensor, const struct survey *surveys, size_t count,
                     char *errmsg)
{
    for (size_t i = 0; i < count; i++) {
        if (sensor_stopping(sensor))
            return ERR_STOPPED;
        if (surveys[i].packets == 0 && !surveys[i].damaged)
            log_info("%s: no packets", surveys[i].path);
        int rc = surveys[i].packets ? count_file(sensor, &surveys[i], errmsg) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

/* Says of every damaged capture what is wrong with it: of the last one in `errmsg`. */
static int tell_damage(const struct survey *surveys, size_t count, char *errmsg)
{
    const struct survey *last = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!surveys[i].damaged)
            continue;
        if (last)
            log_error("%s", last->damage);
        last = &surveys[i];
    }
    return last ? err_set(errmsg, ERR_DAMAGED, "%.900s; what was readable of it is counted",
                          last->damage)
                : 0;
}

int sensor_replay(struct sensor *sensor, char *errmsg)
{
    struct capture_list list = {0};
    int rc = capture_expand(&list, sensor->paths, sensor->path_count, errmsg);
    struct survey *surveys = rc ? NULL : calloc(list.count + 1, sizeof *surveys);
    if (rc == 0 && !surveys)
        rc = err_set(errmsg, ERR_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < list.count; i++) {
        surveys[i].path = list.files[i].path;
        if (strcmp(surveys[i].path, "-") == 0)
            rc = err_set(errmsg, ERR_INVALID,
                         "run cannot replay standard input, which it would have to "
                         "read twice: save it to a file first");
        else
            rc = sensor_stopping(sensor) ? ERR_STOPPED : survey_file(sensor, &surveys[i], errmsg);
    }
    if (rc == 0)
        rc = check_overlaps(surveys, list.count, errmsg);
    if (rc == 0)
        rc = count_all(sensor, surveys, list.count, errmsg);
    if (rc == 0)
        rc = tell_damage(surveys, list.count, errmsg);
    free(surveys);
    capture_list_close(&list);
    return rc;
}

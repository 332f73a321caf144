#include "collector/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/backlog.h"
#include "collector/spool_env.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"

struct journal {
    struct sensor *sensor;
    uint8_t epoch[EPOCH_SIZE];
    pthread_mutex_t lock; /* of the following */
    struct spool_writer *writer;
    struct backlog backlog;
    bool failing; /* said so already */
    bool dirty;   /* appended and not published */
    uint64_t packets, intervals;
};

/* --- appending: with the lock held ------------------------------------------------------------ */

static void say_failing(struct journal *journal, const char *errmsg)
{
    if (!journal->failing)
        log_error("%s; intervals are kept in memory until it is mended", errmsg);
    journal->failing = true;
}

/* Appends what waits in memory, oldest first. */
static void flush(struct journal *journal)
{
    char errmsg[ERRMSG_SIZE];
    struct record *record;
    while ((record = backlog_front(&journal->backlog))) {
        int rc = sensor_append(journal->sensor, journal->writer, journal->epoch, record, errmsg);
        if (rc == ERR_INVALID) { /* it will never be one, and must not hold up the others */
            log_error("the interval of %" PRId64 " with %" PRIu64 " packets is lost: %s",
                      record->start_s, record->packets, errmsg);
            vitals_lost(journal->sensor->vitals);
        } else if (rc) {
            say_failing(journal, errmsg);
            return;
        }
        journal->dirty |= rc == 0;
        backlog_pop(&journal->backlog);
    }
    if (journal->failing)
        log_info("spool %s: takes records again", journal->sensor->spool);
    journal->failing = false;
}

int journal_append(void *user, struct record *record)
{
    struct journal *journal = user;
    char minute[32];
    uint64_t packets = record->packets;
    calendar_rfc3339(record->start_s, minute);
    pthread_mutex_lock(&journal->lock);
    journal->packets += packets;
    journal->intervals++;
    if (backlog_push(&journal->backlog, record) != 0) {
        log_error("spool and memory are full: the minute of %s with %" PRIu64 " packets is lost",
                  minute, packets);
        vitals_lost(journal->sensor->vitals);
    }
    flush(journal);
    pthread_mutex_unlock(&journal->lock);
    return 0;
}

uint64_t journal_next_seq(void *user)
{
    struct journal *journal = user;
    pthread_mutex_lock(&journal->lock);
    uint64_t seq = spool_writer_last(journal->writer) + journal->backlog.count + 1;
    pthread_mutex_unlock(&journal->lock);
    return seq;
}

void journal_publish(struct journal *journal)
{
    char errmsg[ERRMSG_SIZE];
    pthread_mutex_lock(&journal->lock);
    if (backlog_front(&journal->backlog))
        flush(journal);
    if (journal->dirty) {
        if (sensor_publish(journal->sensor, journal->writer, journal->epoch, errmsg) == 0)
            journal->dirty = false;
        else
            say_failing(journal, errmsg);
    }
    pthread_mutex_unlock(&journal->lock);
}

int journal_finish(struct journal *journal, char *errmsg)
{
    journal_publish(journal);
    log_info("%" PRIu64 " packets to the darknet in %" PRIu64 " intervals", journal->packets,
             journal->intervals);
    return backlog_front(&journal->backlog)
               ? err_set(errmsg, ERR_FULL,
                         "spool %s: the last intervals could not be written and are lost",
                         journal->sensor->spool)
               : 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A UUID of version 4 (RFC 9562 section 5.4). */
static int random_epoch(uint8_t epoch[EPOCH_SIZE])
{
    if (spool_env->getrandom(epoch, EPOCH_SIZE, 0) != EPOCH_SIZE)
        return ERR_IO;
    epoch[6] = (uint8_t)((epoch[6] & 0x0f) | 0x40);
    epoch[8] = (uint8_t)((epoch[8] & 0x3f) | 0x80);
    return 0;
}

static int open_epoch(struct journal *journal, int64_t now_ns, char *errmsg)
{
    struct sensor *sensor = journal->sensor;
    struct spool_identity identity = {.darknet = sensor->darknet_text, .first_ns = now_ns};
    strcpy(identity.sensor, sensor->name);
    if (!spool_find_live(sensor->spool, &identity) && random_epoch(identity.epoch) != 0)
        return err_set(errmsg, ERR_IO, "spool: no random numbers for a new epoch: %s",
                       strerror(errno));
    memcpy(journal->epoch, identity.epoch, EPOCH_SIZE);
    int rc = spool_writer_open(&journal->writer, sensor->spool, &identity, errmsg);
    if (rc)
        return rc;
    spool_reserve(journal->writer);
    return sensor_publish(sensor, journal->writer, journal->epoch, errmsg);
}

int journal_open(struct journal **out, struct sensor *sensor, int64_t now_ns, char *errmsg)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return err_set(errmsg, ERR_NOMEM, "spool: out of memory");
    journal->sensor = sensor;
    pthread_mutex_init(&journal->lock, NULL);
    int rc = open_epoch(journal, now_ns, errmsg);
    if (rc) {
        journal_close(journal);
        return rc;
    }
    *out = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    spool_writer_close(journal->writer);
    backlog_close(&journal->backlog);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

const char *journal_path(const struct journal *journal)
{
    return spool_writer_path(journal->writer);
}

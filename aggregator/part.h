/*
 * Part: what an aggregator keeps in memory of one sensor, fenced by the head's `n` and `writer`. It is a cache
 * of the store: load.c fills it from there, apply.c adds records to it and writes each change as a
 * struct put, and whoever drops it loses nothing. Order: part_init, load.c, apply.c, part_close.
 * Pure.
 */
#ifndef AGGREGATOR_PART_H
#define AGGREGATOR_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/calendar.h"
#include "common/course.h"
#include "common/hll.h"
#include "common/prefix.h"
#include "common/record.h"
#include "common/schema.h"
#include "common/tables.h"

#define PART_FIELD_MAX  64 /* a field of the head, with its NUL */
#define PART_WRITER_MAX 40 /* a writer, with its NUL */

/* A spool epoch of the sensor, in the order in which they were first heard of. */
struct part_epoch {
    uint8_t uuid[EPOCH_SIZE];
    struct epoch_state state; /* seq 0: opened, and nothing applied yet */
};

/* Revision K of a year (common/schema.h). */
struct part_revision {
    int year;
    uint64_t k;
    struct revision revision;
};

/* How much of a sensor's detail the store keeps. */
struct part_keep {
    uint64_t minute_records; /* log entries of the newest so many calls, folded or not */
    uint64_t hour_days;      /* hours go so many days after the end of their day; 0: never */
};

#define PART_MINUTE_RECORDS UINT64_C(2880)

/* The open period of a level. Totals and sources are of now; addresses, tables and hosts are as stored,
 * without what is in the log. */
struct part_level {
    bool held; /* whether the rest means anything */
    bool kept; /* false: an hour past its time, of which nothing is stored and nothing is here */
    struct period period;
    struct totals totals;
    struct addrvec addresses;
    struct tables tables;
    struct hll hosts;
    struct addrvec sources; /* of hour and day, as far as they are kept (common/sourcevec.h) */
    size_t address_chunks, table_chunks, source_chunks; /* of the stored values; 0: there is none */
};

/* What the log holds behind the folded values: the sum of records, all of one hour. */
struct part_log {
    uint64_t packets, bytes;
    struct addrvec addresses;
    struct tables tables;
    struct hll hosts;
};

struct part {
    char sensor[SENSOR_NAME_MAX + 1];
    struct part_keep keep;
    int64_t now_s; /* the wall clock, set by the owner before it loads or applies */
    /* Who makes this part's calls: a name that no part ever had, set by the owner before it loads; and who
     * made call n, empty: nobody. */
    char writer[PART_WRITER_MAX], last[PART_WRITER_MAX];
    uint64_t n;                  /* calls applied */
    uint64_t folded;             /* the last call whose log entry is in the folded values */
    uint64_t trimmed;            /* the last call whose log entry is gone */
    uint64_t log_chunks;         /* the most chunks of a log entry, ever */
    char *darknet;               /* canonical list; NULL before the first record */
    struct prefixset *addresses; /* the same as a set */
    bool observed;               /* whether from_ns and until_ns hold */
    int64_t from_ns, until_ns;
    bool live; /* whether a record of a live epoch was applied */
    struct part_epoch *epochs;
    size_t epoch_count, epoch_room;
    struct part_revision *revisions;
    size_t revision_count, revision_room;
    struct part_level levels[LEVELS];
    struct part_log log;
    struct course course; /* of the open day, as of now */
    bool course_dirty;    /* it has what the stored one does not: there is a record in the log */
};

void part_init(struct part *part, const char *sensor);
void part_close(struct part *part);

/* A call was made that the part holds what it does. */
void part_called(struct part *part);

/* Sets the darknet from a canonical list (copied). ERR_INVALID, ERR_NOMEM with the cause in
 * `errmsg`. */
int part_set_darknet(struct part *part, const char *list, char *errmsg);

/* The epoch, or NULL when the sensor has none of that name. Borrowed until the next part_add_epoch.
 */
struct part_epoch *part_epoch(const struct part *part, const uint8_t uuid[EPOCH_SIZE]);
/* Adds an epoch that is not there yet, with sequence 0; NULL without memory. */
struct part_epoch *part_add_epoch(struct part *part, const uint8_t uuid[EPOCH_SIZE], bool replay);

/* Adds a record, which is of the hour of those before it. ERR_NOMEM leaves the log of no use. */
int part_log_add(struct part_log *log, const struct record *record);
/* Leaves it empty. */
void part_log_clear(struct part_log *log);

/* The revision of the year that is the epoch's, or NULL. Borrowed until the next part_add_revision. */
struct part_revision *part_revision(const struct part *part, int year,
                                    const uint8_t uuid[EPOCH_SIZE]);
/* Adds one; NULL without memory. */
struct part_revision *part_add_revision(struct part *part, int year, uint64_t k,
                                        const struct revision *revision);
/* How many revisions the year has. */
uint64_t part_revisions(const struct part *part, int year);

/* When the keys of an hour expire (seconds since the epoch); 0: never. */
int64_t part_hour_expires(const struct part *part, const struct period *hour);
/* Whether anything of the period is kept in the store: all are, but for an hour past its time. */
bool part_keeps(const struct part *part, const struct period *period);

/* Whether the open periods are those of the instant `at_s`. */
bool part_holds(const struct part *part, int64_t at_s);

#endif

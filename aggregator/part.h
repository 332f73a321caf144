/*
 * Part: what an aggregator keeps in memory of one sensor, fenced by the head's `n`. It is a cache
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

#define PART_FIELD_MAX 64 /* a field of the head, with its NUL */

/* A spool epoch of the sensor, in the order in which they were first heard of. */
struct part_epoch {
    uint8_t uuid[EPOCH_SIZE];
    struct epoch_state state; /* seq 0: opened, and nothing applied yet */
};

/* That an epoch changed the figure of a year after the year had been complete (field
 * `restater:<YYYY>:<uuid>`); restated:<YYYY> is how many there are of the year. */
struct part_restater {
    int year;
    uint8_t uuid[EPOCH_SIZE];
};

/* The open period of a level: everything of it that changes with a record. */
struct part_level {
    bool held; /* whether the rest means anything */
    struct period period;
    struct totals totals;
    struct addrvec addresses;
    struct hll hosts;
    bool dirty; /* `addresses` holds log entries that the stored vector does not */
};

/* A log entry as loaded, before it is added to the levels. */
struct part_log {
    uint64_t n;
    int64_t start_s;
    struct addrvec addresses;
};

struct part {
    char sensor[SENSOR_NAME_MAX + 1];
    uint64_t n;                  /* calls applied */
    uint64_t folded;             /* the last call whose log entry is in the stored vectors */
    char *darknet;               /* canonical list; NULL before the first record */
    struct prefixset *addresses; /* the same as a set */
    bool observed;               /* whether from_ns and until_ns hold */
    int64_t from_ns, until_ns;
    struct part_epoch *epochs;
    size_t epoch_count, epoch_room;
    struct part_restater *restaters;
    size_t restater_count, restater_room;
    struct part_level levels[LEVELS];
    struct course course;  /* of the open day */
    struct part_log *logs; /* while loading */
    size_t log_count, log_room;
};

void part_init(struct part *part, const char *sensor);
void part_close(struct part *part);

/* Sets the darknet from a canonical list (copied). ERR_INVALID, ERR_NOMEM with the cause in
 * `errmsg`. */
int part_set_darknet(struct part *part, const char *list, char *errmsg);

/* The epoch, or NULL when the sensor has none of that name. Borrowed until the next part_add_epoch.
 */
struct part_epoch *part_epoch(const struct part *part, const uint8_t uuid[EPOCH_SIZE]);
/* Adds an epoch that is not there yet, with sequence 0; NULL without memory. */
struct part_epoch *part_add_epoch(struct part *part, const uint8_t uuid[EPOCH_SIZE], bool replay);

bool part_has_restater(const struct part *part, int year, const uint8_t uuid[EPOCH_SIZE]);
/* ERR_NOMEM. */
int part_add_restater(struct part *part, int year, const uint8_t uuid[EPOCH_SIZE]);
/* How many epochs restated the year. */
uint64_t part_restated(const struct part *part, int year);

/* Adds a log entry, whose addresses move into the part. ERR_NOMEM leaves them to the caller. */
int part_add_log(struct part *part, uint64_t n, int64_t start_s, struct addrvec *addresses);
void part_clear_logs(struct part *part);

/* Whether the open periods are those of the instant `at_s`. */
bool part_holds(const struct part *part, int64_t at_s);

#endif

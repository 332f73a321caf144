/*
 * The store as an exporter reads it: Redis through hiredis, synchronous, many requests on their way
 * at once. Nothing here writes. store_open connects and reads the telescope and its sensors (and
 * sets the calendar to the telescope's time zone); the store_read_* functions then hand each value,
 * taken apart and checked, to the caller's function. Every error leaves one line in `errmsg` that
 * names the URL or the key; after an error the store can only be closed. Key names:
 * common/schema.h.
 */
#ifndef DASHBOARDS_STORE_H
#define DASHBOARDS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/calendar.h"
#include "common/course.h"
#include "common/hll.h"
#include "common/inventory_stored.h"
#include "common/schema.h"
#include "common/storeurl.h"
#include "common/tables.h"

#define STORE_YEAR_MIN 1970
#define STORE_YEAR_MAX 2199
#define STORE_YEARS    (STORE_YEAR_MAX - STORE_YEAR_MIN + 1)

struct store_sensor {
    char name[SENSOR_NAME_MAX + 1];
    double addresses;          /* in its darknet now; of one that has ended, in its last */
    int64_t from_ns, until_ns; /* first and last moment observed; until < from when there is none */
    bool live;                 /* whether any of it came from a live capture */
    bool enrolled;             /* its inventory is that of a registry, not implied by its records */
    /* What was its darknet when. Nothing is expected of it before and after the two moments, both
     * included; see dashboards/expect.h. */
    struct inventory inventory;
    int64_t expected_from_ns, expected_until_ns;
    bool years[STORE_YEARS];            /* whether it has totals of STORE_YEAR_MIN + i */
    uint64_t restated[STORE_YEARS];     /* by records and by changes of the inventory */
    struct inventory_restated *changes; /* the latter */
    size_t change_count;
};

struct store;

/* A record arrives some time after its minute is over: nothing is expected of a live sensor for what is
 * less than so long ago. */
#define STORE_GRACE_S 60

/* Connects within a few seconds, reads telescope and sensors. An empty database is a store without
 * sensors. ERR_UNREACHABLE, ERR_REFUSED (password, permission), ERR_VERSION, ERR_DAMAGED,
 * ERR_NOMEM. */
int store_open(struct store **store, const struct storeurl *url, char *errmsg);
void store_close(struct store *store);
/* Reads telescope and sensors anew over the same connection, for a program that lives on. As
 * store_open; what store_sensors gave is no longer valid. */
int store_refresh(struct store *store, char *errmsg);
/* The same as if it were `now_s`, which decides up to when live sensors are expected to have observed. */
int store_refresh_at(struct store *store, int64_t now_s, char *errmsg);

/* The sensors in ascending order of their names, borrowed until store_close. */
const struct store_sensor *store_sensors(const struct store *store, size_t *count);
/* The reporting time zone ("Asia/Tokyo"); "UTC" for an empty store. */
const char *store_timezone(const struct store *store);

#define STORE_SETTING_MAX 64
/* A setting of the server at hand (CONFIG GET), "" when it has none of that name; longer values are cut.
 * ERR_REFUSED when this user may not ask. */
int store_setting(struct store *store, const char *name, char value[STORE_SETTING_MAX],
                  char *errmsg);

/* A hash as it is: field, value, field, value; strings without the rest of a value behind a zero byte. */
struct store_hash {
    const char **words;
    size_t count;
    void *reply;
};
int store_read_hash(struct store *store, const char *key, struct store_hash *hash, char *errmsg);
void store_free_hash(struct store_hash *hash);

/* One sensor's days of one year. */
struct store_day {
    int month, day;
    struct totals totals;
};

struct store_days_reader {
    void *user;
    /* `sensor`: position in store_sensors. Days come in any order and are borrowed for the call.
     * Returns 0, or an error that ends the reading. */
    int (*on_days)(void *user, size_t sensor, const struct store_day *days, size_t count,
                   char *errmsg);
};

/* Reads the days' totals of `year` of every sensor, in the order of store_sensors. */
int store_read_days(struct store *store, int year, const struct store_days_reader *reader,
                    char *errmsg);

struct store_revisions_reader {
    void *user;
    /* In any order within a sensor. Both return 0, or an error that ends the reading. */
    int (*on_year)(void *user, size_t sensor, int year, const struct totals *totals, char *errmsg);
    int (*on_revision)(void *user, size_t sensor, int year, uint64_t k,
                       const struct revision *revision, char *errmsg);
};

/* Reads the years' totals and the revisions of every sensor, each sensor as it was at one moment: all
 * its years, then all its revisions. */
int store_read_revisions(struct store *store, const struct store_revisions_reader *reader,
                         char *errmsg);

/* What may be asked of a piece beside its totals. */
#define STORE_HOSTS     1u
#define STORE_ADDRESSES 2u
#define STORE_TABLES    4u
#define STORE_COURSE    8u  /* of a day */
#define STORE_SOURCES   16u /* not of a month or a year, which have none of their own */
#define STORE_CLASSES                                                                              \
    32u /* of the tables the classes alone, which is faster; not with STORE_TABLES */

/* A stretch of time: a whole period, or minutes of a day that lie within one hour. */
struct store_piece {
    bool minutes;
    struct period period;   /* the whole period; of minutes: their day */
    int64_t start_s, end_s; /* [start, end) */
    unsigned wants;         /* STORE_... */
    size_t tag;             /* the caller's */
};

/* What one sensor counted in a piece. */
struct store_counts {
    bool any_data; /* false: nothing was observed, everything else is empty */
    /* packets, bytes and observed_ns always hold; `dropped` is that of kernel and interface. The rest
     * of `totals` holds where `counted`. */
    struct totals totals;
    uint64_t dropped;
    bool counted;
    /* Whether the rest is known. It is not where the store no longer keeps it: minutes outside of the
     * newest, hours past their retention. */
    bool detailed;
    bool hosts_known;
    /* Of minutes: some are shares of a merged record (common/course.h), so that the sums are an even
     * share as well. */
    bool merged;
    struct hll hosts;
    struct addrvec addresses; /* may be taken over by the caller, who leaves it empty */
    struct tables tables;     /* the same */
    struct addrvec sources;   /* the same; sum to at most the packets (common/sourcevec.h) */
    const struct course *course;
};

struct store_pieces_reader {
    void *user;
    /* The counts are lent for the call. Returns 0, or an error that ends the reading. */
    int (*on_piece)(void *user, const struct store_piece *piece, struct store_counts *counts,
                    char *errmsg);
};

/* Reads pieces of the sensor at that position, in their order. Each is told as it was at one moment,
 * its parts agreeing with its totals, without locking the writer out. ERR_STALE when the writer
 * changes the sensor faster than it can be read; ERR_DAMAGED when parts and totals disagree. */
int store_read_pieces(struct store *store, size_t sensor, const struct store_piece *pieces,
                      size_t count, const struct store_pieces_reader *reader, char *errmsg);

#endif

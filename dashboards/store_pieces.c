#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/sourcevec.h"
#include "dashboards/store_reading.h"

#define BATCH_MAX       64 /* pieces in one transaction */
#define HEAVY_MAX       32 /* of them with tables or sources; addresses count as ADDRESSES_WEIGH */
#define ADDRESSES_WEIGH 8
#define ATTEMPTS        20
#define MINUTE_S        60

int store_reading_nomem(const struct store_reading *reading, char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "store %s: sensor %s: %s", reading->store->url.shown,
                   reading->sensor->name, err_str(ERR_NOMEM));
}

bool store_needs_course(const struct store_piece *piece)
{
    return piece->minutes || piece->period.level == LEVEL_HOUR || (piece->wants & STORE_COURSE);
}

/* --- settling --------------------------------------------------------------------------------- */

/* What the course says of [start, end) of its day. */
static struct totals course_sum(const struct store_course *course, const struct store_piece *piece,
                                uint64_t *dropped)
{
    struct totals sum = {0};
    *dropped = 0;
    for (int64_t at_s = piece->start_s; at_s < piece->end_s; at_s += MINUTE_S) {
        int64_t slot = (at_s - course->day.start_s) / MINUTE_S;
        if (slot < 0 || slot >= COURSE_SLOTS)
            break;
        sum.packets += course->course.packets[slot];
        sum.bytes += course->course.bytes[slot];
        sum.observed_ns += course->course.observed_ns[slot];
        *dropped += course->course.dropped[slot];
    }
    return sum;
}

/* Whether the bounds of the piece cut a quarter of an hour of which the minutes are not known. */
static bool cuts_merged(const struct store_course *course, const struct store_piece *piece)
{
    const int64_t bounds_s[] = {piece->start_s, piece->end_s};
    for (int i = 0; i < 2; i++) {
        int64_t slot = (bounds_s[i] - course->day.start_s) / MINUTE_S;
        if (bounds_s[i] % RECORD_MERGED_WIDTH_S != 0 && slot > 0 && slot < COURSE_SLOTS &&
            course->course.merged[slot - 1] && course->course.merged[slot])
            return true;
    }
    return false;
}

static void drop_detail(struct store_counts *counts)
{
    hll_clear(&counts->hosts);
    addrvec_clear(&counts->addresses);
    addrvec_clear(&counts->sources);
    tables_close(&counts->tables);
}

/* Minutes, and hours whose own values are gone: the course has the sums. All else is what the log
 * entries gave, when they are all of it. A piece without a packet has nothing else. */
static void settle_course(struct store_counts *counts, const struct store_piece *piece,
                          const struct store_course *course, const struct store_folded *fold)
{
    struct totals sum = course_sum(course, piece, &counts->dropped);
    bool whole = piece->minutes && fold->log.records > 0 && fold->log.packets == sum.packets &&
                 fold->log.bytes == sum.bytes;
    counts->totals = whole ? fold->log : sum;
    counts->totals.observed_ns = sum.observed_ns;
    counts->any_data = sum.packets > 0 || sum.observed_ns > 0;
    counts->counted = whole;
    counts->merged = cuts_merged(course, piece);
    counts->detailed = counts->hosts_known = whole || sum.packets == 0;
    if (!whole)
        drop_detail(counts);
}

/* Whether the hour's own totals say what its course says: they may be older than the day that they
 * expired on, or gone. */
static bool hour_stands(const struct store_counts *counts, const struct store_piece *piece,
                        const struct store_course *course)
{
    uint64_t dropped;
    struct totals sum = course_sum(course, piece, &dropped);
    return counts->totals.packets == sum.packets && counts->totals.observed_ns == sum.observed_ns;
}

static uint64_t course_packets(const struct course *course)
{
    uint64_t packets = 0;
    for (size_t i = 0; i < COURSE_SLOTS; i++)
        packets += course->packets[i];
    return packets;
}

/* Those of the log behind them are as many as they are. */
static int settle_sources(struct store_reading *reading, size_t i, char *errmsg)
{
    const struct store_counts *counts = &reading->counts[i];
    char key[SCHEMA_KEY_MAX];
    schema_key_sources(key, reading->sensor->name, &reading->pieces[i].period);
    const char *broken = sourcevec_broken(&counts->sources, SIZE_MAX / 2, counts->totals.packets);
    return broken ? store_damaged(reading->store, key, broken, errmsg) : 0;
}

static int settle_level(struct store_reading *reading, size_t i, char *errmsg)
{
    const struct store_piece *piece = &reading->pieces[i];
    struct store_counts *counts = &reading->counts[i];
    const struct totals *totals = &counts->totals;
    char key[SCHEMA_KEY_MAX];
    counts->any_data = totals->records > 0;
    counts->dropped = totals->kernel_dropped + totals->interface_dropped;
    counts->counted = counts->detailed = true;
    counts->hosts_known |= totals->packets == reading->folds[i].log.packets;
    schema_key_course(key, reading->sensor->name, &piece->period);
    if ((piece->wants & STORE_COURSE) && course_packets(counts->course) != totals->packets)
        return store_damaged(reading->store, key, "its minutes do not sum to the totals", errmsg);
    schema_key_addresses(key, reading->sensor->name, &piece->period);
    if ((piece->wants & STORE_ADDRESSES) && addrvec_packets(&counts->addresses) != totals->packets)
        return store_damaged(reading->store, key, "its addresses do not sum to the totals", errmsg);
    schema_key_tables(key, reading->sensor->name, &piece->period);
    const char *broken =
        piece->wants & STORE_TABLES ? tables_broken(&counts->tables, totals->packets, totals->bytes)
        : piece->wants & STORE_CLASSES
            ? tables_classes_broken(&counts->tables, totals->packets, totals->bytes)
            : NULL;
    if (broken)
        return store_damaged(reading->store, key, broken, errmsg);
    return piece->wants & STORE_SOURCES ? settle_sources(reading, i, errmsg) : 0;
}

static int settle(struct store_reading *reading, size_t i, char *errmsg)
{
    const struct store_piece *piece = &reading->pieces[i];
    struct store_counts *counts = &reading->counts[i];
    const struct store_course *course =
        store_needs_course(piece) ? store_course_of(reading, piece) : NULL;
    bool hour = !piece->minutes && piece->period.level == LEVEL_HOUR;
    counts->course = course ? &course->course : NULL;
    if (piece->minutes || (hour && !hour_stands(counts, piece, course))) {
        settle_course(counts, piece, course, &reading->folds[i]);
        return 0;
    }
    return settle_level(reading, i, errmsg);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void close_counts(struct store_counts *counts)
{
    addrvec_close(&counts->addresses);
    addrvec_close(&counts->sources);
    tables_close(&counts->tables);
}

static void clear(struct store_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        close_counts(&reading->counts[i]);
        memset(&reading->counts[i], 0, sizeof reading->counts[i]);
        reading->folds[i] = (struct store_folded){0};
    }
}

static int try_batch(struct store_reading *reading, char *errmsg)
{
    int rc = store_read_snapshot(reading, errmsg);
    if (rc == 0)
        rc = store_add_logs(reading, errmsg);
    for (size_t i = 0; rc == 0 && i < reading->count; i++)
        rc = settle(reading, i, errmsg);
    return rc;
}

/* The index, if the batch has minutes. */
static int need_index(struct store_reading *reading, bool anew, char *errmsg)
{
    return store_any_minutes(reading->pieces, reading->count)
               ? store_need_index(reading, anew, errmsg)
               : 0;
}

static int read_batch(struct store_reading *reading, const struct store_pieces_reader *reader,
                      char *errmsg)
{
    int rc = ERR_STALE;
    for (int attempt = 0; rc == ERR_STALE && attempt < ATTEMPTS; attempt++) {
        clear(reading);
        rc = attempt ? need_index(reading, true, errmsg) : 0;
        if (rc == 0)
            rc = try_batch(reading, errmsg);
    }
    if (rc == ERR_STALE)
        return err_set(errmsg, rc,
                       "store %s: sensor %s: it changes faster than it can be read, or a value in "
                       "chunks is damaged; try again",
                       reading->store->url.shown, reading->sensor->name);
    for (size_t i = 0; rc == 0 && i < reading->count; i++)
        rc = reader->on_piece(reader->user, &reading->pieces[i], &reading->counts[i], errmsg);
    return rc;
}

/* How much of memory a piece may take. Minutes of which no entry is left take none. */
static size_t weight(const struct store_reading *reading, const struct store_piece *piece)
{
    if (piece->minutes && !store_in_index(reading, piece))
        return 0;
    if (piece->wants & STORE_ADDRESSES)
        return ADDRESSES_WEIGH;
    return piece->wants & (STORE_TABLES | STORE_SOURCES) ? 1 : 0;
}

/* Takes what makes the next batch of `count` pieces. */
static int take_batch(struct store_reading *reading, size_t count, char *errmsg)
{
    size_t size = 0, heavy = 0, most = count < BATCH_MAX ? count : BATCH_MAX;
    reading->count = most;
    int rc = need_index(reading, false, errmsg);
    while (rc == 0 && size < most) {
        heavy += weight(reading, &reading->pieces[size]);
        if (heavy > HEAVY_MAX)
            break;
        size++;
    }
    reading->count = size;
    return rc;
}

static void close_reading(struct store_reading *reading)
{
    for (size_t i = 0; reading->counts && i < BATCH_MAX; i++)
        close_counts(&reading->counts[i]);
    free(reading->counts);
    free(reading->folds);
    free(reading->courses);
    free(reading->entries);
    buf_close(&reading->value);
}

/* Everything of a sensor is with one server. */
static int at_sensor(const struct store_reading *reading, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, reading->sensor->name);
    return store_at(reading->store, key, errmsg);
}

int store_read_pieces(struct store *store, size_t sensor, const struct store_piece *pieces,
                      size_t count, const struct store_pieces_reader *reader, char *errmsg)
{
    struct store_reading reading = {
        .store = store,
        .sensor = &store->sensors[sensor],
        .head = &store->heads[sensor],
        .counts = calloc(BATCH_MAX, sizeof *reading.counts),
        .folds = calloc(BATCH_MAX, sizeof *reading.folds),
        .courses = calloc(BATCH_MAX, sizeof *reading.courses),
    };
    buf_init(&reading.value);
    int rc = reading.counts && reading.folds && reading.courses
                 ? 0
                 : store_reading_nomem(&reading, errmsg);
    if (rc == 0)
        rc = at_sensor(&reading, errmsg);
    for (size_t done = 0; rc == 0 && done < count; done += reading.count) {
        reading.pieces = pieces + done;
        rc = take_batch(&reading, count - done, errmsg);
        if (rc == 0)
            rc = read_batch(&reading, reader, errmsg);
    }
    close_reading(&reading);
    return rc;
}

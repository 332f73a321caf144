/*
 * A batch of pieces of one sensor being read, as store_snapshot.c (what one transaction gives),
 * store_index.c (which log entries there are),
 * store_logs.c (the log entries behind it) and store_pieces.c (what both mean) share it. Nobody else includes this.
 *
 * One transaction reads the head, the totals and the folded values of every piece, and which log
 * entries there are. A log entry never changes, so the entries themselves are read afterwards, and
 * only those that matter to the batch. When one is gone by then, or a value in chunks was folded
 * between its first chunk and the rest, the batch is begun again (ERR_STALE within these files).
 */
#ifndef DASHBOARDS_STORE_READING_H
#define DASHBOARDS_STORE_READING_H

#include "common/buf.h"
#include "common/record.h"
#include "dashboards/store_link.h"

/* A day whose course is needed. */
struct store_course {
    struct period day;
    uint64_t folded; /* the last call that is in it */
    struct course course;
};

struct store_reading {
    struct store *store;
    const struct store_sensor *sensor;
    const struct store_piece *pieces;
    size_t count;
    struct store_head *head; /* as last heard */

    /* For each piece: its counts, the last call folded into its addresses, tables and sources, and what
     * the log entries that were added to it sum to. */
    struct store_counts *counts;
    struct store_folded {
        uint64_t addresses, tables, sources;
        struct totals log;
    } * folds;
    struct store_course *courses; /* room for one each piece */
    size_t course_count;
    struct store_entry *entries; /* those that matter */
    size_t entry_count, entry_room;
    uint64_t first_asked; /* the call of the first entry that the transaction is asked for */
    struct buf value;     /* of several chunks, put together */
    bool old_tables;      /* some have no classes at their head: they are read whole for them */
};

int store_reading_nomem(const struct store_reading *reading, char *errmsg);
/* Whether the course of the piece's day is read. */
bool store_needs_course(const struct store_piece *piece);

/* Reads head, totals, folded values and courses of the batch, and keeps the entries that matter.
 * ERR_STALE when the head was too far from where it was believed. */
int store_read_snapshot(struct store_reading *reading, char *errmsg);

/* The course of the piece's day, or NULL when it is not among those that are read. */
struct store_course *store_course_of(const struct store_reading *reading,
                                     const struct store_piece *piece);

/* --- which entries there are: store_index.c */

/* Whether any of the pieces is of minutes and asks for more than their sums. */
bool store_any_minutes(const struct store_piece *pieces, size_t count);
/* Minutes are made of every entry that is still there, not of those alone that are not folded: the
 * index of the sensor, all its entries, is read once, and again when it has fallen far behind or `anew`
 * is true. */
int store_need_index(struct store_reading *reading, bool anew, char *errmsg);
/* Whether the index has an entry of the piece's time. */
bool store_in_index(const struct store_reading *reading, const struct store_piece *piece);
/* Within the transaction: asks for the entries behind the index, or for batches without minutes behind
 * what is folded, up to some calls beyond the head. */
int store_ask_entries(struct store_reading *reading, char *errmsg);
/* Whether what was asked for by the head `asked` is enough now that it is `head`. */
bool store_entries_reach(const struct store_head *asked, const struct store_head *head);
/* Keeps what is needed of the index and of the answer (NULL: none). */
int store_take_entries(struct store_reading *reading, const redisReply *answer, char *errmsg);

/* Keeps the entry for store_add_logs if it matters to any piece. ERR_NOMEM. */
int store_keep_entry(struct store_reading *reading, struct store_entry entry);
/* Reads the kept entries and adds them where they belong. ERR_STALE when one is gone that must be
 * known. */
int store_add_logs(struct store_reading *reading, char *errmsg);

/* The whole value of `key` that begins with `first`, borrowed until the next call: itself, or put
 * together with its other chunks, which are read now. ERR_STALE when they are not of one value. */
int store_whole(struct store_reading *reading, const char *key, const redisReply *first,
                const uint8_t **bytes, size_t *size, char *errmsg);

#endif

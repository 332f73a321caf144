/*
 * Load: from what the store holds to a part in memory. The lane performs each fetch and hands it
 * back:
 *
 *   load_begin  -> HEAD -> LOGS -> LEVELS -> done    a sensor that was not in memory
 *   load_turn   -> LEVELS -> done                    its next record belongs to other periods
 *
 * A value that is cut takes one more fetch for its further chunks. Nothing read is trusted: a value
 * that does not decode, addresses, tables or a course that do not add up to the totals, and sources that
 * add up to more, is an error that names the key. Pure.
 */
#ifndef AGGREGATOR_LOAD_H
#define AGGREGATOR_LOAD_H

#include "aggregator/fetch.h"
#include "aggregator/part.h"

/* More log entries than this were never left by apply.c. */
#define LOAD_LOGS_MAX 4096

/* What is known of the log's records beside part->log: where they lie, and their minutes. */
struct load_log {
    bool any; /* whether there is a record; the rest is empty without */
    struct period hour, day;
    struct course course;
    struct addrvec *sources; /* of each record, in their order */
    size_t source_count, source_room;
};

struct load {
    struct part *part; /* borrowed */
    enum { LOAD_HEAD, LOAD_LOGS, LOAD_LEVELS } step;
    struct fetch fetch; /* to be performed now */
    bool joining;       /* what that is, is the rest of the values in `cut` */
    struct fetch cut;
    struct load_log *log; /* NULL: nothing is behind the folded values */
};

/* Begins to fill `part`, which is freshly initialised, with what is to be kept and the time set. */
void load_begin(struct load *load, struct part *part);
/* Begins to open the periods of the instant `at_s`. The part has nothing that is not folded, or
 * holds the levels whose period changes without anything dirty. False: nothing had to be fetched,
 * the part holds them. */
bool load_turn(struct load *load, struct part *part, int64_t at_s);
void load_close(struct load *load);

/* Takes the answers of `load->fetch`. Returns 1 when the part is whole; 0 when `load->fetch` has
 * become the next one to perform; ERR_DAMAGED, ERR_VERSION, ERR_STALE (another writer is at work:
 * begin again) or ERR_NOMEM with the cause in `errmsg`: the part is then good for part_close only.
 */
int load_take(struct load *load, char *errmsg);

#endif

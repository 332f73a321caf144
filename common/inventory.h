/*
 * Inventory: which addresses were a sensor's darknet, from when to when: versions with the time from
 * which each is true, until the next. The aggregator's registry keeps one for each sensor and refuses
 * what was counted outside of it; figures take their denominator from it. As text it is one line:
 *
 *   1546300800=192.0.2.0/24,2001:db8::/48 1577836800=192.0.2.0/25 1609459200=-
 *
 * FROM=LIST with seconds since the epoch, ascending, `-` for nothing. Versions may be separated by
 * commas as well, and one may come in several parts that all begin with its FROM=, so that lines of a
 * configuration that were joined with commas are an inventory, too. Pure.
 *
 *   inventory_init -> inventory_parse | inventory_change ... -> questions -> inventory_close
 */
#ifndef COMMON_INVENTORY_H
#define COMMON_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prefix.h"

#define INVENTORY_VERSIONS_MAX 4096
#define INVENTORY_NOTHING      "-" /* an empty list, as text */

struct inventory_version {
    int64_t from_s;
    char *list;  /* canonical (prefixset_text); empty: no address is darknet from then on */
    double size; /* addresses of both families; exact up to 2^53 */
};

struct inventory {
    struct inventory_version *versions; /* ascending, each unlike the one before it */
    size_t count;
    size_t built; /* the version that `set` is of */
    struct prefixset *set;
};

/* Without versions: no address was ever darknet. */
void inventory_init(struct inventory *inventory);
void inventory_close(struct inventory *inventory);

/* Reads the text into an initialised, empty inventory, which is good for inventory_close only after
 * an error. ERR_INVALID with what is wrong in `errmsg`; ERR_FULL beyond INVENTORY_VERSIONS_MAX;
 * ERR_NOMEM. */
int inventory_parse(struct inventory *inventory, const char *text, char *errmsg);
/* The text, in one canonical form, to be freed; NULL without memory. */
char *inventory_text(const struct inventory *inventory);
/* The same for people, with times in RFC 3339; to be freed; NULL without memory. */
char *inventory_shown(const struct inventory *inventory);

/* From `from_s` (not negative) on, for all time: the prefixes of `add` are in it and those of
 * `remove`, which wins, are not; lists as prefixset_add takes them, or NULL. What was before stays.
 * ERR_INVALID when a list is none, or when nothing would be changed; ERR_FULL; ERR_NOMEM. After an
 * error it is good for inventory_close only. */
int inventory_change(struct inventory *inventory, int64_t from_s, const char *add,
                     const char *remove, char *errmsg);

/* Nothing is in it from `at_s` (not negative) on. ERR_FULL, ERR_NOMEM. */
int inventory_end(struct inventory *inventory, int64_t at_s, char *errmsg);

/* What was true at that time, borrowed; NULL before the first version. */
const struct inventory_version *inventory_at(const struct inventory *inventory, int64_t at_s);
/* When the version was over: INT64_MAX when it still is true. */
int64_t inventory_until(const struct inventory *inventory, const struct inventory_version *version);
/* The addresses of a version, for membership; borrowed until those of another are asked for. NULL
 * for one without addresses, and with `*rc` = ERR_NOMEM without memory. */
const struct prefixset *inventory_addresses(struct inventory *inventory,
                                            const struct inventory_version *version, int *rc);

/* Addresses times seconds in [from_s, until_s); exact up to 2^53. */
double inventory_address_seconds(const struct inventory *inventory, int64_t from_s,
                                 int64_t until_s);

/* Whether an address was in both at any one time: 1, with one prefix that was in `where` (at least 64
 * bytes) and since when in `*at_s`; 0; ERR_NOMEM. */
int inventory_overlap(struct inventory *a, struct inventory *b, char *where, int64_t *at_s);

#endif

/*
 * A sensor's inventory as the store holds it, the hash darkcount:{NAME}:inventory:
 *
 *   FROM              a list of prefixes, `-` for nothing: what was darknet from then on (common/inventory.h)
 *   restated:YYYY:K   "1 WHEN": that a change of the inventory restated the year, K = 1 ..., and the wall
 *                     clock then
 *
 * Times are decimal seconds since the epoch. A hash without a FROM, or none at all, is of a sensor that
 * is not enrolled: its darknet is that of the head, from its first record on (inventory_implied). The
 * aggregator writes it by inventory_stored_change, readers take it field by field. Pure.
 *
 *   inventory_stored_init -> inventory_stored_take ... -> inventory_stored_finish -> inventory_stored_close
 */
#ifndef COMMON_INVENTORY_STORED_H
#define COMMON_INVENTORY_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/calendar.h"
#include "common/inventory.h"

#define INVENTORY_FIELD_MAX 48 /* a field, with its NUL */

struct inventory_restated {
    int year;
    uint64_t k;
    int64_t when_s;
};

struct inventory_stored {
    struct inventory inventory; /* complete after inventory_stored_finish */
    struct inventory_restated *restated;
    size_t restated_count;
    struct inventory_field {
        int64_t from_s;
        char *list;
    } * fields; /* as taken, until then */
    size_t field_count;
};

void inventory_stored_init(struct inventory_stored *stored);
void inventory_stored_close(struct inventory_stored *stored);

/* Takes a field and its value, text[0..size), in any order. ERR_DAMAGED; ERR_VERSION for a restatement
 * whose form is newer; ERR_NOMEM. Other fields are another version's business. */
int inventory_stored_take(struct inventory_stored *stored, const char *field, const char *value,
                          size_t size);
/* Puts the versions together. ERR_DAMAGED, ERR_NOMEM. */
int inventory_stored_finish(struct inventory_stored *stored);

/* The fields' names and the form of a restatement. */
void inventory_field(char field[INVENTORY_FIELD_MAX], int64_t from_s);
void inventory_restated_field(char field[INVENTORY_FIELD_MAX], int year, uint64_t k);
#define INVENTORY_RESTATED_MAX 32
void inventory_restated_format(char text[INVENTORY_RESTATED_MAX], int64_t when_s);
/* How often the year was restated by the inventory. */
uint64_t inventory_restatements(const struct inventory_stored *stored, int year);

/* The inventory of a sensor that is not enrolled, into an initialised, empty one: `darknet` from the
 * minute of `from_ns` on, of an archive (not `live`) to the end of that of `until_ns`. ERR_INVALID when
 * it is no list; ERR_NOMEM. */
int inventory_implied(struct inventory *inventory, const char *darknet, int64_t from_ns,
                      int64_t until_ns, bool live);

/* Whether the two expect different address-seconds of a period. */
bool inventory_differs(const struct inventory *a, const struct inventory *b,
                       const struct period *period);

#endif

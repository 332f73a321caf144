/*
 * What the store must be told of a sensor's inventory: compares what is there with what the registry
 * expects, finds the years whose figures a difference changes, and writes the difference as a put
 * beside the calls. A year is restated when it was over, any sensor has data of it, and other
 * address-seconds are expected of it now. inventories.c is the caller. Pure.
 *
 *   inventory_put_ask -> [fetch] -> inventory_put_compare -> inventory_put_ask_years -> [fetch] ->
 *   inventory_put_take_years -> inventory_put_write -> inventory_put_close
 */
#ifndef AGGREGATOR_INVENTORY_PUT_H
#define AGGREGATOR_INVENTORY_PUT_H

#include "aggregator/fetch.h"
#include "aggregator/put.h"
#include "common/inventory_stored.h"

#define INVENTORY_PUT_YEAR_MIN 1970
#define INVENTORY_PUT_YEARS    230 /* to 2199 */

struct inventory_put {
    char sensor[SENSOR_NAME_MAX + 1];
    uint64_t n;                     /* calls of the sensor when it was asked for */
    struct inventory_stored stored; /* what the store has */
    struct inventory wanted;
    bool differs;                        /* there is something to write */
    bool any_year;                       /* one of `years` is set */
    bool years[INVENTORY_PUT_YEARS];     /* over, and other address-seconds are expected of them */
    bool with_data[INVENTORY_PUT_YEARS]; /* of any sensor */
};

void inventory_put_init(struct inventory_put *change, const char *sensor);
void inventory_put_close(struct inventory_put *change);

void inventory_put_ask(const struct inventory_put *change, struct fetch *fetch);
/* Takes the answers and the text of what the registry expects at `now_s`. ERR_DAMAGED, ERR_VERSION,
 * ERR_INVALID, ERR_NOMEM, with the cause in `errmsg`. */
int inventory_put_compare(struct inventory_put *change, const struct fetch *fetch,
                          const char *wanted, int64_t now_s, char *errmsg);

/* Asks for the years of every sensor of the set that was fetched; then takes them. */
void inventory_put_ask_years(struct fetch *fetch, const struct fetch_item *sensors);
void inventory_put_take_years(struct inventory_put *change, const struct fetch *fetch);

/* Writes the put, guarded by `n` calls. ERR_NOMEM. */
int inventory_put_write(const struct inventory_put *change, uint64_t n, int64_t now_s,
                        struct put *put);

#endif

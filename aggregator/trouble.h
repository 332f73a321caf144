/*
 * Troubles: what keeps the records of a sensor from the store, told when it begins and when it is over
 * and not at each attempt in between. lane.c is the caller. Bounded: beyond TROUBLES_MAX sensors the one
 * that has been in trouble for longest is forgotten, and told of once more. Pure.
 */
#ifndef AGGREGATOR_TROUBLE_H
#define AGGREGATOR_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

#define TROUBLES_MAX  256
#define TROUBLES_TEXT 256 /* of a reason is compared */

struct troubles {
    struct trouble {
        char sensor[SENSOR_NAME_MAX + 1]; /* empty: a free place */
        char what[TROUBLES_TEXT];
        uint64_t order;
    } list[TROUBLES_MAX];
    uint64_t begun; /* so far */
    size_t count;   /* now */
};

/* The sensor is in trouble for the reason `what`. True: that is news. */
bool troubles_begin(struct troubles *troubles, const char *sensor, const char *what);
/* The sensor is out of trouble. True: it was in it. */
bool troubles_end(struct troubles *troubles, const char *sensor);

#endif

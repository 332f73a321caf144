/*
 * Inventories: brings what the registry says was darknet when into the store, where readers find it,
 * one sensor after the other, whether it delivers or not. Whoever owns it calls inventories_look when the
 * store is there and when the registry may have changed; what is known to be in the store already is
 * not looked at again until inventories_forget.
 *
 *   inventories_init -> inventories_look ... -> inventories_close
 */
#ifndef AGGREGATOR_INVENTORIES_H
#define AGGREGATOR_INVENTORIES_H

#include "aggregator/inventory_put.h"
#include "aggregator/lane.h"
#include "aggregator/storage.h"

struct inventories {
    struct storage *store;     /* borrowed */
    const struct lanes *lanes; /* borrowed */
    const char *registry;      /* the state directory; borrowed */
    void (*again)(void *data); /* something failed that may not the next time: look again later */
    void *data;
    struct inventories_entry {
        char name[SENSOR_NAME_MAX + 1];
        char *text;   /* what is expected of it */
        bool settled; /* the store has it */
    } * entries;      /* by name */
    size_t count;
    bool busy;  /* requests are under way for entries[at] */
    bool stale; /* the registry is to be read again when they are done */
    size_t at;
    struct fetch fetch;
    struct inventory_put change;
};

void inventories_init(struct inventories *all, struct storage *store, const struct lanes *lanes,
                      const char *registry, void (*again)(void *data), void *data);
/* Reads the registry and brings what is new into the store. The calendar has its time zone. */
void inventories_look(struct inventories *all);
/* The store may be another one, or in an older state. */
void inventories_forget(struct inventories *all);
/* When no request is under way any more. */
void inventories_close(struct inventories *all);

#endif

#include "dashboards/presence.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

struct presence {
    struct store *store;
    /* Of the count under way. */
    const struct query_row *rows;
    struct withhold_cell *cells;
    size_t count;
};

int presence_open(struct presence **presence, const struct storeurl *url, char *errmsg)
{
    *presence = calloc(1, sizeof **presence);
    if (!*presence)
        return err_set(errmsg, ERR_NOMEM, "withholding: %s", err_str(ERR_NOMEM));
    int rc = store_open(&(*presence)->store, url, errmsg);
    if (rc) {
        free(*presence);
        *presence = NULL;
    }
    return rc;
}

void presence_close(struct presence *presence)
{
    if (!presence)
        return;
    store_close(presence->store);
    free(presence);
}

static bool same_key(const struct query_row *a, const struct query_row *b)
{
    return a->key == b->key && a->class == b->class && a->protocol == b->protocol &&
           a->port == b->port && a->type == b->type && a->code == b->code && a->asn == b->asn &&
           memcmp(a->country, b->country, sizeof a->country) == 0;
}

/* A sensor's rows are some of all sensors' rows, in the same order. */
static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct presence *presence = user;
    struct query_rows rows;
    struct query_row row;
    size_t i = 0;
    (void)errmsg;
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row)) {
        while (i < presence->count && !same_key(&presence->rows[i], &row))
            i++;
        if (i == presence->count)
            break; /* counted since the period at hand was read */
        presence->cells[i].sensors += row.sum.packets > 0;
    }
    return 0;
}

int presence_count(struct presence *presence, const struct query_period *period,
                   const struct query_row *rows, struct withhold_cell *cells, size_t count,
                   char *errmsg)
{
    const struct query_reader reader = {presence, on_period};
    int rc = 0;
    presence->rows = rows;
    presence->cells = cells;
    presence->count = count;
    for (size_t i = 0; i < count; i++)
        cells[i].sensors = 0;
    for (size_t i = 0; rc == 0 && i < period->sensor_count; i++) {
        const struct query query = {.from_s = period->start_s,
                                    .to_s = period->end_s,
                                    .step = QUERY_WHOLE,
                                    .by = period->query->by,
                                    .sensor = period->sensor[i]->name,
                                    .geo = period->query->geo};
        if (period->sensors[i].any_data)
            rc = query_run(presence->store, &query, &reader, errmsg);
    }
    return rc;
}

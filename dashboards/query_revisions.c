#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"
#include "dashboards/query.h"

const char *query_reason_name(enum query_reason reason)
{
    return reason == QUERY_REASON_INVENTORY ? "inventory" : "records";
}

struct reading {
    const struct store_sensor *sensors;
    int only;                                /* year, or 0 */
    struct query_revision base[STORE_YEARS]; /* of each year: what there is now */
    bool has[STORE_YEARS];
    struct query_revision *added;
    size_t count, room;
};

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "revisions: %s", err_str(ERR_NOMEM));
}

static int on_year(void *user, size_t sensor, int year, const struct totals *totals, char *errmsg)
{
    struct reading *reading = user;
    struct query_revision *base = &reading->base[year - STORE_YEAR_MIN];
    (void)sensor;
    if (totals->records == 0 || (reading->only && year != reading->only))
        return 0;
    reading->has[year - STORE_YEAR_MIN] = true;
    if (__builtin_add_overflow(base->packets, totals->packets, &base->packets))
        return err_set(errmsg, ERR_INVALID, "revisions of %d: a sum is larger than 64 bits hold",
                       year);
    base->year = year;
    base->records += totals->records;
    return 0;
}

static int add_row(struct reading *reading, const struct query_revision *row, char *errmsg)
{
    struct query_revision *added =
        list_room(reading->added, reading->count, &reading->room, sizeof *added);
    if (!added)
        return nomem(errmsg);
    reading->added = added;
    reading->added[reading->count++] = *row;
    return 0;
}

static int on_revision(void *user, size_t sensor, int year, uint64_t k,
                       const struct revision *revision, char *errmsg)
{
    struct reading *reading = user;
    const struct query_revision row = {
        .year = year,
        .revision = k, /* among the sensor's own, until it is known among all */
        .when_s = revision->when_s,
        .sensor = reading->sensors[sensor].name,
        .records = revision->records,
        .packets_added = revision->packets,
        .reason = QUERY_REASON_RECORDS,
    };
    return reading->only && year != reading->only ? 0 : add_row(reading, &row, errmsg);
}

/* A year without data has no figure that could have been restated. */
static int add_changes(struct reading *reading, const struct store_sensor *sensor, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sensor->change_count; i++) {
        const struct inventory_restated *change = &sensor->changes[i];
        const struct query_revision row = {
            .year = change->year,
            .revision = change->k,
            .when_s = change->when_s,
            .sensor = sensor->name,
            .reason = QUERY_REASON_INVENTORY,
        };
        if (change->year >= STORE_YEAR_MIN && change->year <= STORE_YEAR_MAX &&
            reading->has[change->year - STORE_YEAR_MIN])
            rc = add_row(reading, &row, errmsg);
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct query_revision *x = a, *y = b;
    if (x->year != y->year)
        return x->year - y->year;
    if (x->when_s != y->when_s)
        return x->when_s < y->when_s ? -1 : 1;
    int names = strcmp(x->sensor, y->sensor);
    if (names)
        return names;
    if (x->reason != y->reason)
        return x->reason < y->reason ? -1 : 1;
    return x->revision < y->revision ? -1 : x->revision > y->revision;
}

/* Takes what was added off what there is: revision 0. */
static int take_off(struct reading *reading, char *errmsg)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct query_revision *added = &reading->added[i];
        struct query_revision *base = &reading->base[added->year - STORE_YEAR_MIN];
        if (added->packets_added > base->packets || added->records > base->records)
            return err_set(errmsg, ERR_DAMAGED,
                           "revisions of %d: sensor %s says that more was added than there is; "
                           "restore the store from a backup",
                           added->year, added->sensor);
        base->packets -= added->packets_added;
        base->records -= added->records;
    }
    return 0;
}

static int write_out(struct reading *reading, struct query_revisions *revisions, char *errmsg)
{
    size_t next = 0;
    revisions->rows = calloc(STORE_YEARS + reading->count, sizeof *revisions->rows);
    if (!revisions->rows)
        return nomem(errmsg);
    for (int y = 0; y < STORE_YEARS; y++) {
        if (!reading->has[y])
            continue;
        uint64_t packets = reading->base[y].packets, number = 0;
        revisions->rows[revisions->count++] = reading->base[y];
        while (next < reading->count && reading->added[next].year == STORE_YEAR_MIN + y) {
            struct query_revision *row = &revisions->rows[revisions->count++];
            *row = reading->added[next++];
            row->revision = ++number;
            packets += row->packets_added;
            row->packets = packets;
        }
    }
    return 0;
}

int query_revisions(struct store *store, int year, struct query_revisions *revisions, char *errmsg)
{
    struct reading *reading = calloc(1, sizeof *reading);
    const struct store_revisions_reader reader = {reading, on_year, on_revision};
    size_t sensors;
    *revisions = (struct query_revisions){0};
    if (!reading)
        return nomem(errmsg);
    reading->sensors = store_sensors(store, &sensors);
    reading->only = year;
    int rc = store_read_revisions(store, &reader, errmsg);
    for (size_t s = 0; rc == 0 && s < sensors; s++)
        rc = add_changes(reading, &reading->sensors[s], errmsg);
    if (rc == 0)
        rc = take_off(reading, errmsg);
    if (rc == 0 && reading->count)
        qsort(reading->added, reading->count, sizeof *reading->added, compare);
    if (rc == 0)
        rc = write_out(reading, revisions, errmsg);
    free(reading->added);
    free(reading);
    return rc;
}

void query_revisions_close(struct query_revisions *revisions)
{
    free(revisions->rows);
    *revisions = (struct query_revisions){0};
}

#include "dashboards/query_states.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/cover.h"
#include "dashboards/expect.h"

/* A sensor's inventory in the eyes of one address. */
struct holder {
    const struct store_sensor *sensor; /* NULL: it never had the address */
    size_t position;                   /* in store_sensors */
    bool *has;                         /* by version */
};

struct asking {
    struct store *store;
    const struct query_address *address;
    const struct query_states_reader *reader;
    struct holder *holders;
    size_t count;
};

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "states: %s", err_str(ERR_NOMEM));
}

int query_address_parse(struct query_address *address, const char *text, char *errmsg)
{
    *address = (struct query_address){.family = AF_INET};
    if (inet_pton(AF_INET, text, address->bytes) == 1)
        return 0;
    address->family = AF_INET6;
    if (inet_pton(AF_INET6, text, address->bytes) == 1)
        return 0;
    return err_set(errmsg, ERR_INVALID, "'%.60s' is not an IPv4 or IPv6 address", text);
}

static uint32_t ipv4(const struct query_address *address)
{
    uint32_t network;
    memcpy(&network, address->bytes, sizeof network);
    return ntohl(network);
}

/* --- who has it ------------------------------------------------------------------------------- */

/* Whether a list of the inventory has the address: 1, 0, ERR_NOMEM. */
static int has(const char *list, const struct query_address *address)
{
    struct prefixset *set = *list ? prefixset_new() : NULL;
    int rc = *list && !set ? ERR_NOMEM : 0;
    if (set && (prefixset_add(set, list, NULL) != 0 || prefixset_settle(set, NULL) != 0))
        rc = ERR_NOMEM; /* the list was canonical */
    if (set && rc == 0)
        rc = address->family == AF_INET ? prefixset_has4(set, ipv4(address))
                                        : prefixset_has6(set, address->bytes);
    prefixset_free(set);
    return rc;
}

static int look_at(struct holder *holder, const struct store_sensor *sensor,
                   const struct query_address *address)
{
    const struct inventory *inventory = &sensor->inventory;
    holder->has = calloc(inventory->count + 1, sizeof *holder->has);
    if (!holder->has)
        return ERR_NOMEM;
    for (size_t i = 0; i < inventory->count; i++) {
        int rc = has(inventory->versions[i].list, address);
        if (rc < 0)
            return rc;
        holder->has[i] = rc == 1;
        if (rc == 1)
            holder->sensor = sensor;
    }
    return 0;
}

/* The sensors that ever had the address; `*only` is the one, when it is one. */
static int find_holders(struct asking *asking, const char **only, size_t *found)
{
    const struct store_sensor *sensors = store_sensors(asking->store, &asking->count);
    asking->holders = calloc(asking->count + 1, sizeof *asking->holders);
    int rc = asking->holders ? 0 : ERR_NOMEM;
    *found = 0;
    for (size_t i = 0; rc == 0 && i < asking->count; i++) {
        asking->holders[i].position = i;
        rc = look_at(&asking->holders[i], &sensors[i], asking->address);
        if (asking->holders[i].sensor) {
            *only = sensors[i].name;
            ++*found;
        }
    }
    if (*found != 1)
        *only = NULL;
    return rc;
}

/* --- a period --------------------------------------------------------------------------------- */

/* Adds the spans in which the address was the holder's, as one address. */
static int cover(const struct asking *asking, const struct holder *holder,
                 const struct query_figures *figures, struct query_states_row *row, char *errmsg)
{
    const struct store_sensor *sensor = holder->sensor;
    struct expect expect;
    struct expect_span span;
    bool alone = expect_alone(sensor, row->start_s, row->end_s, &span) || !figures->any_data;
    int rc = 0;
    expect_begin(&expect, sensor, row->start_s, row->end_s);
    while (rc == 0 && expect_next(&expect, &span)) {
        struct inventory_version one = {.size = 1};
        uint64_t observed_ns = figures->observed_ns;
        if (!holder->has[span.version - sensor->inventory.versions])
            continue;
        if (!alone)
            rc = coverage_observed(asking->store, holder->position, &span, &observed_ns, errmsg);
        span.version = &one;
        coverage_add(&row->coverage, &span, observed_ns);
        row->sensor = sensor;
    }
    return rc;
}

static int compare4(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare6(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static uint64_t packets_of(const struct query_address *address, const struct addrvec *vec)
{
    uint32_t host = ipv4(address);
    const uint32_t *at4 = NULL;
    const uint8_t(*at6)[16] = NULL;
    if (address->family == AF_INET && vec->count4)
        at4 = bsearch(&host, vec->address4, vec->count4, sizeof *vec->address4, compare4);
    if (address->family == AF_INET6 && vec->count6)
        at6 = bsearch(address->bytes, vec->address6, vec->count6, 16, compare6);
    return at4   ? vec->packets4[at4 - vec->address4]
           : at6 ? vec->packets6[(size_t)(at6 - (const uint8_t(*)[16])vec->address6)]
                 : 0;
}

static void judge(const struct asking *asking, const struct query_period *period,
                  struct query_states_row *row)
{
    const struct coverage *coverage = &row->coverage;
    row->known = true;
    row->state = coverage->expected > 0 ? QUERY_DOWN : QUERY_ABSENT;
    if (!(coverage->observed > 0))
        return;
    /* Without a packet at all there is none to the address. */
    row->known = period->rows_known || period->all.packets == 0;
    if (period->rows_known)
        row->packets = packets_of(asking->address, period->addresses);
    row->state = row->packets > 0 ? QUERY_COUNTED : QUERY_TRUE_ZERO;
}

/* The holder whose figures those of the period's sensor `i` are. */
static const struct holder *holder_of(const struct asking *asking,
                                      const struct query_period *period, size_t i)
{
    for (size_t h = 0; h < asking->count; h++)
        if (asking->holders[h].sensor == period->sensor[i])
            return &asking->holders[h];
    return NULL;
}

static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct asking *asking = user;
    struct query_states_row row = {.start_s = period->start_s, .end_s = period->end_s};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < period->sensor_count; i++) {
        const struct holder *holder = holder_of(asking, period, i);
        if (holder)
            rc = cover(asking, holder, &period->sensors[i], &row, errmsg);
    }
    judge(asking, period, &row);
    return rc ? rc : asking->reader->on_row(asking->reader->user, &row, errmsg);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Nobody ever had it: nothing is to be read. */
static int all_absent(const struct query *query, const struct query_states_reader *reader,
                      char *errmsg)
{
    struct cover periods;
    struct query_states_row row = {.known = true, .state = QUERY_ABSENT};
    int rc = 0;
    cover_begin(&periods, query->from_s, query->to_s, query->step);
    while (rc == 0 && cover_period(&periods, &row.start_s, &row.end_s))
        rc = reader->on_row(reader->user, &row, errmsg);
    return rc;
}

int query_states(struct store *store, const struct query *query,
                 const struct query_address *address, const struct query_states_reader *reader,
                 char *errmsg)
{
    struct asking asking = {.store = store, .address = address, .reader = reader};
    const struct query_reader periods = {&asking, on_period};
    struct query of = {
        .from_s = query->from_s, .to_s = query->to_s, .step = query->step, .by = QUERY_ADDRESS};
    size_t found;
    int rc = query_check(query, errmsg);
    if (rc == 0 && find_holders(&asking, &of.sensor, &found) != 0)
        rc = nomem(errmsg);
    if (rc == 0)
        rc = found ? query_run(store, &of, &periods, errmsg) : all_absent(query, reader, errmsg);
    for (size_t i = 0; asking.holders && i < asking.count; i++)
        free(asking.holders[i].has);
    free(asking.holders);
    return rc;
}

#include "aggregator/sensor_list.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/look.h"
#include "aggregator/registry.h"
#include "aggregator/standing.h"
#include "common/calendar.h"
#include "common/err.h"

#define OF_THE_LIST                                                                                \
    "sensor", "state", "addresses", "from", "connected", "peer", "acknowledged_through", "lag_s",  \
        "coverage", "dropped", "error_at", "error"

struct listing {
    struct enrolment *sensors;
    struct standing *standings; /* one each; where `known` */
    size_t count;
    bool known; /* the store has answered */
    int64_t now_s;
};

/* --- what the store says ---------------------------------------------------------------------- */

static int read_standings(struct listing *listing, const struct fetch *fetch, const size_t *first,
                          char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < listing->count; i++)
        rc =
            standing_read(&listing->standings[i], fetch, first[i],
                          listing->sensors[i].inventory.versions[0].from_s, listing->now_s, errmsg);
    return rc;
}

static int ask_store(struct listing *listing, const struct storeurl *url, char *errmsg)
{
    struct fetch fetch;
    size_t *first = calloc(listing->count + 1, sizeof *first);
    fetch_init(&fetch);
    listing->standings = calloc(listing->count + 1, sizeof *listing->standings);
    standing_ask_aggregators(&fetch);
    for (size_t i = 0; first && i < listing->count; i++)
        first[i] = standing_ask(&fetch, listing->sensors[i].name, listing->now_s);
    int rc = first && listing->standings ? look(url, &fetch, errmsg)
                                         : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0)
        rc = read_standings(listing, &fetch, first, errmsg);
    listing->known = rc == 0;
    fetch_close(&fetch);
    free(first);
    return rc;
}

static int ask(struct listing *listing, const struct options *options, char *errmsg)
{
    struct storeurl url;
    int rc = options_storeurl(options, &url, errmsg);
    if (rc == 0)
        rc = look_zone(&url, errmsg);
    if (rc == 0)
        rc = ask_store(listing, &url, errmsg);
    return rc ? err_wrap(errmsg, rc, "what the store says is left out") : 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char *state_of(const struct enrolment *enrolment, int64_t now_s)
{
    if (enrolment->revoked)
        return "revoked";
    if (!*enrolment->serial)
        return *enrolment->token && now_s < enrolment->token_until_s ? "invited" : "not joined";
    return now_s < enrolment->until_s ? "enrolled" : "expired";
}

static void put_time(struct rows *rows, int64_t at_s, bool known)
{
    char text[32];
    calendar_rfc3339(at_s, text);
    if (known)
        rows_text(rows, text);
    else
        rows_missing(rows);
}

static void put_text(struct rows *rows, const char *text, bool known)
{
    if (known)
        rows_text(rows, text);
    else
        rows_missing(rows);
}

static void put_standing(struct rows *rows, const struct standing *standing, int64_t now_s)
{
    const struct status_seen *status = &standing->status;
    rows_text(rows, status->connected ? "yes" : "no");
    put_text(rows, status->peer, status->connected);
    put_time(rows, standing->until_s, standing->delivered);
    if (standing->delivered)
        rows_double(rows, (double)(now_s - standing->until_s), 0);
    else
        rows_missing(rows);
    rows_double(rows, floor(standing->coverage * 1e4) / 1e4, 4); /* what is not all is never 1 */
    rows_u64(rows, standing->dropped);
    put_time(rows, status->error_s, status->refused);
    put_text(rows, status->error, status->refused);
}

static void put_row(struct rows *rows, const struct listing *listing, size_t i, bool all)
{
    const struct enrolment *sensor = &listing->sensors[i];
    const struct inventory_version *now = inventory_at(&sensor->inventory, listing->now_s);
    char *inventory = all ? inventory_shown(&sensor->inventory) : NULL;
    rows_text(rows, sensor->name);
    rows_text(rows, state_of(sensor, listing->now_s));
    rows_double(rows, now ? now->size : 0, 0);
    put_time(rows, sensor->inventory.versions[0].from_s, true);
    if (listing->known)
        put_standing(rows, &listing->standings[i], listing->now_s);
    for (int missing = listing->known ? 0 : 8; missing > 0; missing--)
        rows_missing(rows);
    if (all) {
        rows_text(rows, now ? now->list : "");
        put_text(rows, inventory, inventory != NULL);
        put_time(rows, sensor->until_s, *sensor->serial);
        put_text(rows, sensor->serial, *sensor->serial);
    }
    free(inventory);
}

static int print(const struct listing *listing, bool all, enum rows_format format, char *errmsg)
{
    static const char *const few[] = {OF_THE_LIST, NULL};
    static const char *const every[] = {OF_THE_LIST,         "darknet",     "inventory",
                                        "certificate_until", "certificate", NULL};
    struct rows *rows = rows_begin(stdout, format, all ? every : few);
    for (size_t i = 0; rows && i < listing->count; i++)
        put_row(rows, listing, i, all);
    int rc = rows ? rows_end(rows) : ERR_NOMEM;
    return rc ? err_set(errmsg, rc, "standard output: %s", err_str(rc)) : 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int take_one(struct listing *listing, const char *state, const char *name, char *errmsg)
{
    listing->sensors = calloc(1, sizeof *listing->sensors);
    if (!listing->sensors)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    int rc = registry_read(state, name, listing->sensors, errmsg);
    listing->count = rc == 0;
    return rc;
}

/* No sensor is enrolled in a directory that no aggregator has ever used; one that is not there at all
 * is another one than was meant. */
static int look_at_state(const char *state, char *errmsg)
{
    if (access(state, R_OK | X_OK) == 0)
        return 0;
    return err_set(errmsg, err_from_errno(errno),
                   "state directory %s: %s; name the aggregator's with --state", state,
                   strerror(errno));
}

int sensor_list(const struct options *options, const char *name, enum rows_format format,
                char *errmsg)
{
    struct listing listing = {.now_s = time(NULL)};
    int rc = look_at_state(options->state, errmsg);
    if (rc == 0)
        rc = name ? take_one(&listing, options->state, name, errmsg)
                  : registry_list(options->state, &listing.sensors, &listing.count, errmsg);
    if (rc == 0) {
        int unknown = listing.count > 0 ? ask(&listing, options, errmsg) : 0;
        rc = print(&listing, name != NULL, format, errmsg);
        rc = rc ? rc : unknown;
    }
    registry_list_free(listing.sensors, listing.count);
    free(listing.standings);
    return rc;
}

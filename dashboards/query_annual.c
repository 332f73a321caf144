#include <stdlib.h>

#include "common/err.h"
#include "common/list.h"
#include "dashboards/expect.h"
#include "dashboards/query.h"

#define MINUTE_S 60

/* What is read of a year before its sums. */
struct year_hosts {
    bool known;
    struct hll hosts; /* of all sensors */
};

struct reading {
    struct store *store;
    const struct store_sensor *sensors;
    size_t count;
    struct year_hosts *hosts[STORE_YEARS]; /* of the years that are asked for and have data */
    bool courses;                          /* whether they are wanted */
    int year;                              /* the one that is being summed */
    uint64_t *observed_ns;                 /* of it, by each sensor */
    struct figures_sum sum;
    struct store_piece *days; /* of every sensor: days with data */
    size_t day_count, day_room;
};

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "annual figures: %s", err_str(ERR_NOMEM));
}

/* --- unique hosts ----------------------------------------------------------------------------- */

static int on_hosts(void *user, const struct store_piece *piece, struct store_counts *counts,
                    char *errmsg)
{
    struct reading *reading = user;
    struct year_hosts *hosts = reading->hosts[piece->period.year - STORE_YEAR_MIN];
    (void)errmsg;
    hll_merge(&hosts->hosts, &counts->hosts);
    hosts->known &= counts->hosts_known;
    return 0;
}

/* Those of all years of a sensor at once: few questions, however many years. */
static int read_hosts(struct reading *reading, size_t sensor, char *errmsg)
{
    const struct store_pieces_reader reader = {reading, on_hosts};
    struct store_piece *pieces = calloc(STORE_YEARS, sizeof *pieces);
    size_t count = 0;
    if (!pieces)
        return nomem(errmsg);
    for (int i = 0; i < STORE_YEARS; i++) {
        if (!reading->hosts[i] || !reading->sensors[sensor].years[i])
            continue;
        struct period year = calendar_date(LEVEL_YEAR, STORE_YEAR_MIN + i, 1, 1);
        pieces[count++] = (struct store_piece){
            .period = year, .start_s = year.start_s, .end_s = year.end_s, .wants = STORE_HOSTS};
    }
    int rc = store_read_pieces(reading->store, sensor, pieces, count, &reader, errmsg);
    free(pieces);
    return rc;
}

/* --- days and courses ------------------------------------------------------------------------- */

static int want_course(struct reading *reading, size_t sensor, const struct store_day *day)
{
    struct store_piece *days =
        list_room(reading->days, reading->day_count, &reading->day_room, sizeof *days);
    if (!days)
        return ERR_NOMEM;
    reading->days = days;
    struct period period = calendar_date(LEVEL_DAY, reading->year, day->month, day->day);
    reading->days[reading->day_count++] = (struct store_piece){.period = period,
                                                               .start_s = period.start_s,
                                                               .end_s = period.end_s,
                                                               .wants = STORE_COURSE,
                                                               .tag = sensor};
    return 0;
}

static int on_days(void *user, size_t sensor, const struct store_day *days, size_t count,
                   char *errmsg)
{
    struct reading *reading = user;
    reading->observed_ns[sensor] = 0;
    for (size_t i = 0; i < count; i++) {
        figures_day(&reading->sum, days[i].month, days[i].day, &days[i].totals);
        reading->observed_ns[sensor] += days[i].totals.observed_ns;
        if (reading->courses && days[i].totals.records > 0 &&
            want_course(reading, sensor, &days[i]) != 0)
            return nomem(errmsg);
    }
    return 0;
}

/* The minutes of each version of the inventory by themselves; those of none have no denominator. */
static int on_course(void *user, const struct store_piece *piece, struct store_counts *counts,
                     char *errmsg)
{
    struct reading *reading = user;
    const struct period *day = &piece->period;
    struct expect expect;
    struct expect_span span;
    int rc = 0;
    expect_begin(&expect, &reading->sensors[piece->tag], day->start_s, day->end_s);
    while (rc == 0 && expect_next(&expect, &span))
        rc = figures_course(&reading->sum, day->month, day->day, span.version->size,
                            (size_t)(span.start_s - day->start_s) / MINUTE_S,
                            (size_t)(span.end_s - day->start_s + MINUTE_S - 1) / MINUTE_S,
                            counts->course);
    return rc ? nomem(errmsg) : 0;
}

static int read_courses(struct reading *reading, char *errmsg)
{
    const struct store_pieces_reader reader = {reading, on_course};
    int rc = 0;
    for (size_t at = 0, next; rc == 0 && at < reading->day_count; at = next) {
        size_t sensor = reading->days[at].tag;
        for (next = at; next < reading->day_count && reading->days[next].tag == sensor;)
            next++;
        rc = store_read_pieces(reading->store, sensor, reading->days + at, next - at, &reader,
                               errmsg);
    }
    return rc;
}

/* --- coverage --------------------------------------------------------------------------------- */

/* What a sensor was to observe of the year, and did. */
static int cover_sensor(struct reading *reading, size_t sensor, char *errmsg)
{
    const struct store_sensor *of = &reading->sensors[sensor];
    const struct period *year = &reading->sum.year;
    uint64_t observed_ns = reading->observed_ns[sensor];
    struct expect expect;
    struct expect_span span;
    bool alone = observed_ns == 0 || expect_alone(of, year->start_s, year->end_s, &span);
    int rc = 0;
    figures_restated(&reading->sum, of->restated[reading->year - STORE_YEAR_MIN]);
    expect_begin(&expect, of, year->start_s, year->end_s);
    while (rc == 0 && expect_next(&expect, &span)) {
        if (!alone)
            rc = coverage_observed(reading->store, sensor, &span, &observed_ns, errmsg);
        if (rc == 0 && figures_expected(&reading->sum, &span, observed_ns))
            rc = nomem(errmsg);
    }
    return rc;
}

/* --- years ------------------------------------------------------------------------------------ */

static int read_year(struct reading *reading, enum method method, int year, struct figures *figures,
                     char *errmsg)
{
    const struct period period = calendar_date(LEVEL_YEAR, year, 1, 1);
    const struct store_days_reader reader = {reading, on_days};
    const struct year_hosts *hosts = reading->hosts[year - STORE_YEAR_MIN];
    reading->year = year;
    reading->day_count = 0;
    figures_begin(&reading->sum, &period);
    figures_hosts(&reading->sum, &hosts->hosts, hosts->known);
    int rc = store_read_days(reading->store, year, &reader, errmsg);
    for (size_t s = 0; rc == 0 && s < reading->count; s++)
        rc = cover_sensor(reading, s, errmsg);
    if (rc == 0)
        rc = read_courses(reading, errmsg);
    if (rc == 0)
        rc = figures_end(&reading->sum, method, figures, errmsg);
    figures_close(&reading->sum);
    return rc;
}

/* Room for the hosts of every year that is asked for and that any sensor has. */
static int find_years(struct reading *reading, int only)
{
    for (int i = 0; i < STORE_YEARS; i++) {
        bool has = false;
        for (size_t s = 0; s < reading->count; s++)
            has |= reading->sensors[s].years[i];
        if (!has || (only && only != STORE_YEAR_MIN + i))
            continue;
        reading->hosts[i] = calloc(1, sizeof *reading->hosts[i]);
        if (!reading->hosts[i])
            return ERR_NOMEM;
        reading->hosts[i]->known = true;
    }
    return 0;
}

static int read_years(struct reading *reading, enum method method, int only,
                      struct query_annual *annual, char *errmsg)
{
    reading->sensors = store_sensors(reading->store, &reading->count);
    reading->observed_ns = calloc(reading->count + 1, sizeof *reading->observed_ns);
    int rc = !reading->observed_ns || find_years(reading, only) ? nomem(errmsg) : 0;
    for (size_t s = 0; rc == 0 && s < reading->count; s++)
        rc = read_hosts(reading, s, errmsg);
    for (int i = 0; rc == 0 && i < STORE_YEARS; i++) {
        if (!reading->hosts[i])
            continue;
        struct figures *figures = &annual->years[annual->count];
        rc = read_year(reading, method, STORE_YEAR_MIN + i, figures, errmsg);
        annual->count += rc == 0 && figures->any_data;
    }
    return rc;
}

static void close_reading(struct reading *reading)
{
    for (int i = 0; i < STORE_YEARS; i++)
        free(reading->hosts[i]);
    free(reading->days);
    free(reading->observed_ns);
    free(reading);
}

int query_annual(struct store *store, enum method method, int year, struct query_annual *annual,
                 char *errmsg)
{
    struct reading *reading = calloc(1, sizeof *reading);
    *annual = (struct query_annual){.years = calloc(STORE_YEARS, sizeof *annual->years)};
    int rc = ERR_NOMEM;
    if (reading && annual->years) {
        reading->store = store;
        reading->courses = method == METHOD_INVENTORY;
        rc = read_years(reading, method, year, annual, errmsg);
    } else {
        nomem(errmsg);
    }
    if (reading)
        close_reading(reading);
    if (rc)
        query_annual_close(annual);
    return rc;
}

void query_annual_close(struct query_annual *annual)
{
    free(annual->years);
    *annual = (struct query_annual){0};
}

#include "dashboards/query.h"

#include <stdlib.h>

#include "common/err.h"

/* A year on its way from the store into its sums. */
struct reading {
    const struct store_sensor *sensors;
    int year;
    bool courses; /* whether they are wanted */
    struct figures_sum sum;
    struct store_course *wanted; /* days with data, of every sensor */
    size_t count, room;
};

static int want_course(struct reading *reading, size_t sensor, const struct store_day *day)
{
    if (reading->count == reading->room) {
        size_t room = reading->room ? reading->room * 2 : 512;
        struct store_course *wanted = realloc(reading->wanted, room * sizeof *wanted);
        if (!wanted)
            return ERR_NOMEM;
        reading->wanted = wanted;
        reading->room = room;
    }
    reading->wanted[reading->count++] =
        (struct store_course){sensor, reading->year, day->month, day->day};
    return 0;
}

static int on_year(void *user, size_t sensor, const struct store_day *days, size_t count,
                   const struct hll *hosts, char *errmsg)
{
    struct reading *reading = user;
    const struct store_sensor *of = &reading->sensors[sensor];
    figures_sensor(&reading->sum, of->addresses, of->from_ns, of->until_ns,
                   of->restated[reading->year - STORE_YEAR_MIN]);
    for (size_t i = 0; i < count; i++) {
        figures_day(&reading->sum, days[i].month, days[i].day, &days[i].totals);
        if (reading->courses && days[i].totals.records > 0 &&
            want_course(reading, sensor, &days[i]) != 0)
            return err_set(errmsg, ERR_NOMEM, "figures of %d: %s", reading->year,
                           err_str(ERR_NOMEM));
    }
    figures_hosts(&reading->sum, hosts);
    return 0;
}

static void on_course(void *user, const struct store_course *which, const struct course *course)
{
    struct reading *reading = user;
    figures_course(&reading->sum, which->month, which->day,
                   reading->sensors[which->sensor].addresses, course);
}

static int compare_courses(const void *a, const void *b)
{
    const struct store_course *x = a, *y = b;
    if (x->month != y->month)
        return x->month - y->month;
    if (x->day != y->day)
        return x->day - y->day;
    return x->sensor < y->sensor ? -1 : x->sensor > y->sensor;
}

static int read_courses(struct store *store, struct reading *reading, char *errmsg)
{
    const struct store_course_reader reader = {reading, on_course};
    if (reading->count == 0)
        return 0;
    qsort(reading->wanted, reading->count, sizeof *reading->wanted, compare_courses);
    return store_read_courses(store, reading->wanted, reading->count, &reader, errmsg);
}

static int read_year(struct store *store, struct reading *reading, enum method method, int year,
                     struct figures *figures, char *errmsg)
{
    const struct period period = calendar_date(LEVEL_YEAR, year, 1, 1);
    const struct store_year_reader reader = {reading, on_year};
    reading->year = year;
    reading->count = 0;
    figures_begin(&reading->sum, &period);
    int rc = store_read_year(store, year, &reader, errmsg);
    if (rc == 0)
        rc = read_courses(store, reading, errmsg);
    return rc ? rc : figures_end(&reading->sum, method, figures, errmsg);
}

static bool has_year(const struct store_sensor *sensors, size_t count, int year)
{
    for (size_t i = 0; i < count; i++)
        if (sensors[i].years[year - STORE_YEAR_MIN])
            return true;
    return false;
}

static int read_years(struct store *store, struct reading *reading, enum method method, int only,
                      struct query_annual *annual, char *errmsg)
{
    size_t sensors;
    reading->sensors = store_sensors(store, &sensors);
    for (int year = STORE_YEAR_MIN; year <= STORE_YEAR_MAX; year++) {
        if ((only && year != only) || !has_year(reading->sensors, sensors, year))
            continue;
        struct figures *figures = &annual->years[annual->count];
        int rc = read_year(store, reading, method, year, figures, errmsg);
        if (rc)
            return rc;
        annual->count += figures->any_data;
    }
    return 0;
}

int query_annual(struct store *store, enum method method, int year, struct query_annual *annual,
                 char *errmsg)
{
    struct reading *reading = calloc(1, sizeof *reading);
    *annual = (struct query_annual){.years = calloc(STORE_YEARS, sizeof *annual->years)};
    int rc = ERR_NOMEM;
    if (reading && annual->years) {
        reading->courses = method == METHOD_INVENTORY;
        rc = read_years(store, reading, method, year, annual, errmsg);
        free(reading->wanted);
    } else {
        err_set(errmsg, rc, "annual figures: %s", err_str(rc));
    }
    free(reading);
    if (rc)
        query_annual_close(annual);
    return rc;
}

void query_annual_close(struct query_annual *annual)
{
    free(annual->years);
    *annual = (struct query_annual){0};
}

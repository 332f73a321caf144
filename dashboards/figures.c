#include "dashboards/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"

#define NS_PER_S INT64_C(1000000000)

static const char *const method_names[] = {"daily", "mean", "inventory"};

const char *method_name(enum method method)
{
    return method_names[method];
}

int method_parse(const char *text, enum method *method)
{
    for (int i = METHOD_DAILY; i <= METHOD_INVENTORY; i++) {
        if (strcmp(text, method_names[i]) == 0) {
            *method = (enum method)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

bool figures_estimate(const struct figures *figures)
{
    return !(figures->coverage >= 1);
}

bool figures_part_of_year(const struct figures *figures, struct period *first, struct period *last)
{
    if (figures->last_ns == 0)
        return false;
    *first = calendar_period(LEVEL_DAY, figures->first_ns / NS_PER_S);
    *last = calendar_period(LEVEL_DAY, figures->last_ns / NS_PER_S);
    const struct period year = calendar_date(LEVEL_YEAR, figures->year, 1, 1);
    return first->start_s > year.start_s || last->end_s < year.end_s;
}

/* METHOD_INVENTORY has already made up for what was not observed, the others have not. */
void figures_band(const struct figures *figures, double *low, double *high)
{
    double value = figures->packets_per_address, coverage = figures->coverage;
    bool partial = coverage > 0 && coverage < 1 && !isnan(value);
    bool made_up = figures->method == METHOD_INVENTORY;
    *low = !partial ? NAN : made_up ? value * coverage : value;
    *high = !partial ? NAN : made_up ? value : value / coverage;
}

double figures_growth(const struct figures *before, const struct figures *figures)
{
    if (before->year + 1 != figures->year || !(before->packets_per_address > 0))
        return NAN;
    return figures->packets_per_address / before->packets_per_address;
}

/* --- adding ----------------------------------------------------------------------------------- */

void figures_begin(struct figures_sum *sum, const struct period *year)
{
    memset(sum, 0, sizeof *sum);
    sum->year = *year;
    sum->hosts_known = true;
}

static void add(struct figures_sum *sum, uint64_t *to, uint64_t value)
{
    if (__builtin_add_overflow(*to, value, to))
        sum->overflow = true;
}

int figures_expected(struct figures_sum *sum, const struct expect_span *span, uint64_t observed_ns)
{
    struct figures_time *times =
        list_room(sum->times, sum->time_count, &sum->time_room, sizeof *times);
    if (!times)
        return ERR_NOMEM;
    sum->times = times;
    sum->times[sum->time_count++] = (struct figures_time){span->first_ns, span->last_ns};
    coverage_add(&sum->coverage, span, observed_ns);
    return 0;
}

void figures_restated(struct figures_sum *sum, uint64_t times)
{
    add(sum, &sum->revision, times);
}

void figures_day(struct figures_sum *sum, int month, int day, const struct totals *totals)
{
    struct figures_daysum *to = &sum->days[month - 1][day - 1];
    add(sum, &to->packets, totals->packets);
    add(sum, &to->active, totals->active);
    add(sum, &to->records, totals->records);
    add(sum, &sum->dropped, totals->kernel_dropped);
    add(sum, &sum->dropped, totals->interface_dropped);
}

void figures_hosts(struct figures_sum *sum, const struct hll *hosts, bool known)
{
    hll_merge(&sum->hosts, hosts);
    sum->hosts_known &= known;
}

int figures_course(struct figures_sum *sum, int month, int day, double addresses, size_t first,
                   size_t end, const struct course *course)
{
    struct figures_minutes **place = &sum->minutes[month - 1][day - 1];
    if (!*place)
        *place = calloc(1, sizeof **place);
    struct figures_minutes *minutes = *place;
    if (!minutes)
        return ERR_NOMEM;
    for (size_t i = first; i < end && i < COURSE_SLOTS; i++) {
        uint64_t observed = course->observed_ns[i];
        add(sum, &minutes->packets[i], course->packets[i]);
        minutes->addressed[i] += addresses * (double)observed;
        if (observed > minutes->up_ns[i])
            minutes->up_ns[i] = observed;
    }
    return 0;
}

void figures_close(struct figures_sum *sum)
{
    for (int i = 0; i < 12 * 31; i++)
        free(sum->minutes[i / 31][i % 31]);
    memset(sum->minutes, 0, sizeof sum->minutes);
    free(sum->times);
    sum->times = NULL;
}

/* --- computing -------------------------------------------------------------------------------- */

/* What the three methods need of the days, gathered in calendar order. */
struct gathered {
    uint64_t packets, last_active;
    uint64_t days; /* with data */
    double active; /* sum of active addresses over them */
    double daily;  /* sum of packets / active over them */
    bool any_active;
};

static struct gathered gather(struct figures_sum *sum)
{
    struct gathered all = {0};
    for (int i = 0; i < 12 * 31; i++) {
        const struct figures_daysum *day = &sum->days[i / 31][i % 31];
        if (day->records == 0)
            continue;
        add(sum, &all.packets, day->packets);
        all.last_active = day->active;
        all.days++;
        all.active += (double)day->active;
        if (day->active == 0)
            continue;
        all.daily += (double)day->packets / (double)day->active;
        all.any_active = true;
    }
    return all;
}

/* What a minute's packets are per address that was observed, over the minutes of a day; `*up_ns` gets
 * the time in which any sensor was up. */
static double minute_quotients(const struct figures_minutes *minutes, uint64_t *up_ns)
{
    double sum = 0;
    for (int i = 0; i < COURSE_SLOTS; i++) {
        double up = (double)minutes->up_ns[i];
        *up_ns += minutes->up_ns[i];
        if (minutes->addressed[i] > 0)
            sum += (double)minutes->packets[i] / (minutes->addressed[i] / up);
    }
    return sum;
}

static int compare_times(const void *a, const void *b)
{
    const struct figures_time *x = a, *y = b;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

/* The time in which any sensor was to observe. */
static uint64_t any_expected_ns(struct figures_sum *sum)
{
    uint64_t union_ns = 0;
    int64_t done_ns = INT64_MIN; /* the last moment that is counted */
    if (sum->time_count > 1)
        qsort(sum->times, sum->time_count, sizeof *sum->times, compare_times);
    for (size_t i = 0; i < sum->time_count; i++) {
        const struct figures_time *time = &sum->times[i];
        int64_t first_ns = time->first_ns > done_ns ? time->first_ns : done_ns + 1;
        if (time->last_ns < first_ns)
            continue;
        union_ns += (uint64_t)(time->last_ns - first_ns) + 1;
        done_ns = time->last_ns;
    }
    return union_ns;
}

/* The ends of that time. */
static void find_ends(const struct figures_sum *sum, struct figures *figures)
{
    for (size_t i = 0; i < sum->time_count; i++) {
        const struct figures_time *time = &sum->times[i];
        if (i == 0 || time->first_ns < figures->first_ns)
            figures->first_ns = time->first_ns;
        if (i == 0 || time->last_ns > figures->last_ns)
            figures->last_ns = time->last_ns;
    }
}

/* The quotients of all minutes, raised by the part of the expected time in which no sensor was up. */
static double by_inventory(struct figures_sum *sum)
{
    double quotients = 0;
    uint64_t up_ns = 0, expected_ns = any_expected_ns(sum);
    for (int i = 0; i < 12 * 31; i++)
        if (sum->minutes[i / 31][i % 31])
            quotients += minute_quotients(sum->minutes[i / 31][i % 31], &up_ns);
    if (up_ns == 0 || expected_ns == 0)
        return NAN;
    return up_ns < expected_ns ? quotients / ((double)up_ns / (double)expected_ns) : quotients;
}

static double per_address(struct figures_sum *sum, const struct gathered *all, enum method method)
{
    switch (method) {
    case METHOD_DAILY:
        return all->any_active ? all->daily : NAN;
    case METHOD_MEAN:
        return all->any_active ? (double)all->packets / (all->active / (double)all->days) : NAN;
    default:
        return by_inventory(sum);
    }
}

int figures_end(struct figures_sum *sum, enum method method, struct figures *figures, char *errmsg)
{
    struct gathered all = gather(sum);
    if (sum->overflow)
        return err_set(errmsg, ERR_INVALID, "figures of %d: a sum is larger than 64 bits hold",
                       sum->year.year);
    *figures = (struct figures){
        .year = sum->year.year,
        .any_data = all.days > 0,
        .packets = all.packets,
        .observed_addresses = all.last_active,
        .method = method,
        .hosts_known = sum->hosts_known,
        .unique_hosts = hll_count(&sum->hosts),
        .coverage = coverage_share(&sum->coverage),
        .dropped = sum->dropped,
        .revision = sum->revision,
    };
    find_ends(sum, figures);
    figures->packets_per_address = per_address(sum, &all, method);
    double seconds = (double)(sum->year.end_s - sum->year.start_s);
    figures->seconds_per_packet =
        figures->packets_per_address > 0 ? seconds / figures->packets_per_address : NAN;
    return 0;
}

double figures_cut_coverage(double coverage)
{
    const double unit = 1e9; /* 10 ^ FIGURES_COVERAGE_DECIMALS */
    return floor(coverage * unit) / unit;
}

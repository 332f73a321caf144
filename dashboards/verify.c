#include "dashboards/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"
#include "common/log.h"
#include "common/sourcevec.h"
#include "dashboards/verify_compare.h"

#define CHILDREN_MAX 64 /* hours of a day, days of a month, months of a year */
#define WANTS        (STORE_HOSTS | STORE_ADDRESSES | STORE_TABLES)

/* A period as it is stored. */
struct node {
    struct period period;
    bool damaged; /* it could not be read: nothing below means anything */
    struct store_counts counts;
    bool course_known;
    struct totals course; /* of a day: what its course sums to */
};

/* What is read at once. */
struct reading {
    struct node *nodes;
    size_t count;
};

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "verify: %s", err_str(ERR_NOMEM));
}

/* --- findings --------------------------------------------------------------------------------- */

static struct verify_finding *add_finding(struct verify *verify, const char *sensor,
                                          const struct period *period)
{
    struct verify_finding *findings =
        list_room(verify->findings, verify->count, &verify->room, sizeof *findings);
    if (!findings)
        return NULL;
    verify->findings = findings;
    struct verify_finding *finding = &verify->findings[verify->count++];
    memset(finding, 0, sizeof *finding);
    snprintf(finding->sensor, sizeof finding->sensor, "%s", sensor);
    finding->period = *period;
    return finding;
}

struct complaining {
    struct verify *verify;
    const char *sensor;
    const struct period *period;
    bool failed;
};

static void complain(void *user, const char *what, uint64_t stored, uint64_t recomputed)
{
    struct complaining *to = user;
    struct verify_finding *finding = add_finding(to->verify, to->sensor, to->period);
    if (!finding) {
        to->failed = true;
        return;
    }
    snprintf(finding->what, sizeof finding->what, "%s", what);
    finding->counted = true;
    finding->stored = stored;
    finding->recomputed = recomputed;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void node_close(struct node *node)
{
    addrvec_close(&node->counts.addresses);
    tables_close(&node->counts.tables);
}

static void sum_course(const struct course *course, struct totals *sum)
{
    *sum = (struct totals){0};
    for (int slot = 0; slot < COURSE_SLOTS; slot++) {
        sum->packets += course->packets[slot];
        sum->bytes += course->bytes[slot];
        sum->observed_ns += course->observed_ns[slot];
        sum->kernel_dropped += course->dropped[slot];
    }
}

static int on_piece(void *user, const struct store_piece *piece, struct store_counts *counts,
                    char *errmsg)
{
    struct reading *reading = user;
    struct node *node = &reading->nodes[piece->tag];
    (void)errmsg;
    node->counts = *counts;
    addrvec_init(&counts->addresses); /* they are ours now */
    counts->tables = (struct tables){0};
    addrvec_init(&node->counts.sources); /* were checked when they were read, and stay theirs */
    node->counts.course = NULL;
    node->course_known = counts->course != NULL;
    if (counts->course)
        sum_course(counts->course, &node->course);
    reading->count++;
    return 0;
}

static unsigned wants_of(enum level level)
{
    return WANTS | (level == LEVEL_DAY ? STORE_COURSE : 0) |
           (sourcevec_bound(level) ? STORE_SOURCES : 0);
}

static int read_some(struct verify *verify, size_t sensor, struct node *nodes, size_t count,
                     char *errmsg)
{
    struct store_piece pieces[CHILDREN_MAX];
    struct reading reading = {.nodes = nodes};
    const struct store_pieces_reader reader = {&reading, on_piece};
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct store_piece){.period = nodes[i].period,
                                         .start_s = nodes[i].period.start_s,
                                         .end_s = nodes[i].period.end_s,
                                         .wants = wants_of(nodes[i].period.level),
                                         .tag = i};
    int rc = store_read_pieces(verify->store, sensor, pieces, count, &reader, errmsg);
    verify->periods += rc == 0 ? reading.count : 0;
    if (rc != ERR_DAMAGED)
        return rc;
    for (size_t i = 0; i < count; i++)
        node_close(&nodes[i]);
    store_close(verify->store); /* after an error it is good for nothing else */
    verify->store = NULL;
    char cause[ERRMSG_SIZE];
    rc = store_open(&verify->store, verify->url, cause);
    return rc ? err_set(errmsg, rc, "%s", cause) : ERR_DAMAGED;
}

/* Reads the period of one node; damage is a finding. */
static int read_node(struct verify *verify, size_t sensor, const char *name, struct node *node,
                     char *errmsg)
{
    int rc = read_some(verify, sensor, node, 1, errmsg);
    if (rc != ERR_DAMAGED)
        return rc;
    struct verify_finding *finding = add_finding(verify, name, &node->period);
    if (!finding)
        return nomem(errmsg);
    snprintf(finding->what, sizeof finding->what, "%s", errmsg);
    node->damaged = true;
    return 0;
}

/* Reads the periods of nodes[0..count), at once, or one by one where one of them is damaged. `*whole`:
 * whether none is. */
static int read_nodes(struct verify *verify, size_t sensor, const char *name, struct node *nodes,
                      size_t count, bool *whole, char *errmsg)
{
    int rc = read_some(verify, sensor, nodes, count, errmsg);
    *whole = rc == 0;
    if (rc != ERR_DAMAGED)
        return rc;
    rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_node(verify, sensor, name, &nodes[i], errmsg);
    return rc;
}

/* --- a period and what it consists of ----------------------------------------------------------- */

/* The periods of the level below, by their start. */
static size_t list_children(const struct period *parent, struct node *nodes)
{
    size_t count = 0;
    for (int64_t at_s = parent->start_s; at_s < parent->end_s && count < CHILDREN_MAX; count++) {
        nodes[count].period = calendar_period((enum level)(parent->level - 1), at_s);
        at_s = nodes[count].period.end_s;
    }
    return count;
}

static int add_up(struct node *sum, const struct node *nodes, size_t count, char *errmsg)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_counts *counts = &nodes[i].counts;
        if (!counts->any_data)
            continue;
        sum->counts.any_data = true;
        totals_add(&sum->counts.totals, &counts->totals);
        hll_merge(&sum->counts.hosts, &counts->hosts);
        if (addrvec_add(&sum->counts.addresses, &counts->addresses) ||
            tables_add(&sum->counts.tables, &counts->tables))
            return nomem(errmsg);
    }
    sum->counts.totals.active = addrvec_active(&sum->counts.addresses);
    return 0;
}

/* Hours are kept for a time of the operator's choice, and of a day all or none. */
static bool kept(const struct node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[i].counts.any_data && nodes[i].counts.detailed && nodes[i].counts.counted)
            return true;
    return false;
}

static int compare_with(struct verify *verify, const char *name, const struct node *stored,
                        const struct node *nodes, size_t count, char *errmsg)
{
    struct complaining to = {verify, name, &stored->period, false};
    struct node *sum = calloc(1, sizeof *sum);
    if (!sum)
        return nomem(errmsg);
    int rc = add_up(sum, nodes, count, errmsg);
    if (rc == 0)
        verify_compare(&stored->counts, &sum->counts, complain, &to);
    node_close(sum);
    free(sum);
    return rc ? rc : to.failed ? nomem(errmsg) : 0;
}

static int compare_course(struct verify *verify, const char *name, const struct node *day,
                          char *errmsg)
{
    struct complaining to = {verify, name, &day->period, false};
    if (day->counts.any_data && day->course_known)
        verify_compare_course(&day->counts.totals, &day->course, complain, &to);
    return to.failed ? nomem(errmsg) : 0;
}

static int verify_node(struct verify *verify, size_t sensor, const char *name, struct node *node,
                       char *errmsg);

static int verify_children(struct verify *verify, size_t sensor, const char *name,
                           struct node *nodes, size_t count, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (nodes[i].period.level == LEVEL_DAY)
            rc = compare_course(verify, name, &nodes[i], errmsg);
        if (rc == 0 && (nodes[i].counts.any_data || nodes[i].damaged))
            rc = verify_node(verify, sensor, name, &nodes[i], errmsg);
        addrvec_close(&nodes[i].counts.addresses); /* has been compared with what is below it */
        tables_close(&nodes[i].counts.tables);
    }
    return rc;
}

/* Compares a period with what it consists of, unless one of them could not be read, and that with what
 * is below it. */
static int verify_node(struct verify *verify, size_t sensor, const char *name, struct node *node,
                       char *errmsg)
{
    if (node->period.level == LEVEL_HOUR)
        return 0;
    struct node *nodes = calloc(CHILDREN_MAX, sizeof *nodes);
    if (!nodes)
        return nomem(errmsg);
    bool whole;
    size_t count = list_children(&node->period, nodes);
    int rc = read_nodes(verify, sensor, name, nodes, count, &whole, errmsg);
    if (rc == 0 && whole && !node->damaged &&
        (node->period.level != LEVEL_DAY || kept(nodes, count)))
        rc = compare_with(verify, name, node, nodes, count, errmsg);
    if (rc == 0)
        rc = verify_children(verify, sensor, name, nodes, count, errmsg);
    for (size_t i = 0; i < count; i++)
        node_close(&nodes[i]);
    free(nodes);
    return rc;
}

/* --- a year ----------------------------------------------------------------------------------- */

static int verify_once(struct verify *verify, size_t sensor, const char *name, int year,
                       char *errmsg)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return nomem(errmsg);
    node->period = calendar_date(LEVEL_YEAR, year, 1, 1);
    int rc = read_node(verify, sensor, name, node, errmsg);
    if (rc == 0)
        rc = verify_node(verify, sensor, name, node, errmsg);
    node_close(node);
    free(node);
    return rc;
}

static bool same_findings(const struct verify_finding *a, const struct verify_finding *b,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].period.start_s != b[i].period.start_s || a[i].period.level != b[i].period.level ||
            strcmp(a[i].what, b[i].what) != 0 || a[i].stored != b[i].stored ||
            a[i].recomputed != b[i].recomputed)
            return false;
    return true;
}

/* Reads the year until its findings are the same twice, or none. */
static int verify_year(struct verify *verify, size_t sensor, const char *name, int year,
                       char *errmsg)
{
    struct verify_finding *before = NULL;
    size_t begin = verify->count, count_before = SIZE_MAX;
    int rc = 0;
    bool settled = false;
    for (int tries = 0; tries < VERIFY_TRIES && rc == 0 && !settled; tries++) {
        verify->count = begin;
        rc = verify_once(verify, sensor, name, year, errmsg);
        size_t count = verify->count - begin;
        settled = count == 0 ||
                  (count == count_before && same_findings(before, verify->findings + begin, count));
        free(before);
        before = calloc(count ? count : 1, sizeof *before);
        if (!before)
            rc = nomem(errmsg);
        else if (count)
            memcpy(before, verify->findings + begin, count * sizeof *before);
        count_before = count;
    }
    free(before);
    if (rc == 0 && !settled)
        rc = err_set(errmsg, ERR_STALE,
                     "verify: sensor %s changes faster than %d can be read; try again", name, year);
    verify->years += rc == 0;
    return rc;
}

int verify_store(struct verify *verify, const struct storeurl *url, int year, const char *sensor,
                 char *errmsg)
{
    *verify = (struct verify){.url = url};
    int rc = store_open(&verify->store, url, errmsg);
    if (rc)
        return rc;
    size_t count;
    bool found = !sensor;
    store_sensors(verify->store, &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct store_sensor of = store_sensors(verify->store, &count)[i];
        if (sensor && strcmp(sensor, of.name) != 0)
            continue;
        found = true;
        for (int y = STORE_YEAR_MIN; y <= STORE_YEAR_MAX && rc == 0; y++)
            if (of.years[y - STORE_YEAR_MIN] && (!year || y == year))
                rc = verify_year(verify, i, of.name, y, errmsg);
    }
    if (rc == 0 && !found)
        rc = err_set(errmsg, ERR_UNKNOWN, "verify: there is no sensor '%.64s'", sensor);
    return rc;
}

void verify_close(struct verify *verify)
{
    store_close(verify->store);
    free(verify->findings);
    *verify = (struct verify){0};
}

/* --- the command ------------------------------------------------------------------------------ */

static int print_findings(const struct options *options, const struct verify *verify)
{
    static const char *const columns[] = {"sensor", "level",      "period", "what",
                                          "stored", "recomputed", NULL};
    struct rows *rows = rows_begin(stdout, options->format, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < verify->count; i++) {
        const struct verify_finding *finding = &verify->findings[i];
        char start[32];
        calendar_rfc3339(finding->period.start_s, start);
        rows_text(rows, finding->sensor);
        rows_text(rows, level_name(finding->period.level));
        rows_text(rows, start);
        rows_text(rows, finding->what);
        if (finding->counted) {
            rows_u64(rows, finding->stored);
            rows_u64(rows, finding->recomputed);
        } else {
            rows_missing(rows);
            rows_missing(rows);
        }
    }
    return rows_end(rows);
}

/* The start of the earliest period of the lowest level that has a finding. */
static int64_t since(const struct verify *verify)
{
    const struct period *first = &verify->findings[0].period;
    for (size_t i = 1; i < verify->count; i++) {
        const struct period *of = &verify->findings[i].period;
        if (of->level < first->level || (of->level == first->level && of->start_s < first->start_s))
            first = of;
    }
    return first->start_s;
}

int verify_check(struct options *options, char *errmsg)
{
    return options_check_format(options, errmsg);
}

int verify_run(const struct options *options, char *errmsg)
{
    struct storeurl url;
    struct verify verify = {0};
    int rc = options_store(options, &url, errmsg);
    if (rc == 0)
        rc = verify_store(&verify, &url, options->year, options->sensor, errmsg);
    int printed = rc == 0 ? print_findings(options, &verify) : 0;
    if (printed) {
        rc = err_set(errmsg, printed, "verify: writing to standard output: %s", err_str(printed));
    } else if (rc == 0 && verify.years == 0 && options->year) {
        log_info("the store holds no data of %d: there is nothing to verify", options->year);
    } else if (rc == 0 && verify.count == 0) {
        log_info("%zu years of sensors, %zu periods: all agree", verify.years, verify.periods);
    } else if (rc == 0) {
        char start[32];
        calendar_rfc3339(since(&verify), start);
        rc = err_set(
            errmsg, ERR_DAMAGED,
            "verify: %zu figures disagree, since %s at the latest: restore the store from a "
            "backup, or replay the captures of that time into a new one",
            verify.count, start);
    }
    verify_close(&verify);
    return rc;
}

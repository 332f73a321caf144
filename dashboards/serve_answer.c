#include "dashboards/serve_answer.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "dashboards/annual.h"
#include "dashboards/query_command.h"
#include "dashboards/serve_metrics.h"
#include "dashboards/serve_request.h"
#include "dashboards/serve_sensors.h"

#define JSON    "application/json"
#define METRICS "text/plain; version=0.0.4; charset=utf-8"
#define BIT     OPTION_BIT
#define DAY_S   INT64_C(86400)

/* --- endpoints -------------------------------------------------------------------------------- */

static int print_annual(FILE *out, struct store *store, const struct options *options, char *errmsg)
{
    struct query_annual annual;
    int rc = query_annual(store, options->method, options->year, &annual, errmsg);
    if (rc)
        return rc;
    rc = annual_print(out, options->format, &annual);
    query_annual_close(&annual);
    return rc ? err_set(errmsg, rc, "annual: %s", err_str(rc)) : 0;
}

/* Whether of each period some bytes are read, and not the tables, addresses or sources. Minutes are read from their
 * records. */
static bool reads_little(const struct options *options)
{
    return options->by == QUERY_TOTAL || options->by == QUERY_SENSOR ||
           (options->by == QUERY_CLASS && options->step != QUERY_MINUTE);
}

/* How much of the store an answer reads: so many periods of each sensor. */
static int check_reads(struct store *store, const struct options *options, int64_t periods,
                       const char *named, char *errmsg)
{
    int64_t most = reads_little(options) ? SERVE_READS_MAX : SERVE_ROWS_READS_MAX;
    size_t sensors;
    store_sensors(store, &sensors);
    if (options->sensor)
        sensors = 1;
    if (periods <= 1 || periods * (int64_t)sensors <= most)
        return 0;
    return err_set(errmsg, ERR_INVALID,
                   "step: %" PRId64 " %s of %zu sensor%s are too many for one answer, which has at "
                   "most %" PRId64 " of one; ask for a shorter range, a longer step or one sensor",
                   periods, named, sensors, sensors == 1 ? "" : "s", most);
}

/* Whoever asks must not keep everybody else waiting for what is asked of millions of minutes. */
static int check_periods(struct store *store, const struct options *options, char *errmsg)
{
    static const int64_t usual_s[QUERY_STEPS] = {
        [QUERY_WHOLE] = INT64_MAX, [QUERY_MINUTE] = 60,        [QUERY_HOUR] = 3600,
        [QUERY_DAY] = DAY_S,       [QUERY_MONTH] = 30 * DAY_S, [QUERY_YEAR] = 365 * DAY_S,
    };
    struct query query = {.step = options->step, .sensor = options->sensor};
    int rc = options_range(options, &query.from_s, &query.to_s, errmsg);
    if (rc || !query_range(store, &query))
        return rc;
    int64_t range_s = query.to_s - query.from_s, periods = range_s / usual_s[query.step];
    if (periods > SERVE_PERIODS_MAX)
        return err_set(
            errmsg, ERR_INVALID,
            "step: at most %d periods in one answer; ask for a shorter range or a longer step",
            SERVE_PERIODS_MAX);
    if (options->by >= QUERY_SOURCE && usual_s[query.step] > DAY_S) /* summed of their days */
        return check_reads(store, options, range_s / DAY_S, "days", errmsg);
    return check_reads(store, options, periods, "periods", errmsg);
}

static int print_query(FILE *out, struct store *store, const struct options *options, char *errmsg)
{
    struct query_command_told told;
    int rc = check_periods(store, options, errmsg);
    return rc ? rc : query_command_answer(out, store, options, &told, errmsg);
}

static int check_query(struct options *options, char *errmsg)
{
    int rc = query_command_check(options, errmsg);
    options->format = ROWS_JSON;
    return rc;
}

/* Zones are names of tzdata, which has no character that JSON would escape. */
static int print_telescope(FILE *out, struct store *store, const struct options *options,
                           char *errmsg)
{
    size_t count;
    (void)options, (void)errmsg;
    store_sensors(store, &count);
    fprintf(out,
            "{\"timezone\": \"%s\", \"sensors\": %zu, \"version\": \"" DARKCOUNT_VERSION "\"}\n",
            store_timezone(store), count);
    return 0;
}

static int print_health(FILE *out, struct store *store, const struct options *options, char *errmsg)
{
    (void)store, (void)options, (void)errmsg;
    fputs("{\"status\": \"ok\"}\n", out);
    return 0;
}

const struct serve_endpoint serve_endpoints[] = {
    {"/api/v1/annual", BIT(OPTION_METHOD) | BIT(OPTION_YEAR), JSON, NULL, print_annual},
    {"/api/v1/query",
     BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) | BIT(OPTION_BY) | BIT(OPTION_TOP) |
         BIT(OPTION_SENSOR),
     JSON, check_query, print_query},
    {"/api/v1/sensors", 0, JSON, NULL, serve_sensors_print},
    {"/api/v1/telescope", 0, JSON, NULL, print_telescope},
    {"/healthz", 0, JSON, NULL, print_health},
    {"/metrics", 0, METRICS, NULL, serve_metrics_print},
};

const size_t serve_endpoint_count = sizeof serve_endpoints / sizeof *serve_endpoints;

const struct serve_endpoint *serve_find(const char *path)
{
    for (size_t i = 0; i < serve_endpoint_count; i++)
        if (strcmp(serve_endpoints[i].path, path) == 0)
            return &serve_endpoints[i];
    return NULL;
}

/* --- errors ----------------------------------------------------------------------------------- */

/* Messages quote what was asked: whatever is not printable ASCII becomes '?'. */
void serve_answer_error(struct serve_reply *reply, unsigned status, const char *message)
{
    *reply = (struct serve_reply){.status = status, .type = JSON};
    buf_init(&reply->body);
    buf_put(&reply->body, "{\"error\": \"", 11);
    for (const char *at = message; *at; at++) {
        if (*at == '"' || *at == '\\')
            buf_put_u8(&reply->body, '\\');
        buf_put_u8(&reply->body, *at >= ' ' && *at <= '~' ? (uint8_t)*at : '?');
    }
    buf_put(&reply->body, "\"}\n", 3);
}

static unsigned status_of(int rc)
{
    return rc == ERR_INVALID || rc == ERR_UNKNOWN ? 400 : 503;
}

static void answer_failed(struct serve_reply *reply, const struct capped *capped, int rc,
                          char *errmsg)
{
    if (capped->too_large)
        serve_answer_error(reply, 400,
                           "the answer is too large: ask for a shorter range, a longer step or the "
                           "top of the rows");
    else if (capped->too_late)
        serve_answer_error(reply, 503,
                           "it takes too long: ask for a shorter range or a longer step");
    else {
        serve_request_message(errmsg);
        serve_answer_error(reply, status_of(rc), errmsg[0] ? errmsg : err_str(rc));
    }
}

/* --- answering -------------------------------------------------------------------------------- */

void serve_site_init(struct serve_site *site, const struct options *options,
                     const struct storeurl *url)
{
    *site = (struct serve_site){.real_addresses = options->real_addresses,
                                .hosts = options->hosts,
                                .geo_db = {options->geo_db[0], options->geo_db[1]}};
    serve_store_init(&site->store, url);
}

void serve_site_close(struct serve_site *site)
{
    serve_store_close(&site->store);
}

static int print(struct serve_site *site, const struct serve_endpoint *endpoint,
                 const struct options *options, struct capped *capped, char *errmsg)
{
    struct store *store;
    FILE *out = capped_open(capped, SERVE_ANSWER_MAX, monotonic_ms() + SERVE_ANSWER_S * 1000);
    if (!out)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    int rc = serve_store_take(&site->store, &store, errmsg);
    if (rc == 0) {
        rc = endpoint->print(out, store, options, errmsg);
        if (rc)
            serve_store_drop(&site->store);
    }
    bool lost = fclose(out) || capped->too_large || capped->too_late;
    if (rc == 0 && lost)
        rc = err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    return rc;
}

void serve_answer(struct serve_site *site, const struct serve_endpoint *endpoint,
                  struct options *options, struct serve_reply *reply)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct capped capped = {0};
    bool addresses = options->by == QUERY_ADDRESS || options->by == QUERY_SOURCE;
    if (addresses && !site->real_addresses) {
        serve_answer_error(
            reply, 403,
            options->by == QUERY_ADDRESS
                ? "by: darknet addresses are not given out over HTTP; darkcount serve "
                  "--real-addresses allows it"
                : "by: source addresses are not given out over HTTP; darkcount serve "
                  "--real-addresses allows it");
        return;
    }
    memcpy(options->geo_db, site->geo_db, sizeof options->geo_db);
    int rc = endpoint->check ? endpoint->check(options, errmsg) : 0;
    if (rc == 0)
        rc = print(site, endpoint, options, &capped, errmsg);
    if (rc) {
        answer_failed(reply, &capped, rc, errmsg);
        capped_close(&capped);
        return;
    }
    *reply = (struct serve_reply){200, endpoint->type, capped.text};
}

void serve_reply_close(struct serve_reply *reply)
{
    buf_close(&reply->body);
}

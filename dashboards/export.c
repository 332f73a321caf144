#include "dashboards/export.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"
#include "dashboards/export_private.h"
#include "dashboards/keyfile.h"
#include "dashboards/prometheus.h"

#define PROMETHEUS_PORTS 10 /* without --top */
#define PROMETHEUS_TAKES                                                                           \
    (OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_FROM) |              \
     OPTION_BIT(OPTION_TO) | OPTION_BIT(OPTION_TOP) | OPTION_BIT(OPTION_OUTPUT))

/* --- the command line ------------------------------------------------------------------------- */

static int parse_format(struct options *options, char *errmsg)
{
    static const char *const names[] = {
        [EXPORT_CSV] = "csv",
        [EXPORT_JSON] = "json",
        [EXPORT_PROMETHEUS] = "prometheus",
        [EXPORT_FLOWTUPLE] = "flowtuple",
        [EXPORT_IPFIX] = "ipfix",
    };
    const char *word = options->format_word ? options->format_word : "csv";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0) {
            options->export_format = (enum export_format)i;
            return 0;
        }
    return err_set(errmsg, ERR_INVALID,
                   "--format '%.40s': give csv, json, prometheus, flowtuple or ipfix", word);
}

/* The options that a format fixes, and so does not take. */
static int check_format(struct options *options, char *errmsg)
{
    bool by_address = options->by == QUERY_ADDRESS || !(options->given & OPTION_BIT(OPTION_BY));
    switch (options->export_format) {
    case EXPORT_PROMETHEUS:
        if (options->given & ~PROMETHEUS_TAKES)
            return err_set(errmsg, ERR_INVALID,
                           "export: --format prometheus takes --from, --to, --top and -o");
        return 0;
    case EXPORT_FLOWTUPLE:
    case EXPORT_IPFIX:
        if (!by_address || options->top)
            return err_set(errmsg, ERR_INVALID,
                           "export: --format %s is of all addresses: without --top, by address",
                           options->format_word);
        options->by = QUERY_ADDRESS;
        return 0;
    default:
        return 0;
    }
}

static int check_addresses(const struct options *options, char *errmsg)
{
    int ways = options->real_addresses + options->ranks + (options->key != NULL);
    if (ways > 1)
        return err_set(errmsg, ERR_INVALID,
                       "export: give one of --key, which is for pseudonyms, --real-addresses and "
                       "--ranks");
    if (options->by != QUERY_ADDRESS && ways)
        return err_set(errmsg, ERR_INVALID,
                       "export: --key, --real-addresses and --ranks are for exports by address");
    if (options->ranks && (options->top || options->export_format > EXPORT_JSON))
        return err_set(errmsg, ERR_INVALID, "export: --ranks is for csv and json, without --top");
    if (options->by >= QUERY_SOURCE)
        return err_set(errmsg, ERR_INVALID,
                       "export: --by %s is not exported; darkcount query prints it",
                       query_by_name(options->by));
    if (options->top && (options->by == QUERY_TOTAL || options->by == QUERY_SENSOR) &&
        options->export_format != EXPORT_PROMETHEUS)
        return err_set(errmsg, ERR_INVALID,
                       "export: --top is for address, class, protocol, port and icmp");
    return 0;
}

int export_check(struct options *options, char *errmsg)
{
    if (options->make_key)
        return (options->given & ~OPTION_BIT(OPTION_STORE)) == OPTION_BIT(OPTION_MAKE_KEY)
                   ? 0
                   : err_set(errmsg, ERR_INVALID, "export: --make-key stands alone");
    if (!options->output)
        options->output = "-";
    int64_t from_s, to_s; /* only whether they are times: which, depends on the store's zone */
    int rc = options_range(options, &from_s, &to_s, errmsg);
    if (rc == 0)
        rc = parse_format(options, errmsg);
    if (rc == 0)
        rc = check_format(options, errmsg);
    if (rc == 0)
        rc = check_addresses(options, errmsg);
    if (rc == 0 && options->export_format == EXPORT_IPFIX && strcmp(options->output, "-") == 0 &&
        isatty(STDOUT_FILENO))
        rc = err_set(errmsg, ERR_INVALID,
                     "export: ipfix is not for a terminal; name a file with -o");
    return rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_pseudonyms(struct export *export, char *errmsg)
{
    uint8_t key[PSEUDONYM_KEY_SIZE];
    char *path;
    if (export->query.by != QUERY_ADDRESS || export->options->real_addresses ||
        export->options->ranks)
        return 0;
    int rc = options_key(export->options, &path, errmsg);
    if (rc)
        return rc;
    if (!path)
        return err_set(
            errmsg, ERR_REFUSED,
            "export: darknet addresses leave under pseudonyms, whose key is to be named: "
            "--key FILE, made once with darkcount export --make-key FILE; or give "
            "--ranks or --real-addresses");
    rc = keyfile_read(path, key, errmsg);
    if (rc == 0)
        rc = pseudonym_new(&export->pseudonym, key, errmsg);
    OPENSSL_cleanse(key, sizeof key);
    free(path);
    return rc;
}

/* Totals and addresses are no cells, and the metrics are the operator's own. */
static bool withholds(const struct export *export)
{
    enum query_by by = export->query.by;
    return export->options->export_format != EXPORT_PROMETHEUS && by != QUERY_TOTAL &&
           by != QUERY_ADDRESS;
}

/* Times are read when the store is open: its zone is theirs. */
static int complete_query(struct export *export, char *errmsg)
{
    const struct options *options = export->options;
    struct storeurl url;
    int rc = options_range(options, &export->query.from_s, &export->query.to_s, errmsg);
    if (rc == 0)
        rc = query_sensor_check(export->store, export->query.sensor, errmsg);
    export->any = rc == 0 && query_range(export->store, &export->query);
    if (!export->any || !withholds(export))
        return rc;
    rc = options_store(options, &url, errmsg);
    return rc ? rc
              : disclose_open(&export->disclose, export->store, &url, &export->query,
                              options->withhold, errmsg);
}

static int open_all(struct export *export, char *errmsg)
{
    int rc = open_pseudonyms(export, errmsg);
    if (rc == 0)
        rc = options_open_store(export->options, &export->store, errmsg);
    if (rc == 0)
        rc = complete_query(export, errmsg);
    if (rc == 0)
        rc = outfile_open(&export->file, export->options->output, errmsg);
    if (rc == 0)
        textout_init(&export->text, export->file, errmsg);
    return rc;
}

static void close_all(struct export *export)
{
    outfile_abort(export->file);
    disclose_close(&export->disclose);
    if (export->store)
        store_close(export->store);
    pseudonym_free(export->pseudonym);
    addrvec_close(&export->renamed);
    free(export->order);
    free(export);
}

/* --- the export ------------------------------------------------------------------------------- */

static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct export *export = user;
    calendar_rfc3339(period->start_s, export->start);
    int rc = export->query.by == QUERY_ADDRESS ? export_addresses_period(export, period, errmsg)
                                               : export_rows_period(export, period, errmsg);
    return rc ? rc : export->text.error;
}

static int write_periods(struct export *export, char *errmsg)
{
    const struct query_reader reader = {export, on_period};
    if (export->query.by == QUERY_ADDRESS)
        export_addresses_begin(export);
    else
        export_rows_begin(export);
    if (!export->any)
        log_info("the store holds no data%s",
                 export->options->from || export->options->to ? " of that time" : " yet");
    int rc = export->any ? query_run(export->store, &export->query, &reader, errmsg) : 0;
    if (rc == 0 && export->options->export_format == EXPORT_IPFIX)
        ipfix_end(&export->ipfix);
    return rc;
}

static int write_page(struct export *export, char *errmsg)
{
    const struct prometheus_page page = {
        .store = export->store,
        .from_s = export->query.from_s,
        .to_s = export->query.to_s,
        .ports = export->options->top ? export->options->top : PROMETHEUS_PORTS,
    };
    struct buf text;
    buf_init(&text);
    bool bounded = export->options->from || export->options->to;
    if (!export->any && bounded)
        log_info("the store holds no data of that time");
    int rc = !export->any && bounded ? 0 : prometheus_write(&page, &text, errmsg);
    if (rc == 0)
        textout_put(&export->text, text.bytes, text.size);
    buf_close(&text);
    return rc;
}

/* What the rows do not say, on standard error. */
static void note(const struct export *export)
{
    const struct withhold_rule *rule = &export->disclose.rule;
    char sensors[48] = "";
    if (export->query.by != QUERY_SENSOR && rule->sensors > 1)
        snprintf(sensors, sizeof sensors, "%" PRIu64 " sensors or ", rule->sensors);
    if (export->unknown)
        log_info("%" PRIu64 " %s without data, or without the detail that was asked for",
                 export->unknown, export->unknown == 1 ? "period is" : "periods are");
    if (export->withheld)
        log_info("%" PRIu64 " %s withheld: packets of fewer than %s%" PRIu64 " sources",
                 export->withheld, export->withheld == 1 ? "cell was" : "cells were", sensors,
                 rule->sources);
}

static int write_all(struct export *export, char *errmsg)
{
    int rc = export->options->export_format == EXPORT_PROMETHEUS ? write_page(export, errmsg)
                                                                 : write_periods(export, errmsg);
    if (rc == 0)
        rc = textout_flush(&export->text);
    if (rc)
        return rc;
    struct outfile *file = export->file;
    export->file = NULL;
    rc = outfile_commit(file, errmsg);
    if (rc == 0)
        note(export);
    return rc;
}

int export_run(const struct options *options, char *errmsg)
{
    if (options->make_key)
        return keyfile_make(options->make_key, errmsg);
    struct export *export = calloc(1, sizeof *export);
    if (!export)
        return err_set(errmsg, ERR_NOMEM, "export: %s", err_str(ERR_NOMEM));
    export->options = options;
    export->query =
        (struct query){.step = options->step, .by = options->by, .sensor = options->sensor};
    addrvec_init(&export->renamed);
    int rc = open_all(export, errmsg);
    if (rc == 0)
        rc = write_all(export, errmsg);
    close_all(export);
    return rc;
}

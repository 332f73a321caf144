#include "dashboards/options_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/store.h"

static int set_help(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->help = true;
    return 0;
}

static int set_version(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->version = true;
    return 0;
}

static int set_store(struct options *options, const char *value, char *errmsg)
{
    struct storeurl url;
    options->store = value;
    return storeurl_parse(&url, value, errmsg);
}

static int set_method(struct options *options, const char *value, char *errmsg)
{
    if (method_parse(value, &options->method) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID, "--method '%.40s': give daily, mean or inventory", value);
}

/* Four digits within the years that a store can hold. */
static int set_year(struct options *options, const char *value, char *errmsg)
{
    if (strlen(value) == 4 && strspn(value, "0123456789") == 4) {
        options->year = atoi(value);
        if (options->year >= STORE_YEAR_MIN && options->year <= STORE_YEAR_MAX)
            return 0;
    }
    return err_set(errmsg, ERR_INVALID, "--year '%.40s': give a year from %d to %d", value,
                   STORE_YEAR_MIN, STORE_YEAR_MAX);
}

static int set_format(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->format_word = value;
    return 0;
}

static int set_output(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->output = value;
    return 0;
}

static int set_reference(struct options *options, const char *value, char *errmsg)
{
    options->reference_nict = strcmp(value, "nict") == 0;
    return options->reference_nict
               ? 0
               : err_set(errmsg, ERR_INVALID, "--reference '%.40s': only nict is known", value);
}

static int set_lang(struct options *options, const char *value, char *errmsg)
{
    if (labels_language_parse(value, &options->language) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID, "--lang '%.40s': give en or ja", value);
}

static int set_revisions(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->revisions = true;
    return 0;
}

static int set_from(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->from = value;
    return 0;
}

static int set_to(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->to = value;
    return 0;
}

static int set_step(struct options *options, const char *value, char *errmsg)
{
    if (query_step_parse(value, &options->step) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID, "--step '%.40s': give minute, hour, day, month or year",
                   value);
}

static int set_by(struct options *options, const char *value, char *errmsg)
{
    if (query_by_parse(value, &options->by) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID,
                   "--by '%.40s': give total, sensor, address, class, protocol, port, icmp, "
                   "source, country or asn",
                   value);
}

static int set_top(struct options *options, const char *value, char *errmsg)
{
    char *end;
    errno = 0;
    unsigned long long top = strtoull(value, &end, 10);
    if (errno || *end || value[0] < '0' || value[0] > '9' || top == 0 || top > UINT32_MAX)
        return err_set(errmsg, ERR_INVALID, "--top '%.40s': give a number from 1 on", value);
    options->top = (size_t)top;
    return 0;
}

static int set_sensor(struct options *options, const char *value, char *errmsg)
{
    options->sensor = value;
    return sensor_name_valid(value)
               ? 0
               : err_set(errmsg, ERR_INVALID, "--sensor '%.64s': not a sensor's name", value);
}

static int set_address(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->address = value;
    return 0;
}

static int set_growth(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->growth = true;
    return 0;
}

static int set_real_addresses(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->real_addresses = true;
    return 0;
}

static int set_ranks(struct options *options, const char *value, char *errmsg)
{
    (void)value, (void)errmsg;
    options->ranks = true;
    return 0;
}

static int set_key(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->key = value;
    return 0;
}

static int set_make_key(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->make_key = value;
    return 0;
}

static int set_withhold(struct options *options, const char *value, char *errmsg)
{
    if (strlen(value) > 4 || value[strspn(value, "0123456789")] || !*value)
        return err_set(errmsg, ERR_INVALID, "--withhold '%.40s': give a number from 0 to 9999",
                       value);
    options->withhold = strtoul(value, NULL, 10);
    return 0;
}

static int set_listen(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->listen = value;
    return 0;
}

static int set_host(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->hosts = value;
    return 0;
}

static int set_country_db(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->geo_db[GEO_COUNTRY] = value;
    return 0;
}

static int set_asn_db(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->geo_db[GEO_ASN] = value;
    return 0;
}

static int set_compare(struct options *options, const char *value, char *errmsg)
{
    (void)errmsg;
    options->compare = value;
    return 0;
}

static int set_pdf(struct options *options, const char *value, char *errmsg)
{
    return pdf_converter_parse(value, &options->pdf, errmsg);
}

const struct option_row option_rows[OPTION_IDS] = {
    [OPTION_HELP] = {'h', "help", NULL, "prints this", set_help},
    [OPTION_VERSION] = {'V', "version", NULL, "prints the version", set_version},
    [OPTION_STORE] = {0, "store", "URL",
                      "unix:///path, redis://[user:password@]host:port[/db] or\n"
                      "redis-cluster://[user:password@]host:port[,host:port...]; otherwise\n"
                      "DARKCOUNT_STORE, the configuration file, the local aggregator's store",
                      set_store},
    [OPTION_METHOD] = {0, "method", "METHOD",
                       "daily (default), mean or inventory: how packets per address is computed",
                       set_method},
    [OPTION_YEAR] = {0, "year", "YYYY", "this year only", set_year},
    [OPTION_FORMAT] = {0, "format", "FORMAT",
                       "table (default on a terminal), csv (default elsewhere) or json",
                       set_format},
    [OPTION_OUTPUT] = {'o', "output", "FILE",
                       "the file to write; of a chart its ending says the kind, of an export\n"
                       "- is standard output, the default",
                       set_output},
    [OPTION_REFERENCE] = {0, "reference", "nict", "draws the series published by NICT beside ours",
                          set_reference},
    [OPTION_LANG] = {0, "lang", "en|ja", "the language", set_lang},
    [OPTION_REVISIONS] = {0, "revisions", NULL, "how each year's figure came to be what it is",
                          set_revisions},
    [OPTION_FROM] = {0, "from", "TIME",
                     "RFC 3339, or YYYY[-MM[-DD]] for its first instant in the telescope's zone;\n"
                     "default: the first data",
                     set_from},
    [OPTION_TO] = {0, "to", "TIME", "the same, itself not included; default: the last data",
                   set_to},
    [OPTION_STEP] = {0, "step", "STEP", "minute, hour, day, month or year; default: one period",
                     set_step},
    [OPTION_BY] =
        {0, "by", "WHAT",
         "total (default), sensor, address, class, protocol, port, icmp, source, country\n"
         "or asn",
         set_by},
    [OPTION_TOP] = {0, "top", "N", "the N with most packets, and the others as one", set_top},
    [OPTION_SENSOR] = {0, "sensor", "NAME", "this sensor only", set_sensor},
    [OPTION_ADDRESS] = {0, "address", "ADDRESS", "this darknet address", set_address},
    [OPTION_GROWTH] = {0, "growth", NULL, "how many times the year before each year is",
                       set_growth},
    [OPTION_REAL_ADDRESSES] = {0, "real-addresses", NULL,
                               "darknet addresses as they are, not their pseudonyms",
                               set_real_addresses},
    [OPTION_RANKS] = {0, "ranks", NULL, "in the place of addresses their ranks within prefixes",
                      set_ranks},
    [OPTION_KEY] = {0, "key", "FILE",
                    "the key of the pseudonyms; otherwise pseudonym_key in the configuration file",
                    set_key},
    [OPTION_MAKE_KEY] = {0, "make-key", "FILE", "makes a new key, and nothing else", set_make_key},
    [OPTION_WITHHOLD] =
        {0, "withhold", "K",
         "withholds cells with packets of fewer than K sensors or, as far as is known,\n"
         "fewer than K sources (default 3; 0 or 1: none)",
         set_withhold},
    [OPTION_LISTEN] = {0, "listen", "ADDRESS:PORT",
                       "where to serve; default 127.0.0.1:8280. On any other than a loopback\n"
                       "address whoever reaches it can read every figure",
                       set_listen},
    [OPTION_HOST] = {0, "host", "NAME,...",
                     "names that browsers may ask for, beside numbers and localhost: that of a\n"
                     "proxy in front",
                     set_host},
    [OPTION_COUNTRY_DB] = {0, "country-db", "FILE",
                           "the MaxMind DB that says in which country an address is; otherwise\n"
                           "country_db in the configuration file, or one where they usually lie",
                           set_country_db},
    [OPTION_ASN_DB] = {0, "asn-db", "FILE",
                       "the same of autonomous systems; asn_db in the configuration file",
                       set_asn_db},
    [OPTION_COMPARE] =
        {0, "compare", "FILE",
         "published figures, as annual once printed them (csv or json), beside those\n"
         "of now; exit status 1 when one differs",
         set_compare},
    [OPTION_PDF] =
        {0, "pdf", "CONVERTER",
         "chromium, weasyprint or wkhtmltopdf; auto (default): the first of them that is\n"
         "installed, if any; no: no PDF",
         set_pdf},
};

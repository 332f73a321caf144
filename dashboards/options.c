#include "dashboards/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "dashboards/picture.h"
#include "dashboards/store.h"

#define CONFIG_DEFAULT "/etc/darkcount/dashboard.conf"
#define STORE_DEFAULT  "unix:///var/lib/darkcount/redis.sock"

static const char help[] =
    "usage: darkcount [--store URL] annual [--method METHOD] [--year YYYY] [--format FORMAT]\n"
    "       darkcount [--store URL] chart annual -o FILE.svg|.png|.pdf [--method METHOD]\n"
    "                 [--year YYYY] [--reference nict] [--lang en|ja]\n"
    "       darkcount --help | --version\n"
    "\n"
    "annual        packets per darknet address, year by year\n"
    "chart annual  the same as a chart for print\n"
    "\n"
    "  --store URL         unix:///path or redis://[user:password@]host:port[/db]; otherwise\n"
    "                      DARKCOUNT_STORE, the configuration file, the local aggregator's store\n"
    "  --method METHOD     daily (default), mean or inventory: how packets per address is "
    "computed\n"
    "  --year YYYY         this year only\n"
    "  --format FORMAT     table (default on a terminal), csv (default elsewhere) or json\n"
    "  -o, --output FILE   the chart; its ending says the kind\n"
    "  --reference nict    draws the series published by NICT beside ours\n"
    "  --lang en|ja        the language of the chart\n"
    "\n"
    "Exit status: 0 done, 1 it failed, 2 wrong usage. See darkcount(1).\n";

const char *options_help(void)
{
    return help;
}

enum {
    OPTION_STORE = 256,
    OPTION_METHOD,
    OPTION_YEAR,
    OPTION_FORMAT,
    OPTION_REFERENCE,
    OPTION_LANG
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"output", required_argument, NULL, 'o'},
    {"store", required_argument, NULL, OPTION_STORE},
    {"method", required_argument, NULL, OPTION_METHOD},
    {"year", required_argument, NULL, OPTION_YEAR},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"reference", required_argument, NULL, OPTION_REFERENCE},
    {"lang", required_argument, NULL, OPTION_LANG},
    {NULL, 0, NULL, 0},
};

/* Four digits within the years that a store can hold. */
static int parse_year(const char *text, int *year, char *errmsg)
{
    if (strlen(text) == 4 && strspn(text, "0123456789") == 4) {
        *year = atoi(text);
        if (*year >= STORE_YEAR_MIN && *year <= STORE_YEAR_MAX)
            return 0;
    }
    return err_set(errmsg, ERR_INVALID, "--year '%.40s': give a year from %d to %d", text,
                   STORE_YEAR_MIN, STORE_YEAR_MAX);
}

/* Options that only some commands take, as bits of a mask of what was given. */
enum { GIVEN_FORMAT = 1, GIVEN_OUTPUT = 2, GIVEN_REFERENCE = 4, GIVEN_LANG = 8 };

static int set_word(struct options *options, int option, const char *word, char *errmsg)
{
    switch (option) {
    case OPTION_METHOD:
        if (method_parse(word, &options->method) == 0)
            return 0;
        return err_set(errmsg, ERR_INVALID, "--method '%.40s': give daily, mean or inventory",
                       word);
    case OPTION_FORMAT:
        if (rows_format_parse(word, &options->format) == 0)
            return 0;
        return err_set(errmsg, ERR_INVALID, "--format '%.40s': give table, csv or json", word);
    case OPTION_REFERENCE:
        if (strcmp(word, "nict") == 0)
            return 0;
        return err_set(errmsg, ERR_INVALID, "--reference '%.40s': only nict is known", word);
    default:
        if (labels_language_parse(word, &options->language) == 0)
            return 0;
        return err_set(errmsg, ERR_INVALID, "--lang '%.40s': give en or ja", word);
    }
}

static int set_option(struct options *options, int option, const char *value, unsigned *given,
                      char *errmsg)
{
    switch (option) {
    case OPTION_STORE:
        options->store = value;
        return 0;
    case 'o':
        options->output = value;
        *given |= GIVEN_OUTPUT;
        return 0;
    case OPTION_YEAR:
        return parse_year(value, &options->year, errmsg);
    case OPTION_METHOD:
        break;
    case OPTION_FORMAT:
        *given |= GIVEN_FORMAT;
        options->format_given = true;
        break;
    case OPTION_REFERENCE:
        *given |= GIVEN_REFERENCE;
        options->reference_nict = true;
        break;
    default:
        *given |= GIVEN_LANG;
        break;
    }
    return set_word(options, option, value, errmsg);
}

static int set_command(struct options *options, char **words, int count, char *errmsg)
{
    if (count == 0)
        return err_set(errmsg, ERR_INVALID, "no command: give annual or chart annual");
    if (strcmp(words[0], "annual") == 0 && count == 1) {
        options->command = COMMAND_ANNUAL;
        return 0;
    }
    if (strcmp(words[0], "chart") != 0)
        return err_set(errmsg, ERR_INVALID,
                       "'%.40s': not expected; the commands are annual and "
                       "chart annual",
                       words[strcmp(words[0], "annual") == 0 ? 1 : 0]);
    if (count != 2 || strcmp(words[1], "annual") != 0)
        return err_set(errmsg, ERR_INVALID,
                       "chart: the one chart of this version is 'chart annual'");
    options->command = COMMAND_CHART_ANNUAL;
    return 0;
}

static int check_given(const struct options *options, unsigned given, char *errmsg)
{
    if (options->command == COMMAND_ANNUAL &&
        (given & (GIVEN_OUTPUT | GIVEN_REFERENCE | GIVEN_LANG)))
        return err_set(errmsg, ERR_INVALID,
                       "annual: --output, --reference and --lang belong to chart annual");
    if (options->command == COMMAND_CHART_ANNUAL && (given & GIVEN_FORMAT))
        return err_set(errmsg, ERR_INVALID,
                       "chart annual: --format belongs to annual; the file's ending says the kind");
    if (options->command == COMMAND_CHART_ANNUAL && !options->output)
        return err_set(errmsg, ERR_INVALID,
                       "chart annual: name the file with -o FILE.svg, .png or .pdf");
    enum picture_kind kind;
    struct storeurl url;
    int rc = options->output ? picture_kind_of(options->output, &kind, errmsg) : 0;
    return rc == 0 && options->store ? storeurl_parse(&url, options->store, errmsg) : rc;
}

int options_parse(struct options *options, int argc, char **argv, char *errmsg)
{
    unsigned given = 0;
    int option;
    *options = (struct options){.method = METHOD_DAILY, .language = LANGUAGE_EN};
    optind = 0; /* starts getopt_long afresh */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":ho:V", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            options->command = option == 'h' ? COMMAND_HELP : COMMAND_VERSION;
            return 0;
        }
        if (option == ':')
            return err_set(errmsg, ERR_INVALID, "%.40s: its value is missing", argv[optind - 1]);
        if (option == '?')
            return err_set(errmsg, ERR_INVALID, "%.40s: no such option", argv[optind - 1]);
        int rc = set_option(options, option, optarg, &given, errmsg);
        if (rc)
            return rc;
    }
    int rc = set_command(options, argv + optind, argc - optind, errmsg);
    return rc ? rc : check_given(options, given, errmsg);
}

/* --- the store -------------------------------------------------------------------------------- */

/* `store` as the configuration file says, to be freed; NULL where it does not. */
static int configured_store(char **store, char *errmsg)
{
    const char *path = getenv("DARKCOUNT_CONFIG");
    const struct config_key keys[] = {
        {"dashboard", "store", CONFIG_STRING, store, 0, 0},
        {NULL, NULL, CONFIG_STRING, NULL, 0, 0},
    };
    *store = NULL;
    if ((!path || !*path) && access(CONFIG_DEFAULT, F_OK) != 0)
        return 0;
    return config_read(path && *path ? path : CONFIG_DEFAULT, keys, errmsg);
}

int options_store(const struct options *options, struct storeurl *url, char *errmsg)
{
    const char *text = options->store ? options->store : getenv("DARKCOUNT_STORE");
    if (text && *text)
        return storeurl_parse(url, text, errmsg);
    char *configured;
    int rc = configured_store(&configured, errmsg);
    if (rc == 0)
        rc = storeurl_parse(url, configured ? configured : STORE_DEFAULT, errmsg);
    free(configured);
    return rc;
}

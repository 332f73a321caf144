/*
 * The command line of darkcount: a command of one or two words, and options before and after it,
 * each of which the command must know (commands.c says which). main calls options_parse first, the
 * commands find everything in struct options. Also where the store is when no option says so. Pure
 * but for the environment and the configuration file.
 *
 * A new option is a number and a field here, and a row in options_table.c; a new command is a row in
 * commands.c and a file of its own.
 */
#ifndef DASHBOARDS_OPTIONS_H
#define DASHBOARDS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/rows.h"
#include "common/storeurl.h"
#include "dashboards/figures.h"
#include "dashboards/geo.h"
#include "dashboards/labels.h"
#include "dashboards/pdf.h"
#include "dashboards/query.h"

enum option_id {
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_STORE,
    OPTION_METHOD,
    OPTION_YEAR,
    OPTION_FORMAT,
    OPTION_OUTPUT,
    OPTION_REFERENCE,
    OPTION_LANG,
    OPTION_REVISIONS,
    OPTION_FROM,
    OPTION_TO,
    OPTION_STEP,
    OPTION_BY,
    OPTION_TOP,
    OPTION_SENSOR,
    OPTION_ADDRESS,
    OPTION_GROWTH,
    OPTION_REAL_ADDRESSES,
    OPTION_RANKS,
    OPTION_KEY,
    OPTION_MAKE_KEY,
    OPTION_WITHHOLD,
    OPTION_LISTEN,
    OPTION_HOST,
    OPTION_COUNTRY_DB,
    OPTION_ASN_DB,
    OPTION_COMPARE,
    OPTION_PDF,
    OPTION_IDS
};

enum export_format { EXPORT_CSV, EXPORT_JSON, EXPORT_PROMETHEUS, EXPORT_FLOWTUPLE, EXPORT_IPFIX };

/* A set of options, of which every command also knows --help, --version and --store. */
#define OPTION_BIT(id) (UINT64_C(1) << (id))

struct options;

struct command {
    const char *name;    /* "annual", "chart annual" */
    const char *summary; /* one line for the list of commands */
    const char *usage;   /* what stands behind the name */
    const char *formats; /* help of --format where it takes others than most do; NULL */
    uint64_t takes;      /* OPTION_BIT ... */
    /* Completes and checks the options when all are known; NULL: nothing to check. ERR_INVALID with
     * the cause in `errmsg` is wrong usage. */
    int (*check)(struct options *options, char *errmsg);
    /* Does it: 0 or an error with the cause in `errmsg`. */
    int (*run)(const struct options *options, char *errmsg);
};

/* Strings are borrowed from the command line. */
struct options {
    const struct command *command; /* NULL: --help or --version by itself */
    const char *group;             /* --help of all commands that begin with this word, or NULL */
    bool help, version;
    uint64_t given;    /* OPTION_BIT of those that were */
    const char *store; /* NULL: see options_store */
    enum method method;
    int year; /* 0: every year */
    const char *format_word;
    enum rows_format format; /* of format_word, by options_check_format */
    const char *output;      /* the file to write */
    bool reference_nict;
    enum language language;
    bool revisions;
    const char *compare;   /* a file of published figures; NULL: none */
    const char *from, *to; /* times in the reporting zone, to be read when the store is open */
    enum query_step step;
    enum query_by by;
    size_t top;
    const char *sensor, *address;
    bool growth;
    enum export_format export_format; /* of format_word, by export_check */
    bool real_addresses, ranks;
    const char *key, *make_key; /* files */
    const char *listen;         /* ADDRESS:PORT; NULL: as it is usual */
    const char *hosts;          /* names, separated by commas */
    uint64_t withhold;          /* the least number of sensors and of sources */
    const char *geo_db[2];      /* files, by enum geo_kind; NULL: see options_geo */
    enum pdf_converter pdf;
    bool by_http; /* a request's: who reads the messages has no command line and no files */
};

/* Reads the command line. ERR_INVALID with the cause in `errmsg` for wrong usage. */
int options_parse(struct options *options, int argc, char **argv, char *errmsg);

/* Prints the help: of the command, or the list of them all. */
void options_print_help(const struct options *options, FILE *out);

/* The times of --from and --to, QUERY_OPEN where one was not given. What a date means depends on the
 * reporting zone: before the store is open this tells only whether they are times. ERR_INVALID, also
 * when the first is not before the second. */
int options_range(const struct options *options, int64_t *from_s, int64_t *to_s, char *errmsg);

/* For `check` of a command that prints rows: sets options->format from --format, or as it is usual
 * for standard output. ERR_INVALID. */
int options_check_format(struct options *options, char *errmsg);

/* Where the store is: --store, DARKCOUNT_STORE, `store` in section [dashboard] of the configuration
 * file (DARKCOUNT_CONFIG or /etc/darkcount/dashboard.conf), or else the local aggregator's private
 * store. ERR_INVALID, ERR_IO. */
int options_store(const struct options *options, struct storeurl *url, char *errmsg);
/* The file with the key of the pseudonyms: --key, or `pseudonym_key` in section [dashboard]; to be
 * freed, NULL where neither names one. ERR_INVALID, ERR_IO, ERR_NOMEM. */
int options_key(const struct options *options, char **path, char *errmsg);
/* Opens the database of countries or of autonomous systems: --country-db or --asn-db, `country_db` or
 * `asn_db` in section [dashboard], or the first of options_geo_usual that is there. ERR_UNKNOWN: there
 * is none; otherwise as geo_open. */
int options_geo(const struct options *options, enum geo_kind kind, struct geo **geo, char *errmsg);
/* Where such databases lie as a rule, in the order in which they are looked for; ended by NULL. */
extern const char *const options_geo_usual[2][9];
/* Opens that store. As options_store and store_open. */
int options_open_store(const struct options *options, struct store **store, char *errmsg);

#endif

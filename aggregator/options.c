#include "aggregator/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/private_redis.h"
#include "common/calendar.h"
#include "common/config.h"
#include "common/err.h"
#include "common/storeurl.h"

#define KEEP_MOST 100000000 /* of what is kept: 190 years of minutes */

static const char help[] =
    "usage: darkcount-aggregator run [-c FILE] [--state DIR] [--listen ADDRESS]... [--store URL]\n"
    "                                [--timezone ZONE]\n"
    "       darkcount-aggregator sensor add|replace|revoke|inventory|list|show ...   (see sensor\n"
    "                                --help)\n"
    "       darkcount-aggregator check ...   (see check --help)\n"
    "       darkcount-aggregator users -o FILE   (see users --help)\n"
    "\n"
    "Takes the records of sensors and keeps their counts in Redis, until it is told to stop.\n"
    "\n"
    "  -c, --config FILE     configuration, section [aggregator]; the options below win over it\n"
    "                        (default " OPTIONS_CONFIG ", where there is one)\n"
    "      --state DIR       state directory (default " OPTIONS_STATE ")\n"
    "      --listen ADDRESS  unix:///path; ADDRESS:PORT, with TLS, for enrolled sensors; or\n"
    "                        plain://ADDRESS:PORT on loopback; may be repeated\n"
    "                        (default unix://DIR/aggregator.sock)\n"
    "      --store URL       unix:///path, redis://[user:password@]host:port[/db] or\n"
    "                        redis-cluster://[user:password@]host:port[,host:port...]\n"
    "                        (default: a redis-server of its own in the state directory)\n"
    "      --timezone ZONE   days, months and years are cut in it (default UTC); a store keeps "
    "the\n"
    "                        one it was begun with\n"
    "  -h, --help            print this\n"
    "      --version         print the version\n";

enum { OPTION_STATE = 256, OPTION_LISTEN, OPTION_STORE, OPTION_TIMEZONE, OPTION_VERSION };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"state", required_argument, NULL, OPTION_STATE},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"store", required_argument, NULL, OPTION_STORE},
    {"timezone", required_argument, NULL, OPTION_TIMEZONE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* The command line before it is laid over the file; NULL: not given. */
struct given {
    const char *config, *state, *store, *timezone;
    char *listen; /* joined with commas */
};

static int add_listen(struct given *given, const char *address)
{
    char *joined;
    if (asprintf(&joined, "%s%s%s", given->listen ? given->listen : "", given->listen ? "," : "",
                 address) < 0)
        return ERR_NOMEM;
    free(given->listen);
    given->listen = joined;
    return 0;
}

/* A value given on the command line that can be seen to be wrong is wrong usage. */
static enum options_result check_value(int option, char *errmsg)
{
    struct address address;
    struct storeurl url;
    int rc = 0;
    if (option == OPTION_LISTEN)
        rc = listen_parse(&address, optarg, errmsg);
    else if (option == OPTION_STORE && *optarg)
        rc = storeurl_parse(&url, optarg, errmsg);
    else if (option == OPTION_TIMEZONE)
        rc = calendar_init(optarg, errmsg);
    return rc ? OPTIONS_USAGE : OPTIONS_RUN;
}

static enum options_result take_option(struct given *given, int option, char *errmsg)
{
    switch (option) {
    case 'c':
        given->config = optarg;
        break;
    case OPTION_STATE:
        given->state = optarg;
        break;
    case OPTION_LISTEN:
        if (add_listen(given, optarg)) {
            err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
            return OPTIONS_FAILED;
        }
        break;
    case OPTION_STORE:
        given->store = optarg;
        break;
    case OPTION_TIMEZONE:
        given->timezone = optarg;
        break;
    case 'h':
        fputs(help, stdout);
        return OPTIONS_DONE;
    case OPTION_VERSION:
        puts("darkcount-aggregator " DARKCOUNT_VERSION);
        return OPTIONS_DONE;
    default:
        err_set(errmsg, ERR_INVALID, "unknown option or missing value; try --help");
        return OPTIONS_USAGE;
    }
    return check_value(option, errmsg);
}

static enum options_result read_command_line(struct given *given, int argc, char **argv,
                                             char *errmsg)
{
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        enum options_result result = take_option(given, option, errmsg);
        if (result != OPTIONS_RUN)
            return result;
    }
    if (optind + 1 == argc && strcmp(argv[optind], "run") == 0)
        return OPTIONS_RUN;
    if (optind == argc)
        err_set(errmsg, ERR_INVALID, "no command; try --help");
    else
        err_set(errmsg, ERR_INVALID, "unknown command or argument '%.64s'; try --help",
                argv[strcmp(argv[optind], "run") == 0 ? optind + 1 : optind]);
    return OPTIONS_USAGE;
}

/* What the keys of durability were set to. */
struct wanted {
    char *durability; /* NULL: nothing */
    uint64_t replicas, wait_ms;
};

/* A file that was asked for, by an option or else by DARKCOUNT_CONFIG, must be there. */
static int read_config(struct options *options, struct wanted *wanted, const char *asked,
                       char *errmsg)
{
    const struct config_key keys[] = {
        {"aggregator", "state", CONFIG_STRING, &options->state, 0, 0},
        {"aggregator", "listen", CONFIG_LIST, &options->listen, 0, 0},
        {"aggregator", "store", CONFIG_STRING, &options->store, 0, 0},
        {"aggregator", "timezone", CONFIG_STRING, &options->timezone, 0, 0},
        {"aggregator", "address", CONFIG_STRING, &options->address, 0, 0},
        {"store", "minute_records", CONFIG_UINT, &options->keep.minute_records, 0, KEEP_MOST},
        {"store", "hour_days", CONFIG_UINT, &options->keep.hour_days, 0, KEEP_MOST},
        {"store", "durability", CONFIG_STRING, &wanted->durability, 0, 0},
        {"store", "replicas", CONFIG_UINT, &wanted->replicas, 1, DURABILITY_REPLICAS_MAX},
        {"store", "replicas_wait_ms", CONFIG_UINT, &wanted->wait_ms, DURABILITY_WAIT_MIN_MS,
         DURABILITY_WAIT_MAX_MS},
        {"metrics", "listen", CONFIG_STRING, &options->metrics, 0, 0},
        {"metrics", "anywhere", CONFIG_BOOL, &options->metrics_anywhere, 0, 0},
        {NULL, NULL, CONFIG_STRING, NULL, 0, 0},
    };
    const char *environment = getenv("DARKCOUNT_CONFIG");
    if (!asked && environment && *environment)
        asked = environment;
    if (!asked && access(OPTIONS_CONFIG, F_OK) != 0)
        return 0;
    return config_read(asked ? asked : OPTIONS_CONFIG, keys, errmsg);
}

static int replace(char **value, const char *with)
{
    char *copy = strdup(with);
    if (!copy)
        return ERR_NOMEM;
    free(*value);
    *value = copy;
    return 0;
}

static int lay_over(struct options *options, const struct given *given)
{
    int rc = given->state ? replace(&options->state, given->state) : 0;
    if (rc == 0 && given->listen)
        rc = replace(&options->listen, given->listen);
    if (rc == 0 && given->store)
        rc = replace(&options->store, given->store);
    if (rc == 0 && given->timezone)
        rc = replace(&options->timezone, given->timezone);
    return rc;
}

static int set_defaults(struct options *options)
{
    *options = (struct options){.keep = {.minute_records = PART_MINUTE_RECORDS}};
    int rc = replace(&options->state, OPTIONS_STATE);
    if (rc == 0)
        rc = replace(&options->listen, "");
    if (rc == 0)
        rc = replace(&options->store, "");
    if (rc == 0)
        rc = replace(&options->address, "");
    return rc ? rc : replace(&options->timezone, "UTC");
}

/* The state directory as it stands in messages and in the path of its sockets. */
static int finish(struct options *options)
{
    size_t size = strlen(options->state);
    while (size > 1 && options->state[size - 1] == '/')
        options->state[--size] = '\0';
    if (options->state[0] != '/') {
        char *here = getcwd(NULL, 0), *whole = NULL;
        int rc = here ? asprintf(&whole, "%s/%s", here, options->state) : -1;
        free(here);
        if (rc < 0)
            return ERR_NOMEM;
        free(options->state);
        options->state = whole;
    }
    if (*options->listen)
        return 0;
    free(options->listen);
    if (asprintf(&options->listen, "unix://%s/aggregator.sock", options->state) < 0) {
        options->listen = NULL;
        return ERR_NOMEM;
    }
    return 0;
}

/* The configuration file, if there is one. */
static int take_config(struct options *options, const char *asked, char *errmsg)
{
    struct wanted wanted = {.wait_ms = DURABILITY_WAIT_MS};
    int rc = read_config(options, &wanted, asked, errmsg);
    if (rc == 0)
        rc = durability_parse(&options->durability, wanted.durability, wanted.replicas,
                              wanted.wait_ms, errmsg);
    free(wanted.durability);
    return rc;
}

static int combine(struct options *options, const struct given *given, char *errmsg)
{
    int rc = set_defaults(options);
    if (rc)
        return err_set(errmsg, rc, "%s", err_str(rc));
    rc = take_config(options, given->config, errmsg);
    if (rc)
        return rc;
    rc = lay_over(options, given);
    if (rc == 0)
        rc = finish(options);
    if (rc)
        return err_set(errmsg, rc, "%s", err_str(rc));
    if (options->durability.replicas > 0 && *options->store == '\0')
        return err_set(errmsg, ERR_INVALID,
                       "[store] durability: the private redis-server has no replicas; name a store "
                       "that has, or set durability = fsync");
    return 0;
}

enum options_result options_read(struct options *options, int argc, char **argv, char *errmsg)
{
    struct given given = {0};
    *options = (struct options){0};
    enum options_result result = read_command_line(&given, argc, argv, errmsg);
    if (result == OPTIONS_RUN && combine(options, &given, errmsg))
        result = OPTIONS_FAILED;
    free(given.listen);
    return result;
}

int options_load(struct options *options, const char *config, const char *state, const char *store,
                 char *errmsg)
{
    const struct given given = {.config = config, .state = state, .store = store};
    *options = (struct options){0};
    return combine(options, &given, errmsg);
}

int options_storeurl(const struct options *options, struct storeurl *url, char *errmsg)
{
    if (*options->store)
        return storeurl_parse(url, options->store, errmsg);
    private_redis_locate(options->state, url);
    return 0;
}

void options_close(struct options *options)
{
    free(options->state);
    free(options->listen);
    free(options->store);
    free(options->timezone);
    free(options->address);
    free(options->metrics);
}

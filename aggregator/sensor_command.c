#include "aggregator/sensor_command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/enrol.h"
#include "aggregator/look.h"
#include "aggregator/options.h"
#include "aggregator/registry.h"
#include "aggregator/sensor_list.h"
#include "common/address.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/prefix.h"

static const char usage[] =
    "usage: darkcount-aggregator sensor add NAME --darknet PREFIX [--exclude PREFIX] [--from "
    "TIME]\n"
    "       darkcount-aggregator sensor replace NAME\n"
    "       darkcount-aggregator sensor revoke NAME\n"
    "       darkcount-aggregator sensor inventory NAME --add PREFIX|--remove PREFIX --from TIME\n"
    "       darkcount-aggregator sensor list|show NAME [--format table|csv|json]\n"
    "\n"
    "Enrols sensors. `add` and `replace` print the command to run on the sensor, with a token that "
    "is\n"
    "good once and for 15 minutes. `replace` is for a sensor that is enrolled: its certificate is "
    "good\n"
    "until the new one has joined. After `revoke` it can deliver nothing, connected or not.\n"
    "`inventory` changes what is darknet from a time on; what was counted stands, coverage "
    "follows. "
    "`list`\n"
    "and `show` tell how the sensors are doing.\n"
    "\n"
    "      --darknet PREFIX  what the sensor counts; may be repeated\n"
    "      --exclude PREFIX  addresses of it that are not darknet; may be repeated\n"
    "      --from TIME       since when they are (add: now): RFC 3339, or YYYY[-MM[-DD]]; a whole\n"
    "                        minute\n"
    "      --add PREFIX      inventory: these are darknet from then on; may be repeated\n"
    "      --remove PREFIX   inventory: these are not any more; may be repeated\n"
    "      --address HOST:PORT\n"
    "                        where the sensor reaches the aggregator (default: `address` in the\n"
    "                        configuration, or the first address with TLS that it listens on)\n"
    "      --format FORMAT   table (default on a terminal), csv (elsewhere), json\n"
    "  -c, --config FILE     configuration (default " OPTIONS_CONFIG ", where there is one)\n"
    "      --state DIR       state directory (default " OPTIONS_STATE ")\n"
    "      --store URL       the store, if it is not the configured one: list and show read it, "
    "and\n"
    "                        its time zone is that of --from\n"
    "  -h, --help            print this\n";

enum {
    OPT_DARKNET = 256,
    OPT_EXCLUDE,
    OPT_FROM,
    OPT_ADDRESS,
    OPT_FORMAT,
    OPT_STATE,
    OPT_ADD,
    OPT_REMOVE,
    OPT_STORE
};

#define BIT(option) (1U << ((option)-OPT_DARKNET))

/* The verbs, and the options that each takes beside --state and --config. */
static const struct verb {
    const char *name;
    unsigned takes;
} verbs[] = {
    {"add",
     BIT(OPT_DARKNET) | BIT(OPT_EXCLUDE) | BIT(OPT_FROM) | BIT(OPT_ADDRESS) | BIT(OPT_STORE)},
    {"replace", BIT(OPT_ADDRESS)},
    {"revoke", 0},
    {"inventory", BIT(OPT_ADD) | BIT(OPT_REMOVE) | BIT(OPT_FROM) | BIT(OPT_STORE)},
    {"show", BIT(OPT_FORMAT) | BIT(OPT_STORE)},
    {"list", BIT(OPT_FORMAT) | BIT(OPT_STORE)},
};

struct request {
    const char *verb, *name; /* `name` is NULL for list */
    unsigned given, takes;   /* options, and those that the verb takes */
    struct prefixset *darknet;
    const char *from, *address, *config, *state, *store;
    enum rows_format format;
    char *plus, *minus; /* of the inventory: lists */
    struct options options;
};

/* --- the command line ------------------------------------------------------------------------- */

static int append(char **list, const char *more, char *errmsg)
{
    char *joined;
    if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? "," : "", more) < 0)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    free(*list);
    *list = joined;
    return 0;
}

/* HOST:PORT, at which sensors can reach an aggregator. ERR_INVALID. */
static int check_address(const char *text, char *errmsg)
{
    struct address address;
    int rc = address_parse(&address, text, errmsg);
    if (rc == 0 && address.kind != ADDRESS_TLS)
        rc = err_set(errmsg, ERR_INVALID, "address '%.100s': write HOST:PORT", text);
    return rc;
}

static int take_option(struct request *request, int option, char *errmsg)
{
    struct storeurl url;
    switch (option) {
    case OPT_DARKNET:
        return prefixset_add(request->darknet, optarg, errmsg);
    case OPT_EXCLUDE:
        return prefixset_exclude(request->darknet, optarg, errmsg);
    case OPT_ADD:
        return append(&request->plus, optarg, errmsg);
    case OPT_REMOVE:
        return append(&request->minus, optarg, errmsg);
    case OPT_STORE:
        request->store = optarg;
        return *optarg ? storeurl_parse(&url, optarg, errmsg) : 0;
    case OPT_FROM:
        request->from = optarg;
        return 0;
    case OPT_ADDRESS:
        request->address = optarg;
        return check_address(optarg, errmsg);
    case OPT_FORMAT:
        return rows_format_parse(optarg, &request->format) == 0
                   ? 0
                   : err_set(errmsg, ERR_INVALID, "--format '%.40s': table, csv or json", optarg);
    case OPT_STATE:
        request->state = optarg;
        return 0;
    case 'c':
        request->config = optarg;
        return 0;
    default:
        return err_set(errmsg, ERR_INVALID, "unknown option or missing value; try sensor --help");
    }
}

/* What is left are the verb and, for all but list, a name. */
static int take_words(struct request *request, int argc, char **argv, char *errmsg)
{
    size_t i = 0, count = sizeof verbs / sizeof verbs[0];
    if (argc < 1)
        return err_set(errmsg, ERR_INVALID, "sensor: what is to be done? try sensor --help");
    request->verb = argv[0];
    while (i < count && strcmp(argv[0], verbs[i].name) != 0)
        i++;
    if (i == count)
        return err_set(errmsg, ERR_INVALID, "sensor: unknown command '%.64s'; try sensor --help",
                       argv[0]);
    request->takes = verbs[i].takes;
    bool named = i < count - 1;
    if (argc != 1 + named)
        return err_set(errmsg, ERR_INVALID, "sensor %s: %s; try sensor --help", argv[0],
                       named ? "give the name of one sensor" : "takes no name");
    request->name = named ? argv[1] : NULL;
    if (named && !sensor_name_valid(argv[1]))
        return err_set(errmsg, ERR_INVALID,
                       "sensor name '%.80s': use 1 to %d letters, digits, '.', '_' and '-'",
                       argv[1], SENSOR_NAME_MAX);
    return 0;
}

/* 0, 1 when help was printed, ERR_INVALID. */
static int read_command_line(struct request *request, int argc, char **argv, char *errmsg)
{
    static const struct option options[] = {
        {"darknet", required_argument, NULL, OPT_DARKNET},
        {"exclude", required_argument, NULL, OPT_EXCLUDE},
        {"from", required_argument, NULL, OPT_FROM},
        {"address", required_argument, NULL, OPT_ADDRESS},
        {"format", required_argument, NULL, OPT_FORMAT},
        {"state", required_argument, NULL, OPT_STATE},
        {"add", required_argument, NULL, OPT_ADD},
        {"remove", required_argument, NULL, OPT_REMOVE},
        {"store", required_argument, NULL, OPT_STORE},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, rc;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        if (option >= OPT_DARKNET && option != OPT_STATE)
            request->given |= BIT(option);
        rc = take_option(request, option, errmsg);
        if (rc)
            return ERR_INVALID;
    }
    return take_words(request, argc - optind, argv + optind, errmsg);
}

/* --- inviting --------------------------------------------------------------------------------- */

/* The first TLS address that is listened on; one for all interfaces gets the machine's name. */
static int find_listener(const struct options *options, char *out, size_t room, char *errmsg)
{
    char *list = strdup(options->listen), *rest = list, host[256] = "";
    int rc = list ? ERR_UNKNOWN : ERR_NOMEM;
    for (char *text; rc == ERR_UNKNOWN && (text = strsep(&rest, ",")) != NULL;) {
        struct address address;
        text += strspn(text, " \t");
        text[strcspn(text, " \t")] = '\0';
        if (address_parse(&address, text, NULL) != 0 || address.kind != ADDRESS_TLS)
            continue;
        bool all = strcmp(address.host, "0.0.0.0") == 0 || strcmp(address.host, "::") == 0;
        if (all && gethostname(host, sizeof host - 1) == 0)
            snprintf(out, room, "%s:%u", host, address.port);
        else
            snprintf(out, room, "%s", address.shown);
        rc = 0;
    }
    free(list);
    return rc ? err_set(errmsg, rc,
                        "sensor: the aggregator listens on no address with TLS: set listen = "
                        "HOST:PORT in its configuration, or give --address")
              : 0;
}

static int find_address(const struct request *request, char *out, size_t room, char *errmsg)
{
    const char *given = request->address ? request->address : request->options.address;
    if (!*given)
        return find_listener(&request->options, out, room, errmsg);
    snprintf(out, room, "%s", given);
    return check_address(given, errmsg);
}

/* The time of --from: a date is one of the telescope's time zone, which is the store's; before there
 * is a store, or while it does not answer, that of the configuration, which is said. */
static int read_from(const struct request *request, int64_t *from_s, char *errmsg)
{
    struct storeurl url;
    char why[ERRMSG_SIZE];
    bool date = !strpbrk(request->from, "Tt");
    int rc = date ? options_storeurl(&request->options, &url, errmsg) : 0;
    if (rc == 0 && date && look_zone(&url, why) != 0)
        log_warn("--from %.40s is taken in %s, the time zone of the configuration: %s",
                 request->from, request->options.timezone, why);
    return rc ? rc : calendar_parse(request->from, from_s, errmsg);
}

static int add(struct request *request, struct enrol *enrol, struct token *token, char *errmsg)
{
    int64_t from_s = time(NULL);
    char *darknet = prefixset_text(request->darknet);
    int rc = darknet ? 0 : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0 && request->from)
        rc = read_from(request, &from_s, errmsg);
    if (rc == 0)
        rc = enrol_add(enrol, request->name, darknet, from_s, time(NULL), token, errmsg);
    free(darknet);
    return rc;
}

static int invite(struct request *request, struct enrol *enrol, char *errmsg)
{
    struct token token;
    char address[sizeof((struct address *)0)->shown], text[TOKEN_TEXT_SIZE + 1];
    int rc = find_address(request, address, sizeof address, errmsg);
    if (rc == 0)
        rc = strcmp(request->verb, "add") == 0
                 ? add(request, enrol, &token, errmsg)
                 : enrol_replace(enrol, request->name, time(NULL), &token, errmsg);
    if (rc)
        return rc;
    token_text(&token, text);
    printf("darkcount-collector join --aggregator %s --token %s\n", address, text);
    return fflush(stdout) == 0 ? 0 : err_set(errmsg, ERR_IO, "standard output cannot be written");
}

/* --- changing --------------------------------------------------------------------------------- */

static int change_inventory(const struct request *request, struct enrol *enrol, char *errmsg)
{
    int64_t from_s;
    struct enrolment enrolment;
    int rc = read_from(request, &from_s, errmsg);
    if (rc == 0)
        rc = enrol_change(enrol, request->name, from_s, request->plus, request->minus, errmsg);
    if (rc == 0)
        rc = registry_read(enrol->state, request->name, &enrolment, errmsg);
    if (rc)
        return rc;
    char *text = inventory_shown(&enrolment.inventory);
    printf("inventory of sensor %s: %s\n", request->name, text ? text : "?");
    free(text);
    enrolment_close(&enrolment);
    return fflush(stdout) == 0 ? 0 : err_set(errmsg, ERR_IO, "standard output cannot be written");
}

/* --- running ---------------------------------------------------------------------------------- */

static int change(struct request *request, char *errmsg)
{
    struct enrol enrol;
    int rc = enrol_open(&enrol, request->options.state, time(NULL), errmsg);
    if (rc)
        return rc;
    if (strcmp(request->verb, "revoke") == 0)
        rc = enrol_revoke(&enrol, request->name, time(NULL), errmsg);
    else if (strcmp(request->verb, "inventory") == 0)
        rc = change_inventory(request, &enrol, errmsg);
    else
        rc = invite(request, &enrol, errmsg);
    enrol_close(&enrol);
    return rc;
}

/* Whether --from is a time, and one at which an inventory can begin. Which one a date is depends on
 * the telescope's time zone; it begins on a minute in all of them. */
static int check_from(const char *from, char *errmsg)
{
    int64_t from_s;
    if (!from)
        return 0;
    if (calendar_parse(from, &from_s, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--from");
    if (from_s % 60 != 0)
        return err_set(errmsg, ERR_INVALID,
                       "--from %.40s: an inventory changes at a whole minute, as records are of "
                       "minutes",
                       from);
    return 0;
}

/* Whether the options fit the verb. ERR_INVALID. */
static int check(struct request *request, char *errmsg)
{
    if (request->given & ~request->takes)
        return err_set(errmsg, ERR_INVALID,
                       "sensor %s: an option is not for it; sensor --help tells which are",
                       request->verb);
    bool adds = strcmp(request->verb, "add") == 0,
         changes = strcmp(request->verb, "inventory") == 0;
    if (adds && !(request->given & BIT(OPT_DARKNET)))
        return err_set(errmsg, ERR_INVALID, "sensor add: give its --darknet");
    if (changes && !request->plus && !request->minus)
        return err_set(errmsg, ERR_INVALID, "sensor inventory: give --add or --remove");
    if (changes && !request->from)
        return err_set(errmsg, ERR_INVALID, "sensor inventory: give the time, --from");
    if (check_from(request->from, errmsg))
        return ERR_INVALID;
    int rc = adds ? prefixset_finish(request->darknet, errmsg) : 0;
    if (rc == 0 && adds && prefixset_missed(request->darknet, errmsg))
        log_warn("%s", errmsg);
    return rc;
}

static int run(struct request *request, char *errmsg)
{
    int rc =
        options_load(&request->options, request->config, request->state, request->store, errmsg);
    if (rc == 0)
        rc = calendar_init(request->options.timezone, errmsg);
    if (rc)
        return rc;
    bool shows = !request->name || strcmp(request->verb, "show") == 0;
    return shows ? sensor_list(&request->options, request->name, request->format, errmsg)
                 : change(request, errmsg);
}

int sensor_command(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct request request = {.darknet = prefixset_new(), .format = rows_format_default(stdout)};
    int status = 1;
    int rc = request.darknet ? read_command_line(&request, argc, argv, errmsg) : ERR_NOMEM;
    if (rc == 0)
        rc = check(&request, errmsg);
    if (rc == 1)
        status = output_finish();
    else if (rc == 0)
        status = (rc = run(&request, errmsg)) != 0;
    else
        status = 2;
    if (rc == ERR_IO)
        output_end_unread();
    if (rc < 0)
        log_error("%s", *errmsg ? errmsg : err_str(rc));
    options_close(&request.options);
    prefixset_free(request.darknet);
    free(request.plus);
    free(request.minus);
    return status;
}

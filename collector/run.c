#include "collector/run.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/child.h"
#include "collector/sandbox.h"
#include "collector/sensor.h"
#include "common/address.h"
#include "common/config.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/httpd.h"
#include "common/log.h"
#include "common/output.h"

#define DEFAULT_CONFIG     "/etc/darkcount/collector.conf"
#define DEFAULT_SPOOL      "/var/spool/darkcount"
#define DEFAULT_AGGREGATOR "unix:///var/lib/darkcount/aggregator.sock"
#define STOP_WAIT_MS       (SHIP_STOP_MS + 1000) /* a ship process that hangs is not waited for */

static const char usage[] =
    "usage: darkcount-collector run [-c FILE] [-i IFACE... | -r FILE...] [OPTION...]\n"
    "\n"
    "The sensor: counts packets to the darknet per address and minute and delivers the records to "
    "the\n"
    "aggregator until told to stop (SIGTERM, SIGINT).\n"
    "\n"
    "  -c, --config FILE      configuration (" DEFAULT_CONFIG " if it is there)\n"
    "  -i, --interface IFACE  capture live; may be given several times\n"
    "  -r, --read FILE...     replay captures into the spool and end when all is acknowledged; a\n"
    "                         directory stands for the files in it in name order\n"
    "      --sensor NAME      name of the sensor\n"
    "      --darknet PREFIX   what to count; may be given several times\n"
    "      --exclude PREFIX   addresses of it that are not darknet\n"
    "      --tunnel ADDRESS   where tunnels to this sensor end (GRE, ERSPAN, IP in IP, VXLAN): "
    "the\n"
    "                         packets inside are counted; may be given several times\n"
    "      --filter FILTER    what the kernel hands over of an interface: auto, what is for the "
    "darknet\n"
    "                         (the default); none, everything; or an expression of pcap-filter(7)\n"
    "      --spool DIR        where records wait (" DEFAULT_SPOOL ")\n"
    "      --aggregator ADDR  unix:///path; HOST:PORT, with TLS; plain://ADDRESS:PORT "
    "on\n"
    "                         loopback\n"
    "                         (" DEFAULT_AGGREGATOR ")\n"
    "  -h, --help             this text\n";

/* What configuration and command line say, as text. */
struct settings {
    char *name, *darknet, *exclude, *tunnels, *interfaces, *filter, *spool, *aggregator, *user;
    uint64_t snaplen, ring_mb, threads, retention_h, spool_max_mb, patience_s;
    bool promiscuous, sources, skew;
    char *metrics; /* where the page of metrics is served; NULL: nowhere */
    bool metrics_anywhere;
    char *option_darknet, *option_exclude, *option_tunnels, *option_interfaces;
    const char **paths;
    size_t path_count;
    const char *config;
};

static void settings_close(struct settings *settings)
{
    char **strings[] = {&settings->name,
                        &settings->darknet,
                        &settings->exclude,
                        &settings->tunnels,
                        &settings->interfaces,
                        &settings->spool,
                        &settings->aggregator,
                        &settings->option_darknet,
                        &settings->option_exclude,
                        &settings->option_tunnels,
                        &settings->option_interfaces,
                        &settings->filter,
                        &settings->metrics,
                        &settings->user};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        free(*strings[i]);
    free(settings->paths);
}

static void set(char **target, const char *value)
{
    free(*target);
    *target = strdup(value);
}

static void append(char **target, const char *value)
{
    char *joined = NULL;
    if (!*target)
        joined = strdup(value);
    else if (asprintf(&joined, "%s,%s", *target, value) < 0)
        joined = NULL;
    free(*target);
    *target = joined;
}

/* --- configuration and command line ----------------------------------------------------------- */

static int read_config(struct settings *settings, char *errmsg)
{
    const struct config_key keys[] = {
        {"sensor", "name", CONFIG_STRING, &settings->name, 0, 0},
        {"sensor", "darknet", CONFIG_LIST, &settings->darknet, 0, 0},
        {"sensor", "exclude", CONFIG_LIST, &settings->exclude, 0, 0},
        {"sensor", "user", CONFIG_STRING, &settings->user, 0, 0},
        {"capture", "interface", CONFIG_LIST, &settings->interfaces, 0, 0},
        {"capture", "tunnel", CONFIG_LIST, &settings->tunnels, 0, 0},
        {"capture", "filter", CONFIG_STRING, &settings->filter, 0, 0},
        {"capture", "snaplen", CONFIG_UINT, &settings->snaplen, 64, 262144},
        {"capture", "ring_mb", CONFIG_UINT, &settings->ring_mb, 1, 2047},
        {"capture", "threads", CONFIG_UINT, &settings->threads, 1, 64},
        {"capture", "promiscuous", CONFIG_BOOL, &settings->promiscuous, 0, 0},
        {"capture", "sources", CONFIG_BOOL, &settings->sources, 0, 0},
        {"alarms", "skew", CONFIG_BOOL, &settings->skew, 0, 0},
        {"spool", "dir", CONFIG_STRING, &settings->spool, 0, 0},
        {"spool", "retention_hours", CONFIG_UINT, &settings->retention_h, 0, 8760},
        {"spool", "max_mb", CONFIG_UINT, &settings->spool_max_mb, 64, 1 << 20},
        {"aggregator", "address", CONFIG_STRING, &settings->aggregator, 0, 0},
        {"aggregator", "patience_s", CONFIG_UINT, &settings->patience_s, 1, 7 * 86400},
        {"metrics", "listen", CONFIG_STRING, &settings->metrics, 0, 0},
        {"metrics", "anywhere", CONFIG_BOOL, &settings->metrics_anywhere, 0, 0},
        {0},
    };
    const char *environment = getenv("DARKCOUNT_CONFIG");
    const char *path = environment && *environment ? environment : NULL;
    if (settings->config)
        path = settings->config;
    if (!path && access(DEFAULT_CONFIG, F_OK) != 0)
        return 0;
    return config_read(path ? path : DEFAULT_CONFIG, keys, errmsg);
}

enum {
    OPTION_SENSOR = 256,
    OPTION_DARKNET,
    OPTION_EXCLUDE,
    OPTION_TUNNEL,
    OPTION_FILTER,
    OPTION_SPOOL,
    OPTION_AGGREGATOR
};

/* What the command line names wins over the file, so it is kept apart until the file was read. */
struct overrides {
    const char *name, *filter, *spool, *aggregator;
};

/* Every argument behind -r that is no option is a file. */
static void take_paths(struct settings *settings, int argc, char **argv)
{
    settings->paths[settings->path_count++] = optarg;
    while (optind < argc && (argv[optind][0] != '-' || argv[optind][1] == '\0'))
        settings->paths[settings->path_count++] = argv[optind++];
}

/* 0, 1 when help was printed, or ERR_INVALID after a message. */
static int read_options(struct settings *settings, struct overrides *over, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"interface", required_argument, NULL, 'i'},
        {"read", required_argument, NULL, 'r'},
        {"sensor", required_argument, NULL, OPTION_SENSOR},
        {"darknet", required_argument, NULL, OPTION_DARKNET},
        {"exclude", required_argument, NULL, OPTION_EXCLUDE},
        {"tunnel", required_argument, NULL, OPTION_TUNNEL},
        {"filter", required_argument, NULL, OPTION_FILTER},
        {"spool", required_argument, NULL, OPTION_SPOOL},
        {"aggregator", required_argument, NULL, OPTION_AGGREGATOR},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+c:i:r:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            settings->config = optarg;
            break;
        case 'i':
            append(&settings->option_interfaces, optarg);
            break;
        case 'r':
            take_paths(settings, argc, argv);
            break;
        case OPTION_SENSOR:
            over->name = optarg;
            break;
        case OPTION_DARKNET:
            append(&settings->option_darknet, optarg);
            break;
        case OPTION_EXCLUDE:
            append(&settings->option_exclude, optarg);
            break;
        case OPTION_TUNNEL:
            append(&settings->option_tunnels, optarg);
            break;
        case OPTION_FILTER:
            over->filter = optarg;
            break;
        case OPTION_SPOOL:
            over->spool = optarg;
            break;
        case OPTION_AGGREGATOR:
            over->aggregator = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            log_error("run: unknown option or missing value; try 'run --help'");
            return ERR_INVALID;
        }
    }
    if (optind < argc) {
        log_error("run: '%s' is one argument too many; try 'run --help'", argv[optind]);
        return ERR_INVALID;
    }
    return 0;
}

static void apply_overrides(struct settings *settings, const struct overrides *over)
{
    if (over->name)
        set(&settings->name, over->name);
    if (over->filter)
        set(&settings->filter, over->filter);
    if (over->spool)
        set(&settings->spool, over->spool);
    if (over->aggregator)
        set(&settings->aggregator, over->aggregator);
    if (settings->option_darknet)
        set(&settings->darknet, settings->option_darknet);
    if (settings->option_exclude)
        set(&settings->exclude, settings->option_exclude);
    if (settings->option_tunnels)
        set(&settings->tunnels, settings->option_tunnels);
    if (settings->option_interfaces)
        set(&settings->interfaces, settings->option_interfaces);
}

/* --- checks ----------------------------------------------------------------------------------- */

static int make_darknet(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    sensor->darknet = prefixset_new();
    if (!sensor->darknet)
        return ERR_NOMEM;
    int rc = prefixset_add(sensor->darknet, settings->darknet, errmsg);
    if (rc == 0 && settings->exclude)
        rc = prefixset_exclude(sensor->darknet, settings->exclude, errmsg);
    if (rc == 0)
        rc = prefixset_finish(sensor->darknet, errmsg);
    if (rc == 0 && prefixset_missed(sensor->darknet, errmsg))
        log_warn("%s", errmsg);
    if (rc == 0 && !(sensor->darknet_text = prefixset_text(sensor->darknet)))
        rc = ERR_NOMEM;
    return rc;
}

static int make_tunnels(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    if (!settings->tunnels)
        return 0;
    sensor->tunnels = prefixset_new();
    if (!sensor->tunnels)
        return ERR_NOMEM;
    int rc = prefixset_add(sensor->tunnels, settings->tunnels, errmsg);
    if (rc == 0)
        rc = prefixset_finish(sensor->tunnels, errmsg);
    if (rc == 0 && !(sensor->tunnels_text = prefixset_text(sensor->tunnels)))
        rc = ERR_NOMEM;
    return rc;
}

/* Splits the list of interfaces in place. */
static int split_interfaces(struct sensor *sensor, char *list, char *errmsg)
{
    char *rest = NULL;
    for (char *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (sensor->interface_count == SENSOR_INTERFACES_MAX)
            return err_set(errmsg, ERR_INVALID, "more than %d interfaces", SENSOR_INTERFACES_MAX);
        sensor->interfaces[sensor->interface_count++] = name;
    }
    return 0;
}

static void set_filter(struct sensor *sensor, const char *filter)
{
    sensor->filter_inventory = !filter || strcmp(filter, "auto") == 0;
    if (!sensor->filter_inventory && strcmp(filter, "none") != 0)
        sensor->filter = filter;
}

/* Turns settings into a sensor. ERR_INVALID is wrong usage. */
static int make_sensor(struct sensor *sensor, struct settings *settings, char *errmsg)
{
    if (!settings->name || !settings->darknet)
        return err_set(errmsg, ERR_INVALID,
                       "run: the sensor has no %s: give --%s or a configuration",
                       settings->name ? "darknet" : "name", settings->name ? "darknet" : "sensor");
    if (!sensor_name_valid(settings->name))
        return err_set(errmsg, ERR_INVALID,
                       "sensor name '%.80s': use 1 to %d letters, digits, '.', '_' and '-'",
                       settings->name, SENSOR_NAME_MAX);
    struct address address;
    if (address_parse(&address, settings->aggregator, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "aggregator");
    int rc = make_darknet(sensor, settings, errmsg);
    if (rc == 0)
        rc = make_tunnels(sensor, settings, errmsg);
    if (rc == 0 && settings->interfaces && settings->path_count == 0)
        rc = split_interfaces(sensor, settings->interfaces, errmsg);
    if (rc)
        return rc;
    if (settings->option_interfaces && settings->path_count > 0)
        return err_set(errmsg, ERR_INVALID, "run: -i and -r do not go together");
    sensor->name = settings->name;
    sensor->spool = settings->spool;
    sensor->aggregator = settings->aggregator;
    sensor->paths = settings->paths;
    sensor->path_count = settings->path_count;
    sensor->snaplen = settings->snaplen;
    sensor->ring_mb = settings->ring_mb;
    sensor->threads = settings->threads;
    sensor->promiscuous = settings->promiscuous;
    sensor->sources = settings->sources;
    sensor->skew = settings->skew;
    sensor->retention_h = settings->retention_h;
    sensor->spool_max_mb = settings->spool_max_mb;
    sensor->patience_s = settings->patience_s;
    set_filter(sensor, settings->filter);
    return 0;
}

/* --- running ---------------------------------------------------------------------------------- */

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    return set;
}

/* Before anything else: a sensor that is told to stop while it starts is to end as any other. The
 * signal waits until there is a descriptor to read it from. */
static void block_signals(void)
{
    sigset_t set = handled_signals();
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int open_signals(struct sensor *sensor, char *errmsg)
{
    sigset_t set = handled_signals();
    sensor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return sensor->signals >= 0 ? 0 : err_set(errmsg, ERR_IO, "signals: %s", strerror(errno));
}

/* Waits for the ship process: it delivers everything (a replay that was not stopped) or what it
 * can. */
static enum ship_result wait_for_ship(struct sensor *sensor, bool drain)
{
    enum ship_result result;
    int64_t deadline_ms = drain ? INT64_MAX : monotonic_ms() + STOP_WAIT_MS;
    child_note(sensor->child, drain ? SHIP_DRAIN : SHIP_STOP, NULL, 0);
    while (!child_ended(sensor->child, &result)) {
        if (monotonic_ms() >= deadline_ms) {
            log_error("the ship process does not end: ending it; its records stay in %s",
                      sensor->spool);
            return SHIP_WAITING;
        }
        struct pollfd fd = {.fd = sensor->signals, .events = POLLIN};
        poll(&fd, 1, 200);
        if (sensor_stopping(sensor) && deadline_ms == INT64_MAX) {
            deadline_ms = monotonic_ms() + STOP_WAIT_MS;
            child_note(sensor->child, SHIP_STOP, NULL, 0);
        }
    }
    return result;
}

static int run(struct sensor *sensor, char *errmsg)
{
    bool replay = sensor->path_count > 0;
    errmsg[0] = '\0';
    int rc = replay ? sensor_confine(sensor, NULL, 0, errmsg) : sensor_live(sensor, errmsg);
    if (rc == 0 && replay)
        rc = sensor_replay(sensor, errmsg);
    if (rc == ERR_STOPPED)
        err_set(errmsg, rc, "stopped before everything was counted: run the same again to go on");
    if (rc)
        log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    bool drain = replay && (rc == 0 || rc == ERR_DAMAGED);
    enum ship_result shipped = wait_for_ship(sensor, drain);
    if (shipped == SHIP_BROKEN || shipped == SHIP_REFUSED)
        return 1; /* the ship process said why */
    /* A live sensor that leaves records in its spool ended well; a replay promised to deliver. */
    return rc || (replay && shipped == SHIP_WAITING) ? 1 : 0;
}

/* The spool is made as the user that was started, then given away; what is in it is read only by
 * processes that have given up their privileges. */
static int start(struct sensor *sensor, const char *user, int metrics, char *errmsg)
{
    struct privilege *privilege = &sensor->privilege;
    int rc = open_signals(sensor, errmsg);
    if (rc == 0)
        rc = privilege_choose(privilege, user, sensor->spool, sensor->aggregator, errmsg);
    int lock = rc ? rc : spool_lock(sensor->spool, errmsg);
    if (lock < 0)
        return lock;
    struct ship_options options = {.spool = sensor->spool,
                                   .aggregator = sensor->aggregator,
                                   .retention_s = sensor->retention_h * 3600,
                                   .max_bytes = sensor->spool_max_mb << 20,
                                   .patience_s = sensor->patience_s,
                                   .privilege = privilege,
                                   .vitals = sensor->vitals,
                                   .metrics = metrics};
    rc = privilege_take_spool(privilege, sensor->spool, errmsg);
    if (rc == 0)
        rc = child_start(&sensor->child, &options, errmsg);
    if (rc)
        close(lock);
    return rc;
}

/* The descriptor on which the ship process will serve metrics, which opens none itself; 0: none. */
static int listen_for_metrics(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    if (!settings->metrics || !*settings->metrics)
        return 0;
    sensor->vitals = vitals_new();
    return sensor->vitals ? httpd_listen(settings->metrics, settings->metrics_anywhere, errmsg)
                          : err_set(errmsg, ERR_NOMEM, "metrics: %s", err_str(ERR_NOMEM));
}

static void sensor_forget(struct sensor *sensor)
{
    prefixset_free(sensor->darknet);
    prefixset_free(sensor->tunnels);
    free(sensor->darknet_text);
    free(sensor->tunnels_text);
}

static int run_settings(struct settings *settings, char *errmsg)
{
    struct sensor sensor = {.signals = -1};
    int status = 1, metrics = 0;
    int rc = make_sensor(&sensor, settings, errmsg);
    if (rc == 0 && sensor.interface_count == 0 && sensor.path_count == 0)
        rc = err_set(errmsg, ERR_INVALID, "run: nothing to capture: give -i IFACE or -r FILE");
    if (rc == 0)
        rc = sandbox_check(errmsg);
    if (rc == 0)
        rc = metrics = listen_for_metrics(&sensor, settings, errmsg);
    if (rc >= 0)
        rc = start(&sensor, settings->user, metrics, errmsg);
    if (metrics > 0)
        close(metrics); /* it is the ship process's */
    if (rc == 0)
        status = run(&sensor, errmsg);
    else
        log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    child_free(sensor.child);
    vitals_free(sensor.vitals);
    sensor_forget(&sensor);
    return rc == ERR_INVALID ? 2 : status;
}

/* What is not configured; room for so many files. */
static struct settings default_settings(size_t paths)
{
    return (struct settings){.spool = strdup(DEFAULT_SPOOL),
                             .aggregator = strdup(DEFAULT_AGGREGATOR),
                             .snaplen = 128,
                             .ring_mb = 64,
                             .threads = 1,
                             .sources = true,
                             .skew = true,
                             .retention_h = 24,
                             .spool_max_mb = 1024,
                             .patience_s = SHIP_PATIENCE_S,
                             .paths = calloc(paths, sizeof(char *))};
}

struct settings *run_describe(const char *config, struct sensor *sensor, const char **user,
                              char *errmsg)
{
    struct settings *settings = malloc(sizeof *settings);
    *sensor = (struct sensor){.signals = -1};
    if (!settings) {
        err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
        return NULL;
    }
    *settings = default_settings(1);
    settings->config = config;
    int rc = read_config(settings, errmsg);
    if (rc == 0)
        rc = make_sensor(sensor, settings, errmsg);
    *user = settings->user;
    if (rc == 0)
        return settings;
    run_forget(settings, sensor);
    return NULL;
}

void run_forget(struct settings *settings, struct sensor *sensor)
{
    sensor_forget(sensor);
    settings_close(settings);
    free(settings);
}

int run_main(int argc, char **argv)
{
    block_signals();
    char errmsg[ERRMSG_SIZE] = "";
    struct overrides over = {0};
    struct settings settings = default_settings((size_t)argc + 1);
    int status = 1, rc = settings.paths ? read_options(&settings, &over, argc, argv) : ERR_NOMEM;
    if (rc == 0) {
        rc = read_config(&settings, errmsg);
        apply_overrides(&settings, &over);
        if (rc)
            log_error("%s", errmsg);
        else
            status = run_settings(&settings, errmsg);
    } else {
        status = rc == 1 ? output_finish() : 2;
    }
    settings_close(&settings);
    return status;
}

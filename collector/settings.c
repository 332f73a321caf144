#include "collector/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ship.h"
#include "common/config.h"
#include "common/err.h"
#include "common/log.h"

#define DEFAULT_CONFIG     "/etc/darkcount/collector.conf"
#define DEFAULT_SPOOL      "/var/spool/darkcount"
#define DEFAULT_AGGREGATOR "unix:///var/lib/darkcount/aggregator.sock"

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

int settings_init(struct settings *settings, size_t paths)
{
    *settings = (struct settings){.spool = strdup(DEFAULT_SPOOL),
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
    return settings->paths ? 0 : ERR_NOMEM;
}

void settings_close(struct settings *settings)
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

/* --- the command line ------------------------------------------------------------------------- */

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

enum {
    OPTION_SENSOR = 256,
    OPTION_DARKNET,
    OPTION_EXCLUDE,
    OPTION_TUNNEL,
    OPTION_FILTER,
    OPTION_SPOOL,
    OPTION_AGGREGATOR
};

/* Every argument behind -r that is no option is a file. */
static void take_paths(struct settings *settings, int argc, char **argv)
{
    settings->paths[settings->path_count++] = optarg;
    while (optind < argc && (argv[optind][0] != '-' || argv[optind][1] == '\0'))
        settings->paths[settings->path_count++] = argv[optind++];
}

int settings_options(struct settings *settings, int argc, char **argv)
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
            settings->option_name = optarg;
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
            settings->option_filter = optarg;
            break;
        case OPTION_SPOOL:
            settings->option_spool = optarg;
            break;
        case OPTION_AGGREGATOR:
            settings->option_aggregator = optarg;
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

/* --- the configuration ------------------------------------------------------------------------ */

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

static void set(char **target, const char *value)
{
    free(*target);
    *target = strdup(value);
}

/* What the command line names wins over the file. */
static void apply_options(struct settings *settings)
{
    if (settings->option_name)
        set(&settings->name, settings->option_name);
    if (settings->option_filter)
        set(&settings->filter, settings->option_filter);
    if (settings->option_spool)
        set(&settings->spool, settings->option_spool);
    if (settings->option_aggregator)
        set(&settings->aggregator, settings->option_aggregator);
    if (settings->option_darknet)
        set(&settings->darknet, settings->option_darknet);
    if (settings->option_exclude)
        set(&settings->exclude, settings->option_exclude);
    if (settings->option_tunnels)
        set(&settings->tunnels, settings->option_tunnels);
    if (settings->option_interfaces)
        set(&settings->interfaces, settings->option_interfaces);
}

int settings_config(struct settings *settings, char *errmsg)
{
    int rc = read_config(settings, errmsg);
    if (rc == 0)
        apply_options(settings);
    return rc;
}

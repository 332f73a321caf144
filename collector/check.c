#include "collector/check.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "collector/credentials.h"
#include "collector/joining.h"
#include "collector/kernelfilter.h"
#include "collector/settings.h"
#include "common/checks.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"

#define LINKTYPE_ETHERNET 1 /* of nearly every interface that a sensor has: DLT_EN10MB */
#define WARN_S            (20 * INT64_C(86400)) /* a running sensor renews 30 days before the end */

static const char usage[] =
    "usage: darkcount-collector check [-c FILE]\n"
    "\n"
    "Looks at everything that the sensor needs and prints a line for each: configuration, "
    "darknet,\n"
    "spool, interfaces, the kernel's filter, credentials, clock, aggregator. Changes nothing, but "
    "for\n"
    "the test record, which adds to no figure, by which the aggregator's store is tried. Ends "
    "with\n"
    "1 when a line begins with FAIL. Some of it can be seen as root only, and says so.\n"
    "\n"
    "  -c, --config FILE      configuration (/etc/darkcount/collector.conf)\n"
    "  -h, --help             this text\n";

/* --- spool ------------------------------------------------------------------------------------ */

static void check_room(struct checks *checks, const struct sensor *sensor, const char *path)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0) {
        checks_say(checks, CHECK_FAIL, "spool", "%s: %s", path, strerror(errno));
        return;
    }
    uint64_t free_mb = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    if (free_mb < sensor->spool_max_mb)
        checks_say(checks, CHECK_WARN, "spool room",
                   "%ju MB are free on the disk of %s and the spool may take %ju; make room, or "
                   "set a smaller max_mb in [spool]",
                   (uintmax_t)free_mb, path, (uintmax_t)sensor->spool_max_mb);
    else
        checks_say(checks, CHECK_OK, "spool room", "%ju MB are free, and the spool may take %ju",
                   (uintmax_t)free_mb, (uintmax_t)sensor->spool_max_mb);
}

/* A directory that is not there is made by the first start. */
static void check_missing_spool(struct checks *checks, const struct sensor *sensor)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%.4000s", sensor->spool);
    const char *parent = dirname(copy);
    if (access(parent, W_OK | X_OK) != 0) {
        checks_say(checks, CHECK_FAIL, "spool", "%s is not there and cannot be made: %s: %s",
                   sensor->spool, parent, strerror(errno));
        return;
    }
    checks_say(checks, CHECK_OK, "spool", "%s is not there yet and will be made", sensor->spool);
    check_room(checks, sensor, parent);
}

/* Root's directory is given to the user of the sensor when it starts. */
static bool spool_writable(const struct sensor *sensor, const struct stat *info)
{
    const struct privilege *privilege = &sensor->privilege;
    if (geteuid() != 0)
        return access(sensor->spool, W_OK | X_OK) == 0;
    return !privilege->change || info->st_uid == 0 || info->st_uid == privilege->uid;
}

static void check_spool(struct checks *checks, struct sensor *sensor, const char *user)
{
    char errmsg[ERRMSG_SIZE];
    struct stat info;
    if (privilege_choose(&sensor->privilege, user, sensor->spool, sensor->aggregator, errmsg)) {
        checks_say(checks, CHECK_FAIL, "spool", "%s", errmsg);
        return;
    }
    if (stat(sensor->spool, &info) != 0) {
        check_missing_spool(checks, sensor);
        return;
    }
    if (!S_ISDIR(info.st_mode))
        checks_say(checks, CHECK_FAIL, "spool", "%s is no directory; set another dir in [spool]",
                   sensor->spool);
    else if (!spool_writable(sensor, &info))
        checks_say(checks, CHECK_FAIL, "spool",
                   "%s belongs to user %u and cannot be written to; chown -R it to %s, or run "
                   "this as the sensor's user",
                   sensor->spool, (unsigned)info.st_uid,
                   *sensor->privilege.user ? sensor->privilege.user : "the sensor's user");
    else
        checks_say(checks, CHECK_OK, "spool", "%s can be written to", sensor->spool);
    check_room(checks, sensor, sensor->spool);
}

/* --- interfaces ------------------------------------------------------------------------------- */

static bool is_up(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    bool up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
              (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
    if (fd >= 0)
        close(fd);
    return up;
}

static void check_interface(struct checks *checks, const char *name)
{
    if (strcmp(name, "any") == 0)
        checks_say(checks, CHECK_OK, "interface", "any stands for all");
    else if (if_nametoindex(name) == 0)
        checks_say(checks, CHECK_FAIL, "interface", "%s: there is none of that name; see 'ip link'",
                   name);
    else if (!is_up(name))
        checks_say(checks, CHECK_WARN, "interface",
                   "%s is down or has no carrier, so nothing is observed; 'ip link set %s up'",
                   name, name);
    else
        checks_say(checks, CHECK_OK, "interface", "%s is up", name);
}

/* Whether the process may capture: the socket that it would need, or -1. It receives nothing. */
static int check_capture(struct checks *checks)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        checks_say(checks, CHECK_OK, "capture", "interfaces can be opened");
    else if (errno == EPERM && geteuid() != 0)
        checks_say(checks, CHECK_WARN, "capture",
                   "whether interfaces can be opened is seen as root only; run this as root");
    else
        checks_say(checks, CHECK_FAIL, "capture",
                   "interfaces cannot be opened: %s; start the sensor as root or with CAP_NET_RAW",
                   strerror(errno));
    return fd;
}

/* Asks the kernel where that is allowed, or makes the program as large as it may be at most. */
static void check_filter(struct checks *checks, const struct sensor *sensor, int fd)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    const struct kernelfilter_options options = {.darknet = sensor->darknet,
                                                 .tunnels = sensor->tunnels,
                                                 .linktype = LINKTYPE_ETHERNET,
                                                 .snaplen = (uint32_t)sensor->snaplen,
                                                 .max = KERNELFILTER_MAX};
    int rc = ERR_NOMEM;
    if (filter)
        rc = fd >= 0 ? kernelfilter_make_accepted(filter, &options, fd)
                     : kernelfilter_make(filter, &options);
    if (rc)
        checks_say(checks, CHECK_WARN, "kernel filter",
                   "cannot be used, so every packet reaches the sensor: %s; raise "
                   "net.core.optmem_max",
                   err_str(rc));
    else if (filter->extra > 0)
        checks_say(checks, CHECK_WARN, "kernel filter",
                   "lets packets to %.0f addresses beside the darknet through, to fit; raise "
                   "net.core.optmem_max if they are many packets",
                   filter->extra);
    else
        checks_say(checks, CHECK_OK, "kernel filter", "fits, with %zu instructions", filter->count);
    free(filter);
}

static void check_interfaces(struct checks *checks, const struct sensor *sensor)
{
    if (sensor->interface_count == 0) {
        checks_say(checks, CHECK_WARN, "interface",
                   "none is configured: the sensor can only replay files; set interface in "
                   "[capture]");
        return;
    }
    for (size_t i = 0; i < sensor->interface_count; i++)
        check_interface(checks, sensor->interfaces[i]);
    int fd = check_capture(checks);
    if (sensor->filter_inventory)
        check_filter(checks, sensor, fd);
    if (fd >= 0)
        close(fd);
}

/* --- aggregator ------------------------------------------------------------------------------- */

static void check_mode(struct checks *checks, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && info.st_mode & 077)
        checks_say(checks, CHECK_FAIL, "credentials",
                   "%s: others may read the key; chmod 600 it, and have the sensor replaced if "
                   "somebody did ('darkcount-aggregator sensor replace')",
                   path);
    else
        checks_say(checks, CHECK_OK, "credentials", "%s is the sensor's alone", path);
}

/* The credentials, to be freed; NULL when there are none that are any good. */
static char *check_credentials(struct checks *checks, const struct sensor *sensor)
{
    char path[PATH_MAX], errmsg[ERRMSG_SIZE];
    struct cert_facts facts;
    char *identity = credentials_read(sensor->spool, errmsg);
    if (!identity) {
        checks_say(checks, CHECK_FAIL, "credentials", "%s", errmsg);
        return NULL;
    }
    credentials_path(path, sensor->spool);
    check_mode(checks, path);
    if (cert_read(identity, &facts, errmsg) != 0) {
        checks_say(checks, CHECK_FAIL, "certificate", "%s; have the sensor replaced", errmsg);
        free(identity);
        return NULL;
    }
    if (strcmp(facts.name, sensor->name) != 0)
        checks_say(checks, CHECK_FAIL, "certificate",
                   "is of sensor %s and the configuration of %s; set name in [sensor]", facts.name,
                   sensor->name);
    checks_certificate(checks, "certificate", &facts, WARN_S,
                       "a running sensor renews it; if it is too late, 'darkcount-aggregator "
                       "sensor replace' invites it again");
    return identity;
}

/* The line has it in front already. */
static const char *without_subject(const char *errmsg)
{
    size_t size = strlen("aggregator");
    return strncmp(errmsg, "aggregator", size) == 0 ? errmsg + size + strspn(errmsg + size, ": ")
                                                    : errmsg;
}

static void say_aggregator(struct checks *checks, const struct address *address, int rc,
                           const char *errmsg)
{
    if (rc == ERR_UNREACHABLE)
        checks_say(checks, CHECK_FAIL, "aggregator",
                   "%s; is it running, and is the way to it open?", without_subject(errmsg));
    else if (rc == ERR_FULL)
        checks_say(checks, CHECK_WARN, "aggregator", "%s is busy: %s; try again later",
                   address->shown, without_subject(errmsg));
    else if (rc)
        checks_say(checks, CHECK_FAIL, "aggregator", "%s: %s", address->shown,
                   without_subject(errmsg));
    else if (address->kind == ADDRESS_TLS)
        checks_say(checks, CHECK_OK, "aggregator",
                   "%s lets this sensor in, over TLS, and a test record came back from its store",
                   address->shown);
    else
        checks_say(checks, CHECK_OK, "aggregator",
                   "%s greets; in the clear, nothing beyond that is tried", address->shown);
}

/* In the clear anybody may open an epoch of any name, and a test record would make that name known to
 * the store: there the aggregator is only greeted. */
static void check_aggregator(struct checks *checks, const struct sensor *sensor)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct address address;
    if (address_parse(&address, sensor->aggregator, NULL) != 0)
        return; /* settings_sensor has refused it */
    char *identity = address.kind == ADDRESS_TLS ? check_credentials(checks, sensor) : NULL;
    if (address.kind == ADDRESS_TLS && !identity) {
        checks_say(checks, CHECK_FAIL, "aggregator", "%s: without credentials nobody is let in",
                   address.shown);
        return;
    }
    int rc = identity
                 ? joining_prove(&address, identity, sensor->name, sensor->darknet_text, errmsg)
                 : joining_greet(&address, errmsg);
    say_aggregator(checks, &address, rc, errmsg);
    if (identity)
        explicit_bzero(identity, strlen(identity));
    free(identity);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void check_darknet(struct checks *checks, const struct sensor *sensor)
{
    double size = prefixset_size(sensor->darknet);
    checks_say(checks, CHECK_OK, "darknet", "%.0f addresses of sensor %s", size, sensor->name);
}

static int check(const char *config)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct checks checks = {.out = stdout};
    struct sensor sensor;
    struct settings *settings = settings_describe(config, &sensor, errmsg);
    if (!settings) {
        checks_say(&checks, CHECK_FAIL, "configuration", "%s", errmsg);
    } else {
        checks_say(&checks, CHECK_OK, "configuration", "is understood");
        check_darknet(&checks, &sensor);
        check_spool(&checks, &sensor, settings->user);
        check_interfaces(&checks, &sensor);
        checks_clock(&checks);
        check_aggregator(&checks, &sensor);
        settings_forget(settings, &sensor);
    }
    return checks_finish(&checks);
}

int check_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *config = NULL;
    int option;
    signal(SIGPIPE, SIG_IGN);
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return output_finish();
        }
        if (option != 'c') {
            log_error("check: unknown option or missing value; try 'check --help'");
            return 2;
        }
        config = optarg;
    }
    if (optind < argc) {
        log_error("check: '%.80s' is one argument too many", argv[optind]);
        return 2;
    }
    return check(config);
}

#include "aggregator/check.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/ca.h"
#include "aggregator/listen.h"
#include "aggregator/options.h"
#include "aggregator/registry.h"
#include "aggregator/state.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/textfile.h"

#define CA_WARN_S     (365 * INT64_C(86400))
#define SENSOR_WARN_S (20 * INT64_C(86400)) /* sensors renew 30 days before the end */

static const char usage[] =
    "usage: darkcount-aggregator check [-c FILE] [--state DIR] [--store URL]\n"
    "\n"
    "Looks at everything that the aggregator needs and prints a line for each: configuration, "
    "state\n"
    "directory, authority and certificates, addresses, clock, and the store: version, what an\n"
    "acknowledgement means with its persistence, eviction, function library, permissions. Changes\n"
    "nothing. Ends with 1 when a line begins with FAIL.\n"
    "\n"
    "  -c, --config FILE     configuration (default " OPTIONS_CONFIG ", where there is one)\n"
    "      --state DIR       state directory (default " OPTIONS_STATE ")\n"
    "      --store URL       the store, if it is not the configured one\n"
    "  -h, --help            print this\n";

/* --- the state directory ---------------------------------------------------------------------- */

/* Whether an aggregator holds the state directory: its lock, which this does not touch, is among the
 * system's. */
static bool is_running(const char *state)
{
    char path[PATH_MAX], line[256], id[64];
    struct stat info;
    bool found = false;
    snprintf(path, sizeof path, "%.4000s/" STATE_LOCK, state);
    FILE *locks = stat(path, &info) == 0 ? fopen("/proc/locks", "re") : NULL;
    if (!locks)
        return false;
    snprintf(id, sizeof id, "%02x:%02x:%ju ", major(info.st_dev), minor(info.st_dev),
             (uintmax_t)info.st_ino);
    while (!found && fgets(line, sizeof line, locks))
        found = strstr(line, "FLOCK") && strstr(line, id);
    fclose(locks);
    return found;
}

static void check_state(struct checks *checks, const char *state)
{
    struct stat info;
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%.4000s", state);
    if (stat(state, &info) != 0 && access(dirname(copy), W_OK | X_OK) == 0)
        checks_say(checks, CHECK_OK, "state", "%s is not there yet and will be made", state);
    else if (stat(state, &info) != 0)
        checks_say(checks, CHECK_FAIL, "state", "%s: %s; make it, or name another with --state",
                   state, strerror(errno));
    else if (info.st_mode & 022)
        checks_say(checks, CHECK_FAIL, "state",
                   "%s: others may write there, and it decides who is let in; chmod go-w it",
                   state);
    else if (access(state, R_OK | W_OK | X_OK) != 0)
        checks_say(checks, CHECK_FAIL, "state",
                   "%s belongs to user %u: %s; run this as that user or as root", state,
                   (unsigned)info.st_uid, strerror(errno));
    else
        checks_say(checks, CHECK_OK, "state", "%s%s", state,
                   is_running(state) ? ", where an aggregator is running" : "");
}

/* --- certificates ----------------------------------------------------------------------------- */

static void check_authority(struct checks *checks, const char *state)
{
    char path[PATH_MAX], errmsg[ERRMSG_SIZE];
    struct cert_facts facts;
    struct stat info;
    int rc;
    snprintf(path, sizeof path, "%.4000s/" CA_FILE, state);
    char *text = textfile_read(path, &rc, errmsg);
    if (!text && rc == ERR_UNKNOWN)
        checks_say(checks, CHECK_OK, "authority", "is not there yet: the first use makes it");
    else if (!text || cert_read(text, &facts, errmsg) != 0)
        checks_say(checks, CHECK_FAIL, "authority",
                   "%s; restore it from a backup, or else all sensors have to join again", errmsg);
    else if (stat(path, &info) == 0 && info.st_mode & 077)
        checks_say(checks, CHECK_FAIL, "authority", "%s: others may read its key; chmod 600 it",
                   path);
    else
        checks_certificate(checks, "authority", &facts, CA_WARN_S,
                           "a new one has to be made and all sensors have to join again");
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void check_sensor(struct checks *checks, const struct enrolment *sensor, int64_t now_s)
{
    char until[32];
    calendar_rfc3339(sensor->until_s, until);
    if (sensor->revoked || !*sensor->serial || sensor->until_s - now_s >= SENSOR_WARN_S)
        return;
    checks_say(checks, CHECK_WARN, "sensor",
               "%s: its certificate %s on %s, and it has not renewed it; is it running? 'sensor "
               "replace %s' invites it again",
               sensor->name, now_s < sensor->until_s ? "ends" : "ended", until, sensor->name);
}

static void check_sensors(struct checks *checks, const char *state)
{
    char errmsg[ERRMSG_SIZE];
    struct enrolment *list;
    size_t count;
    if (registry_list(state, &list, &count, errmsg) != 0) {
        checks_say(checks, CHECK_FAIL, "sensors", "%s", errmsg);
        return;
    }
    checks_say(checks, CHECK_OK, "sensors", "%zu in the registry", count);
    for (size_t i = 0; i < count; i++)
        check_sensor(checks, &list[i], time(NULL));
    registry_list_free(list, count);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* 0 when it could be listened on, or errno. The socket never listens. */
static int try_bind(const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    socklen_t size =
        name->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int yes = 1, fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    int errnum = bind(fd, name, size) == 0 ? 0 : errno;
    close(fd);
    return errnum;
}

/* A Unix socket: whether somebody answers. */
static int try_connect(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(name.sun_path, path);
    int errnum =
        fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0 ? EADDRINUSE : 0;
    if (fd >= 0)
        close(fd);
    return errnum;
}

static void check_address(struct checks *checks, const char *text, bool running)
{
    char errmsg[ERRMSG_SIZE];
    struct address address;
    if (listen_parse(&address, text, errmsg) != 0) {
        checks_say(checks, CHECK_FAIL, "listen", "%s", errmsg);
        return;
    }
    int errnum = address.kind == ADDRESS_UNIX ? try_connect(address.path) : try_bind(&address);
    if (errnum == 0)
        checks_say(checks, running ? CHECK_WARN : CHECK_OK, "listen", "%s is free%s", address.shown,
                   running ? ", though an aggregator is running; restart it to listen there" : "");
    else if (errnum == EADDRINUSE && running)
        checks_say(checks, CHECK_OK, "listen", "%s is served", address.shown);
    else if (errnum == EADDRINUSE)
        checks_say(checks, CHECK_FAIL, "listen",
                   "%s: another program listens there; end it, or set another address",
                   address.shown);
    else
        checks_say(checks, CHECK_FAIL, "listen", "%s: %s; set an address of this machine",
                   address.shown, strerror(errnum));
}

static void check_listen(struct checks *checks, const struct options *options)
{
    char *list = strdup(options->listen), *rest = list;
    bool running = is_running(options->state);
    for (char *text; list && (text = strsep(&rest, ",")) != NULL;) {
        text += strspn(text, " \t");
        text[strcspn(text, " \t")] = '\0';
        check_address(checks, text, running);
    }
    free(list);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* A private store is there while the aggregator runs, and runs as that starts it. */
static void check_stores(struct checks *checks, const struct options *options)
{
    char errmsg[ERRMSG_SIZE];
    struct storeurl url;
    if (options_storeurl(options, &url, errmsg) != 0)
        checks_say(checks, CHECK_FAIL, "store", "%s", errmsg);
    else if (*options->store || is_running(options->state))
        check_store(checks, &url, options->timezone, &options->durability);
    else
        checks_say(
            checks, CHECK_OK, "store",
            "a redis-server of its own, which the aggregator starts with appendfsync always: "
            "an acknowledged record is on disk");
}

static void check_all(struct checks *checks, const struct options *options)
{
    check_state(checks, options->state);
    check_authority(checks, options->state);
    check_sensors(checks, options->state);
    check_listen(checks, options);
    checks_clock(checks);
    check_stores(checks, options);
}

static int check(const char *config, const char *state, const char *store)
{
    char errmsg[ERRMSG_SIZE];
    struct checks checks = {.out = stdout};
    struct options options;
    if (options_load(&options, config, state, store, errmsg) != 0 ||
        calendar_init(options.timezone, errmsg) != 0) {
        checks_say(&checks, CHECK_FAIL, "configuration", "%s", errmsg);
    } else {
        checks_say(&checks, CHECK_OK, "configuration", "is understood");
        check_all(&checks, &options);
    }
    options_close(&options);
    return checks_finish(&checks);
}

int check_command(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"state", required_argument, NULL, 's'},
                                            {"store", required_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *given[128] = {NULL};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return output_finish();
        }
        if (option == '?') {
            log_error("check: unknown option or missing value; try check --help");
            return 2;
        }
        given[option] = optarg;
    }
    if (optind < argc) {
        log_error("check: '%.80s' is one argument too many", argv[optind]);
        return 2;
    }
    return check(given['c'], given['s'], given['u']);
}

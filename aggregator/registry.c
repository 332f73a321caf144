#include "aggregator/registry.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/state.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/err.h"
#include "common/textfile.h"

#define LOCK_FILE   "sensors.lock"
#define LOCK_TRY_MS 20
#define SUFFIX      ".conf"

void enrolment_close(struct enrolment *enrolment)
{
    free(enrolment->darknet);
    *enrolment = (struct enrolment){0};
}

/* The directory, or the file of a sensor in it. */
static void path_of(char path[PATH_MAX], const char *state, const char *name)
{
    snprintf(path, PATH_MAX, "%.3900s/%s%s%s%s", state, REGISTRY_DIRECTORY, name ? "/" : "",
             name ? name : "", name ? SUFFIX : "");
}

/* --- locking ---------------------------------------------------------------------------------- */

/* Root gives what it makes to the owner of the state directory, as whom the aggregator runs. */
static int give(const char *state, const char *path, char *errmsg)
{
    struct stat owner;
    if (geteuid() != 0 || stat(state, &owner) != 0 || owner.st_uid == 0 ||
        lchown(path, owner.st_uid, owner.st_gid) == 0)
        return 0;
    return err_set(errmsg, ERR_IO, "give %s to the owner of %s: %s", path, state, strerror(errno));
}

static int make_directory(const char *state, char *errmsg)
{
    char path[PATH_MAX];
    path_of(path, state, NULL);
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST
                   ? 0
                   : err_set(errmsg, err_from_errno(errno), "make %s: %s", path, strerror(errno));
    return give(state, path, errmsg);
}

int registry_lock(const char *state, int wait_ms, char *errmsg)
{
    const struct timespec pause = {0, LOCK_TRY_MS * 1000000};
    int rc = make_directory(state, errmsg);
    if (rc)
        return rc;
    int fd = state_lock(state, LOCK_FILE, errmsg);
    for (int waited = 0; fd == ERR_STALE && waited < wait_ms; waited += LOCK_TRY_MS) {
        nanosleep(&pause, NULL);
        fd = state_lock(state, LOCK_FILE, errmsg);
    }
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/%s", state, LOCK_FILE);
    rc = fd < 0 ? 0 : give(state, path, errmsg);
    if (rc)
        close(fd);
    return rc ? rc : fd;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Copies what a file says into a field of fixed size; false when it is too long. */
static bool take(char *field, size_t size, const char *text)
{
    if (text && strlen(text) >= size)
        return false;
    strcpy(field, text ? text : "");
    return true;
}

int registry_read(const char *state, const char *name, struct enrolment *enrolment, char *errmsg)
{
    char path[PATH_MAX], *serial = NULL, *next = NULL, *token = NULL;
    uint64_t from = 0, until = 0, token_until = 0;
    *enrolment = (struct enrolment){0};
    const struct config_key keys[] = {
        {"sensor", "darknet", CONFIG_LIST, &enrolment->darknet, 0, 0},
        {"sensor", "from", CONFIG_UINT, &from, 0, INT64_MAX},
        {"sensor", "revoked", CONFIG_BOOL, &enrolment->revoked, 0, 0},
        {"certificate", "serial", CONFIG_STRING, &serial, 0, 0},
        {"certificate", "next", CONFIG_STRING, &next, 0, 0},
        {"certificate", "until", CONFIG_UINT, &until, 0, INT64_MAX},
        {"token", "hash", CONFIG_STRING, &token, 0, 0},
        {"token", "until", CONFIG_UINT, &token_until, 0, INT64_MAX},
        {0},
    };
    path_of(path, state, name);
    if (!sensor_name_valid(name) || access(path, F_OK) != 0)
        return err_set(errmsg, ERR_UNKNOWN, "sensor %.64s: is not enrolled", name);
    int rc = config_read(path, keys, errmsg);
    if (rc == 0 &&
        (!enrolment->darknet || !take(enrolment->serial, sizeof enrolment->serial, serial) ||
         !take(enrolment->next, sizeof enrolment->next, next) ||
         !take(enrolment->token, sizeof enrolment->token, token)))
        rc = err_set(errmsg, ERR_INVALID, "%s: is not as it was written", path);
    free(serial);
    free(next);
    free(token);
    strcpy(enrolment->name, name);
    enrolment->from_s = (int64_t)from;
    enrolment->until_s = (int64_t)until;
    enrolment->token_until_s = (int64_t)token_until;
    if (rc)
        enrolment_close(enrolment);
    return rc;
}

/* One key a prefix: a line of a configuration has a greatest length. */
static char *darknet_lines(const char *list)
{
    struct buf lines;
    buf_init(&lines);
    while (*list) {
        size_t size = strcspn(list, ",");
        buf_put(&lines, "darknet = ", 10);
        buf_put(&lines, list, size);
        buf_put_u8(&lines, '\n');
        list += size + (list[size] == ',');
    }
    buf_put_u8(&lines, 0);
    if (!lines.failed)
        return (char *)lines.bytes;
    buf_close(&lines);
    return NULL;
}

int registry_write(const char *state, const struct enrolment *enrolment, char *errmsg)
{
    char path[PATH_MAX], *text = NULL, *darknet = darknet_lines(enrolment->darknet);
    path_of(path, state, enrolment->name);
    if (!darknet || asprintf(&text,
                             "[sensor]\n%sfrom = %" PRId64 "\nrevoked = %s\n\n"
                             "[certificate]\nserial = %s\nnext = %s\nuntil = %" PRId64 "\n\n"
                             "[token]\nhash = %s\nuntil = %" PRId64 "\n",
                             darknet, enrolment->from_s, enrolment->revoked ? "yes" : "no",
                             enrolment->serial, enrolment->next, enrolment->until_s,
                             enrolment->token, enrolment->token_until_s) < 0)
        text = NULL;
    free(darknet);
    int rc = text ? textfile_replace(path, text, 0600, errmsg)
                  : err_set(errmsg, ERR_NOMEM, "write %s: %s", path, err_str(ERR_NOMEM));
    free(text);
    return rc;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct enrolment *)a)->name, ((const struct enrolment *)b)->name);
}

static int add(const char *state, const char *name, struct enrolment **list, size_t *count,
               char *errmsg)
{
    struct enrolment *more = realloc(*list, (*count + 1) * sizeof *more);
    if (!more)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    *list = more;
    int rc = registry_read(state, name, &more[*count], errmsg);
    *count += rc == 0;
    return rc;
}

int registry_list(const char *state, struct enrolment **list, size_t *count, char *errmsg)
{
    char path[PATH_MAX];
    int rc = 0;
    *list = NULL;
    *count = 0;
    path_of(path, state, NULL);
    DIR *directory = opendir(path);
    if (!directory)
        return errno == ENOENT ? 0 : err_set(errmsg, ERR_IO, "read %s: %s", path, strerror(errno));
    for (struct dirent *entry; rc == 0 && (entry = readdir(directory));) {
        size_t size = strlen(entry->d_name), suffix = strlen(SUFFIX);
        bool whole = size > suffix && strcmp(entry->d_name + size - suffix, SUFFIX) == 0;
        entry->d_name[whole ? size - suffix : size] = '\0';
        if (whole && sensor_name_valid(entry->d_name))
            rc = add(state, entry->d_name, list, count, errmsg);
    }
    closedir(directory);
    if (rc) {
        registry_list_free(*list, *count);
        *list = NULL;
        *count = 0;
    } else if (*count > 1) {
        qsort(*list, *count, sizeof **list, compare);
    }
    return rc;
}

void registry_list_free(struct enrolment *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        enrolment_close(&list[i]);
    free(list);
}

/* --- admission -------------------------------------------------------------------------------- */

static bool refuse_as(struct frame_refuse *refuse, enum refuse_code code, bool final,
                      const char *format, ...)
{
    va_list args;
    *refuse = (struct frame_refuse){.code = code, .final = final};
    va_start(args, format);
    vsnprintf(refuse->text, sizeof refuse->text, format, args);
    va_end(args);
    return false;
}

/* Reads the sensor's file and looks at its certificate. */
static bool admits(const char *state, const struct cert_facts *facts, struct enrolment *enrolment,
                   struct frame_refuse *refuse)
{
    char errmsg[ERRMSG_SIZE];
    int rc = registry_read(state, facts->name, enrolment, errmsg);
    if (rc)
        return refuse_as(refuse, rc == ERR_UNKNOWN ? REFUSE_CERTIFICATE : REFUSE_STORE, false,
                         "%.400s", errmsg);
    if (enrolment->revoked)
        return refuse_as(refuse, REFUSE_CERTIFICATE, false,
                         "the certificate of sensor %s was revoked: 'sensor replace' invites it "
                         "again",
                         facts->name);
    if (strcmp(facts->serial, enrolment->serial) == 0 ||
        strcmp(facts->serial, enrolment->next) == 0)
        return true;
    return refuse_as(refuse, REFUSE_CERTIFICATE, false,
                     "another certificate took the place of this one of sensor %s: 'sensor "
                     "replace' invites it again",
                     facts->name);
}

bool registry_admits(const char *state, const struct cert_facts *facts, struct frame_refuse *refuse)
{
    struct enrolment enrolment;
    bool admitted = admits(state, facts, &enrolment, refuse);
    enrolment_close(&enrolment);
    return admitted;
}

static bool is_own(const struct enrolment *enrolment, struct frame_open *open,
                   struct frame_refuse *refuse)
{
    if (strcmp(open->sensor, enrolment->name) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "this is sensor %s, as its certificate says, and it delivers as %s",
                         enrolment->name, open->sensor);
    if (strcmp(open->darknet, enrolment->darknet) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "sensor %s is enrolled for the darknet %.160s, not %.160s",
                         enrolment->name, enrolment->darknet, open->darknet);
    open->from_s = enrolment->from_s;
    return true;
}

bool registry_opens(const char *state, const struct cert_facts *facts, struct frame_open *open,
                    struct frame_refuse *refuse)
{
    struct enrolment enrolment;
    bool admitted = admits(state, facts, &enrolment, refuse) && is_own(&enrolment, open, refuse);
    enrolment_close(&enrolment);
    return admitted;
}

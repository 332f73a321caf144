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
#include "common/calendar.h"
#include "common/config.h"
#include "common/err.h"
#include "common/textfile.h"

#define LOCK_FILE   "sensors.lock"
#define LOCK_TRY_MS 20
#define SUFFIX      ".conf"

void enrolment_close(struct enrolment *enrolment)
{
    inventory_close(&enrolment->inventory);
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

/* The file has the first version as a darknet and the time it is from, and what followed line by line. */
static int take_inventory(struct inventory *inventory, uint64_t from_s, const char *darknet,
                          const char *later, char *errmsg)
{
    char *text = NULL;
    if (asprintf(&text, "%" PRIu64 "=%s,%s", from_s, darknet ? darknet : "", later ? later : "") <
        0)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    int rc = inventory_parse(inventory, text, errmsg);
    free(text);
    return rc;
}

int registry_read(const char *state, const char *name, struct enrolment *enrolment, char *errmsg)
{
    char path[PATH_MAX], *serial = NULL, *next = NULL, *token = NULL, *darknet = NULL,
                         *later = NULL;
    uint64_t from = 0, until = 0, token_until = 0, revoked_at = 0;
    *enrolment = (struct enrolment){0};
    const struct config_key keys[] = {
        {"sensor", "darknet", CONFIG_LIST, &darknet, 0, 0},
        {"sensor", "later", CONFIG_LIST, &later, 0, 0},
        {"sensor", "from", CONFIG_UINT, &from, 0, INT64_MAX},
        {"sensor", "revoked", CONFIG_BOOL, &enrolment->revoked, 0, 0},
        {"sensor", "revoked_at", CONFIG_UINT, &revoked_at, 0, INT64_MAX},
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
    if (rc == 0 && (!take(enrolment->serial, sizeof enrolment->serial, serial) ||
                    !take(enrolment->next, sizeof enrolment->next, next) ||
                    !take(enrolment->token, sizeof enrolment->token, token)))
        rc = err_set(errmsg, ERR_INVALID, "%s: is not as it was written", path);
    if (rc == 0 && (rc = take_inventory(&enrolment->inventory, from, darknet, later, errmsg)) != 0)
        err_wrap(errmsg, rc, "%s", path);
    free(darknet);
    free(later);
    free(serial);
    free(next);
    free(token);
    strcpy(enrolment->name, name);
    enrolment->revoked_s = (int64_t)revoked_at;
    enrolment->until_s = (int64_t)until;
    enrolment->token_until_s = (int64_t)token_until;
    if (rc)
        enrolment_close(enrolment);
    return rc;
}

/* One key a prefix: a line of a configuration has a greatest length. */
static void put_version(struct buf *lines, const struct inventory_version *version, bool first)
{
    const char *list = *version->list ? version->list : "-";
    char key[64];
    if (first)
        snprintf(key, sizeof key, "darknet = ");
    else
        snprintf(key, sizeof key, "later = %" PRId64 "=", version->from_s);
    while (*list) {
        size_t size = strcspn(list, ",");
        buf_put(lines, key, strlen(key));
        buf_put(lines, list, size);
        buf_put_u8(lines, '\n');
        list += size + (list[size] == ',');
    }
}

static char *inventory_lines(const struct inventory *inventory)
{
    struct buf lines;
    buf_init(&lines);
    for (size_t i = 0; i < inventory->count; i++)
        put_version(&lines, &inventory->versions[i], i == 0);
    buf_put_u8(&lines, 0);
    if (!lines.failed)
        return (char *)lines.bytes;
    buf_close(&lines);
    return NULL;
}

int registry_write(const char *state, const struct enrolment *enrolment, char *errmsg)
{
    char path[PATH_MAX], *text = NULL, *inventory = inventory_lines(&enrolment->inventory);
    path_of(path, state, enrolment->name);
    if (!inventory ||
        asprintf(&text,
                 "[sensor]\n%sfrom = %" PRId64 "\nrevoked = %s\nrevoked_at = %" PRId64 "\n\n"
                 "[certificate]\nserial = %s\nnext = %s\nuntil = %" PRId64 "\n\n"
                 "[token]\nhash = %s\nuntil = %" PRId64 "\n",
                 inventory, enrolment->inventory.versions[0].from_s,
                 enrolment->revoked ? "yes" : "no", enrolment->revoked_s, enrolment->serial,
                 enrolment->next, enrolment->until_s, enrolment->token,
                 enrolment->token_until_s) < 0)
        text = NULL;
    free(inventory);
    int rc = text ? textfile_replace(path, text, 0600, errmsg)
                  : err_set(errmsg, ERR_NOMEM, "write %s: %s", path, err_str(ERR_NOMEM));
    free(text);
    return rc;
}

bool registry_has(const char *state, const char *name)
{
    char path[PATH_MAX];
    if (!state)
        return false;
    path_of(path, state, name);
    return access(path, F_OK) == 0;
}

const char *enrolment_darknet(const struct enrolment *enrolment, int64_t at_s)
{
    const struct inventory_version *version = inventory_at(&enrolment->inventory, at_s);
    return version ? version->list : enrolment->inventory.versions[0].list;
}

char *enrolment_expected(const struct enrolment *enrolment)
{
    char *text = inventory_text(&enrolment->inventory), *cut = NULL;
    struct inventory inventory;
    if (!text || !enrolment->revoked)
        return text;
    inventory_init(&inventory);
    int64_t until_s = *enrolment->serial ? enrolment->revoked_s - enrolment->revoked_s % 60 : 0;
    if (inventory_parse(&inventory, text, NULL) == 0 &&
        inventory_end(&inventory, until_s, NULL) == 0)
        cut = inventory_text(&inventory);
    inventory_close(&inventory);
    free(text);
    return cut;
}

char *registry_inventory(const char *state, const char *name)
{
    struct enrolment enrolment;
    char *text = registry_read(state, name, &enrolment, NULL) == 0
                     ? inventory_text(&enrolment.inventory)
                     : NULL;
    enrolment_close(&enrolment);
    return text;
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

/* Whether the sensor had this darknet at some time: what an epoch of then still has to deliver comes
 * with it. */
static bool had(const struct inventory *inventory, const char *darknet)
{
    for (size_t i = 0; i < inventory->count; i++)
        if (strcmp(inventory->versions[i].list, darknet) == 0)
            return true;
    return false;
}

/* What it has to deliver may be of before. */
static void advise(const struct enrolment *enrolment, const struct frame_open *open, int64_t now_s,
                   struct frame_refuse *refuse)
{
    const struct inventory_version *now = inventory_at(&enrolment->inventory, now_s);
    char from[32];
    refuse->text[0] = '\0';
    if (open->replay || !now || strcmp(now->list, open->darknet) == 0)
        return;
    calendar_rfc3339(now->from_s, from);
    snprintf(
        refuse->text, sizeof refuse->text,
        "delivers what it counted with the darknet %.120s; from %s on its inventory is %.120s: "
        "change darknet in its configuration unless that is done",
        open->darknet, from, *now->list ? now->list : "empty");
}

static bool is_own(const struct enrolment *enrolment, struct frame_open *open,
                   struct frame_refuse *refuse)
{
    int64_t now_s = time(NULL);
    const char *darknet = enrolment_darknet(enrolment, now_s);
    if (strcmp(open->sensor, enrolment->name) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "this is sensor %s, as its certificate says, and it delivers as %s",
                         enrolment->name, open->sensor);
    if (!had(&enrolment->inventory, open->darknet))
        return refuse_as(
            refuse, REFUSE_IDENTITY, true,
            "sensor %s is enrolled for the darknet %.150s, not %.150s: change darknet in "
            "its configuration, or 'sensor inventory'",
            enrolment->name, *darknet ? darknet : "of no address", open->darknet);
    advise(enrolment, open, now_s, refuse);
    open->inventory = inventory_text(&enrolment->inventory);
    return open->inventory || refuse_as(refuse, REFUSE_STORE, false, "%s", err_str(ERR_NOMEM));
}

bool registry_opens(const char *state, const struct cert_facts *facts, struct frame_open *open,
                    struct frame_refuse *refuse)
{
    struct enrolment enrolment;
    bool admitted = admits(state, facts, &enrolment, refuse) && is_own(&enrolment, open, refuse);
    enrolment_close(&enrolment);
    return admitted;
}

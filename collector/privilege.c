#include "collector/privilege.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collector/landlock.h"
#include "common/err.h"
#include "common/log.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* --- capabilities ----------------------------------------------------------------------------- */

/* Effective and permitted ones, as capabilities(7) numbers the bits. */
static int capabilities_get(uint64_t *effective, uint64_t *permitted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return -1;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return 0;
}

static int capabilities_set(uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)}};
    return (int)syscall(SYS_capset, &header, data);
}

/* Empties the bounding set, which needs CAP_SETPCAP: without it nothing is lost, since
 * no-new-privileges keeps an exec from gaining what the set allows. */
static void drop_bounding(void)
{
    for (unsigned long capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return;
}

/* What lets a replay read captures of root's. The usual one is missing in the usual container. */
static uint64_t capability_to_read(void)
{
    uint64_t effective, permitted;
    if (capabilities_get(&effective, &permitted) != 0)
        return 0;
    uint64_t kept = permitted & BIT(CAP_DAC_READ_SEARCH);
    return kept ? kept : permitted & BIT(CAP_DAC_OVERRIDE);
}

/* Leaves the capabilities `kept` and nothing else. */
static int drop_capabilities(uint64_t kept, char *errmsg)
{
    uint64_t effective, permitted;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (capabilities_set(kept) != 0 || capabilities_get(&effective, &permitted) != 0)
        return err_set(errmsg, ERR_IO, "dropping capabilities: %s", strerror(errno));
    if (effective != kept || permitted != kept)
        return err_set(errmsg, ERR_IO, "dropping capabilities: the kernel kept some");
    return 0;
}

/* --- choosing the user ------------------------------------------------------------------------ */

/* Whether the user namespace has this id; `map` is /proc/self/uid_map or gid_map. */
static bool id_mapped(const char *map, uint64_t id)
{
    FILE *file = fopen(map, "re");
    if (!file)
        return true; /* no /proc: the change itself shows */
    uint64_t first, outside, count;
    bool found = false;
    while (!found &&
           fscanf(file, "%20" SCNu64 " %20" SCNu64 " %20" SCNu64, &first, &outside, &count) == 3)
        found = id >= first && id - first < count;
    fclose(file);
    return found;
}

static void become(struct privilege *privilege, const char *name, uid_t uid, gid_t gid)
{
    privilege->change = uid != 0;
    privilege->uid = uid;
    privilege->gid = gid;
    snprintf(privilege->user, sizeof privilege->user, "%s", name);
}

static bool become_named(struct privilege *privilege, const char *name)
{
    const struct passwd *entry = getpwnam(name);
    if (entry)
        become(privilege, entry->pw_name, entry->pw_uid, entry->pw_gid);
    return entry;
}

static void become_owner(struct privilege *privilege, const struct stat *info)
{
    char number[32];
    const struct passwd *entry = getpwuid(info->st_uid);
    snprintf(number, sizeof number, "%ju", (uintmax_t)info->st_uid);
    become(privilege, entry ? entry->pw_name : number, info->st_uid,
           entry ? entry->pw_gid : info->st_gid);
}

/* Whether root's directory may become the sensor's: it is empty, or a spool already. */
static bool spool_ours(const char *spool)
{
    char lock[PATH_MAX];
    struct stat info;
    snprintf(lock, sizeof lock, "%.4000s/lock", spool);
    if (lstat(lock, &info) == 0)
        return S_ISREG(info.st_mode);
    DIR *directory = opendir(spool);
    if (!directory)
        return false;
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(directory));)
        empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                 strcmp(entry->d_name, "lost+found") == 0; /* a file system of its own */
    closedir(directory);
    return empty;
}

/* The aggregator's socket, or, where it is not there yet, its directory, is root's alone. */
static bool socket_is_roots(const char *aggregator)
{
    struct stat info;
    char path[PATH_MAX];
    if (strncmp(aggregator, "unix://", 7) != 0)
        return false;
    snprintf(path, sizeof path, "%s", aggregator + 7);
    if (stat(path, &info) == 0)
        return info.st_uid == 0 && !(info.st_mode & S_IWOTH);
    return stat(dirname(path), &info) == 0 && info.st_uid == 0 && !(info.st_mode & S_IWOTH);
}

/* Why another user cannot be had; NULL when it can. */
static const char *hindrance(const struct privilege *privilege, bool *is_namespace)
{
    uint64_t effective = 0, permitted, needed = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_CHOWN);
    *is_namespace = !id_mapped("/proc/self/uid_map", privilege->uid) ||
                    !id_mapped("/proc/self/gid_map", privilege->gid);
    if (*is_namespace)
        return "the user namespace has no other user";
    if (capabilities_get(&effective, &permitted) != 0 || (effective & needed) != needed)
        return "CAP_SETUID, CAP_SETGID or CAP_CHOWN is missing";
    return NULL;
}

static int choose_default(struct privilege *privilege, const char *spool, char *errmsg)
{
    struct stat info;
    bool there = stat(spool, &info) == 0;
    if (there && info.st_uid != 0) {
        become_owner(privilege, &info);
        return 0;
    }
    if (!become_named(privilege, "darkcount") && !become_named(privilege, "nobody"))
        return err_set(
            errmsg, ERR_UNKNOWN,
            "run: there is no user darkcount to become: create it, or set user = none in "
            "[sensor]");
    return 0;
}

static int choose_named(struct privilege *privilege, const char *user, char *errmsg)
{
    if (strcmp(user, "none") == 0 || become_named(privilege, user))
        return 0;
    return err_set(errmsg, ERR_UNKNOWN,
                   "user %.64s: no such user: create it, or set another user in [sensor]", user);
}

static int check_spool(const struct privilege *privilege, const char *spool, char *errmsg)
{
    struct stat info;
    if (stat(spool, &info) != 0 || info.st_uid != 0 || (info.st_mode & S_IWOTH) ||
        spool_ours(spool))
        return 0;
    return err_set(
        errmsg, ERR_REFUSED,
        "spool %s: belongs to root and holds what is no spool's: name another directory, "
        "or give it to the sensor (chown -R %s %s)",
        spool, privilege->user, spool);
}

static void tell(const struct privilege *privilege)
{
    log_info("started as root: goes on as user %s without capabilities%s", privilege->user,
             privilege->ship_root ? "; the ship process keeps the user root, without capabilities, "
                                    "because the aggregator's socket is root's"
                                  : "");
}

int privilege_choose(struct privilege *privilege, const char *user, const char *spool,
                     const char *aggregator, char *errmsg)
{
    *privilege = (struct privilege){.spool = -1};
    if (geteuid() != 0)
        return 0;
    int rc =
        user ? choose_named(privilege, user, errmsg) : choose_default(privilege, spool, errmsg);
    if (rc)
        return rc;
    if (!privilege->change) {
        log_info("started as root: stays root, without capabilities, as it is configured");
        return 0;
    }
    bool is_namespace;
    const char *why = hindrance(privilege, &is_namespace);
    if (why && user && !is_namespace)
        return err_set(errmsg, ERR_REFUSED, "user %.64s: cannot be changed to: %s", user, why);
    if (why) {
        privilege->change = false;
        log_info("started as root: stays root, without capabilities: %s", why);
        return 0;
    }
    privilege->ship_root = !user && socket_is_roots(aggregator);
    rc = check_spool(privilege, spool, errmsg);
    if (rc == 0)
        tell(privilege);
    return rc;
}

/* --- the spool -------------------------------------------------------------------------------- */

/* Makes an open file or directory the user's if it is root's, and writable for the group where the
 * ship process has only that. A file with a second name may be somebody's whom a link was made for.
 */
static int take(const struct privilege *privilege, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return -1;
    bool sound = S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_nlink == 1);
    if (!sound || (info.st_uid != 0 && info.st_uid != privilege->uid))
        return 0;
    if ((info.st_uid != privilege->uid || info.st_gid != privilege->gid) &&
        fchown(fd, privilege->uid, privilege->gid) != 0)
        return -1;
    mode_t mode = (info.st_mode & 0777) | (info.st_mode & 0700) >> 3;
    return privilege->ship_root && mode != (info.st_mode & 07777) ? fchmod(fd, mode) : 0;
}

/* Takes what is in a directory and, `deep`, in the directories in it. The descriptor stays open. */
static int take_entries(const struct privilege *privilege, int directory, bool deep)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return -1;
    }
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int one = openat(directory, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (one < 0)
            continue; /* a symbolic link, or gone: none of the spool's */
        struct stat info;
        rc = take(privilege, one);
        if (rc == 0 && deep && fstat(one, &info) == 0 && S_ISDIR(info.st_mode))
            rc = take_entries(privilege, one, false);
        close(one);
    }
    closedir(list);
    return rc;
}

int privilege_take_spool(struct privilege *privilege, const char *spool, char *errmsg)
{
    struct stat info;
    bool link = false;
    privilege->spool = open(spool, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (privilege->spool < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        privilege->spool = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        link = true; /* what is behind it is the operator's to give */
    }
    if (privilege->spool < 0 || fstat(privilege->spool, &info) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", spool, strerror(errno));
    bool ours = info.st_uid == privilege->uid || (info.st_uid == 0 && !(info.st_mode & S_IWOTH));
    if (!privilege->change || link || !ours)
        return 0;
    if (take(privilege, privilege->spool) != 0 ||
        take_entries(privilege, privilege->spool, true) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: giving it to user %s: %s", spool,
                       privilege->user, strerror(errno));
    return 0;
}

/* Whether this process can use the directory that the spool's path, or the descriptor, leads to. */
static bool usable(const char *path)
{
    return faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0;
}

/* The spool is all that is written to. Without Landlock what the user may write to stays so, which
 * is worth a word only where that is much: a warning, not a failure, as for kernels before 5.13. */
static int confine_writes(const struct privilege *privilege, char *errmsg)
{
    int rc = privilege->spool < 0 ? 0 : landlock_confine(privilege->spool, errmsg);
    if (rc != ERR_UNKNOWN)
        return rc;
    if (geteuid() == 0)
        log_warn("the kernel has no Landlock: a process that stays root can write to root's files");
    return 0;
}

static int reach_spool(const struct privilege *privilege, const char **spool, char *errmsg)
{
    if (privilege->spool < 0 || usable(*spool))
        return 0;
    int saved = errno;
    if (fchdir(privilege->spool) == 0 && usable(".")) {
        *spool = ".";
        return 0;
    }
    const char *user = privilege->change ? privilege->user
                       : geteuid() == 0  ? "root"
                                         : "of this run";
    return err_set(errmsg, ERR_REFUSED,
                   "spool %s: the user %s without capabilities cannot write to it: %s; give it to "
                   "that user (chown -R USER %s) or name another with --spool",
                   *spool, user, strerror(saved), *spool);
}

/* --- dropping --------------------------------------------------------------------------------- */

/* Groups before user: afterwards the right to is gone. */
static int change_user(const struct privilege *privilege, bool keep_root, char *errmsg)
{
    uid_t uid = keep_root ? 0 : privilege->uid, real_u, effective_u, saved_u;
    gid_t gid = privilege->gid, real_g, effective_g, saved_g;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return err_set(errmsg, ERR_IO, "becoming user %s: %s", privilege->user, strerror(errno));
    if (getresuid(&real_u, &effective_u, &saved_u) != 0 ||
        getresgid(&real_g, &effective_g, &saved_g) != 0 || real_u != uid || effective_u != uid ||
        saved_u != uid || real_g != gid || effective_g != gid || saved_g != gid)
        return err_set(errmsg, ERR_IO, "becoming user %s: it did not take effect", privilege->user);
    return 0;
}

int privilege_drop(const struct privilege *privilege, enum privilege_part part, const char **spool,
                   char *errmsg)
{
    uint64_t kept = part == PRIVILEGE_REPLAY ? capability_to_read() : 0;
    drop_bounding();
    if (privilege->change) {
        bool keep_root = part == PRIVILEGE_SHIP && privilege->ship_root;
        if (privilege->ship_root)
            umask(007); /* capture and ship process share the spool through its group */
        /* Permitted capabilities outlive the change of the user only so; the next exec ends it. */
        if (kept && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
            return err_set(errmsg, ERR_IO, "keeping capabilities: %s", strerror(errno));
        int rc = change_user(privilege, keep_root, errmsg);
        if (rc)
            return rc;
    }
    int rc = drop_capabilities(kept, errmsg);
    if (rc)
        return rc;
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set(errmsg, ERR_IO, "giving up privileges: %s", strerror(errno));
    rc = confine_writes(privilege, errmsg);
    return rc ? rc : reach_spool(privilege, spool, errmsg);
}

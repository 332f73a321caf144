#include <criterion/criterion.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/privilege.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"

#define ELSEWHERE "192.0.2.1:4739" /* an aggregator that is nobody's file */

static char folder[64], spool[128], errmsg[ERRMSG_SIZE];
static struct privilege privilege;

static void begin(void)
{
    folder_make(folder);
    snprintf(spool, sizeof spool, "%s/spool", folder);
}

static void end(void)
{
    folder_remove(folder);
}

TestSuite(privilege, .init = begin, .fini = end);

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void put(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", spool, name);
    touch(path);
}

static uid_t owner(const char *name)
{
    char path[256];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", spool, name);
    cr_assert_eq(lstat(path, &info), 0);
    return info.st_uid;
}

/* Whether root can become `nobody` here; the spool is made then. */
static bool prepared(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody || mkdir(spool, 0700) != 0 ||
        chown(spool, nobody->pw_uid, nobody->pw_gid) != 0)
        return false;
    return chown(spool, 0, 0) == 0;
}

#define NEEDS_ROOT()                                                                               \
    do {                                                                                           \
        if (!prepared())                                                                           \
            cr_skip_test("only root with other users can do this");                                \
    } while (0)

static int choose(const char *user)
{
    return privilege_choose(&privilege, user, spool, ELSEWHERE, errmsg);
}

Test(privilege, none_stays)
{
    cr_assert_eq(choose("none"), 0);
    cr_assert_not(privilege.change);
}

Test(privilege, unknown_user_is_named)
{
    NEEDS_ROOT();
    cr_assert_eq(choose("no-such-user"), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, "no-such-user"));
}

Test(privilege, owner_of_the_spool_is_the_default)
{
    NEEDS_ROOT();
    cr_assert_eq(chown(spool, 12345, 12345), 0);
    cr_assert_eq(choose(NULL), 0);
    cr_assert_eq(privilege.uid, 12345);
    cr_assert_str_eq(privilege.user, "12345");
}

Test(privilege, directory_of_roots_with_other_things_is_refused)
{
    NEEDS_ROOT();
    put("passwd");
    cr_assert_eq(choose("nobody"), ERR_REFUSED);
    cr_assert(strstr(errmsg, spool));
    put("lock"); /* then it is a spool */
    cr_assert_eq(choose("nobody"), 0);
}

Test(privilege, ship_keeps_root_for_roots_socket_by_default_only)
{
    char aggregator[160];
    NEEDS_ROOT();
    snprintf(aggregator, sizeof aggregator, "unix://%s/socket", folder);
    cr_assert_eq(privilege_choose(&privilege, NULL, spool, aggregator, errmsg), 0);
    cr_assert(privilege.ship_root);
    cr_assert_eq(privilege_choose(&privilege, "nobody", spool, aggregator, errmsg), 0);
    cr_assert_not(privilege.ship_root);
    cr_assert_eq(privilege_choose(&privilege, NULL, spool, ELSEWHERE, errmsg), 0);
    cr_assert_not(privilege.ship_root);
}

/* A file of root's with a second name in the spool, and what a symbolic link in it leads to, stay
 * root's. */
Test(privilege, only_the_spools_own_files_are_taken)
{
    char path[256], aim[128], twin[128];
    NEEDS_ROOT();
    put("lock");
    snprintf(path, sizeof path, "%s/epoch", spool);
    cr_assert_eq(mkdir(path, 0700), 0);
    put("epoch/identity");
    snprintf(aim, sizeof aim, "%s/aim", folder);
    snprintf(twin, sizeof twin, "%s/twin", folder);
    touch(aim);
    touch(twin);
    snprintf(path, sizeof path, "%s/epoch/symbolic", spool);
    cr_assert_eq(symlink(aim, path), 0);
    snprintf(path, sizeof path, "%s/epoch/hard", spool);
    cr_assert_eq(link(twin, path), 0);

    cr_assert_eq(choose("nobody"), 0);
    cr_assert_eq(privilege_take_spool(&privilege, spool, errmsg), 0, "%s", errmsg);
    cr_assert_eq(owner("."), privilege.uid);
    cr_assert_eq(owner("lock"), privilege.uid);
    cr_assert_eq(owner("epoch"), privilege.uid);
    cr_assert_eq(owner("epoch/identity"), privilege.uid);
    cr_assert_eq(owner("epoch/hard"), 0);
    cr_assert_eq(owner("../aim"), 0);
}

/* Whether a line of /proc/self/status says so. */
static bool status_says(const char *line)
{
    char text[4096];
    FILE *file = fopen("/proc/self/status", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    return strstr(text, line);
}

/* As the new user; 0 or the number of what is wrong. */
static int dropped(enum privilege_part part)
{
    const char *reached = spool;
    if (privilege_drop(&privilege, part, &reached, errmsg) != 0)
        return 1;
    if (getuid() != privilege.uid || geteuid() != privilege.uid || getgid() != privilege.gid)
        return 2;
    const char *kept = part == PRIVILEGE_REPLAY ? "CapEff:\t0000000000000004" /* DAC_READ_SEARCH */
                                                : "CapEff:\t0000000000000000";
    if (!status_says(kept) || !status_says("CapBnd:\t0000000000000000"))
        return 3;
    if (!status_says("NoNewPrivs:\t1") || prctl(PR_GET_DUMPABLE) != 0)
        return 4;
    if (setuid(0) == 0 || setgid(0) == 0)
        return 5;
    /* The folder above is closed to the user: a replay looks into it, the others stand in it. */
    if (strcmp(reached, part == PRIVILEGE_REPLAY ? spool : ".") != 0)
        return 6;
    char file[256];
    snprintf(file, sizeof file, "%s/file", reached);
    return open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? 7 : 0;
}

static int dropped_in_a_child(enum privilege_part part)
{
    int status;
    cr_assert_eq(choose("nobody"), 0);
    cr_assert_eq(privilege_take_spool(&privilege, spool, errmsg), 0, "%s", errmsg);
    pid_t pid = fork();
    if (pid == 0)
        _exit(dropped(part));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

Test(privilege, capture_keeps_nothing_and_reaches_its_spool)
{
    NEEDS_ROOT();
    cr_assert_eq(dropped_in_a_child(PRIVILEGE_CAPTURE), 0);
}

Test(privilege, replay_keeps_the_right_to_read)
{
    NEEDS_ROOT();
    cr_assert_eq(dropped_in_a_child(PRIVILEGE_REPLAY), 0);
}

Test(privilege, spool_of_another_user_is_said)
{
    NEEDS_ROOT();
    cr_assert_eq(chown(spool, 12345, 12345), 0);
    cr_assert_eq(dropped_in_a_child(PRIVILEGE_CAPTURE), 1);
}

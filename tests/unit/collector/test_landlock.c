#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/landlock.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"

#define EXIT_SKIP 77

static char errmsg[ERRMSG_SIZE];

static int make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? close(fd) : errno;
}

/* EXIT_SKIP: no Landlock here. */
static int write_confined(const char *folder)
{
    char inside[128], outside[128], link[128];
    snprintf(inside, sizeof inside, "%s/spool/file", folder);
    snprintf(link, sizeof link, "%s/spool/link", folder);
    snprintf(outside, sizeof outside, "%s/file", folder);
    char *end = strrchr(inside, '/');
    *end = '\0';
    int directory = open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *end = '/';
    if (make(outside) != 0)
        return 1;
    int rc = landlock_confine(directory, errmsg);
    if (rc)
        return rc == ERR_UNKNOWN ? EXIT_SKIP : 2;
    if (make(inside) != 0 || unlink(inside) != 0)
        return 3;
    if (make(outside) != EACCES || unlink(outside) == 0 || open(outside, O_RDONLY) < 0)
        return 4;
    return symlink("/etc", link) == 0 ? 5 : 0;
}

Test(landlock, writes_only_beneath_the_directory)
{
    char folder[64], spool[128];
    int status;
    folder_make(folder);
    snprintf(spool, sizeof spool, "%s/spool", folder);
    cr_assert_eq(mkdir(spool, 0700), 0);
    pid_t pid = fork();
    if (pid == 0) /* what Landlock asks of a process without privileges */
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? 6 : write_confined(folder));
    waitpid(pid, &status, 0);
    folder_remove(folder);
    if (WEXITSTATUS(status) == EXIT_SKIP)
        cr_skip_test("the kernel has no Landlock");
    cr_assert_eq(WEXITSTATUS(status), 0);
}

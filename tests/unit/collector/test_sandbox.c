#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/sandbox.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"

static char errmsg[ERRMSG_SIZE];

/* --- what may be tried; each returns 0 when it worked, otherwise errno -------------------------- */

static int try_socket(int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    return fd >= 0 ? close(fd) : errno;
}

static int try_tcp(void)
{
    return try_socket(AF_INET, SOCK_STREAM, 0);
}

static int try_tcp6(void)
{
    return try_socket(AF_INET6, SOCK_STREAM, 0);
}

static int try_unix(void)
{
    return try_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static int try_udp(void)
{
    return try_socket(AF_INET, SOCK_DGRAM, 0);
}

static int try_packet(void)
{
    return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_raw(void)
{
    return try_socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static int try_netlink(void)
{
    return try_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_exec(void)
{
    char *const none[] = {NULL};
    return execve("/bin/true", none, none) ? errno : 0;
}

static int try_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0 ? waitpid(pid, NULL, 0) != pid : errno;
}

static int try_dup(void)
{
    int fd = dup(STDERR_FILENO);
    return fd >= 0 ? close(fd) : errno;
}

static int try_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED ? munmap(page, 4096) : errno;
}

static int try_kill(void)
{
    return kill(getppid(), 0) ? errno : 0;
}

static void *thread_main(void *seen)
{
    *(bool *)seen = true;
    return seen;
}

static int try_thread(void)
{
    pthread_t thread;
    bool seen = false;
    int rc = pthread_create(&thread, NULL, thread_main, &seen);
    return rc ? rc : pthread_join(thread, NULL) || !seen;
}

/* What a spool and a counter in a mapping need. */
static int try_files(void)
{
    char folder[64], from[128], to[128];
    folder_make(folder);
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(to, sizeof to, "%s/to", folder);
    int fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, 8192) != 0 || ftruncate(fd, 4096) != 0)
        return errno;
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return errno;
    map[0] = 1;
    int failed = msync(map, 4096, MS_SYNC) || madvise(map, 4096, MADV_WILLNEED) ||
                 munmap(map, 4096) || fsync(fd) || close(fd) || rename(from, to) || unlink(to);
    int saved = errno;
    folder_remove(folder);
    return failed ? saved : 0;
}

/* --- in a process of its own -------------------------------------------------------------------- */

enum inside { CAPTURE, KEEPER, SHIP, SHIP_NAMES };

static int enter(enum inside inside)
{
    switch (inside) {
    case CAPTURE:
        return sandbox_capture(NULL, 0, errmsg);
    case KEEPER:
        return sandbox_keeper(false, 0, errmsg);
    default:
        return sandbox_ship(inside == SHIP_NAMES, 0, errmsg);
    }
}

#define EXIT_NOT_INSIDE 255

/* What the attempt gave inside: 0, an errno, or minus the signal that ended the process. */
static int attempt_inside(enum inside inside, int (*attempt)(void), const char *mode)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DARKCOUNT_SANDBOX", mode, 1);
        _exit(enter(inside) ? EXIT_NOT_INSIDE : attempt());
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    int result = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    cr_assert_neq(result, EXIT_NOT_INSIDE, "the sandbox was not installed");
    return result;
}

/* What the sanitizers' run times need is allowed for their sake. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static const struct allowance {
    char name[16];
    int (*attempt)(void);
    bool allowed[4]; /* by enum inside */
    bool for_sanitizers;
} allowances[] = {
    {"files", try_files, {true, true, true, true}, false},
    {"thread", try_thread, {true, true, true, true}, false},
    {"tcp", try_tcp, {false, true, true, true}, false},
    {"tcp6", try_tcp6, {false, true, true, true}, false},
    {"unix", try_unix, {false, true, true, true}, false},
    {"udp", try_udp, {false, false, false, true}, false},
    {"packet", try_packet, {false, false, false, false}, false},
    {"raw", try_raw, {false, false, false, false}, false},
    {"netlink", try_netlink, {false, false, false, true}, false},
    {"exec", try_exec, {false, false, false, false}, false},
    {"dup", try_dup, {false, false, false, false}, false},
    {"kill", try_kill, {false, true, false, false}, false},
    {"fork", try_fork, {false, true, false, false}, true},
    {"code", try_code, {false, false, false, false}, true},
};

static void check_all(enum inside inside)
{
    for (size_t i = 0; i < sizeof allowances / sizeof allowances[0]; i++) {
        const struct allowance *one = &allowances[i];
        bool allowed = one->allowed[inside] || (one->for_sanitizers && sanitized);
        cr_expect_eq(attempt_inside(inside, one->attempt, ""), allowed ? 0 : EPERM, "%s",
                     one->name);
        cr_expect_eq(attempt_inside(inside, one->attempt, "kill"), allowed ? 0 : -SIGSYS, "%s",
                     one->name);
    }
}

Test(sandbox, capture_has_files_and_threads_and_no_network_and_no_exec)
{
    check_all(CAPTURE);
}

Test(sandbox, keeper_has_processes_too_and_no_exec)
{
    check_all(KEEPER);
}

Test(sandbox, a_ship_process_with_a_host_name_can_ask_for_its_address)
{
    check_all(SHIP_NAMES);
}

Test(sandbox, ship_has_connections_and_no_packet_socket_and_no_exec)
{
    check_all(SHIP);
}

Test(sandbox, ship_process_enters_its_own_from_the_keepers)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DARKCOUNT_SANDBOX", "", 1);
        _exit(sandbox_keeper(false, 0, errmsg) || sandbox_ship(false, 0, errmsg) ? 1 : try_kill());
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), EPERM);
}

/* A thread that was there before is confined as well. */
static int gate[2];
static void *late_socket(void *result)
{
    char go;
    if (read(gate[0], &go, 1) == 1)
        *(int *)result = try_tcp();
    return result;
}

static int thread_before(void)
{
    pthread_t thread;
    int result = 0;
    if (pipe(gate) != 0 || pthread_create(&thread, NULL, late_socket, &result) != 0 ||
        sandbox_capture(NULL, 0, errmsg) != 0 || write(gate[1], "", 1) != 1)
        return 1;
    pthread_join(thread, NULL);
    return result;
}

Test(sandbox, threads_started_before_are_confined)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DARKCOUNT_SANDBOX", "", 1);
        _exit(thread_before());
    }
    waitpid(pid, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), EPERM);
}

/* The socket for metrics takes connections, and no other does. */
static int accept_on(int listening, int allowed)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DARKCOUNT_SANDBOX", "", 1);
        if (sandbox_keeper(false, allowed, errmsg) || sandbox_ship(false, allowed, errmsg))
            _exit(EXIT_NOT_INSIDE);
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
        _exit(fd < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

Test(sandbox, ship_accepts_on_one_socket_only)
{
    const struct sockaddr_in name = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(listening, (const struct sockaddr *)&name, sizeof name), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_expect_eq(accept_on(listening, listening), EAGAIN); /* nobody is there */
    cr_expect_eq(accept_on(listening, listening + 1), EPERM);
    cr_expect_eq(accept_on(listening, 0), EPERM);
}

/* The descriptor that captures can be read and not written to: a write to a packet socket sends. */
Test(sandbox, tap_is_read_only)
{
    int ends[2], status;
    char byte;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("DARKCOUNT_SANDBOX", "", 1);
        if (sandbox_capture(ends, 1, errmsg) != 0 || read(ends[0], &byte, 1) != 1 ||
            write(ends[1], "y", 1) != 1)
            _exit(1);
        _exit(write(ends[0], "z", 1) < 0 ? errno : 2);
    }
    waitpid(pid, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), EPERM);
}

Test(sandbox, off_installs_nothing)
{
    cr_assert_eq(attempt_inside(CAPTURE, try_tcp, "off"), 0);
}

Test(sandbox, unknown_mode_is_refused)
{
    setenv("DARKCOUNT_SANDBOX", "none", 1);
    cr_assert_eq(sandbox_check(errmsg), ERR_INVALID);
    setenv("DARKCOUNT_SANDBOX", "kill", 1);
    cr_assert_eq(sandbox_check(errmsg), 0);
}

#include "collector/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* --- what every process may ------------------------------------------------------------------- */

static const int files[] = {
    SCMP_SYS(read),       SCMP_SYS(readv),           SCMP_SYS(pread64),   SCMP_SYS(preadv),
    SCMP_SYS(write),      SCMP_SYS(writev),          SCMP_SYS(pwrite64),  SCMP_SYS(pwritev),
    SCMP_SYS(open),       SCMP_SYS(openat),          SCMP_SYS(close),     SCMP_SYS(close_range),
    SCMP_SYS(stat),       SCMP_SYS(lstat),           SCMP_SYS(fstat),     SCMP_SYS(newfstatat),
    SCMP_SYS(statx),      SCMP_SYS(access),          SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(statfs),     SCMP_SYS(fstatfs),         SCMP_SYS(lseek),     SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),  SCMP_SYS(fadvise64),       SCMP_SYS(fsync),     SCMP_SYS(fdatasync),
    SCMP_SYS(rename),     SCMP_SYS(renameat),        SCMP_SYS(renameat2), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),   SCMP_SYS(mkdir),           SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),
    SCMP_SYS(getdents64), SCMP_SYS(flock),           SCMP_SYS(getcwd),    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(copy_file_range), SCMP_SYS(link),      SCMP_SYS(linkat),
};

static const int memory_and_threads[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(msync),
    SCMP_SYS(mincore),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(membarrier),
    SCMP_SYS(getcpu),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(set_tid_address),
};

static const int itself[] = {
    SCMP_SYS(getpid),  SCMP_SYS(getppid),      SCMP_SYS(gettid),        SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid),       SCMP_SYS(getegid),       SCMP_SYS(uname),
    SCMP_SYS(sysinfo), SCMP_SYS(getrusage),    SCMP_SYS(getrlimit),     SCMP_SYS(getrandom),
    SCMP_SYS(umask),   SCMP_SYS(times),        SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
    SCMP_SYS(time),    SCMP_SYS(gettimeofday), SCMP_SYS(capget),
};

static const int waiting_and_signals[] = {
    SCMP_SYS(poll),          SCMP_SYS(ppoll),           SCMP_SYS(select),
    SCMP_SYS(pselect6),      SCMP_SYS(epoll_create1),   SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),    SCMP_SYS(epoll_pwait),     SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),         SCMP_SYS(timerfd_create),  SCMP_SYS(timerfd_settime),
    SCMP_SYS(nanosleep),     SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),  SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack),
    SCMP_SYS(signalfd4),     SCMP_SYS(wait4),           SCMP_SYS(waitid),
};

/* LeakSanitizer stops the threads from a process that shares the memory, to look at them. */
static const int sanitizers[] = {SCMP_SYS(ptrace), SCMP_SYS(getdents), SCMP_SYS(prctl),
                                 SCMP_SYS(clone),  SCMP_SYS(mmap),     SCMP_SYS(mprotect)};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return rc;
}

static int allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp argument)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &argument);
}

/* Requests that ask: the names and states of interfaces, terminals, how much there is to read. Those
 * of ethtool that change something need a capability, which nobody here has. */
static int allow_ioctl(scmp_filter_ctx filter)
{
    static const unsigned long requests[] = {SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFINDEX,
                                             SIOCGIFMTU,  SIOCETHTOOL,  TCGETS,
                                             TIOCGWINSZ,  FIONREAD,     FIONBIO};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(requests); i++)
        rc = allow_if(filter, SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)requests[i]));
    return rc;
}

/* No second name for a descriptor: what is said of one by its number must hold. */
static int allow_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(commands); i++)
        rc = allow_if(filter, SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)commands[i]));
    return rc;
}

/* A thread is a clone with CLONE_THREAD, which no process is. What clone3 is to do stands in memory,
 * where a filter cannot look: the C library falls back to clone when the kernel has none. */
static int allow_threads(scmp_filter_ctx filter)
{
    int rc =
        allow_if(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return rc ? rc : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Memory that is not executable; signals to itself, as abort does; nobody's limits changed. */
static int allow_restricted(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = allow_if(filter, SCMP_SYS(mmap), no_code);
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(mprotect), no_code);
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(tgkill), SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(prctl), SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME));
    if (rc == 0)
        rc = allow_ioctl(filter);
    return rc ? rc : allow_fcntl(filter);
}

static int allow_common(scmp_filter_ctx filter)
{
    int rc = allow(filter, files, COUNT(files));
    if (rc == 0)
        rc = allow(filter, memory_and_threads, COUNT(memory_and_threads));
    if (rc == 0)
        rc = allow(filter, itself, COUNT(itself));
    if (rc == 0)
        rc = allow(filter, waiting_and_signals, COUNT(waiting_and_signals));
    if (rc == 0)
        rc = allow_restricted(filter);
    if (rc == 0)
        rc = allow_threads(filter);
    return rc || !SANITIZED ? rc : allow(filter, sanitizers, COUNT(sanitizers));
}

/* --- installing ------------------------------------------------------------------------------- */

enum mode { MODE_ERRNO, MODE_KILL, MODE_OFF, MODE_UNKNOWN };

static enum mode mode(void)
{
    const char *value = secure_getenv("DARKCOUNT_SANDBOX");
    if (!value || !*value)
        return MODE_ERRNO;
    if (strcmp(value, "kill") == 0)
        return MODE_KILL;
    return strcmp(value, "off") == 0 ? MODE_OFF : MODE_UNKNOWN;
}

int sandbox_check(char *errmsg)
{
    if (mode() == MODE_UNKNOWN)
        return err_set(errmsg, ERR_INVALID, "DARKCOUNT_SANDBOX is neither 'kill' nor 'off'");
    if (mode() == MODE_OFF)
        log_warn("DARKCOUNT_SANDBOX=off: no system call is refused; this is for debugging only");
    return 0;
}

/* The action for what is not allowed. CTL_LOG has the kernel log that action whatever it is. */
static uint32_t refusal(void)
{
    return mode() == MODE_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
}

static int load(scmp_filter_ctx filter)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    return rc ? rc : seccomp_load(filter);
}

/* What a process is to do that not every one of its kind does. */
struct extent {
    bool names;    /* finds the address of a host name */
    int listening; /* takes the connections of this socket; 0: of none */
};

/* Builds a filter of what every process may and what `extend` adds, and installs it. */
static int install(int (*extend)(scmp_filter_ctx filter, const struct extent *extent),
                   const struct extent *extent, char *errmsg)
{
    if (mode() == MODE_OFF)
        return 0;
    scmp_filter_ctx filter = seccomp_init(refusal());
    int rc = filter ? allow_common(filter) : -ENOMEM;
    if (rc == 0)
        rc = extend(filter, extent);
    if (rc == 0)
        rc = load(filter);
    seccomp_release(filter);
    return rc == 0 ? 0
                   : err_set(errmsg, ERR_IO,
                             "installing the system call filter: %s; DARKCOUNT_SANDBOX=off runs "
                             "without, for debugging",
                             strerror(-rc));
}

/* --- capture ---------------------------------------------------------------------------------- */

/* A filter of its own, for one has no "and not": writing to a packet socket sends a frame. */
static int refuse_writes(const int *taps, size_t count)
{
    static const int calls[] = {SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
                                SCMP_SYS(pwritev)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? 0 : -ENOMEM;
    for (size_t i = 0; i < count; i++)
        for (size_t call = 0; rc == 0 && call < COUNT(calls); call++)
            rc = seccomp_rule_add(filter, refusal(), calls[call], 1,
                                  SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)taps[i]));
    if (rc == 0)
        rc = load(filter);
    seccomp_release(filter);
    return rc;
}

/* What libpcap does with an open packet socket, that of an interface which went away too. */
static int extend_capture(scmp_filter_ctx filter, const struct extent *extent)
{
    static const int packets[] = {SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(getsockopt),
                                  SCMP_SYS(getsockname)};
    (void)extent;
    int rc = allow(filter, packets, COUNT(packets));
    return rc ? rc : allow_if(filter, SCMP_SYS(setsockopt), SCMP_A1_32(SCMP_CMP_EQ, SOL_PACKET));
}

int sandbox_capture(const int *taps, size_t count, char *errmsg)
{
    int rc = mode() == MODE_OFF || count == 0 ? 0 : refuse_writes(taps, count);
    if (rc)
        return err_set(errmsg, ERR_IO, "making the packet sockets read-only: %s", strerror(-rc));
    return install(extend_capture, NULL, errmsg);
}

/* --- ship and keeper -------------------------------------------------------------------------- */

/* What finds the address of a host name: a question to a name server, and the kernel's list of
 * addresses, by which IPv4 and IPv6 are put in order. */
static int allow_resolver(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(bind), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg)};
    static const struct {
        unsigned family, type;
    } sockets[] = {{AF_INET, SOCK_DGRAM}, {AF_INET6, SOCK_DGRAM}, {AF_NETLINK, SOCK_RAW}};
    int rc = allow(filter, calls, COUNT(calls));
    for (size_t i = 0; rc == 0 && i < COUNT(sockets); i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, SCMP_A0_32(SCMP_CMP_EQ, sockets[i].family),
            SCMP_A1_32(SCMP_CMP_MASKED_EQ, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK),
                       sockets[i].type),
            SCMP_A2_32(SCMP_CMP_EQ, 0)); /* netlink: of routes and addresses */
    return rc;
}

/* Stream sockets of the families that an aggregator's address may have. */
static int allow_socket(scmp_filter_ctx filter)
{
    static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(families); i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, families[i]),
            SCMP_A1_32(SCMP_CMP_MASKED_EQ, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM));
    return rc;
}

static int allow_network(scmp_filter_ctx filter)
{
    static const int network[] = {SCMP_SYS(connect),    SCMP_SYS(sendto),      SCMP_SYS(sendmsg),
                                  SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg),     SCMP_SYS(getsockopt),
                                  SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(shutdown),
                                  SCMP_SYS(getpeername)};
    int rc = allow(filter, network, COUNT(network));
    return rc ? rc : allow_socket(filter);
}

static int extend_ship(scmp_filter_ctx filter, const struct extent *extent)
{
    int rc = allow_network(filter);
    if (rc == 0 && extent->names)
        rc = allow_resolver(filter);
    if (rc == 0 && extent->listening > 0)
        rc = allow_if(filter, SCMP_SYS(accept4),
                      SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)extent->listening));
    return rc;
}

/* The ship process inherits this and installs its own on top. */
static int extend_keeper(scmp_filter_ctx filter, const struct extent *extent)
{
    static const int processes[] = {SCMP_SYS(clone), SCMP_SYS(kill), SCMP_SYS(prctl),
                                    SCMP_SYS(seccomp), SCMP_SYS(tgkill)};
    int rc = extend_ship(filter, extent);
    return rc ? rc : allow(filter, processes, COUNT(processes));
}

int sandbox_keeper(bool names, int listening, char *errmsg)
{
    const struct extent extent = {names, listening};
    return install(extend_keeper, &extent, errmsg);
}

int sandbox_ship(bool names, int listening, char *errmsg)
{
    const struct extent extent = {names, listening};
    return install(extend_ship, &extent, errmsg);
}

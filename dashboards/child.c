#include "dashboards/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

#define MEMORY_MAX ((rlim_t)2 << 30)
#define FILE_MAX   ((rlim_t)1 << 30)
#define READ_SIZE  65536
#define CANNOT_RUN 127 /* exit status of a child that could not become the program */

struct child {
    pid_t pid;
    int out, err; /* reading ends of its standard output and error */
};

static void limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};
    setrlimit(resource, &both);
}

/* Sockets within this machine alone can be made, by whatever the program starts too. It keeps a program
 * from loading what a document names; it is no wall around one that attacks. */
static bool without_network(void)
{
    static struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) +
                                               (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    static const struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* In the child, after fork: becomes the program. Only async-signal-safe calls. */
static _Noreturn void become(const struct child_task *task, char *const environment[], int input,
                             int out, int err)
{
    bool writes = task->directory != NULL;
    setpgid(0, 0); /* so that all that it starts can be ended with it */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* fontconfig may try its cache, and then finds that it cannot */
    if (dup2(input, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        chdir(writes ? task->directory : "/") != 0 || !without_network())
        _exit(CANNOT_RUN);
    close_range(3, ~0U, 0);
    limit(RLIMIT_CPU, (rlim_t)task->timeout_s);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, writes ? FILE_MAX : 0);
    if (!writes)
        limit(RLIMIT_AS, MEMORY_MAX);
    execvpe(task->words[0], task->words, environment);
    _exit(CANNOT_RUN);
}

/* Standard input is a file in memory: written before the child starts, so that neither waits for
 * the other. */
static int input_file(const struct buf *input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (size_t done = 0; input && done < input->size;) {
        ssize_t wrote = write(fd, input->bytes + done, input->size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)wrote;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int start(struct child *child, const struct child_task *task)
{
    char home[sizeof "TMPDIR=" + PATH_MAX], temporary[sizeof home];
    char *const environment[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin",
                                 (char *)"LC_ALL=C.UTF-8",
                                 (char *)"TZ=UTC",
                                 (char *)"QT_QPA_PLATFORM=offscreen",
                                 home,
                                 temporary,
                                 NULL};
    const char *directory = task->directory ? task->directory : "/nonexistent";
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    int input = input_file(task->input);
    snprintf(home, sizeof home, "HOME=%s", directory);
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", directory);
    if (input < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        goto failed;
    child->pid = fork();
    if (child->pid < 0)
        goto failed;
    if (child->pid == 0)
        become(task, environment, input, out[1], err[1]);
    setpgid(child->pid, child->pid); /* here as well: whoever comes first */
    close(input);
    close(out[1]);
    close(err[1]);
    child->out = out[0];
    child->err = err[0];
    return 0;

failed:;
    int saved = errno;
    const int all[] = {input, out[0], out[1], err[0], err[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
    errno = saved;
    return ERR_IO;
}

/* --- listening to it -------------------------------------------------------------------------- */

struct heard {
    struct buf *output;
    char *complaint; /* CHILD_COMPLAINT_SIZE bytes */
    size_t complained;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Keeps the beginning of the complaint as one line of printable text; the rest is dropped. */
static void hear_complaint(struct heard *heard, const char *text, size_t size)
{
    for (size_t i = 0; i < size && heard->complained + 1 < CHILD_COMPLAINT_SIZE; i++) {
        char *last = heard->complained ? &heard->complaint[heard->complained - 1] : NULL;
        char c = text[i];
        if ((unsigned char)c <= ' ') {
            if (!last || *last == ' ')
                continue;
            c = ' ';
        }
        heard->complaint[heard->complained++] = c;
    }
}

/* Reads once from `fd`: 1 there may be more, 0 it has ended, or an error. */
static int hear(struct heard *heard, int fd, bool output)
{
    char bytes[READ_SIZE];
    ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0)
        return errno == EINTR ? 1 : ERR_IO;
    if (size == 0)
        return 0;
    if (!output) {
        hear_complaint(heard, bytes, (size_t)size);
        return 1;
    }
    if (heard->output->size + (size_t)size > CHILD_OUTPUT_MAX)
        return ERR_FULL;
    buf_put(heard->output, bytes, (size_t)size);
    return heard->output->failed ? ERR_NOMEM : 1;
}

/* Listens until both pipes have ended. ERR_STOPPED when time is up. */
static int listen_to(const struct child *child, struct heard *heard, int timeout_s)
{
    const int64_t deadline = now_ms() + timeout_s * INT64_C(1000);
    struct pollfd fds[2] = {{.fd = child->out, .events = POLLIN},
                            {.fd = child->err, .events = POLLIN}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return ERR_STOPPED;
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return ERR_IO;
        for (int i = 0; i < 2; i++) {
            int rc = fds[i].fd >= 0 && fds[i].revents ? hear(heard, fds[i].fd, i == 0) : 1;
            if (rc < 0)
                return rc;
            if (rc == 0)
                fds[i].fd = -1;
        }
    }
    return 0;
}

/* What became of the child. */
static int judge(const char *name, int listened, int status, const struct heard *heard,
                 char *errmsg)
{
    const char *said = heard->complained ? heard->complaint : "nothing";
    if (listened == ERR_STOPPED)
        return err_set(errmsg, listened, "%s: it did not finish in time and was ended", name);
    if (listened)
        return err_set(errmsg, listened, "%s: reading what it writes: %s", name, err_str(listened));
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
        return err_set(errmsg, ERR_UNKNOWN, "%s: it is not installed or cannot be started", name);
    if (WIFSIGNALED(status))
        return err_set(errmsg, ERR_INVALID, "%s: ended by signal %d; it said: %s", name,
                       WTERMSIG(status), said);
    if (WEXITSTATUS(status) != 0)
        return err_set(errmsg, ERR_INVALID, "%s: it failed; it said: %s", name, said);
    return 0;
}

int child_run(const struct child_task *task, struct buf *output,
              char complaint[CHILD_COMPLAINT_SIZE], char *errmsg)
{
    struct child child;
    struct heard heard = {.output = output, .complaint = complaint};
    memset(complaint, 0, CHILD_COMPLAINT_SIZE);
    int rc = start(&child, task);
    if (rc)
        return err_set(errmsg, rc, "%s: starting it: %s", task->words[0], strerror(errno));
    rc = listen_to(&child, &heard, task->timeout_s);
    if (rc)
        kill(-child.pid, SIGKILL);
    close(child.out);
    close(child.err);
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return judge(task->words[0], rc, status, &heard, errmsg);
}

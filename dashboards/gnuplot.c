#include "dashboards/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

#define MEMORY_MAX     ((rlim_t)2 << 30)
#define COMPLAINT_SIZE 400
#define READ_SIZE      65536
#define CANNOT_RUN     127 /* exit status of a child that could not become gnuplot */

/* --- scripts ------------------------------------------------------------------------------------ */

void gnuplot_quote(struct buf *script, const char *text)
{
    buf_put_u8(script, '\'');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\'')
            buf_put_u8(script, '\'');
        buf_put_u8(script, c < 0x20 || c == 0x7f ? ' ' : c);
    }
    buf_put_u8(script, '\'');
}

void gnuplot_put(struct buf *script, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0 || size >= (int)sizeof text)
        script->failed = true;
    else
        buf_put(script, text, (size_t)size);
}

/* --- the child ---------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int out, err; /* what it draws, what it complains */
};

static void limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};
    setrlimit(resource, &both);
}

/* In the child, after fork: becomes gnuplot. Only async-signal-safe calls. The script is standard input,
 * so that no shell, no temporary file and no argument carries any of it. */
static _Noreturn void become_gnuplot(int script, int out, int err)
{
    static char *const words[] = {(char *)"gnuplot", (char *)"-d", NULL};
    static char *const environment[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin",
                                        (char *)"LC_ALL=C.UTF-8", (char *)"HOME=/nonexistent",
                                        (char *)"TZ=UTC", NULL};
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* fontconfig may try its cache, and then finds that it cannot */
    if (dup2(script, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir("/") != 0)
        _exit(CANNOT_RUN);
    close_range(3, ~0U, 0);
    limit(RLIMIT_CPU, GNUPLOT_TIMEOUT_S);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__)
    limit(RLIMIT_AS, MEMORY_MAX);
#endif
    execvpe(words[0], words, environment);
    _exit(CANNOT_RUN);
}

static int script_file(const struct buf *script)
{
    int fd = memfd_create("gnuplot-script", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < script->size;) {
        ssize_t wrote = write(fd, script->bytes + done, script->size - done);
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

static int start(struct child *child, const struct buf *script)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    int input = script_file(script);
    if (input < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        goto failed;
    child->pid = fork();
    if (child->pid < 0)
        goto failed;
    if (child->pid == 0)
        become_gnuplot(input, out[1], err[1]);
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

/* --- listening to it ---------------------------------------------------------------------------- */

struct heard {
    struct buf *picture;
    char complaint[COMPLAINT_SIZE];
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
    for (size_t i = 0; i < size && heard->complained + 1 < COMPLAINT_SIZE; i++) {
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
static int hear(struct heard *heard, int fd, bool drawing)
{
    char bytes[READ_SIZE];
    ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0)
        return errno == EINTR ? 1 : ERR_IO;
    if (size == 0)
        return 0;
    if (!drawing) {
        hear_complaint(heard, bytes, (size_t)size);
        return 1;
    }
    if (heard->picture->size + (size_t)size > GNUPLOT_PICTURE_MAX)
        return ERR_FULL;
    buf_put(heard->picture, bytes, (size_t)size);
    return heard->picture->failed ? ERR_NOMEM : 1;
}

/* Listens until both pipes have ended. ERR_STOPPED when time is up. */
static int listen_to(const struct child *child, struct heard *heard)
{
    const int64_t deadline = now_ms() + GNUPLOT_TIMEOUT_S * 1000;
    struct pollfd fds[2] = {{.fd = child->out, .events = POLLIN}, {.fd = child->err, .events = POLLIN}};
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

/* What became of the child, as an error with its cause. */
static int judge(int listened, int status, const struct heard *heard, char *errmsg)
{
    if (listened == ERR_STOPPED)
        return err_set(errmsg, listened, "gnuplot: it did not finish within %d s and was ended",
                       GNUPLOT_TIMEOUT_S);
    if (listened)
        return err_set(errmsg, listened, "gnuplot: reading what it draws: %s", err_str(listened));
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
        return err_set(errmsg, ERR_UNKNOWN,
                       "gnuplot: it is not installed or cannot be started; install the package "
                       "gnuplot-nox");
    if (WIFSIGNALED(status))
        return err_set(errmsg, ERR_INVALID, "gnuplot: ended by signal %d; it said: %s",
                       WTERMSIG(status), heard->complained ? heard->complaint : "nothing");
    if (WEXITSTATUS(status) != 0 || heard->complained > 0 || heard->picture->size == 0)
        return err_set(errmsg, ERR_INVALID, "gnuplot: it could not draw the chart: %s",
                       heard->complained ? heard->complaint : "it gave no reason");
    return 0;
}

int gnuplot_run(const struct buf *script, struct buf *picture, char *errmsg)
{
    struct child child;
    struct heard heard = {.picture = picture};
    if (script->failed)
        return err_set(errmsg, ERR_NOMEM, "gnuplot: the script: %s", err_str(ERR_NOMEM));
    int rc = start(&child, script);
    if (rc)
        return err_set(errmsg, rc, "gnuplot: starting it: %s", strerror(errno));
    rc = listen_to(&child, &heard);
    if (rc)
        kill(child.pid, SIGKILL);
    close(child.out);
    close(child.err);
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return judge(rc, status, &heard, errmsg);
}

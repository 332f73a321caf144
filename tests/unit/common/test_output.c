#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/output.h"

/* How a child ends that does that. */
static int status_of(void (*what)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        what();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static void put_on_stdout(int fd)
{
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static void without_any(void)
{
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    output_init();
    int next = open("/dev/null", O_RDWR);
    if (next < 3 || write(STDOUT_FILENO, "x", 1) >= 0 || write(STDERR_FILENO, "x", 1) >= 0 ||
        read(STDIN_FILENO, &next, 1) >= 0)
        _exit(1);
}

static void with_all(void)
{
    int fds[2];
    char byte = 0;
    if (pipe(fds) != 0)
        _exit(1);
    put_on_stdout(fds[1]);
    output_init();
    if (write(STDOUT_FILENO, "x", 1) != 1 || read(fds[0], &byte, 1) != 1 || byte != 'x')
        _exit(2);
}

Test(output, closed_streams_are_taken_and_fail)
{
    cr_expect_eq(status_of(without_any), 0, "a number below 3 is free, or can be used");
    cr_expect_eq(status_of(with_all), 0, "an open one was changed");
}

static void unread(void)
{
    int fds[2];
    if (pipe(fds) != 0)
        _exit(1);
    put_on_stdout(fds[1]);
    close(fds[0]);
    output_end_unread();
}

static void read_still(void)
{
    int fds[2];
    if (pipe(fds) != 0)
        _exit(1);
    put_on_stdout(fds[1]);
    output_end_unread();
    _exit(7);
}

static void full(void)
{
    log_init("test");
    put_on_stdout(open("/dev/full", O_WRONLY));
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    fputs("x", stdout);
    _exit(output_finish());
}

Test(output, a_pipe_without_reader_ends_the_process_quietly)
{
    int status = status_of(unread);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "status %#x", (unsigned)status);
    status = status_of(read_still);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %#x", (unsigned)status);
}

Test(output, what_cannot_be_written_is_a_failure)
{
    int status = status_of(full);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %#x", (unsigned)status);
}

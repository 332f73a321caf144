/* Quoting, and the child: what it may not do, and how its failures are told. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/child.h"
#include "dashboards/gnuplot.h"

struct quoting {
    char text[64], quoted[64];
};

ParameterizedTestParameters(gnuplot, quote)
{
    static struct quoting cases[] = {
        {"plain", "'plain'"},
        {"", "''"},
        {"it's", "'it''s'"},
        {"''", "''''''"},
        {"`touch x`", "'`touch x`'"},
        {"a\"b\\n", "'a\"b\\n'"},
        {"a\nset output 'x'\n", "'a set output ''x'' '"},
        {"\x01\x7f\t", "'   '"},
        {"日本", "'日本'"},
    };
    return cr_make_param_array(struct quoting, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct quoting *param, gnuplot, quote)
{
    struct buf script;
    buf_init(&script);
    gnuplot_quote(&script, param->text);
    cr_assert_eq(script.size, strlen(param->quoted));
    cr_assert_arr_eq(script.bytes, param->quoted, script.size);
    buf_close(&script);
}

static int run(const char *text, struct buf *picture, char *errmsg)
{
    struct buf script;
    buf_init(&script);
    buf_put(&script, text, strlen(text));
    int rc = gnuplot_run(&script, picture, errmsg);
    buf_close(&script);
    return rc;
}

/* gnuplot itself is asked to read what was quoted: the proof that the rules are gnuplot's. */
Test(gnuplot, hostile_text_comes_through_as_it_is)
{
    static const char hostile[] = "x`touch /tmp/darkcount-hostile`'.system('id').'\"`id`\" \\047";
    char errmsg[ERRMSG_SIZE] = "";
    struct buf script, out;
    buf_init(&script);
    buf_init(&out);
    gnuplot_put(&script, "set print '-'\nprint ");
    gnuplot_quote(&script, hostile);
    gnuplot_put(&script, "\n");
    unlink("/tmp/darkcount-hostile");
    cr_assert_eq(gnuplot_run(&script, &out, errmsg), 0, "%s", errmsg);
    cr_assert_eq(out.size, strlen(hostile) + 1);
    cr_assert_arr_eq(out.bytes, hostile, strlen(hostile));
    cr_assert_neq(access("/tmp/darkcount-hostile", F_OK), 0);
    buf_close(&script);
    buf_close(&out);
}

Test(gnuplot, a_complaint_is_told)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    buf_init(&picture);
    cr_assert_eq(run("set nonsense\n", &picture, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "nonsense") || strstr(errmsg, "unrecognized"), "%s", errmsg);
    cr_assert_null(strchr(errmsg, '\n'));
    buf_close(&picture);
}

Test(gnuplot, a_script_that_draws_nothing_is_an_error)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf picture;
    buf_init(&picture);
    cr_assert_eq(run("set terminal svg\n", &picture, errmsg), ERR_INVALID);
    buf_close(&picture);
}

Test(gnuplot, the_child_cannot_write_a_file)
{
    char errmsg[ERRMSG_SIZE] = "", script[256], directory[] = "/tmp/darkcount-test.XXXXXX",
         path[64];
    struct buf picture;
    buf_init(&picture);
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(script, sizeof script, "set print '%s'\nprint 'text'\nunset print\n", path);
    run(script, &picture, errmsg);
    FILE *file = fopen(path, "re");
    if (file) { /* it may be created, and stays empty */
        cr_assert_eq(fgetc(file), EOF);
        fclose(file);
        unlink(path);
    }
    rmdir(directory);
    buf_close(&picture);
}

static int child(const char *program, const char *argument, int timeout_s, struct buf *out,
                 char *errmsg)
{
    char *const words[] = {(char *)program, (char *)argument, NULL};
    const struct child_task task = {.words = words, .timeout_s = timeout_s};
    char complaint[CHILD_COMPLAINT_SIZE];
    return child_run(&task, out, complaint, errmsg);
}

Test(child, a_program_that_is_not_there_is_unknown)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf out;
    buf_init(&out);
    cr_assert_eq(child("darkcount-no-such-program", NULL, 10, &out, errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, "darkcount-no-such-program"));
}

Test(child, the_environment_is_clean)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf out;
    buf_init(&out);
    setenv("SECRET", "password", 1);
    cr_assert_eq(child("env", NULL, 10, &out, errmsg), 0, "%s", errmsg);
    cr_assert_null(memmem(out.bytes, out.size, "SECRET", 6));
    cr_assert_not_null(memmem(out.bytes, out.size, "LC_ALL=C.UTF-8", 14));
    buf_close(&out);
}

Test(child, too_much_output_ends_it)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf out;
    buf_init(&out);
    cr_assert_eq(child("yes", "0123456789abcdef0123456789abcdef", 30, &out, errmsg), ERR_FULL, "%s",
                 errmsg);
    cr_assert_leq(out.size, CHILD_OUTPUT_MAX);
    buf_close(&out);
}

Test(child, an_endless_one_is_ended)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct buf out;
    buf_init(&out);
    cr_assert_eq(child("sleep", "1000", 1, &out, errmsg), ERR_STOPPED);
    cr_assert(strstr(errmsg, "did not finish"));
}

/* All that it started is ended with it: here a process that would hold a pipe open. */
Test(child, an_endless_one_is_ended_with_what_it_started, .timeout = 300)
{
    char errmsg[ERRMSG_SIZE] = "", complaint[CHILD_COMPLAINT_SIZE], byte;
    char pipe_path[] = "/tmp/darkcount-test.XXXXXX", script[128];
    struct buf out;
    buf_init(&out);
    cr_assert_not_null(mkdtemp(pipe_path));
    char fifo[64];
    snprintf(fifo, sizeof fifo, "%s/fifo", pipe_path);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(script, sizeof script, "sleep 1000 3>%s & wait", fifo);
    char *const words[] = {(char *)"sh", (char *)"-c", script, NULL};
    const struct child_task task = {.words = words, .timeout_s = 1, .directory = pipe_path};
    cr_assert_eq(child_run(&task, &out, complaint, errmsg), ERR_STOPPED);
    struct pollfd end = {.fd = reader, .events = POLLIN};
    cr_assert_eq(poll(&end, 1, 30000), 1, "what it started still runs");
    cr_assert_eq(read(reader, &byte, 1), 0);
    close(reader);
    unlink(fifo);
    rmdir(pipe_path);
}

Test(child, it_has_no_network)
{
    char errmsg[ERRMSG_SIZE] = "", complaint[CHILD_COMPLAINT_SIZE];
    char *const words[] = {(char *)"bash", (char *)"-c", (char *)": </dev/tcp/127.0.0.1/9", NULL};
    const struct child_task task = {.words = words, .timeout_s = 10};
    struct buf out;
    buf_init(&out);
    cr_assert_eq(child_run(&task, &out, complaint, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "Permission denied"), "%s", errmsg);
}

Test(child, it_works_in_a_directory_of_its_own)
{
    char errmsg[ERRMSG_SIZE] = "", complaint[CHILD_COMPLAINT_SIZE];
    char directory[] = "/tmp/darkcount-test.XXXXXX", path[64];
    char *const words[] = {(char *)"sh", (char *)"-c", (char *)"echo \"$HOME\" | tee file", NULL};
    const struct child_task task = {.words = words, .timeout_s = 10, .directory = directory};
    struct buf out;
    buf_init(&out);
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(child_run(&task, &out, complaint, errmsg), 0, "%s", errmsg);
    cr_assert_eq(out.size, strlen(directory) + 1);
    cr_assert_arr_eq(out.bytes, directory, strlen(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(directory), 0);
    buf_close(&out);
}

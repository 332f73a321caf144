#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/outfile.h"
#include "dashboards/textout.h"

static char folder[40], path[400], errmsg[ERRMSG_SIZE];

static void open_folder(void)
{
    strcpy(folder, "/tmp/darkcount-out.XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(outfile, .init = open_folder, .fini = remove_folder);
TestSuite(textout, .init = open_folder, .fini = remove_folder);

static int entries(void)
{
    int count = -2; /* . and .. */
    DIR *directory = opendir(folder);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static struct outfile *opened(const char *name)
{
    struct outfile *out;
    cr_assert_eq(outfile_open(&out, name, errmsg), 0, "%s", errmsg);
    return out;
}

static void write_file(const char *name, const char *content)
{
    struct outfile *out = opened(name);
    cr_assert_eq(outfile_write(out, content, strlen(content), errmsg), 0);
    cr_assert_eq(outfile_commit(out, errmsg), 0, "%s", errmsg);
}

static void assert_content(const char *name, const char *content)
{
    char read[256];
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file, "%s", name);
    read[fread(read, 1, sizeof read - 1, file)] = '\0';
    fclose(file);
    cr_assert_str_eq(read, content);
}

Test(outfile, appears_with_the_commit_and_not_before)
{
    struct outfile *out = opened(path);
    cr_assert_eq(outfile_write(out, "all", 3, errmsg), 0);
    cr_assert_eq(access(path, F_OK), -1);
    cr_assert_eq(outfile_commit(out, errmsg), 0);
    assert_content(path, "all");
    cr_assert_eq(entries(), 1);
}

Test(outfile, replaces_and_an_abort_leaves_what_was)
{
    write_file(path, "first");
    write_file(path, "second");
    struct outfile *out = opened(path);
    cr_assert_eq(outfile_write(out, "half", 4, errmsg), 0);
    outfile_abort(out);
    assert_content(path, "second");
    cr_assert_eq(entries(), 1);
}

Test(outfile, of_a_killed_process_is_nowhere)
{
    int status;
    pid_t child;
    write_file(path, "old");
    child = fork();
    if (child == 0) {
        struct outfile *out;
        if (outfile_open(&out, path, errmsg) == 0 && outfile_write(out, "half", 4, errmsg) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "it did not come to write");
    assert_content(path, "old");
    cr_assert_eq(entries(), 1);
}

Test(outfile, has_the_usual_rights)
{
    struct stat about;
    umask(027);
    write_file(path, "");
    cr_assert_eq(stat(path, &about), 0);
    cr_assert_eq(about.st_mode & 07777, 0640);
}

Test(outfile, may_have_any_name)
{
    static const char *const names[] = {"a b",
                                        "`reboot`",
                                        "$(reboot)",
                                        "it's \"it\"",
                                        "two\nlines",
                                        "-o",
                                        "\xe6\x97\xa5\xe6\x9c\xac",
                                        "*"};
    cr_assert_eq(chdir(folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        write_file(path, names[i]);
        assert_content(path, names[i]);
        cr_assert_eq(unlink(path), 0);
        write_file(names[i], "here"); /* without a directory */
        assert_content(path, "here");
    }
}

Test(outfile, may_have_the_longest_name)
{
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = '\0';
    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_file(path, "long");
    struct outfile *out;
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = '\0';
    snprintf(path, sizeof path, "%s/%.256s", folder, name);
    cr_assert_eq(outfile_open(&out, path, errmsg), ERR_IO, "only after hours of work");
}

Test(outfile, is_the_file_that_a_link_names)
{
    char link[64];
    struct stat about;
    snprintf(link, sizeof link, "%s/link", folder);
    write_file(path, "old");
    cr_assert_eq(symlink("file", link), 0);
    write_file(link, "new");
    assert_content(path, "new");
    cr_assert_eq(lstat(link, &about), 0);
    cr_assert(S_ISLNK(about.st_mode));
}

Test(outfile, never_replaces_what_is_no_file)
{
    struct outfile *out;
    struct stat about;
    char content[16];
    cr_assert_eq(outfile_open(&out, folder, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "directory"), "%s", errmsg);
    cr_assert_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    write_file(path, "through");
    cr_assert_eq(read(reader, content, sizeof content), 7);
    cr_assert_arr_eq(content, "through", 7);
    close(reader);
    cr_assert_eq(stat(path, &about), 0);
    cr_assert(S_ISFIFO(about.st_mode));
}

Test(outfile, without_a_name_or_a_directory_is_refused_at_once)
{
    struct outfile *out;
    cr_assert_eq(outfile_open(&out, "", errmsg), ERR_INVALID);
    snprintf(path, sizeof path, "%s/none/file", folder);
    cr_assert_eq(outfile_open(&out, path, errmsg), ERR_IO);
    cr_assert(strstr(errmsg, "none/file: No such file"), "%s", errmsg);
    snprintf(path, sizeof path, "%s/none/", folder);
    cr_assert_neq(outfile_open(&out, path, errmsg), 0);
}

Test(outfile, on_a_full_disk_says_so_and_leaves_what_was)
{
    char bytes[4096] = "";
    const struct rlimit limit = {sizeof bytes, sizeof bytes};
    write_file(path, "old");
    struct outfile *out = opened(path);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(outfile_write(out, bytes, sizeof bytes, errmsg), 0);
    cr_assert_eq(outfile_write(out, bytes, sizeof bytes, errmsg), ERR_IO);
    cr_assert(strstr(errmsg, path), "%s", errmsg);
    outfile_abort(out);
    assert_content(path, "old");
    cr_assert_eq(entries(), 1);
    out = opened("/dev/full");
    cr_assert_eq(outfile_write(out, bytes, 1, errmsg), ERR_FULL);
    outfile_abort(out);
}

/* --- text ------------------------------------------------------------------------------------- */

static struct textout text;

Test(textout, numbers_and_addresses)
{
    static const uint8_t address6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const uint8_t address4[4] = {192, 0, 2, 255};
    struct outfile *out = opened(path);
    textout_init(&text, out, errmsg);
    textout_u64(&text, 0);
    textout_put(&text, " ", 1);
    textout_u64(&text, UINT64_MAX);
    textout_string(&text, " ");
    textout_address4(&text, 0x0a006509);
    textout_string(&text, " ");
    textout_address4(&text, 0xffffffff);
    textout_string(&text, " ");
    textout_address(&text, 4, address4);
    textout_string(&text, " ");
    textout_address(&text, 6, address6);
    cr_assert_eq(textout_flush(&text), 0);
    cr_assert_eq(outfile_commit(out, errmsg), 0);
    assert_content(path,
                   "0 18446744073709551615 10.0.101.9 255.255.255.255 192.0.2.255 2001:db8::1");
}

Test(textout, is_whole_across_blocks)
{
    struct outfile *out = opened(path);
    static char large[TEXTOUT_BLOCK + 5000];
    unsigned long long number, expected = 0;
    textout_init(&text, out, errmsg);
    for (unsigned i = 0; i < 40000; i++) {
        textout_u64(&text, i);
        textout_string(&text, "\n");
    }
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)('0' + i % 37);
    textout_put(&text, large, sizeof large);
    cr_assert_eq(textout_flush(&text), 0);
    cr_assert_eq(outfile_commit(out, errmsg), 0);
    FILE *file = fopen(path, "r");
    while (expected < 40000 && fscanf(file, "%llu", &number) == 1)
        cr_assert_eq(number, expected++);
    cr_assert_eq(expected, 40000);
    cr_assert_eq(fgetc(file), '\n');
    for (size_t i = 0; i < sizeof large; i++)
        cr_assert_eq(fgetc(file), large[i]);
    cr_assert_eq(fgetc(file), EOF);
    fclose(file);
}

Test(textout, keeps_the_first_error)
{
    struct outfile *out = opened("/dev/full");
    textout_init(&text, out, errmsg);
    textout_string(&text, "lost");
    cr_assert_eq(textout_flush(&text), ERR_FULL);
    errmsg[0] = '\0';
    textout_string(&text, "more");
    cr_assert_eq(textout_flush(&text), ERR_FULL);
    cr_assert_str_empty(errmsg, "tried again");
    outfile_abort(out);
}

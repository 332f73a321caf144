#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/textfile.h"

static char folder[32], path[64];

static void open_folder(void)
{
    strcpy(folder, "/tmp/darkcount-text.XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void close_folder(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(textfile, .init = open_folder, .fini = close_folder);

Test(textfile, what_was_put_is_read)
{
    struct stat info;
    int rc;
    cr_assert_eq(textfile_replace(path, "one\n", 0600, NULL), 0);
    cr_assert_eq(textfile_replace(path, "two\n", 0640, NULL), 0);
    char *text = textfile_read(path, &rc, NULL);
    cr_assert_str_eq(text, "two\n");
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0640);
    free(text);
}

Test(textfile, what_a_killed_process_left_is_in_nobodys_way)
{
    char left[80];
    int rc;
    snprintf(left, sizeof left, "%s.new", path);
    cr_assert_eq(close(open(left, O_CREAT | O_WRONLY, 0400)), 0);
    cr_assert_eq(textfile_replace(path, "text", 0600, NULL), 0);
    char *text = textfile_read(path, &rc, NULL);
    cr_assert_str_eq(text, "text");
    free(text);
}

Test(textfile, root_gives_the_file_to_the_owner_of_its_directory)
{
    struct stat info;
    if (geteuid() != 0)
        cr_skip_test("not root");
    cr_assert_eq(chown(folder, 12345, 12346), 0);
    cr_assert_eq(textfile_replace(path, "text", 0600, NULL), 0);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_uid, 12345);
    cr_assert_eq(info.st_gid, 12346);
}

Test(textfile, refuses_what_is_none)
{
    char errmsg[ERRMSG_SIZE];
    int rc;
    cr_assert_null(textfile_read(path, &rc, errmsg));
    cr_assert_eq(rc, ERR_UNKNOWN);
    FILE *file = fopen(path, "w");
    fwrite("a\0b", 1, 3, file);
    fclose(file);
    cr_assert_null(textfile_read(path, &rc, errmsg));
    cr_assert_eq(rc, ERR_INVALID);
    cr_assert_eq(truncate(path, TEXTFILE_MAX + 1), 0);
    cr_assert_null(textfile_read(path, &rc, errmsg));
    cr_assert_eq(rc, ERR_INVALID);
    cr_assert_null(textfile_read(folder, &rc, errmsg));
    cr_assert_eq(rc, ERR_IO);
    cr_assert_neq(textfile_replace("/nowhere/file", "text", 0600, errmsg), 0);
}

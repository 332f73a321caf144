#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/keyfile.h"

static char folder[40], path[64], errmsg[ERRMSG_SIZE];
static uint8_t key[PSEUDONYM_KEY_SIZE];

static void open_folder(void)
{
    strcpy(folder, "/tmp/darkcount-key.XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
}

static void close_folder(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(keyfile, .init = open_folder, .fini = close_folder);

static void put(size_t size, mode_t mode)
{
    static const uint8_t bytes[64];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

Test(keyfile, made_is_read_and_is_the_owners_alone)
{
    static const uint8_t none[PSEUDONYM_KEY_SIZE];
    struct stat about;
    umask(0);
    cr_assert_eq(keyfile_make(path, errmsg), 0, "%s", errmsg);
    cr_assert_eq(stat(path, &about), 0);
    cr_assert_eq(about.st_mode & 07777, 0600);
    cr_assert_eq(keyfile_read(path, key, errmsg), 0, "%s", errmsg);
    cr_assert_arr_neq(key, none, sizeof key);
}

Test(keyfile, no_two_keys_are_the_same)
{
    uint8_t other[PSEUDONYM_KEY_SIZE];
    cr_assert_eq(keyfile_make(path, errmsg), 0);
    cr_assert_eq(keyfile_read(path, key, errmsg), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(keyfile_make(path, errmsg), 0);
    cr_assert_eq(keyfile_read(path, other, errmsg), 0);
    cr_assert_arr_neq(key, other, sizeof key);
}

Test(keyfile, is_never_overwritten)
{
    uint8_t after[PSEUDONYM_KEY_SIZE];
    cr_assert_eq(keyfile_make(path, errmsg), 0);
    cr_assert_eq(keyfile_read(path, key, errmsg), 0);
    cr_assert_eq(keyfile_make(path, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, "never overwritten"), "%s", errmsg);
    cr_assert_eq(keyfile_read(path, after, errmsg), 0);
    cr_assert_arr_eq(key, after, sizeof key);
}

Test(keyfile, missing_says_how_to_make_one)
{
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, "--make-key"), "%s", errmsg);
}

Test(keyfile, that_others_may_read_is_refused)
{
    put(PSEUDONYM_KEY_SIZE, 0640);
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, "mode 640"), "%s", errmsg);
    put(PSEUDONYM_KEY_SIZE, 0602);
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_REFUSED);
    put(PSEUDONYM_KEY_SIZE, 0400);
    cr_assert_eq(keyfile_read(path, key, errmsg), 0, "%s", errmsg);
}

Test(keyfile, of_somebody_else_is_refused)
{
    put(PSEUDONYM_KEY_SIZE, 0600);
    if (geteuid() != 0 || chown(path, 12345, 12345) != 0)
        cr_skip_test("not root");
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_REFUSED);
}

Test(keyfile, of_another_size_or_kind_is_no_key)
{
    put(PSEUDONYM_KEY_SIZE - 1, 0600);
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_INVALID);
    put(PSEUDONYM_KEY_SIZE + 1, 0600);
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_INVALID);
    cr_assert_eq(keyfile_read(folder, key, errmsg), ERR_INVALID);
    cr_assert_eq(keyfile_read("/dev/zero", key, errmsg), ERR_INVALID);
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(keyfile_read(path, key, errmsg), ERR_INVALID, "it waits for a writer");
}

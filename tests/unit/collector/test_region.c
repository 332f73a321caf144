#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/region.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"

static char folder[64], path[96], unnamed[104], errmsg[ERRMSG_SIZE];

static void begin(void)
{
    folder_make(folder);
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(unnamed, sizeof unnamed, "%s" REGION_UNNAMED, path);
}

static void end(void)
{
    folder_remove(folder);
}

static void make_file(off_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(ftruncate(fd, size), 0);
    close(fd);
}

static bool is_zero(const struct region *region, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (region->at[i])
            return false;
    return true;
}

TestSuite(region, .init = begin, .fini = end);

Test(region, memory_is_zero_and_grows_in_its_place)
{
    struct region region;
    cr_assert_eq(region_memory(&region, 8192, 16384), 0);
    cr_expect(is_zero(&region, 8192));
    uint8_t *at = region.at;
    cr_expect_eq(region_reserve(&region, 0, 4096), 0);
    cr_expect_eq(region.size, 8192);
    cr_expect_eq(region_reserve(&region, 12288, 4096), 0);
    cr_expect_eq(region.size, 16384);
    cr_expect_eq(region.at, at);
    cr_expect(is_zero(&region, 16384));
    cr_expect_eq(region_reserve(&region, 0, 16385), ERR_FULL);
    cr_expect_eq(region.size, 16384);
    region_close(&region);
    cr_expect_null(region.at);
    region_close(&region);
}

Test(region, file_takes_the_place_of_another)
{
    struct region region;
    FILE *old = fopen(path, "w");
    fputs("what was there", old); /* 14 bytes */
    fclose(old);
    cr_assert_eq(region_create(&region, path, 8192, 16384, errmsg), 0, "%s", errmsg);
    cr_expect(is_zero(&region, 8192));
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 14, "it has the name before region_name");
    cr_assert_eq(region_name(path, errmsg), 0, "%s", errmsg);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 8192);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_expect_geq(st.st_blocks * 512, 8192, "its blocks are not reserved");
    region_close(&region);
}

/* A link in the place of the file is taken away, not followed. */
Test(region, link_is_not_followed)
{
    struct region region;
    char target[96];
    snprintf(target, sizeof target, "%s/target", folder);
    FILE *file = fopen(target, "w");
    fputs("precious", file);
    fclose(file);
    cr_assert_eq(symlink(target, path), 0);
    cr_expect_eq(region_load(&region, path, 4, 4096, errmsg), ERR_DAMAGED);
    cr_assert_eq(symlink(target, unnamed), 0);
    cr_assert_eq(region_create(&region, path, 4096, 4096, errmsg), 0, "%s", errmsg);
    cr_assert_eq(region_name(path, errmsg), 0, "%s", errmsg);
    region_close(&region);
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0);
    cr_expect(S_ISREG(st.st_mode));
    cr_assert_eq(stat(target, &st), 0);
    cr_expect_eq(st.st_size, 8);
}

/* What lies before is a hole, which takes no room on disk. */
Test(region, file_has_blocks_where_they_were_reserved)
{
    struct region region;
    struct stat st;
    cr_assert_eq(region_create(&region, path, 4096, (size_t)1 << 26, errmsg), 0, "%s", errmsg);
    cr_assert_eq(region_name(path, errmsg), 0);
    cr_assert_eq(region_reserve(&region, (size_t)32 << 20, 65536), 0);
    region.at[(32 << 20) + 65535] = 1;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, (32 << 20) + 65536);
    cr_expect_geq(st.st_blocks * 512, 65536 + 4096);
    cr_expect_lt(st.st_blocks * 512, 1 << 20);
    cr_assert_eq(region_reserve(&region, 8192, 4096), 0);
    cr_expect_eq(region.size, (32 << 20) + 65536);
    region_close(&region);
}

Test(region, what_was_stored_is_loaded)
{
    struct region region;
    cr_assert_eq(region_create(&region, path, 4096, 12288, errmsg), 0);
    cr_assert_eq(region_name(path, errmsg), 0);
    region.at[7] = 7;
    cr_assert_eq(region_reserve(&region, 0, 12288), 0);
    region.at[12287] = 9;
    region_close(&region);
    cr_assert_eq(region_load(&region, path, 4096, 12288, errmsg), 0, "%s", errmsg);
    cr_expect_eq(region.size, 12288);
    cr_expect_eq(region.at[7], 7);
    cr_expect_eq(region.at[12287], 9);
    region_close(&region);
}

Test(region, what_is_no_region_is_not_loaded)
{
    struct region region;
    cr_expect_eq(region_load(&region, path, 4096, 8192, errmsg), ERR_UNKNOWN);
    make_file(4095);
    cr_expect_eq(region_load(&region, path, 4096, 8192, errmsg), ERR_DAMAGED);
    make_file(8193);
    cr_expect_eq(region_load(&region, path, 4096, 8192, errmsg), ERR_DAMAGED);
    cr_expect(strstr(errmsg, path));
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(region_load(&region, path, 4096, 8192, errmsg), ERR_DAMAGED);
    rmdir(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(region_load(&region, path, 4096, 8192, errmsg), ERR_DAMAGED);
}

/* As a full disk does: the file may not grow beyond `size`. */
static void bound_files(rlim_t size)
{
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, size}), 0);
}

Test(region, file_without_room_leaves_nothing_behind)
{
    struct region region;
    bound_files(8192);
    cr_expect_lt(region_create(&region, path, 12288, 12288, errmsg), 0);
    cr_expect(strstr(errmsg, path));
    cr_expect_eq(region.fd, -1);
    cr_expect_neq(access(unnamed, F_OK), 0);
    cr_expect_eq(region_create(&region, "/nonexistent/region", 4096, 4096, errmsg), ERR_IO);
}

Test(region, growth_that_fails_changes_nothing)
{
    struct region region;
    bound_files(8192);
    cr_assert_eq(region_create(&region, path, 4096, 16384, errmsg), 0, "%s", errmsg);
    cr_expect_lt(region_reserve(&region, 0, 12288), 0);
    cr_expect_eq(region.size, 4096);
    cr_expect_eq(region_reserve(&region, 0, 8192), 0);
    region.at[8191] = 1;
    region_close(&region);
}

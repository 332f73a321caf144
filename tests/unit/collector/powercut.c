#include "tests/unit/collector/powercut.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES   64
#define ENTRIES 64

/* Content as of the last sync. */
static struct {
    ino_t inode;
    uint8_t *bytes;
    size_t size;
} synced[FILES];

struct entries {
    size_t count;
    struct {
        char name[256];
        ino_t inode;
    } list[ENTRIES];
};

static struct {
    bool armed;
    unsigned left_calls;
    enum powercut_mode mode;
    char parent[PATH_MAX], directory[PATH_MAX], left[PATH_MAX];
    bool exists; /* the directory's own entry is synced */
    struct entries entries;
} cut;

static uint8_t *read_whole(const char *path, size_t *size)
{
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0)
        abort();
    uint8_t *bytes = malloc((size_t)info.st_size + 1);
    ssize_t got = bytes ? pread(fd, bytes, (size_t)info.st_size, 0) : -1;
    if (got != info.st_size)
        abort();
    *size = (size_t)got;
    syscall(SYS_close, fd);
    return bytes;
}

static void list_entries(struct entries *entries)
{
    entries->count = 0;
    DIR *directory = opendir(cut.directory);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_type != DT_REG || entries->count == ENTRIES)
            continue;
        snprintf(entries->list[entries->count].name, 256, "%s", entry->d_name);
        entries->list[entries->count++].inode = entry->d_ino;
    }
    closedir(directory);
}

static size_t synced_of(ino_t inode)
{
    size_t i = 0;
    while (i < FILES && synced[i].inode != inode && synced[i].inode != 0)
        i++;
    if (i == FILES)
        abort();
    return i;
}

static void note_synced(int fd)
{
    struct stat info, directory;
    char path[64];
    if (fstat(fd, &info) != 0)
        return;
    if (S_ISDIR(info.st_mode)) {
        bool inside = stat(cut.directory, &directory) == 0;
        if (inside && directory.st_ino == info.st_ino)
            list_entries(&cut.entries);
        else
            cut.exists = inside; /* the only other directory that is synced is its parent */
        return;
    }
    size_t i = synced_of(info.st_ino);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    free(synced[i].bytes);
    synced[i].inode = info.st_ino;
    synced[i].bytes = read_whole(path, &synced[i].size);
}

/* A file that loses its name keeps its inode: nothing else may get its number. */
static void keep_inode(const char *path)
{
    if (cut.armed)
        (void)!open(path, O_RDONLY);
}

static void write_left(const char *name, const uint8_t *bytes, size_t size, size_t zeros)
{
    char path[PATH_MAX + 256];
    static const uint8_t none[4096];
    snprintf(path, sizeof path, "%s/%s", cut.left, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (size && syscall(SYS_write, fd, bytes, size) != (long)size)
        abort();
    for (; zeros > 0; zeros -= zeros < sizeof none ? zeros : sizeof none)
        if (syscall(SYS_write, fd, none, zeros < sizeof none ? zeros : sizeof none) < 0)
            abort();
    syscall(SYS_close, fd);
}

/* What is left of the content of a file that has `now` for it. */
static void leave_file(const char *name, ino_t inode, const char *now)
{
    size_t i = synced_of(inode), size;
    size_t kept = synced[i].inode ? synced[i].size : 0;
    if (cut.mode == POWERCUT_SYNCED || cut.mode == POWERCUT_ENTRIES || !now) {
        write_left(name, synced[i].bytes, kept, 0);
        return;
    }
    uint8_t *bytes = read_whole(now, &size);
    size_t torn = cut.mode != POWERCUT_TORN || size <= kept ? size : kept + (size - kept) / 2;
    write_left(name, bytes, torn, size - torn);
    free(bytes);
}

static void leave(void)
{
    static struct entries now;
    list_entries(&now);
    bool all = cut.mode != POWERCUT_SYNCED && cut.mode != POWERCUT_CONTENT;
    const struct entries *entries = all ? &now : &cut.entries;
    if (!all && !cut.exists)
        return;
    syscall(SYS_mkdir, cut.left, 0700);
    for (size_t i = 0; i < entries->count; i++) {
        char path[PATH_MAX + 256];
        const char *current = NULL;
        for (size_t j = 0; j < now.count && !current; j++)
            if (now.list[j].inode == entries->list[i].inode) {
                snprintf(path, sizeof path, "%s/%s", cut.directory, now.list[j].name);
                current = path;
            }
        leave_file(entries->list[i].name, entries->list[i].inode, current);
    }
}

static void count_call(void)
{
    if (!cut.armed || --cut.left_calls > 0)
        return;
    cut.armed = false;
    leave();
    _exit(POWERCUT_EXIT);
}

void powercut_arm(const char *parent, const char *name, const char *left, unsigned n,
                  enum powercut_mode mode)
{
    snprintf(cut.parent, sizeof cut.parent, "%s", parent);
    snprintf(cut.directory, sizeof cut.directory, "%.2000s/%.255s", parent, name);
    snprintf(cut.left, sizeof cut.left, "%.2000s/%.255s", left, name);
    cut.left_calls = n;
    cut.mode = mode;
    cut.armed = true;
}

/* --- the calls -------------------------------------------------------------------------------- */

static long counted(long rc)
{
    count_call();
    return rc;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return counted(syscall(SYS_pwrite64, fd, bytes, size, offset));
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fd <= 2 ? syscall(SYS_write, fd, bytes, size)
                   : counted(syscall(SYS_write, fd, bytes, size));
}

int ftruncate(int fd, off_t size)
{
    return (int)counted(syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return (int)counted(syscall(SYS_fallocate, fd, mode, offset, size));
}

int rename(const char *from, const char *to)
{
    keep_inode(to);
    return (int)counted(syscall(SYS_rename, from, to));
}

int link(const char *from, const char *to)
{
    return (int)counted(syscall(SYS_link, from, to));
}

int unlink(const char *path)
{
    keep_inode(path);
    return (int)counted(syscall(SYS_unlink, path));
}

int mkdir(const char *path, mode_t mode)
{
    return (int)counted(syscall(SYS_mkdir, path, mode));
}

int fsync(int fd)
{
    int rc = (int)syscall(SYS_fsync, fd);
    if (cut.armed && rc == 0)
        note_synced(fd);
    return (int)counted(rc);
}

unsigned powercut_failing_syncs;

static int fail_sync(int fd)
{
    struct stat info;
    powercut_failing_syncs--;
    if (fstat(fd, &info) != 0 || syscall(SYS_pwrite64, fd, "", 1, info.st_size - 1) != 1)
        abort();
    errno = EIO;
    return -1;
}

int fdatasync(int fd)
{
    if (powercut_failing_syncs > 0)
        return fail_sync(fd);
    int rc = (int)syscall(SYS_fdatasync, fd);
    if (cut.armed && rc == 0)
        note_synced(fd);
    return (int)counted(rc);
}

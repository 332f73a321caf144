#include "collector/region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

static const struct region none = {.fd = -1};

int region_memory(struct region *region, size_t size, size_t most)
{
    *region = none;
    pages_init(&region->pages, most);
    if (!region->pages.at)
        return ERR_NOMEM;
    region->at = region->pages.at;
    region->size = size;
    region->most = most;
    return 0;
}

static int failed(const char *path, int error, char *errmsg)
{
    return err_set(errmsg, err_from_errno(error), "counters in %s: %s", path, strerror(error));
}

/* Pages beyond the file's end are mapped, and touched only after the file has grown over them. */
static int map(struct region *region, int fd, size_t size, size_t most)
{
    void *at = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return errno;
    *region = (struct region){.at = at, .size = size, .most = most, .fd = fd};
    return 0;
}

static const char *unnamed(char at[PATH_MAX], const char *path)
{
    snprintf(at, PATH_MAX, "%s" REGION_UNNAMED, path);
    return at;
}

int region_create(struct region *region, const char *path, size_t size, size_t most, char *errmsg)
{
    char name[PATH_MAX];
    *region = none;
    unlink(unnamed(name, path));
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(path, errno, errmsg);
    int error = posix_fallocate(fd, 0, (off_t)size);
    if (error == 0)
        error = map(region, fd, size, most);
    if (error == 0)
        return 0;
    close(fd);
    unlink(name);
    return failed(path, error, errmsg);
}

int region_name(const char *path, char *errmsg)
{
    char name[PATH_MAX];
    if (rename(unnamed(name, path), path) == 0)
        return 0;
    int error = errno;
    unlink(name);
    return failed(path, error, errmsg);
}

/* O_NONBLOCK: a FIFO is not waited for. */
static int open_left(const char *path, size_t size, size_t most, int *fd, size_t *held)
{
    struct stat st;
    *fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return errno;
    if (fstat(*fd, &st) != 0)
        return errno;
    *held = (size_t)st.st_size;
    return S_ISREG(st.st_mode) && *held >= size && *held <= most ? 0 : EBADMSG;
}

int region_load(struct region *region, const char *path, size_t size, size_t most, char *errmsg)
{
    size_t held = 0;
    int fd;
    *region = none;
    int error = open_left(path, size, most, &fd, &held);
    if (error == 0)
        error = map(region, fd, held, held);
    if (error == 0)
        return 0;
    if (fd >= 0)
        close(fd);
    if (error == ENOENT)
        return err_set(errmsg, ERR_UNKNOWN, "counters in %s: no such file", path);
    if (error == EBADMSG || error == ELOOP || error == EISDIR || error == ENXIO)
        return err_set(errmsg, ERR_DAMAGED, "counters in %s: no file of counters of this darknet",
                       path);
    return failed(path, error, errmsg);
}

/* All pages in one call, not by a fault for each. A kernel that cannot (before 5.14) faults. */
static void populate(const struct region *region, size_t at, size_t size)
{
    size_t before = at % (size_t)sysconf(_SC_PAGESIZE);
    madvise(region->at + at - before, size + before, MADV_POPULATE_WRITE);
}

int region_reserve(struct region *region, size_t at, size_t size)
{
    if (at + size > region->most)
        return ERR_FULL;
    if (region->fd >= 0) {
        int error = posix_fallocate(region->fd, (off_t)at, (off_t)size);
        if (error)
            return err_from_errno(error);
        populate(region, at, size);
    }
    if (at + size > region->size)
        region->size = at + size;
    return 0;
}

void region_close(struct region *region)
{
    if (region->fd >= 0) {
        munmap(region->at, region->most);
        close(region->fd);
    } else {
        pages_close(&region->pages);
    }
    *region = none;
}

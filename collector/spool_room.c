#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "collector/spool_private.h"

#define SPARE ".spare"

bool room_reserve(int fd)
{
    while (spool_env->fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)SPOOL_SEGMENT_MAX) != 0)
        if (errno != EINTR)
            return errno != ENOSPC && errno != EDQUOT;
    return true;
}

/* Truncation to the size that a file has gives back the blocks behind it. Where it fails they stay
 * until the segment is deleted. */
void room_release(int fd, size_t size)
{
    (void)!spool_env->ftruncate(fd, (off_t)size);
}

static void spare_path(char out[PATH_MAX], const char *path)
{
    snprintf(out, PATH_MAX, "%.4000s/" SPARE, path);
}

bool room_prepare(const char *path)
{
    char name[PATH_MAX];
    spare_path(name, path);
    int fd = spool_env->open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return errno != ENOSPC && errno != EDQUOT;
    bool enough = room_reserve(fd);
    spool_env->close(fd);
    return enough;
}

bool room_take(const char *path, uint64_t first)
{
    char spare[PATH_MAX], name[PATH_MAX];
    spare_path(spare, path);
    segment_path(name, path, first);
    return spool_env->rename(spare, name) == 0;
}

void room_drop(const char *path)
{
    char name[PATH_MAX];
    spare_path(name, path);
    spool_env->unlink(name);
}

#include "collector/nicdrops.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNTERS 2

static const char *const names[COUNTERS] = {"rx_missed_errors", "rx_fifo_errors"};

struct nicdrops {
    int fds[COUNTERS];
    uint64_t seen[COUNTERS], total;
};

/* False: cannot be read, as of an interface that is gone. */
static bool read_counter(int fd, uint64_t *value)
{
    char text[32] = "", *end;
    if (pread(fd, text, sizeof text - 1, 0) <= 0)
        return false;
    *value = strtoull(text, &end, 10);
    return end != text;
}

struct nicdrops *nicdrops_open(const char *dir)
{
    struct nicdrops *nic = calloc(1, sizeof *nic);
    bool told = false;
    for (int i = 0; nic && i < COUNTERS; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        nic->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        told |= nic->fds[i] >= 0 && read_counter(nic->fds[i], &nic->seen[i]);
    }
    if (told)
        return nic;
    nicdrops_close(nic);
    return NULL;
}

void nicdrops_close(struct nicdrops *nic)
{
    for (int i = 0; nic && i < COUNTERS; i++)
        if (nic->fds[i] >= 0)
            close(nic->fds[i]);
    free(nic);
}

bool nicdrops_read(struct nicdrops *nic, uint64_t *total)
{
    bool sane = true;
    for (int i = 0; nic && i < COUNTERS; i++) {
        uint64_t now, step;
        if (nic->fds[i] < 0 || !read_counter(nic->fds[i], &now))
            continue;
        step = now - nic->seen[i];
        nic->seen[i] = now;
        if (step <= INT32_MAX)
            nic->total += step;
        else
            sane = false;
    }
    *total = nic ? nic->total : 0;
    return sane;
}

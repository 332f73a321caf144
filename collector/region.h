/*
 * Region: zeroed memory for counters, in a file that outlives the process or, without a file, in
 * huge pages where the system gives them. What was stored in a file's region before the process was
 * killed is found there by the next one (region_load); a power cut may lose it, nothing is synced.
 * Used by interval. Its blocks are reserved on disk when it is made, so that a full disk is an error
 * then and no SIGBUS later.
 */
#ifndef COLLECTOR_REGION_H
#define COLLECTOR_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "collector/pages.h"

struct region {
    uint8_t *at; /* NULL while there is none */
    size_t size; /* where what may be touched ends */
    size_t most; /* it may grow to this in its place */
    int fd;      /* -1 without a file */
    struct pages pages;
};

/* Memory only. ERR_NOMEM. */
int region_memory(struct region *region, size_t size, size_t most);
/* A new file, which is PATH with REGION_UNNAMED behind it until region_name. ERR_FULL: no room on
 * disk; ERR_IO, ERR_NOMEM; nothing is left behind after an error. */
int region_create(struct region *region, const char *path, size_t size, size_t most, char *errmsg);
#define REGION_UNNAMED ".new"
/* Gives the file that was created for `path` that name, in the place of any that is there: a file
 * under it is never one that was still being made. ERR_IO; the file is deleted then. */
int region_name(const char *path, char *errmsg);
/* What another process left in a file. ERR_UNKNOWN: no such file; ERR_DAMAGED: smaller than `size`,
 * larger than `most`, or no regular file; ERR_IO, ERR_NOMEM. */
int region_load(struct region *region, const char *path, size_t size, size_t most, char *errmsg);

/* Makes the `size` bytes from `at` on (up to `most`) touchable, and those of a file present in memory; what is
 * there stays. What lies before them and was not asked for is a hole, which takes no room. ERR_FULL, ERR_IO leave the region as it was. */
int region_reserve(struct region *region, size_t at, size_t size);

/* Gives the memory back; a file stays. All zeros with fd -1, and after an error, is allowed. */
void region_close(struct region *region);

#endif

/*
 * A temporary directory for a test, and its removal with everything in it.
 */
#ifndef TESTS_UNIT_COLLECTOR_FOLDER_H
#define TESTS_UNIT_COLLECTOR_FOLDER_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int folder_remove_one(const char *path, const struct stat *info, int type,
                                    struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void folder_remove(const char *path)
{
    nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes a directory and writes its name to `path`. */
static inline void folder_make(char path[64])
{
    strcpy(path, "/tmp/darkcount-test-XXXXXX");
    cr_assert(mkdtemp(path));
}

/* The same in memory where that is possible, for tests with thousands of syncs. */
static inline void folder_make_quick(char path[64])
{
    strcpy(path, "/dev/shm/darkcount-test-XXXXXX");
    if (!mkdtemp(path))
        folder_make(path);
}

#endif

/*
 * Small text files that must be whole: identities, the registry, configurations that are written.
 */
#ifndef COMMON_TEXTFILE_H
#define COMMON_TEXTFILE_H

#include <stddef.h>
#include <sys/types.h>

#define TEXTFILE_MAX ((size_t)1 << 20)

/* The file's text, to be freed; NULL with the cause in `errmsg`, and in `*rc`: ERR_UNKNOWN when there
 * is no such file, ERR_INVALID when it is longer than TEXTFILE_MAX or holds a zero byte, ERR_IO,
 * ERR_NOMEM. */
char *textfile_read(const char *path, int *rc, char *errmsg);

/* Puts `text` in place of the file, durably: at any moment the file is the old one or the new one.
 * Root gives it to the owner of its directory. ERR_IO, ERR_FULL. */
int textfile_replace(const char *path, const char *text, mode_t mode, char *errmsg);

#endif

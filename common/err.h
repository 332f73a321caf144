/*
 * Errors, one space for the three programs. A function that can fail returns 0 or one of these
 * negative codes; foreign codes (errno, libuv, hiredis, libpcap, protobuf) are translated where
 * they enter. Where a person needs more than the code, the caller hands in an `errmsg` of
 * ERRMSG_SIZE bytes, which reads "what we did: what went wrong; what to do".
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stddef.h>

#define ERRMSG_SIZE 1024

enum err {
    ERR_OK = 0,
    ERR_NOMEM = -1,        /* memory could not be had */
    ERR_IO = -2,           /* the system refused a read, a write or an open */
    ERR_FULL = -3,         /* no space left: disk, table or queue */
    ERR_INVALID = -4,      /* the input is not what it must be */
    ERR_DAMAGED = -5,      /* the input was right once: truncated, or its checksum disagrees */
    ERR_UNKNOWN = -6,      /* no such thing */
    ERR_VERSION = -7,      /* made by a newer program than this one */
    ERR_REFUSED = -8,      /* understood, and not allowed */
    ERR_STALE = -9,        /* somebody else wrote first: reload and try again */
    ERR_STOPPED = -10,     /* told to stop before it was done */
    ERR_UNREACHABLE = -11, /* the other side does not answer */
};

/* A short English phrase for `code`, never NULL; the string is static. */
const char *err_str(int code);

/* Writes a printf-style message into `errmsg` (ERRMSG_SIZE bytes, or NULL to drop it; cut at its
 * end) and returns `code`, so that a failing function can end with `return err_set(...)`. */
int err_set(char *errmsg, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "`prefix`: " before what stands in `errmsg` (ERRMSG_SIZE bytes, or NULL); returns `code`. */
int err_wrap(char *errmsg, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Translates errno: ENOMEM, ENOSPC/EDQUOT and the rest to ERR_NOMEM, ERR_FULL and ERR_IO. */
int err_from_errno(int errnum);

#endif

#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_str(int code)
{
    switch (code) {
    case ERR_OK:
        return "done";
    case ERR_NOMEM:
        return "out of memory";
    case ERR_IO:
        return "input/output error";
    case ERR_FULL:
        return "no space left";
    case ERR_INVALID:
        return "invalid";
    case ERR_DAMAGED:
        return "damaged";
    case ERR_UNKNOWN:
        return "unknown";
    case ERR_VERSION:
        return "made by a newer version";
    case ERR_REFUSED:
        return "refused";
    case ERR_STALE:
        return "changed by another writer";
    case ERR_STOPPED:
        return "stopped";
    case ERR_UNREACHABLE:
        return "unreachable";
    default:
        return "unknown error";
    }
}

int err_set(char *errmsg, int code, const char *format, ...)
{
    if (errmsg) {
        va_list args;
        va_start(args, format);
        vsnprintf(errmsg, ERRMSG_SIZE, format, args);
        va_end(args);
    }
    return code;
}

int err_wrap(char *errmsg, int code, const char *format, ...)
{
    if (errmsg) {
        char inner[ERRMSG_SIZE];
        memcpy(inner, errmsg, sizeof inner);
        inner[sizeof inner - 1] = '\0';
        va_list args;
        va_start(args, format);
        int used = vsnprintf(errmsg, ERRMSG_SIZE, format, args);
        va_end(args);
        if (used >= 0 && used < ERRMSG_SIZE)
            snprintf(errmsg + used, ERRMSG_SIZE - (size_t)used, ": %s", inner);
    }
    return code;
}

int err_from_errno(int errnum)
{
    switch (errnum) {
    case ENOMEM:
        return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    default:
        return ERR_IO;
    }
}

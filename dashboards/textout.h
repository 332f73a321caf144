/*
 * Text and bytes of an export on their way to an outfile: gathered in blocks, numbers and addresses
 * without printf, since there may be a hundred million rows. The first error sticks and silences
 * everything after it; textout_flush tells.
 */
#ifndef DASHBOARDS_TEXTOUT_H
#define DASHBOARDS_TEXTOUT_H

#include <stddef.h>
#include <stdint.h>

#include "dashboards/outfile.h"

#define TEXTOUT_BLOCK ((size_t)1 << 16)

struct textout {
    struct outfile *file; /* borrowed */
    char *errmsg;         /* of ERRMSG_SIZE bytes, borrowed: the cause of `error` */
    int error;
    size_t gathered;
    char block[TEXTOUT_BLOCK];
};

void textout_init(struct textout *text, struct outfile *file, char *errmsg);

void textout_put(struct textout *text, const void *bytes, size_t size);
void textout_string(struct textout *text, const char *string);
/* In decimal. */
void textout_u64(struct textout *text, uint64_t value);
/* In its usual form (RFC 5952 for IPv6). `family`: 4 or 6; network byte order. */
void textout_address(struct textout *text, int family, const uint8_t *address);
/* The same of an IPv4 address in host byte order. */
void textout_address4(struct textout *text, uint32_t address);

/* Writes what is left. Returns the first error: ERR_IO or ERR_FULL. */
int textout_flush(struct textout *text);

#endif

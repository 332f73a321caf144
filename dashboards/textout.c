#include "dashboards/textout.h"

#include <arpa/inet.h>
#include <string.h>

void textout_init(struct textout *text, struct outfile *file, char *errmsg)
{
    text->file = file;
    text->errmsg = errmsg;
    text->error = 0;
    text->gathered = 0;
}

int textout_flush(struct textout *text)
{
    if (text->error == 0)
        text->error = outfile_write(text->file, text->block, text->gathered, text->errmsg);
    text->gathered = 0;
    return text->error;
}

/* Room for `size` bytes, at most a block. */
static char *room(struct textout *text, size_t size)
{
    if (TEXTOUT_BLOCK - text->gathered < size)
        textout_flush(text);
    return text->block + text->gathered;
}

void textout_put(struct textout *text, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        size_t part = size < TEXTOUT_BLOCK ? size : TEXTOUT_BLOCK;
        memcpy(room(text, part), at, part);
        text->gathered += part;
        at += part;
        size -= part;
    }
}

void textout_string(struct textout *text, const char *string)
{
    textout_put(text, string, strlen(string));
}

void textout_u64(struct textout *text, uint64_t value)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    textout_put(text, at, (size_t)(digits + sizeof digits - at));
}

/* A number below 256 at `at`; the end of it. */
static char *put_byte(char *at, unsigned value)
{
    if (value >= 100)
        *at++ = (char)('0' + value / 100);
    if (value >= 10)
        *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

void textout_address4(struct textout *text, uint32_t address)
{
    char *start = room(text, INET_ADDRSTRLEN), *at = start;
    for (int shift = 24; shift >= 0; shift -= 8) {
        at = put_byte(at, address >> shift & 255);
        *at++ = '.';
    }
    text->gathered += (size_t)(at - start) - 1; /* without the last dot */
}

void textout_address(struct textout *text, int family, const uint8_t *address)
{
    char string[INET6_ADDRSTRLEN];
    inet_ntop(family == 4 ? AF_INET : AF_INET6, address, string, sizeof string);
    textout_string(text, string);
}

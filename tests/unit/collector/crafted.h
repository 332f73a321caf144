/*
 * Frames for the tests of decoding, put together from bytes in hexadecimal and from headers.
 */
#ifndef TESTS_UNIT_COLLECTOR_CRAFTED_H
#define TESTS_UNIT_COLLECTOR_CRAFTED_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"

#define SRC4 0xc0000201 /* 192.0.2.1 */
#define DST4 0xc6336407 /* 198.51.100.7 */

/* A frame under construction; the bytes are copied to the heap for decoding, so that
 * AddressSanitizer sees every read beyond them. */
struct crafted {
    uint8_t bytes[512];
    uint32_t size;
};

static inline void put(struct crafted *frame, const void *bytes, uint32_t size)
{
    memcpy(frame->bytes + frame->size, bytes, size);
    frame->size += size;
}

/* Bytes written in hexadecimal, blanks allowed. */
static inline void put_hex(struct crafted *frame, const char *hex)
{
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        char digits[3] = {hex[0], hex[1], '\0'};
        frame->bytes[frame->size++] = (uint8_t)strtoul(digits, NULL, 16);
        hex++;
    }
}

/* IPv4 without options; `fragment` is the 16-bit field of flags and offset. */
static inline void put_ipv4(struct crafted *frame, uint8_t protocol, uint16_t total,
                            uint16_t fragment)
{
    uint8_t header[20] = {0x45,
                          0,
                          total >> 8,
                          (uint8_t)total,
                          0,
                          1,
                          fragment >> 8,
                          (uint8_t)fragment,
                          64,
                          protocol,
                          0,
                          0,
                          192,
                          0,
                          2,
                          1,
                          198,
                          51,
                          100,
                          7};
    put(frame, header, sizeof header);
}

/* From 2001:db8::1 to 2001:db8::7. */
static inline void put_ipv6(struct crafted *frame, uint8_t next, uint16_t payload)
{
    uint8_t header[40] = {0x60, 0, 0, 0, payload >> 8, (uint8_t)payload, next, 64};
    header[8] = header[24] = 0x20;
    header[9] = header[25] = 0x01;
    header[10] = header[26] = 0x0d;
    header[11] = header[27] = 0xb8;
    header[23] = 1;
    header[39] = 7;
    put(frame, header, sizeof header);
}

static inline void put_tcp(struct crafted *frame, uint8_t flags)
{
    uint8_t header[20] = {0x30, 0x39, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags};
    put(frame, header, sizeof header);
}

#endif

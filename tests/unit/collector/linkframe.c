#include "tests/unit/collector/linkframe.h"

#include <string.h>

const int linkframe_types[LINKFRAME_TYPES] = {ETHERNET, RAW, SLL, SLL2};

static void put16(struct linkframe *frame, uint16_t value)
{
    frame->bytes[frame->size++] = (uint8_t)(value >> 8);
    frame->bytes[frame->size++] = (uint8_t)value;
}

static void put32(struct linkframe *frame, uint32_t value)
{
    put16(frame, (uint16_t)(value >> 16));
    put16(frame, (uint16_t)value);
}

void linkframe_put_zeros(struct linkframe *frame, uint32_t count)
{
    memset(frame->bytes + frame->size, 0, count);
    frame->size += count;
}

struct linkframe linkframe_of(int linktype, int tags, uint16_t type)
{
    static const uint16_t tag_types[] = {0x88a8, 0x8100, 0x9100};
    struct linkframe frame = {.size = 0};
    if (linktype == ETHERNET)
        linkframe_put_zeros(&frame, 12);
    else if (linktype == SLL)
        linkframe_put_zeros(&frame, 14);
    for (int tag = 0; tag < tags; tag++) {
        put16(&frame, tag_types[tag % 3]);
        if (linktype == SLL2 && tag == 0)
            linkframe_put_zeros(&frame, 18);
        put16(&frame, 7);
    }
    if (linktype != RAW)
        put16(&frame, type);
    if (linktype == SLL2 && tags == 0)
        linkframe_put_zeros(&frame, 18);
    return frame;
}

void linkframe_put_ipv4(struct linkframe *frame, uint32_t src, uint32_t dst)
{
    put32(frame, 0x45000014);
    linkframe_put_zeros(frame, 8);
    put32(frame, src);
    put32(frame, dst);
}

static void put_ipv6(struct linkframe *frame, const uint8_t src[16], const uint8_t dst[16])
{
    put32(frame, 0x60000000);
    put32(frame, 0x00003b40);
    memcpy(frame->bytes + frame->size, src, 16);
    memcpy(frame->bytes + frame->size + 16, dst, 16);
    frame->size += 32;
}

struct linkframe linkframe_ipv4(int linktype, int tags, uint32_t src, uint32_t dst)
{
    struct linkframe frame = linkframe_of(linktype, tags, 0x0800);
    linkframe_put_ipv4(&frame, src, dst);
    return frame;
}

struct linkframe linkframe_ipv6(int linktype, int tags, const uint8_t src[16],
                                const uint8_t dst[16])
{
    struct linkframe frame = linkframe_of(linktype, tags, 0x86dd);
    put_ipv6(&frame, src, dst);
    return frame;
}

struct linkframe linkframe_arp(int linktype, int tags, uint32_t sender, uint32_t target)
{
    struct linkframe frame = linkframe_of(linktype, tags, 0x0806);
    put32(&frame, 0x00010800);
    put32(&frame, 0x06040001);
    linkframe_put_zeros(&frame, 6);
    put32(&frame, sender);
    linkframe_put_zeros(&frame, 6);
    put32(&frame, target);
    return frame;
}

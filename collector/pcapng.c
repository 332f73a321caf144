#include "collector/pcapng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define FRAME      12 /* of a block: type, length, and the length again at its end */
#define ROOM_BEGIN (256u << 10)
#define NS_PER_S   1000000000u

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete: appendix A */
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in either byte order */
};

#define ORDER_STRAIGHT 0x1a2b3c4du
#define ORDER_SWAPPED  0x4d3c2b1au

struct interface {
    int linktype;
    uint32_t snaplen;
    uint64_t per_s; /* units of time stamps in a second */
    int64_t offset_s;
};

struct block {
    uint32_t type;
    const uint8_t *body;
    uint32_t size;
};

struct pcapng {
    pcapfile_read read;
    void *user;
    bool swapped; /* the section at hand */
    int failed;
    int linktype;
    uint64_t position; /* in the file, of bytes[at] */
    size_t at, end;    /* not yet taken: [at, end) of `bytes` */
    size_t room;       /* of `bytes`; grows with the largest block */
    uint8_t *bytes;
    size_t interface_count, interface_room;
    struct interface *interfaces;
    char damage[96];
};

/* --- fields ----------------------------------------------------------------------------------- */

static uint16_t get16(const struct pcapng *file, const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap16(value) : value;
}

static uint32_t get32(const struct pcapng *file, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap32(value) : value;
}

static uint64_t get64(const struct pcapng *file, const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap64(value) : value;
}

__attribute__((format(printf, 2, 3))) static int damaged(struct pcapng *file, const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(file->damage, sizeof file->damage, format, arguments);
    va_end(arguments);
    return ERR_DAMAGED;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* Moves what is left to the front of a block that has room for `need`. */
static bool make_room(struct pcapng *file, size_t need)
{
    memmove(file->bytes, file->bytes + file->at, file->end - file->at);
    file->end -= file->at;
    file->at = 0;
    if (need <= file->room)
        return true;
    uint8_t *bytes = realloc(file->bytes, need);
    if (!bytes)
        return false;
    file->bytes = bytes;
    file->room = need;
    return true;
}

/* Reads until `need` bytes are held: 1; 0 where the file ends before, or would have to be read and
 * must not be. */
static int refill(struct pcapng *file, size_t need, bool may_read)
{
    if (file->end - file->at >= need)
        return 1;
    if (!may_read)
        return 0;
    if (!make_room(file, need))
        return ERR_NOMEM;
    while (file->end < need) {
        ssize_t got = file->read(file->user, file->bytes + file->end, file->room - file->end);
        if (got <= 0)
            return got < 0 ? ERR_IO : 0;
        file->end += (size_t)got;
    }
    return 1;
}

/* Needs `need` bytes of a block that has begun; as refill, but a file that ends there is damaged. */
static int need_bytes(struct pcapng *file, size_t need, bool may_read)
{
    int result = refill(file, need, may_read);
    if (result == 0 && may_read)
        return damaged(file, "truncated pcapng file; a block of %zu bytes has only %zu", need,
                       file->end - file->at);
    return result;
}

/* Learns the byte order of a section whose first 12 bytes are held. */
static int read_order(struct pcapng *file)
{
    uint32_t order;
    memcpy(&order, file->bytes + file->at + 8, sizeof order);
    if (order != ORDER_STRAIGHT && order != ORDER_SWAPPED)
        return damaged(file, "a section begins with byte-order magic 0x%08x", order);
    file->swapped = order == ORDER_SWAPPED;
    return 1;
}

static int check_length(struct pcapng *file, uint32_t length)
{
    if (length < FRAME || length % 4 != 0)
        return damaged(file, "a block has length %u", length);
    if (length > PCAPNG_BLOCK_MAX)
        return damaged(file, "a block of %u bytes is longer than the %u that are read", length,
                       PCAPNG_BLOCK_MAX);
    return 1;
}

/* The whole block at hand: 1; 0 at the end of the file, or where it is not held and must not be
 * read. */
static int this_block(struct pcapng *file, bool may_read, struct block *block)
{
    int result = refill(file, 1, may_read);
    if (result == 1)
        result = need_bytes(file, FRAME, may_read);
    if (result != 1)
        return result;
    block->type = get32(file, file->bytes + file->at);
    if (block->type == BLOCK_SECTION && (result = read_order(file)) != 1)
        return result;
    uint32_t length = get32(file, file->bytes + file->at + 4);
    if ((result = check_length(file, length)) != 1 ||
        (result = need_bytes(file, length, may_read)) != 1)
        return result;
    const uint8_t *at = file->bytes + file->at;
    block->body = at + 8;
    block->size = length - FRAME;
    uint32_t again = get32(file, at + length - 4);
    return again == length ? 1 : damaged(file, "a block has length %u and %u", length, again);
}

static void pass(struct pcapng *file, const struct block *block)
{
    file->at += FRAME + block->size;
    file->position += FRAME + block->size;
}

/* --- sections and interfaces ------------------------------------------------------------------ */

static int begin_section(struct pcapng *file, const struct block *block)
{
    if (block->size < 16)
        return damaged(file, "a section header of %u bytes", block->size);
    uint16_t major = get16(file, block->body + 4);
    if (major != 1)
        return damaged(file, "unsupported pcapng version %u.%u", major,
                       get16(file, block->body + 6));
    file->interface_count = 0;
    return 0;
}

/* Section 4.2, if_tsresol: a negative power of ten or, with the highest bit, of two; 0: beyond 64
 * bits. */
static uint64_t units_per_second(uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    if (resolution & 0x80)
        return exponent < 64 ? UINT64_C(1) << exponent : 0;
    if (exponent > 19)
        return 0;
    uint64_t units = 1;
    while (exponent-- > 0)
        units *= 10;
    return units;
}

static int read_option(struct pcapng *file, struct interface *interface, uint16_t code,
                       const uint8_t *value, uint16_t size)
{
    enum { TSRESOL = 9, TSOFFSET = 14 };
    if (code == TSRESOL && size == 1) {
        interface->per_s = units_per_second(value[0]);
        if (interface->per_s == 0)
            return damaged(file, "an interface has time resolution 0x%02x", value[0]);
    } else if (code == TSOFFSET && size == 8) {
        interface->offset_s = (int64_t)get64(file, value);
    }
    return 0;
}

/* Section 3.5: code, length and value, padded to 4 bytes, up to code 0 or the end. */
static int read_options(struct pcapng *file, struct interface *interface, const uint8_t *at,
                        uint32_t left)
{
    int result = 0;
    while (result == 0 && left >= 4) {
        uint16_t code = get16(file, at), size = get16(file, at + 2);
        uint32_t padded = 4 + ((size + 3u) & ~3u);
        if (code == 0)
            break;
        if (padded > left)
            return damaged(file, "an option of %u bytes does not fit into its block", size);
        result = read_option(file, interface, code, at + 4, size);
        at += padded;
        left -= padded;
    }
    return result;
}

static struct interface *add_interface(struct pcapng *file)
{
    if (file->interface_count == file->interface_room) {
        size_t room = file->interface_room ? 2 * file->interface_room : 8;
        struct interface *interfaces = realloc(file->interfaces, room * sizeof *interfaces);
        if (!interfaces)
            return NULL;
        file->interfaces = interfaces;
        file->interface_room = room;
    }
    return &file->interfaces[file->interface_count++];
}

static int begin_interface(struct pcapng *file, const struct block *block)
{
    if (block->size < 8)
        return damaged(file, "an interface description of %u bytes", block->size);
    if (file->interface_count == PCAPNG_INTERFACES_MAX)
        return damaged(file, "a section has more than %d interfaces", PCAPNG_INTERFACES_MAX);
    struct interface *interface = add_interface(file);
    if (!interface)
        return ERR_NOMEM;
    *interface = (struct interface){.linktype = pcapfile_dlt(get16(file, block->body)),
                                    .snaplen = get32(file, block->body + 4),
                                    .per_s = 1000000};
    return read_options(file, interface, block->body + 8, block->size - 8);
}

/* --- packets ---------------------------------------------------------------------------------- */

static int64_t fraction_ns(uint64_t fraction, uint64_t per_s)
{
    if (per_s <= NS_PER_S)
        return (int64_t)(fraction * NS_PER_S / per_s);
    return (int64_t)((unsigned __int128)fraction * NS_PER_S / per_s);
}

static int64_t time_of(const struct interface *interface, uint64_t stamp)
{
    uint64_t whole_s = stamp / interface->per_s;
    int64_t seconds, ns, part_ns = fraction_ns(stamp % interface->per_s, interface->per_s);
    if (whole_s > INT64_MAX ||
        __builtin_add_overflow((int64_t)whole_s, interface->offset_s, &seconds))
        return INT64_MAX;
    if (__builtin_mul_overflow(seconds, (int64_t)NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, part_ns, &ns))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

/* The interface of a packet, or NULL when it was not described. */
static const struct interface *find_interface(struct pcapng *file, uint32_t number)
{
    if (number < file->interface_count)
        return &file->interfaces[number];
    damaged(file, "a packet of interface %u, of which there is no description", number);
    return NULL;
}

/* The captured bytes, of which `packet` says how many, begin `header` bytes into the block. */
static int set_data(struct pcapng *file, const struct block *block, uint32_t header,
                    struct capture_packet *packet)
{
    if (packet->caplen > PCAPFILE_PACKET_MAX)
        return damaged(file, "a packet of %u captured bytes, more than %u", packet->caplen,
                       PCAPFILE_PACKET_MAX);
    if (packet->caplen > block->size - header)
        return damaged(file, "a packet of %u captured bytes in a block that has %u for it",
                       packet->caplen, block->size - header);
    packet->data = block->body + header;
    return 0;
}

/* Interface (in the obsolete block 2 bytes, and 2 of drops), time, captured and original length. */
static int read_packet(struct pcapng *file, const struct block *block,
                       struct capture_packet *packet, int *linktype)
{
    enum { HEADER = 20 };
    const uint8_t *body = block->body;
    if (block->size < HEADER)
        return damaged(file, "a packet block of %u bytes", block->size);
    const struct interface *interface =
        find_interface(file, block->type == BLOCK_PACKET ? get16(file, body) : get32(file, body));
    if (!interface)
        return ERR_DAMAGED;
    uint64_t stamp = (uint64_t)get32(file, body + 4) << 32 | get32(file, body + 8);
    packet->ts_ns = time_of(interface, stamp);
    packet->caplen = get32(file, body + 12);
    packet->len = get32(file, body + 16);
    *linktype = interface->linktype;
    return set_data(file, block, HEADER, packet);
}

/* Section 4.4: the original length alone, which the first interface's snap length may have cut. */
static int read_simple(struct pcapng *file, const struct block *block,
                       struct capture_packet *packet, int *linktype)
{
    enum { HEADER = 4 };
    const struct interface *interface = find_interface(file, 0);
    if (!interface)
        return ERR_DAMAGED;
    if (block->size < HEADER)
        return damaged(file, "a simple packet block of %u bytes", block->size);
    packet->ts_ns = 0;
    packet->len = packet->caplen = get32(file, block->body);
    if (interface->snaplen && packet->caplen > interface->snaplen)
        packet->caplen = interface->snaplen;
    *linktype = interface->linktype;
    return set_data(file, block, HEADER, packet);
}

/* The block of the next packet, which is not passed yet: 1; 0 as this_block. */
static int next_packet(struct pcapng *file, bool may_read, struct block *block,
                       struct capture_packet *packet, int *linktype)
{
    int result;
    while ((result = this_block(file, may_read, block)) == 1) {
        switch (block->type) {
        case BLOCK_ENHANCED:
        case BLOCK_PACKET:
            result = read_packet(file, block, packet, linktype);
            return result ? result : 1;
        case BLOCK_SIMPLE:
            result = read_simple(file, block, packet, linktype);
            return result ? result : 1;
        case BLOCK_SECTION:
            result = begin_section(file, block);
            break;
        case BLOCK_INTERFACE:
            result = begin_interface(file, block);
            break;
        default:
            result = 0;
            break;
        }
        if (result)
            return result;
        pass(file, block);
    }
    return result;
}

int pcapng_find(struct pcapng *file)
{
    struct block block;
    struct capture_packet packet;
    int result = next_packet(file, true, &block, &packet, &file->linktype);
    if (result == 0 && file->interface_count > 0)
        file->linktype = file->interfaces[0].linktype;
    return result;
}

int pcapng_batch(struct pcapng *file, struct capture_packet *packets, int max)
{
    struct block block;
    int count = 0, linktype, result = file->failed;
    while (result >= 0 && count < max) {
        result = next_packet(file, count == 0, &block, &packets[count], &linktype);
        if (result != 1 || (count > 0 && linktype != file->linktype))
            break;
        file->linktype = linktype;
        pass(file, &block);
        count++;
    }
    if (count > 0)
        return count;
    if (result < 0)
        file->failed = result;
    return result;
}

/* --- the reader ------------------------------------------------------------------------------- */

bool pcapng_begins(const uint8_t *head, size_t size)
{
    static const uint8_t magic[] = {0x0a, 0x0d, 0x0d, 0x0a};
    return size >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

struct pcapng *pcapng_new(pcapfile_read read, void *user)
{
    struct pcapng *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->read = read;
    file->user = user;
    file->room = ROOM_BEGIN;
    file->bytes = malloc(file->room);
    if (!file->bytes) {
        free(file);
        return NULL;
    }
    return file;
}

void pcapng_free(struct pcapng *file)
{
    if (!file)
        return;
    free(file->interfaces);
    free(file->bytes);
    free(file);
}

int pcapng_linktype(const struct pcapng *file)
{
    return file->linktype;
}

uint64_t pcapng_position(const struct pcapng *file)
{
    return file->position;
}

const char *pcapng_damage(const struct pcapng *file)
{
    return file->damage;
}

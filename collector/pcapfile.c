#include "collector/pcapfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "common/err.h"

#define RECORD_HEADER 16
#define RECORD_MAX    (RECORD_HEADER + PCAPFILE_PACKET_MAX)
/* Asked for at a time: smaller pieces cost the kernel more per byte, larger ones fall out of the cache
 * before they are decoded. */
#define BLOCK (1u << 20)
/* Blocks are read to a multiple of this, from a multiple of a page: where a copy's target lies a few
 * bytes further in its page than the source does in its own, it takes a third longer. */
#define LINE        64
#define RECORD_ROOM ((RECORD_MAX + LINE - 1) / LINE * LINE)

struct pcapfile {
    pcapfile_read read;
    void *user;
    int linktype;
    int ipv4_at;        /* of decode_shortcut */
    bool swapped;       /* the other byte order */
    uint32_t snaplen;   /* longer packets are cut to it */
    uint32_t brief_max; /* those of more bytes are damage, or to be cut */
    uint32_t unit_ns;   /* of a fraction of a second */
    int failed;         /* ERR_DAMAGED or ERR_IO: for good */
    uint64_t position;  /* in the file, of `at` */
    const uint8_t *at;  /* not yet taken: [at, end) of `bytes` */
    const uint8_t *end;
    char damage[96];
    /* Blocks are read to bytes + RECORD_ROOM, always the same place; what is left of the one before,
     * a record that is not whole, is moved to right in front of it. */
    _Alignas(LINE) uint8_t bytes[RECORD_ROOM + BLOCK + RECORD_MAX];
};

/* --- the file's header ------------------------------------------------------------------------ */

struct header {
    bool swapped;
    uint32_t unit_ns, snaplen;
    int linktype;
};

static inline uint32_t get32(const uint8_t *at, bool swapped)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

static bool parse_magic(struct header *header, uint32_t magic)
{
    uint32_t straight = magic;
    header->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
    if (header->swapped)
        straight = __builtin_bswap32(magic);
    header->unit_ns = straight == 0xa1b23c4d ? 1 : 1000;
    return straight == 0xa1b2c3d4 || straight == 0xa1b23c4d;
}

/* Raw IP is 101 in files and 12 as a DLT_, ATM 100 and 11; the others that decode knows are the
 * same. */
int pcapfile_dlt(uint32_t linktype)
{
    return linktype == 101 ? 12 : linktype == 100 ? 11 : (int)linktype;
}

/* The upper half of the link type tells whether frames end in a check sequence, and how long it is
 * (4 bits and a flag); bits 16 to 25 are reserved and must be 0. */
static bool parse_header(struct header *header, const uint8_t *bytes)
{
    if (!parse_magic(header, get32(bytes, false)))
        return false;
    uint32_t version = get32(bytes + 4, header->swapped);
    if (header->swapped)
        version = version << 16 | version >> 16; /* two 16-bit fields */
    uint32_t linktype = get32(bytes + 20, header->swapped);
    header->snaplen = get32(bytes + 16, header->swapped);
    header->linktype = pcapfile_dlt(linktype & 0xffff);
    return version == (2 | 4 << 16) && (linktype & 0x03ff0000) == 0 &&
           decode_supported(header->linktype);
}

bool pcapfile_supports(const uint8_t header[PCAPFILE_HEADER_SIZE])
{
    struct header parsed;
    return parse_header(&parsed, header);
}

struct pcapfile *pcapfile_new(const uint8_t header[PCAPFILE_HEADER_SIZE], pcapfile_read read,
                              void *user)
{
    struct header parsed;
    struct pcapfile *file = aligned_alloc(_Alignof(struct pcapfile), sizeof *file);
    if (!file || !parse_header(&parsed, header)) {
        free(file);
        return NULL;
    }
    /* Not calloc: the block is large, and is never read before it is written. */
    file->read = read;
    file->user = user;
    file->linktype = parsed.linktype;
    file->ipv4_at = decode_shortcut(file->linktype);
    file->swapped = parsed.swapped;
    /* 0 and what a signed length cannot hold mean that there is no limit but the general one. */
    file->snaplen =
        parsed.snaplen == 0 || parsed.snaplen > INT32_MAX ? PCAPFILE_PACKET_MAX : parsed.snaplen;
    file->brief_max = file->snaplen < PCAPFILE_PACKET_MAX ? file->snaplen : PCAPFILE_PACKET_MAX;
    file->unit_ns = parsed.unit_ns;
    file->failed = 0;
    file->position = PCAPFILE_HEADER_SIZE;
    file->at = file->end = file->bytes + RECORD_ROOM;
    file->damage[0] = '\0';
    return file;
}

void pcapfile_free(struct pcapfile *file)
{
    free(file);
}

int pcapfile_linktype(const struct pcapfile *file)
{
    return file->linktype;
}

uint64_t pcapfile_position(const struct pcapfile *file)
{
    return file->position;
}

const char *pcapfile_damage(const struct pcapfile *file)
{
    return file->damage;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Fields are unsigned, so times go on after 2038. */
static inline void fill(struct capture_packet *packet, const uint8_t *record, uint32_t caplen,
                        const struct pcapfile *file, bool swapped)
{
    packet->ts_ns = (int64_t)get32(record, swapped) * 1000000000 +
                    (int64_t)get32(record + 4, swapped) * file->unit_ns;
    packet->caplen = caplen < file->snaplen ? caplen : file->snaplen;
    packet->len = get32(record + 12, swapped);
    packet->data = record + RECORD_HEADER;
}

/* The captured length of the record at `at`, if it is whole in the block; or negative. */
static inline int64_t whole_record(const uint8_t *at, const uint8_t *end, bool swapped)
{
    if ((size_t)(end - at) < RECORD_HEADER)
        return -1;
    size_t held = (size_t)(end - at) - RECORD_HEADER;
    uint32_t caplen = get32(at + 8, swapped);
    return caplen > held || caplen > PCAPFILE_PACKET_MAX ? -1 : (int64_t)caplen;
}

static inline void advance(struct pcapfile *file, const uint8_t *at)
{
    file->position += (uint64_t)(at - file->at);
    file->at = at;
}

/* The whole records of the block, up to `max`. Inlined once for each byte order. */
static inline int take(struct pcapfile *file, struct capture_packet *packets, int max, bool swapped)
{
    const uint8_t *at = file->at;
    int64_t caplen;
    int count = 0;
    while (count < max && (caplen = whole_record(at, file->end, swapped)) >= 0) {
        fill(&packets[count++], at, (uint32_t)caplen, file, swapped);
        at += RECORD_HEADER + caplen;
    }
    advance(file, at);
    return count;
}

/* Likewise, as long as they are IPv4 at `offset` and not to be cut. */
static inline size_t take_brief(struct pcapfile *file, struct packet_brief *packets, size_t max,
                                int offset, bool swapped)
{
    const uint8_t *at = file->at, *end = file->end;
    uint32_t limit = file->brief_max;
    size_t count = 0;
    for (; count < max && (size_t)(end - at) >= RECORD_HEADER; count++) {
        const uint8_t *data = at + RECORD_HEADER;
        uint32_t caplen = get32(at + 8, swapped);
        if (caplen > limit || caplen > (size_t)(end - data) ||
            !decode_ipv4_at(offset, data, caplen, &packets[count]))
            break;
        at = data + caplen;
    }
    advance(file, at);
    return count;
}

size_t pcapfile_brief(struct pcapfile *file, struct packet_brief *packets, size_t max)
{
    int offset = file->ipv4_at;
    if (offset < 0)
        return 0;
    if (offset == 14 && !file->swapped) /* what nearly all files are, with constants */
        return take_brief(file, packets, max, 14, false);
    return take_brief(file, packets, max, offset, file->swapped);
}

bool pcapfile_ready(const struct pcapfile *file)
{
    size_t held = (size_t)(file->end - file->at);
    return held >= RECORD_HEADER && get32(file->at + 8, file->swapped) <= held - RECORD_HEADER;
}

/* Reads until `need` bytes (at most RECORD_MAX) are there or the file ends; the number there. Where
 * that takes a read, what is left is moved to in front of the place of blocks. */
static size_t refill(struct pcapfile *file, size_t need)
{
    size_t held = (size_t)(file->end - file->at);
    uint8_t *block = file->bytes + RECORD_ROOM;
    if (held >= need)
        return held;
    memmove(block - held, file->at, held);
    file->at = block - held;
    for (file->end = block; held < need; held = (size_t)(file->end - file->at)) {
        ssize_t got = file->read(file->user, block + (file->end - block), BLOCK);
        if (got < 0)
            file->failed = ERR_IO;
        if (got <= 0)
            break;
        file->end += got;
    }
    return held;
}

static int damaged(struct pcapfile *file)
{
    return file->failed = ERR_DAMAGED;
}

/* The file ended within a record of which `held` bytes are there. libpcap reads a packet that is to
 * be cut in two parts, and tells which of them is short. */
static int cut(struct pcapfile *file, size_t held)
{
    const char *part = "header";
    size_t wanted = RECORD_HEADER;
    if (held >= RECORD_HEADER) {
        part = "captured";
        held -= RECORD_HEADER;
        wanted = get32(file->at + 8, file->swapped);
        if (wanted > file->snaplen && held < file->snaplen)
            wanted = file->snaplen;
    }
    snprintf(file->damage, sizeof file->damage,
             "truncated dump file; tried to read %zu %s bytes, only got %zu", wanted, part, held);
    return damaged(file);
}

static int oversized(struct pcapfile *file, uint32_t caplen)
{
    bool beyond = caplen <= file->snaplen;
    snprintf(file->damage, sizeof file->damage,
             "invalid packet capture length %u, bigger than %s of %u", caplen,
             beyond ? "maximum" : "snaplen", beyond ? PCAPFILE_PACKET_MAX : file->snaplen);
    return damaged(file);
}

/* Sees to it that a whole record is at hand: 1, 0 at a clean end, or an error. */
static int next_block(struct pcapfile *file)
{
    size_t need = RECORD_HEADER, held = refill(file, need);
    if (held >= need) {
        uint32_t caplen = get32(file->at + 8, file->swapped);
        if (caplen > PCAPFILE_PACKET_MAX)
            return oversized(file, caplen);
        need += caplen;
        held = refill(file, need);
    }
    if (held >= need)
        return 1;
    if (file->failed)
        return file->failed;
    return held ? cut(file, held) : 0;
}

static int take_any(struct pcapfile *file, struct capture_packet *packets, int max)
{
    return file->swapped ? take(file, packets, max, true) : take(file, packets, max, false);
}

int pcapfile_batch(struct pcapfile *file, struct capture_packet *packets, int max)
{
    if (file->failed)
        return file->failed;
    int count = take_any(file, packets, max);
    if (count > 0)
        return count;
    int result = next_block(file);
    return result == 1 ? take_any(file, packets, max) : result;
}

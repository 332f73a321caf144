/*
 * The memory of an interval, shared by the files that lay it out and clear it (interval_memory.c),
 * count (interval.c), finish batches (interval_settle.c) and make records (interval_record.c). What
 * is in struct image lies in the file and is read by the next process; every store to it is one that
 * the process may be killed behind. Where one must not be seen without another, interval_barrier
 * stands between them.
 */
#ifndef COLLECTOR_INTERVAL_PRIVATE_H
#define COLLECTOR_INTERVAL_PRIVATE_H

#include "collector/addrmap.h"
#include "collector/interval.h"
#include "collector/region.h"
#include "collector/sources.h"

#define INTERVAL_BATCH 64 /* packets that wait for their counters; more was no faster */
/* Counters per mark: only blocks that were hit are cleared and read. A block is a page, so that a
 * quiet sensor writes few of them. */
#define DENSE_BLOCK_SHIFT 10
#define DENSE_BLOCK       (1u << DENSE_BLOCK_SHIFT)
#define KEYS              65536
#define KEY_BLOCK         256
#define LIT_MAX           RECORD_ALARMS_MAX

/* A process is killed between two of its instructions, and whoever maps the file sees its stores in
 * the order of the program: only the compiler has to be told to keep that. */
static inline void interval_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Packets and bytes, added to in one store: an instruction of 16 bytes on amd64 (movaps) and arm64
 * (str q). A processor without such would need another form of finishing a batch. The upper 8 bits of the
 * bytes, which an interval never needs (fewer than 2^32 packets of less than 2^17 bytes), are the
 * witnesses of the sources (hll_witness): stored with the count, and set twice is set. */
#if !defined __SSE2__ && !defined __aarch64__
#error "the counters of an interval need stores of 16 bytes"
#endif
typedef uint64_t pair __attribute__((vector_size(16)));
#define PAIR_BYTES_BITS 56

static inline uint64_t pair_bytes(pair value)
{
    return value[1] & ((UINT64_C(1) << PAIR_BYTES_BITS) - 1);
}

static inline uint8_t pair_witnesses(pair value)
{
    return (uint8_t)(value[1] >> PAIR_BYTES_BITS);
}

/* The tables by a key of 16 bits: a port, or ICMP type << 8 | code. */
enum detail { DETAIL_TCP, DETAIL_UDP, DETAIL_ICMP4, DETAIL_ICMP6, DETAILS };

/* One packet that waits. */
struct item {
    uint32_t where; /* of its address: index of the dense array, or SPARSE | place */
    uint32_t bytes;
    uint32_t source; /* IPv4, network byte order; with ITEM_SKETCHED: rank << 16 | register */
    uint16_t key;
    uint8_t protocol;
    uint8_t kind; /* enum packet_class, enum detail (DETAILS: no key) << 4, ITEM_SKETCHED */
};
#define ITEM_CLASS        0x0f
#define ITEM_DETAIL_SHIFT 4
#define ITEM_DETAIL       0x07
#define ITEM_SKETCHED     0x80 /* the sketch's register and rank were found already: IPv6 */

_Static_assert(PACKET_CLASSES <= ITEM_CLASS + 1 && sizeof(struct item) == 16,
               "an item is 16 bytes");

#define SPARSE UINT32_C(0x80000000)

static inline unsigned item_class(const struct item *item)
{
    return item->kind & ITEM_CLASS;
}

static inline unsigned item_detail(const struct item *item)
{
    return item->kind >> ITEM_DETAIL_SHIFT & ITEM_DETAIL;
}

/* Where its source goes in the sketch. Found late, where the processor can look for many at a time. */
static inline struct hll_place item_host(const struct item *item)
{
    if (item->kind & ITEM_SKETCHED)
        return (struct hll_place){.index = (uint16_t)item->source,
                                  .rank = (uint8_t)(item->source >> 16)};
    return hll_place4(item->source);
}

/* An address of the sparse table. */
struct place {
    uint8_t address[16]; /* network byte order; IPv4 in the first 4 bytes */
    uint32_t family, unused;
    uint64_t packets;
};

/* What all counters sum to, but for the items that wait. */
struct commit {
    uint64_t packets;
    uint64_t details[DETAILS];
    uint32_t waiting;
};

/* An address that is darknet and sent something; not in use while packets is 0. */
struct lit {
    uint64_t packets;
    uint8_t address[16]; /* network byte order; IPv4 in the first 4 bytes */
    uint8_t family;
};

struct image {
    char magic[8];
    uint64_t dense;   /* addresses of the array */
    uint32_t darknet; /* CRC-32C of its canonical text */
    uint32_t is_open, flags;
    int64_t start_ns, first_ns, last_ns;
    uint64_t sealing;
    uint64_t reasons[INTERVAL_REASONS];
    uint64_t kernel_dropped, interface_dropped;
    struct commit commits[2]; /* valid is that of `current` */
    uint32_t current;
    uint32_t places; /* in use */
    uint32_t late_count, lit_count;
    uint64_t lit_omitted; /* 1: there were more addresses than that */
    struct record_late late_by[RECORD_LATE_MAX];
    struct lit lit[LIT_MAX];
    struct item items[INTERVAL_BATCH];
    uint8_t sources6[INTERVAL_BATCH][16]; /* of items that are ITEM_SKETCHED */
    struct sources_head sources;
    struct hll hosts;
    uint8_t detail_hit[DETAILS][KEYS / KEY_BLOCK];
    pair classes[PACKET_CLASSES], protocols[256];
    pair details[DETAILS][KEYS] __attribute__((aligned(4096)));
};

struct interval {
    const struct prefixset *darknet;
    const char *path;     /* NULL: memory */
    uint32_t fingerprint; /* of the darknet */
    struct region region;
    /* In the region, one behind the other. */
    struct image *image;
    uint32_t *packets;         /* per address */
    uint8_t *dense_hit;        /* per DENSE_BLOCK of them */
    struct place *places;      /* at the end: it grows */
    size_t places_end;         /* in the region: of those that may be touched */
    uint32_t base;             /* the first address of the darknet ... */
    bool one_range;            /* ... and index = address - base */
    struct addrmap map4, map6; /* address to place: `packets` of an entry is its number plus 1 */
    struct sources sources;
    uint32_t slots[INTERVAL_BATCH]; /* where to look for the waiting items' IPv4 sources */
    bool full; /* the sparse table could not grow: not tried again in this interval */
};

/* Where the parts lie in the region; `size` is what is touched from the beginning: all before the tables
 * of sources, and the smallest of these. */
struct layout {
    uint64_t dense;
    bool any6;
    size_t packets, hit, sources4, sources6, places, size, most;
};

/* Parts of the tables that were already applied when a process was killed. */
struct applied {
    uint64_t addresses, classes, protocols, details[DETAILS], sources;
};

/* An interval without memory; NULL without memory for itself. */
struct interval *interval_make(const struct prefixset *darknet, const char *path);
struct layout interval_layout(const struct prefixset *darknet);
/* Finds the parts of its region. */
void interval_point(struct interval *interval, const struct layout *layout);
/* What an image has in `darknet`. ERR_NOMEM. */
int interval_fingerprint(const struct prefixset *darknet, uint32_t *fingerprint);

extern const char interval_magic[8];

/* Applies the items that wait, but for the first ones of each table that `applied` tells (NULL: none
 * was). */
void interval_settle(struct interval *interval, const struct applied *applied);

#endif

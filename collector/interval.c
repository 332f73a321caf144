#include "collector/interval.h"

#include <string.h>

#include "collector/interval_private.h"

#define GROW ((size_t)1 << 20) /* bytes that the sparse table grows by */

/* --- counting --------------------------------------------------------------------------------- */

#define OFF_DARKNET UINT32_MAX
#define NO_ROOM     (UINT32_MAX - 1)

static void store_address4(uint8_t out[16], uint32_t address)
{
    memset(out, 0, 16);
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(address >> (24 - 8 * i));
}

/* The place behind the last one, NULL when there is no room. */
static struct place *next_place(struct interval *interval)
{
    struct region *region = &interval->region;
    struct place *place = &interval->places[interval->image->places];
    size_t end = (size_t)((uint8_t *)(place + 1) - region->at);
    if (end > interval->places_end && !interval->full) {
        size_t left = region->most - interval->places_end, size = left < GROW ? left : GROW;
        interval->full = region_reserve(region, interval->places_end, size) != 0;
        interval->places_end += interval->full ? 0 : size;
    }
    return end <= interval->places_end ? place : NULL;
}

static uint32_t find_place(struct interval *interval, uint32_t family, const uint8_t address[16])
{
    struct addrmap *map = family == 4 ? &interval->map4 : &interval->map6;
    struct addrmap_entry *entry = addrmap_entry(map, address);
    if (!entry)
        return NO_ROOM;
    if (entry->packets == 0) {
        struct place *place = next_place(interval);
        if (!place)
            return NO_ROOM;
        *place = (struct place){.family = family};
        memcpy(place->address, address, 16);
        interval_barrier(); /* a place is whole before it counts */
        entry->packets = ++interval->image->places;
        interval_barrier();
    }
    return SPARSE | (uint32_t)(entry->packets - 1);
}

/* The index of an address of the dense array; what is none is no less than the array is long. */
static inline uint32_t index_of(const struct interval *interval, uint32_t address)
{
    return __builtin_expect(interval->one_range, 1) ? address - interval->base
                                                    : prefixset_index4(interval->darknet, address);
}

static uint32_t find_sparse4(struct interval *interval, uint32_t address)
{
    uint8_t bytes[16];
    if (!prefixset_has4(interval->darknet, address))
        return OFF_DARKNET;
    store_address4(bytes, address);
    return find_place(interval, 4, bytes);
}

static uint32_t find6(struct interval *interval, const uint8_t address[16])
{
    return prefixset_has6(interval->darknet, address) ? find_place(interval, 6, address)
                                                      : OFF_DARKNET;
}

static inline uint32_t find4(struct interval *interval, uint32_t address)
{
    uint64_t dense = interval->image->dense;
    if (__builtin_expect(dense == 0, 0))
        return find_sparse4(interval, address);
    uint32_t index = index_of(interval, address);
    if (__builtin_expect(index >= dense, 0))
        return OFF_DARKNET;
    __builtin_prefetch(&interval->packets[index], 1);
    return index;
}

/* --- addresses that send ---------------------------------------------------------------------- */

static inline bool is_lit4(const struct interval *interval, uint32_t address)
{
    uint64_t dense = interval->image->dense;
    return __builtin_expect(dense > 0, 1) ? index_of(interval, address) < dense
                                          : prefixset_has4(interval->darknet, address);
}

/* Both are asked of a whole table by whoever forges sources of the darknet: without a call. */
static inline uint64_t half_of(const struct lit *lit, int half)
{
    uint64_t value;
    memcpy(&value, lit->address + 8 * half, sizeof value);
    return __builtin_bswap64(value);
}

static inline bool same_lit(const struct lit *a, const struct lit *b)
{
    return half_of(a, 0) == half_of(b, 0) && half_of(a, 1) == half_of(b, 1) &&
           a->family == b->family;
}

static inline bool lit_before(const struct lit *a, const struct lit *b)
{
    if (a->family != b->family)
        return a->family < b->family;
    uint64_t left = half_of(a, 0), right = half_of(b, 0);
    return left != right ? left < right : half_of(a, 1) < half_of(b, 1);
}

/* The greatest address of a full table gives way to a smaller one, so that in the end the smallest are
 * there with all of their packets, whatever the order was that they came in. */
static struct lit *room_for_lit(struct image *image, const struct lit *lit)
{
    struct lit *greatest = &image->lit[0];
    if (image->lit_count < LIT_MAX)
        return &image->lit[image->lit_count];
    for (uint32_t i = 1; i < LIT_MAX; i++)
        if (lit_before(greatest, &image->lit[i]))
            greatest = &image->lit[i];
    image->lit_omitted = 1;
    return lit_before(lit, greatest) ? greatest : NULL;
}

static void note_lit(struct image *image, const struct lit *lit)
{
    uint32_t i = 0;
    while (i < image->lit_count && !same_lit(&image->lit[i], lit))
        i++;
    struct lit *row = i < image->lit_count ? &image->lit[i] : room_for_lit(image, lit);
    if (!row)
        return;
    if (i == image->lit_count) {
        row->packets = 0;
        interval_barrier();
        memcpy(row->address, lit->address, sizeof lit->address);
        row->family = lit->family;
        interval_barrier();
        image->lit_count += image->lit_count < LIT_MAX;
    }
    row->packets++;
}

static __attribute__((noinline)) void note_lit4(struct interval *interval, uint32_t address)
{
    struct lit lit = {.family = 4};
    store_address4(lit.address, address);
    note_lit(interval->image, &lit);
}

static void note_lit6(struct interval *interval, const uint8_t address[16])
{
    struct lit lit = {.family = 6};
    memcpy(lit.address, address, 16);
    note_lit(interval->image, &lit);
}

void interval_add_sender(struct interval *interval, uint32_t address)
{
    if (prefixset_has4(interval->darknet, address))
        note_lit4(interval, address);
}

/* --- adding ----------------------------------------------------------------------------------- */

/* The table by a key that the packet is in, and its key. */
static inline enum detail detail_of(const struct packet *packet, uint16_t *key)
{
    *key = packet->dst_port;
    if (packet->has_ports && packet->protocol == PROTOCOL_TCP)
        return DETAIL_TCP;
    if (packet->has_ports && packet->protocol == PROTOCOL_UDP)
        return DETAIL_UDP;
    *key = (uint16_t)(packet->icmp_type << 8 | packet->icmp_code);
    if (packet->has_icmp)
        return packet->family == 4 ? DETAIL_ICMP4 : DETAIL_ICMP6;
    *key = 0;
    return DETAILS;
}

static inline void see(struct image *image, int64_t ts_ns)
{
    if (ts_ns > image->last_ns)
        image->last_ns = ts_ns;
}

/* Whether there is a counter at `where`; if not, the packet is counted by why not. */
static inline bool is_found(struct image *image, uint32_t where)
{
    if (__builtin_expect(where < NO_ROOM, 1))
        return true;
    image->reasons[where == NO_ROOM ? INTERVAL_REFUSED : INTERVAL_OFF_DARKNET]++;
    return false;
}

static inline struct commit *valid_commit(struct image *image)
{
    return &image->commits[image->current];
}

/* Asks the memory for the slot of an IPv4 source long before it is needed: the table may be far larger than
 * the caches. */
static inline void find_source(struct interval *interval, uint32_t number)
{
    const struct sources *sources = &interval->sources;
    if (!sources_kept(sources))
        return;
    uint32_t slot = sources_slot4(sources, interval->image->items[number].source);
    interval->slots[number] = slot;
    __builtin_prefetch(&sources_table4(sources)[slot], 1);
}

/* What an item has no room for. */
static void fill_source6(struct image *image, uint32_t number, const uint8_t source[16])
{
    struct hll_place host = hll_place(source, 16);
    image->items[number].source = (uint32_t)host.rank << 16 | host.index;
    image->items[number].kind |= ITEM_SKETCHED;
    memcpy(image->sources6[number], source, 16);
}

/* Item `number` is filled in. Whether the batch was settled. */
static inline bool commit_item(struct interval *interval, struct commit *commit, uint32_t number)
{
    interval_barrier(); /* the item is whole before it counts */
    commit->waiting = number + 1;
    if (__builtin_expect(number + 1 < INTERVAL_BATCH, 1))
        return false;
    interval_settle(interval, NULL);
    sources_reserve(&interval->sources);
    return true;
}

static inline struct item make_item(uint32_t where, uint32_t bytes, uint32_t src4, uint16_t key,
                                    uint8_t protocol, enum packet_class class, enum detail detail)
{
    return (struct item){.where = where,
                         .bytes = bytes,
                         .source = __builtin_bswap32(src4),
                         .key = key,
                         .protocol = protocol,
                         .kind = (uint8_t)(class | detail << ITEM_DETAIL_SHIFT)};
}

/* What sends is looked for in the darknet, and what is sent to is found. */
static uint32_t find_any(struct interval *interval, const struct packet *packet)
{
    if (packet->family == 4) {
        if (is_lit4(interval, packet->src4))
            note_lit4(interval, packet->src4);
        return find4(interval, packet->dst4);
    }
    if (prefixset_has6(interval->darknet, packet->src6))
        note_lit6(interval, packet->src6);
    return find6(interval, packet->dst6);
}

static void fill_item(struct interval *interval, uint32_t number, const struct packet *packet,
                      uint32_t where)
{
    struct image *image = interval->image;
    uint16_t key;
    enum detail detail = detail_of(packet, &key);
    image->items[number] =
        make_item(where, packet->bytes, packet->src4, key, packet->protocol, packet->class, detail);
    if (packet->family == 6)
        fill_source6(image, number, packet->src6);
    else
        find_source(interval, number);
    if (detail < DETAILS)
        __builtin_prefetch(&image->details[detail][key], 1);
}

bool interval_add(struct interval *interval, struct packet *packet, int64_t ts_ns)
{
    struct image *image = interval->image;
    uint32_t where = find_any(interval, packet);
    see(image, ts_ns);
    if (!is_found(image, where))
        return false;
    decode_transport(packet);
    struct commit *commit = valid_commit(image);
    uint32_t number = commit->waiting;
    fill_item(interval, number, packet, where);
    return commit_item(interval, commit, number);
}

bool interval_add_plain(struct interval *interval, const struct packet_plain *packet, int64_t ts_ns)
{
    struct image *image = interval->image;
    uint32_t where = find4(interval, packet->dst4);
    see(image, ts_ns);
    if (__builtin_expect(is_lit4(interval, packet->src4), 0))
        note_lit4(interval, packet->src4);
    if (!is_found(image, where))
        return false;
    enum detail detail = packet->protocol == PROTOCOL_TCP ? DETAIL_TCP : DETAIL_UDP;
    struct commit *commit = valid_commit(image);
    uint32_t number = commit->waiting;
    image->items[number] = make_item(where, packet->bytes, packet->src4, packet->dst_port,
                                     packet->protocol, packet->class, detail);
    __builtin_prefetch(&image->details[detail][packet->dst_port], 1);
    find_source(interval, number);
    return commit_item(interval, commit, number);
}

void interval_add_reason(struct interval *interval, enum interval_reason reason)
{
    interval->image->reasons[reason]++;
}

void interval_add_late(struct interval *interval, int64_t start_ns)
{
    struct image *image = interval->image;
    int64_t start_s = start_ns / 1000000000;
    uint32_t i = 0;
    image->reasons[INTERVAL_LATE]++;
    interval_barrier(); /* the table never sums to more */
    while (i < image->late_count && image->late_by[i].start_s != start_s)
        i++;
    if (i == RECORD_LATE_MAX)
        return;
    if (i == image->late_count) {
        image->late_by[i] = (struct record_late){.start_s = start_s};
        interval_barrier();
        image->late_count++;
    }
    image->late_by[i].packets++;
}

void interval_add_dropped(struct interval *interval, uint64_t kernel, uint64_t interface)
{
    interval->image->kernel_dropped += kernel;
    interval->image->interface_dropped += interface;
}

void interval_flag(struct interval *interval, uint32_t flags)
{
    interval->image->flags |= flags;
}

void interval_seen(struct interval *interval, int64_t now_ns)
{
    if (now_ns > interval->image->last_ns)
        interval->image->last_ns = now_ns;
}

/* --- asking ----------------------------------------------------------------------------------- */

uint64_t interval_packets(const struct interval *interval)
{
    return interval->image->commits[interval->image->current].packets;
}

bool interval_is_open(const struct interval *interval)
{
    return interval->image->is_open;
}

int64_t interval_start_ns(const struct interval *interval)
{
    return interval->image->start_ns;
}

int64_t interval_first_ns(const struct interval *interval)
{
    return interval->image->first_ns;
}

int64_t interval_last_ns(const struct interval *interval)
{
    return interval->image->last_ns;
}

void interval_set_sealing(struct interval *interval, uint64_t seq)
{
    interval->image->sealing = seq;
    interval_barrier();
}

uint64_t interval_sealing(const struct interval *interval)
{
    return interval->image->sealing;
}

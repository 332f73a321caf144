#include "collector/interval.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "common/err.h"

/* Of this version's image: what is changed in it changes the magic. */
static const char magic[8] = {'D', 'C', 'I', 'N', 'T', '0', '0', '1'};

#define PAGE ((size_t)4096)
#define GROW ((size_t)1 << 20) /* bytes that the sparse table grows by */

/* --- memory ----------------------------------------------------------------------------------- */

static size_t round_up(size_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

/* Where the parts lie in the region; `size` without any place of the sparse table. */
struct layout {
    uint64_t dense;
    size_t packets, hit, places, size, most;
};

static struct layout lay_out(const struct prefixset *darknet)
{
    struct layout layout = {.dense = prefixset_count4(darknet)};
    bool sparse = prefixset_any6(darknet) || layout.dense > INTERVAL_DENSE_MAX;
    if (layout.dense > INTERVAL_DENSE_MAX)
        layout.dense = 0;
    layout.packets = round_up(sizeof(struct image));
    layout.hit = layout.packets + round_up(layout.dense * sizeof(uint32_t));
    layout.places =
        layout.hit + round_up((layout.dense + DENSE_BLOCK - 1) >> DENSE_BLOCK_SHIFT);
    layout.size = layout.places;
    layout.most = layout.size + (sparse ? INTERVAL_SPARSE_MAX * sizeof(struct place) : 0);
    return layout;
}

static void point(struct interval *interval, const struct layout *layout)
{
    uint8_t *at = interval->region.at;
    interval->image = (struct image *)at;
    interval->packets = (uint32_t *)(at + layout->packets);
    interval->dense_hit = at + layout->hit;
    interval->places = (struct place *)(at + layout->places);
}

static void set_base(struct interval *interval)
{
    const struct prefixset *darknet = interval->darknet;
    uint32_t last = (uint32_t)interval->image->dense - 1;
    if (interval->image->dense == 0)
        return;
    interval->base = prefixset_address4(darknet, 0);
    interval->one_range = prefixset_address4(darknet, last) - interval->base == last;
}

static void label(struct interval *interval, const struct layout *layout)
{
    point(interval, layout);
    memcpy(interval->image->magic, magic, sizeof magic);
    interval->image->dense = layout->dense;
}

static struct interval *make(const struct prefixset *darknet, const char *path)
{
    struct interval *interval = calloc(1, sizeof *interval);
    if (!interval)
        return NULL;
    interval->darknet = darknet;
    interval->path = path;
    interval->region.fd = -1;
    addrmap_init(&interval->map4, INTERVAL_SPARSE_MAX);
    addrmap_init(&interval->map6, INTERVAL_SPARSE_MAX);
    return interval;
}

int interval_new(struct interval **out, const struct prefixset *darknet, const char *path,
                 char *errmsg)
{
    struct layout layout = lay_out(darknet);
    struct interval *interval = make(darknet, path);
    int rc = interval ? ERR_UNKNOWN : ERR_NOMEM;
    errmsg[0] = '\0';
    if (rc != ERR_NOMEM && path)
        rc = region_create(&interval->region, path, layout.size, layout.most, errmsg);
    if (rc != 0 && rc != ERR_NOMEM)
        rc = region_memory(&interval->region, layout.size, layout.most);
    if (rc) {
        free(interval);
        return rc;
    }
    label(interval, &layout);
    set_base(interval);
    *out = interval;
    return 0;
}

void interval_free(struct interval *interval)
{
    if (!interval)
        return;
    region_close(&interval->region);
    addrmap_close(&interval->map4);
    addrmap_close(&interval->map6);
    free(interval);
}

void interval_discard(struct interval *interval)
{
    if (interval && interval->path)
        unlink(interval->path);
    interval_free(interval);
}

bool interval_safe(const struct interval *interval)
{
    return interval->region.fd >= 0;
}

/* A region of memory becomes one of a file as soon as there is room for it. */
static void make_safe(struct interval *interval)
{
    struct layout layout = lay_out(interval->darknet);
    struct region region;
    if (!interval->path || interval_safe(interval) ||
        region_create(&region, interval->path, layout.size, layout.most, NULL) != 0)
        return;
    region_close(&interval->region);
    interval->region = region;
    label(interval, &layout);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void clear_dense(struct interval *interval)
{
    uint64_t blocks = (interval->image->dense + DENSE_BLOCK - 1) >> DENSE_BLOCK_SHIFT;
    for (uint64_t block = 0; block < blocks; block++)
        if (interval->dense_hit[block]) {
            memset(interval->packets + block * DENSE_BLOCK, 0, DENSE_BLOCK * sizeof(uint32_t));
            interval->dense_hit[block] = 0;
        }
}

static void clear_details(struct image *image)
{
    for (int detail = 0; detail < DETAILS; detail++)
        for (int block = 0; block < KEYS / KEY_BLOCK; block++)
            if (image->detail_hit[detail][block])
                memset(&image->details[detail][block * KEY_BLOCK], 0, KEY_BLOCK * sizeof(pair));
}

/* What lies between is cleared; first and last of it say what the image is, and where the large
 * tables begin. */
static void clear_image(struct image *image)
{
    size_t first = offsetof(struct image, is_open), end = offsetof(struct image, details);
    clear_details(image);
    memset((uint8_t *)image + first, 0, end - first);
}

/* Whoever reads it from now on takes it for not open, until it is whole again. */
static void forget(struct interval *interval)
{
    *(volatile uint32_t *)&interval->image->is_open = 0;
    clear_dense(interval);
    clear_image(interval->image);
    addrmap_clear(&interval->map4);
    addrmap_clear(&interval->map6);
}

void interval_close(struct interval *interval)
{
    forget(interval);
}

void interval_open(struct interval *interval, int64_t start_ns, int64_t first_ns)
{
    forget(interval);
    make_safe(interval);
    struct image *image = interval->image;
    image->start_ns = start_ns;
    image->first_ns = image->last_ns = first_ns;
    *(volatile uint32_t *)&image->is_open = 1;
}

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
    size_t end = (size_t)((uint8_t *)(interval->places + interval->image->places + 1) -
                          interval->region.at);
    if (end > interval->region.size) {
        size_t size = interval->region.size + GROW;
        if (size > interval->region.most)
            size = interval->region.most;
        if (end > size || region_grow(&interval->region, size) != 0)
            return NULL;
    }
    return &interval->places[interval->image->places];
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
        entry->packets = ++*(volatile uint32_t *)&interval->image->places;
    }
    return SPARSE | (uint32_t)(entry->packets - 1);
}

static inline uint32_t index_of(const struct interval *interval, uint32_t address)
{
    if (!interval->one_range)
        return prefixset_index4(interval->darknet, address);
    uint32_t index = address - interval->base;
    return index < interval->image->dense ? index : PREFIX_NONE;
}

static uint32_t find_sparse(struct interval *interval, const struct packet *packet)
{
    uint8_t address[16];
    if (packet->family == 6)
        return prefixset_has6(interval->darknet, packet->dst6)
                   ? find_place(interval, 6, packet->dst6)
                   : OFF_DARKNET;
    if (!prefixset_has4(interval->darknet, packet->dst4))
        return OFF_DARKNET;
    store_address4(address, packet->dst4);
    return find_place(interval, 4, address);
}

static inline uint32_t find(struct interval *interval, const struct packet *packet)
{
    if (packet->family == 6 || !interval->image->dense)
        return find_sparse(interval, packet);
    uint32_t index = index_of(interval, packet->dst4);
    if (index == PREFIX_NONE)
        return OFF_DARKNET;
    __builtin_prefetch(&interval->packets[index], 1);
    return index;
}

/* --- addresses that send ---------------------------------------------------------------------- */

static bool is_lit(const struct interval *interval, const struct packet *packet)
{
    if (packet->family == 6)
        return prefixset_has6(interval->darknet, packet->src6);
    return interval->image->dense ? index_of(interval, packet->src4) != PREFIX_NONE
                                  : prefixset_has4(interval->darknet, packet->src4);
}

static void note_lit(struct image *image, uint8_t family, const uint8_t address[16])
{
    for (uint32_t i = 0; i < image->lit_count; i++)
        if (image->lit[i].family == family && memcmp(image->lit[i].address, address, 16) == 0) {
            image->lit[i].packets++;
            return;
        }
    if (image->lit_count == LIT_MAX) {
        image->lit_omitted++;
        return;
    }
    struct lit *lit = &image->lit[image->lit_count];
    *lit = (struct lit){.family = family, .packets = 1};
    memcpy(lit->address, address, 16);
    ++*(volatile uint32_t *)&image->lit_count;
}

static void note_source(struct interval *interval, const struct packet *packet)
{
    uint8_t address[16];
    if (packet->family == 4)
        store_address4(address, packet->src4);
    note_lit(interval->image, packet->family, packet->family == 4 ? address : packet->src6);
}

void interval_add_sender(struct interval *interval, uint32_t address)
{
    uint8_t bytes[16];
    if (!prefixset_has4(interval->darknet, address))
        return;
    store_address4(bytes, address);
    note_lit(interval->image, 4, bytes);
}

/* --- adding ----------------------------------------------------------------------------------- */

static void fill_detail(struct item *item, const struct packet *packet)
{
    if (packet->has_icmp) {
        item->detail = packet->family == 4 ? DETAIL_ICMP4 : DETAIL_ICMP6;
        item->key = (uint16_t)(packet->icmp_type << 8 | packet->icmp_code);
    } else if (packet->has_ports && packet->protocol == PROTOCOL_TCP) {
        item->detail = DETAIL_TCP;
        item->key = packet->dst_port;
    } else if (packet->has_ports && packet->protocol == PROTOCOL_UDP) {
        item->detail = DETAIL_UDP;
        item->key = packet->dst_port;
    } else {
        item->detail = DETAILS;
    }
}

static void fill_host(struct item *item, const struct packet *packet)
{
    uint32_t source4 = __builtin_bswap32(packet->src4);
    struct hll_place place = packet->family == 4 ? hll_place(&source4, sizeof source4)
                                                 : hll_place(packet->src6, 16);
    item->host = place.index;
    item->rank = place.rank;
}

static void fill_item(struct interval *interval, struct item *item, const struct packet *packet,
                      uint32_t where)
{
    item->where = where;
    item->bytes = packet->bytes;
    item->class = (uint8_t)packet->class;
    item->protocol = packet->protocol;
    fill_detail(item, packet);
    fill_host(item, packet);
    if (item->detail < DETAILS)
        __builtin_prefetch(&interval->image->details[item->detail][item->key], 1);
}

void interval_add(struct interval *interval, struct packet *packet, int64_t ts_ns)
{
    struct image *image = interval->image;
    uint32_t where = find(interval, packet);
    if (ts_ns > image->last_ns)
        image->last_ns = ts_ns;
    if (__builtin_expect(is_lit(interval, packet), 0))
        note_source(interval, packet);
    if (where == OFF_DARKNET || where == NO_ROOM) {
        image->reasons[where == NO_ROOM ? INTERVAL_REFUSED : INTERVAL_OFF_DARKNET]++;
        return;
    }
    decode_transport(packet);
    struct commit *commit = &image->commits[image->current];
    fill_item(interval, &image->items[commit->waiting], packet, where);
    __asm__ volatile("" ::: "memory"); /* the item is whole before it counts */
    if (++commit->waiting == INTERVAL_BATCH)
        interval_settle(interval, NULL);
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
    while (i < image->late_count && image->late_by[i].start_s != start_s)
        i++;
    if (i == RECORD_LATE_MAX)
        return;
    if (i == image->late_count) {
        image->late_by[i] = (struct record_late){.start_s = start_s};
        ++*(volatile uint32_t *)&image->late_count;
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
    *(volatile uint64_t *)&interval->image->sealing = seq;
}

uint64_t interval_sealing(const struct interval *interval)
{
    return interval->image->sealing;
}

/* --- what another process left ---------------------------------------------------------------- */

static bool image_fits(const struct interval *interval, const struct layout *layout)
{
    const struct image *image = interval->image;
    size_t held = interval->region.size - layout->places;
    return memcmp(image->magic, magic, sizeof magic) == 0 && image->dense == layout->dense &&
           image->places <= held / sizeof(struct place) && image->late_count <= RECORD_LATE_MAX &&
           image->lit_count <= LIT_MAX;
}

static int load(struct interval *interval, char *errmsg)
{
    struct layout layout = lay_out(interval->darknet);
    int rc = region_load(&interval->region, interval->path, layout.size, errmsg);
    if (rc)
        return rc;
    point(interval, &layout);
    set_base(interval);
    if (!image_fits(interval, &layout))
        return err_set(errmsg, ERR_VERSION,
                       "counters in %s: of another version or darknet", interval->path);
    return interval_is_open(interval) ? interval_finish(interval, errmsg) : 0;
}

int interval_load(struct interval **out, const struct prefixset *darknet, const char *path,
                  char *errmsg)
{
    struct interval *interval = make(darknet, path);
    if (!interval)
        return err_set(errmsg, ERR_NOMEM, "counters in %s: out of memory", path);
    int rc = load(interval, errmsg);
    if (rc) {
        interval_free(interval);
        return rc;
    }
    *out = interval;
    return 0;
}

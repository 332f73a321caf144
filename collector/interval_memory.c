#include "collector/interval.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "common/crc32c.h"
#include "common/err.h"

/* Of this version's image: what is changed in it changes the magic. */
const char interval_magic[8] = {'D', 'C', 'I', 'N', 'T', '0', '0', '6'};

#define PAGE ((size_t)4096)

static size_t round_up(size_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

struct layout interval_layout(const struct prefixset *darknet)
{
    struct layout layout = {.dense = prefixset_count4(darknet), .any6 = prefixset_any6(darknet)};
    bool sparse = layout.any6 || layout.dense > INTERVAL_DENSE_MAX;
    if (layout.dense > INTERVAL_DENSE_MAX)
        layout.dense = 0;
    layout.packets = round_up(sizeof(struct image));
    layout.hit = layout.packets + round_up(layout.dense * sizeof(uint32_t));
    layout.sources4 = layout.hit + round_up((layout.dense + DENSE_BLOCK - 1) >> DENSE_BLOCK_SHIFT);
    layout.size = layout.sources4 + (sizeof(source4) << SOURCES_BITS_MIN);
    layout.sources6 = layout.sources4 + SOURCES_SLOTS * sizeof(source4);
    layout.places = layout.sources6 + (layout.any6 ? SOURCES_SLOTS * sizeof(struct source6) : 0);
    layout.most = layout.places + (sparse ? INTERVAL_SPARSE_MAX * sizeof(struct place) : 0);
    return layout;
}

static void set_base(struct interval *interval, uint64_t dense)
{
    const struct prefixset *darknet = interval->darknet;
    uint32_t last = (uint32_t)dense - 1;
    if (dense == 0)
        return;
    interval->base = prefixset_address4(darknet, 0);
    interval->one_range = prefixset_address4(darknet, last) - interval->base == last;
}

void interval_point(struct interval *interval, const struct layout *layout)
{
    uint8_t *at = interval->region.at;
    interval->image = (struct image *)at;
    interval->packets = (uint32_t *)(at + layout->packets);
    interval->dense_hit = at + layout->hit;
    interval->places = (struct place *)(at + layout->places);
    interval->places_end = layout->places;
    sources_point(&interval->sources, &interval->region, &interval->image->sources,
                  (source4 *)(at + layout->sources4),
                  layout->any6 ? (struct source6 *)(at + layout->sources6) : NULL);
    set_base(interval, layout->dense);
}

int interval_fingerprint(const struct prefixset *darknet, uint32_t *fingerprint)
{
    char *text = prefixset_text(darknet);
    if (!text)
        return ERR_NOMEM;
    *fingerprint = crc32c(0, text, strlen(text));
    free(text);
    return 0;
}

static void label(struct interval *interval, const struct layout *layout)
{
    interval_point(interval, layout);
    memcpy(interval->image->magic, interval_magic, sizeof interval_magic);
    interval->image->dense = layout->dense;
    interval->image->darknet = interval->fingerprint;
}

/* A file gets its name when it is labelled: a process that is killed before leaves nothing that looks
 * like counters. Takes the place of the region only then. */
static int keep_in_file(struct interval *interval, const struct layout *layout, char *errmsg)
{
    struct region old = interval->region;
    int rc = region_create(&interval->region, interval->path, layout->size, layout->most, errmsg);
    if (rc == 0) {
        label(interval, layout);
        rc = region_name(interval->path, errmsg);
        region_close(rc ? &interval->region : &old);
    }
    if (rc) {
        interval->region = old;
        if (old.at)
            interval_point(interval, layout);
    }
    return rc;
}

struct interval *interval_make(const struct prefixset *darknet, const char *path)
{
    struct interval *interval = calloc(1, sizeof *interval);
    if (!interval)
        return NULL;
    interval->darknet = darknet;
    interval->path = path;
    interval->region.fd = -1;
    addrmap_init(&interval->map4, INTERVAL_SPARSE_MAX);
    addrmap_init(&interval->map6, INTERVAL_SPARSE_MAX);
    sources_init(&interval->sources);
    return interval;
}

int interval_new(struct interval **out, const struct prefixset *darknet, const char *path,
                 char *errmsg)
{
    struct layout layout = interval_layout(darknet);
    struct interval *interval = interval_make(darknet, path);
    errmsg[0] = '\0';
    if (!interval)
        return ERR_NOMEM;
    int rc = interval_fingerprint(darknet, &interval->fingerprint);
    bool safe = rc == 0 && path && keep_in_file(interval, &layout, errmsg) == 0;
    if (rc == 0 && !safe)
        rc = region_memory(&interval->region, layout.size, layout.most);
    if (rc) {
        interval_free(interval);
        return rc;
    }
    if (!safe)
        label(interval, &layout);
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
    struct layout layout = interval_layout(interval->darknet);
    if (interval->path && !interval_safe(interval))
        keep_in_file(interval, &layout, NULL);
}

void interval_without_sources(struct interval *interval)
{
    interval->sources.off = true;
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
    interval->image->is_open = 0;
    interval_barrier();
    clear_dense(interval);
    sources_clear(&interval->sources);
    clear_image(interval->image);
    addrmap_clear(&interval->map4);
    addrmap_clear(&interval->map6);
    interval->full = false;
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
    sources_open(&interval->sources);
    interval_barrier();
    image->is_open = 1;
}

/*
 * Reading what a process that was killed left: whether the file can be believed, how far the batch at
 * hand had got, and finishing it. A file may hold anything: a power cut leaves any mixture of its
 * pages.
 */
#include <string.h>

#include "collector/interval_private.h"
#include "common/err.h"

/* --- whether it can be believed --------------------------------------------------------------- */

static bool image_fits(const struct interval *interval, const struct layout *layout,
                       uint32_t fingerprint)
{
    const struct image *image = interval->image;
    return memcmp(image->magic, interval_magic, sizeof interval_magic) == 0 &&
           image->dense == layout->dense && image->darknet == fingerprint;
}

static bool place_valid(const struct interval *interval, const struct place *place)
{
    static const uint8_t zeros[12];
    const uint8_t *at = place->address;
    if (place->family == 6)
        return prefixset_has6(interval->darknet, at);
    return place->family == 4 && interval->image->dense == 0 && memcmp(at + 4, zeros, 12) == 0 &&
           prefixset_has4(interval->darknet, (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
                                                 (uint32_t)at[2] << 8 | at[3]);
}

static bool places_valid(const struct interval *interval)
{
    const struct image *image = interval->image;
    size_t at = (size_t)((uint8_t *)interval->places - interval->region.at);
    size_t held = interval->region.size > at ? interval->region.size - at : 0;
    bool valid = image->places <= held / sizeof(struct place);
    for (uint32_t i = 0; valid && i < image->places; i++)
        valid = place_valid(interval, &interval->places[i]);
    return valid;
}

static bool hosts_valid(const struct hll *hosts)
{
    bool valid = true;
    for (int i = 0; i < HLL_REGISTERS; i++)
        valid &= hosts->registers[i] <= HLL_REGISTER_MAX;
    return valid;
}

static bool item_valid(const struct interval *interval, const struct item *item)
{
    uint32_t where = item->where & ~SPARSE;
    return where < (item->where & SPARSE ? interval->image->places : interval->image->dense) &&
           item_class(item) < PACKET_CLASSES && item_detail(item) <= DETAILS &&
           item_host(item).index < HLL_REGISTERS && item_host(item).rank <= HLL_REGISTER_MAX;
}

static bool image_valid(const struct interval *interval)
{
    const struct image *image = interval->image;
    bool valid = image->current <= 1 && image->late_count <= RECORD_LATE_MAX &&
                 image->lit_count <= LIT_MAX && places_valid(interval) &&
                 hosts_valid(&image->hosts);
    uint32_t waiting = valid ? image->commits[image->current].waiting : 0;
    valid = valid && waiting <= INTERVAL_BATCH;
    for (uint32_t i = 0; valid && i < waiting; i++)
        valid = item_valid(interval, &image->items[i]);
    return valid;
}

/* --- finishing its last batch ----------------------------------------------------------------- */

static uint64_t sum_addresses(const struct interval *interval)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < interval->image->dense; i++)
        sum += interval->packets[i];
    for (uint32_t i = 0; i < interval->image->places; i++)
        sum += interval->places[i].packets;
    return sum;
}

static uint64_t sum_pairs(const pair *pairs, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += pairs[i][0];
    return sum;
}

/* Whether a table that sums to `sum` has taken up to `waiting` items more than `before`. */
static bool part_taken(uint64_t sum, uint64_t before, uint64_t waiting, uint64_t *taken)
{
    *taken = sum - before;
    return sum >= before && *taken <= waiting;
}

/* Sources that do not add up cost the sources, nothing else. */
static void find_sources(struct interval *interval, struct applied *applied)
{
    const struct commit *commit = &interval->image->commits[interval->image->current];
    struct sources *sources = &interval->sources;
    sources_load(sources, interval->region.size);
    for (uint32_t i = 0; i < commit->waiting; i++)
        interval->slots[i] = sources_slot4(sources, interval->image->items[i].source);
    if (sources_kept(sources) &&
        !part_taken(sources_packets(sources), commit->packets, commit->waiting, &applied->sources))
        sources_lose(sources);
}

/* False when the counters are not what a batch that was cut short can leave. */
static bool find_applied(const struct interval *interval, struct applied *applied)
{
    const struct image *image = interval->image;
    const struct commit *commit = &image->commits[image->current];
    uint64_t waiting = commit->waiting;
    bool valid =
        part_taken(sum_addresses(interval), commit->packets, waiting, &applied->addresses) &&
        part_taken(sum_pairs(image->classes, PACKET_CLASSES), commit->packets, waiting,
                   &applied->classes) &&
        part_taken(sum_pairs(image->protocols, PROTOCOLS), commit->packets, waiting,
                   &applied->protocols);
    for (int detail = 0; valid && detail < DETAILS; detail++)
        valid = part_taken(sum_pairs(image->details[detail], KEYS), commit->details[detail],
                           waiting, &applied->details[detail]);
    return valid;
}

/* --- loading ---------------------------------------------------------------------------------- */

static int read_image(struct interval *interval, uint32_t fingerprint, char *errmsg)
{
    struct layout layout = interval_layout(interval->darknet);
    struct applied applied;
    int rc = region_load(&interval->region, interval->path, layout.size, layout.most, errmsg);
    if (rc)
        return rc;
    interval_point(interval, &layout);
    if (!image_fits(interval, &layout, fingerprint))
        return err_set(errmsg, ERR_VERSION, "counters in %s: of another version or darknet",
                       interval->path);
    if (!interval_is_open(interval))
        return 0;
    if (!image_valid(interval) || !find_applied(interval, &applied))
        return err_set(errmsg, ERR_DAMAGED, "counters in %s: they do not add up", interval->path);
    find_sources(interval, &applied);
    interval_settle(interval, &applied);
    return 0;
}

int interval_load(struct interval **out, const struct prefixset *darknet, const char *path,
                  char *errmsg)
{
    uint32_t fingerprint;
    struct interval *interval = interval_make(darknet, path);
    int rc = interval ? interval_fingerprint(darknet, &fingerprint) : ERR_NOMEM;
    rc = rc ? err_set(errmsg, rc, "counters in %s: out of memory", path)
            : read_image(interval, fingerprint, errmsg);
    if (rc) {
        interval_free(interval);
        return rc;
    }
    *out = interval;
    return 0;
}

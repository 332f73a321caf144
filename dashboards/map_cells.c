#include "dashboards/map_cells.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"

#define CELLS_BITS (2 * CHART_MAP_ORDER_MAX)

void map_cells_init(struct map_cells *map)
{
    memset(map, 0, sizeof *map);
}

void map_cells_close(struct map_cells *map)
{
    free(map->ranges);
    free(map->cells);
    free(map->known);
    map_cells_init(map);
}

static int add_range(struct map_cells *map, uint32_t first, uint32_t last, bool observed)
{
    struct map_range *ranges = list_room(map->ranges, map->count, &map->room, sizeof *ranges);
    if (!ranges)
        return ERR_NOMEM;
    map->ranges = ranges;
    map->ranges[map->count++] = (struct map_range){first, last, observed};
    map->addresses += (uint64_t)last - first + 1;
    return 0;
}

int map_cells_add(struct map_cells *map, const struct prefixset *darknet, bool observed)
{
    uint32_t first, last;
    map->any6 |= prefixset_any6(darknet);
    for (size_t i = 0; prefixset_range4(darknet, i, &first, &last); i++)
        if (add_range(map, first, last, observed) != 0)
            return ERR_NOMEM;
    return 0;
}

/* --- places ----------------------------------------------------------------------------------- */

/* Bits of the smallest prefix around all ranges that are free. */
static unsigned free_bits(const struct map_cells *map)
{
    uint32_t differs = map->ranges[0].first ^ map->ranges[map->count - 1].last;
    unsigned bits = 0;
    while (bits < 32 && differs >> bits)
        bits++;
    return bits;
}

/* Places are what an address gets before cells are made of them: `base` and what follows it. */
static void scale_real(struct map_cells *map, uint32_t *base)
{
    unsigned bits = free_bits(map);
    unsigned cell = bits > CELLS_BITS ? bits - CELLS_BITS : 0;
    *base = bits < 32 ? map->ranges[0].first >> bits << bits : 0;
    struct in_addr address = {htonl(*base)};
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    snprintf(map->range, sizeof map->range, "%s/%u", text, 32 - bits);
    map->per_cell = UINT64_C(1) << cell;
    map->order = (bits - cell + 1) / 2;
}

/* A cell for each address, or for 256 or 65,536 in a row. */
static void scale_positions(struct map_cells *map)
{
    map->per_cell = 1;
    while (map->addresses > map->per_cell << CELLS_BITS)
        map->per_cell <<= 8;
    map->order = 0;
    while (map->addresses > map->per_cell << 2 * map->order)
        map->order++;
}

/* --- cells ------------------------------------------------------------------------------------ */

/* Counts the places [from, from + size) as observed, or marks their cells as missing as long as
 * nothing in them was observed. */
static void cover(struct map_cells *map, uint64_t from, uint64_t size, bool observed)
{
    for (uint64_t at = from, end; at < from + size; at = end) {
        uint64_t cell = at / map->per_cell;
        end = (cell + 1) * map->per_cell;
        end = end < from + size ? end : from + size;
        if (observed)
            map->known[cell] += (double)(end - at);
        else if (map->cells[cell] == CHART_MAP_BLANK)
            map->cells[cell] = CHART_MAP_MISSING;
        if (observed && map->cells[cell] < 0)
            map->cells[cell] = 0;
    }
}

/* Adds the packets of a range's addresses; `next` goes on from range to range. */
static void add_packets(struct map_cells *map, const struct map_range *range, uint64_t from,
                        const struct addrvec *packets, size_t *next)
{
    while (*next < packets->count4 && packets->address4[*next] < range->first)
        ++*next;
    for (; *next < packets->count4 && packets->address4[*next] <= range->last; ++*next) {
        uint64_t place = from + (packets->address4[*next] - range->first);
        if (range->observed)
            map->cells[place / map->per_cell] += (double)packets->packets4[*next];
    }
}

static int compare_ranges(const void *a, const void *b)
{
    const struct map_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

int map_cells_fill(struct map_cells *map, const struct addrvec *packets, bool real)
{
    uint32_t base = 0;
    if (map->count == 0)
        return ERR_UNKNOWN;
    qsort(map->ranges, map->count, sizeof *map->ranges, compare_ranges);
    if (real)
        scale_real(map, &base);
    else
        scale_positions(map);
    size_t cells = (size_t)1 << 2 * map->order, next = 0;
    map->cells = malloc(cells * sizeof *map->cells);
    map->known = calloc(cells, sizeof *map->known);
    if (!map->cells || !map->known)
        return ERR_NOMEM;
    for (size_t i = 0; i < cells; i++)
        map->cells[i] = CHART_MAP_BLANK;
    uint64_t place = 0;
    for (size_t i = 0; i < map->count; i++) {
        const struct map_range *range = &map->ranges[i];
        uint64_t size = (uint64_t)range->last - range->first + 1;
        uint64_t from = real ? range->first - base : place;
        cover(map, from, size, range->observed);
        add_packets(map, range, from, packets, &next);
        place += size;
    }
    for (size_t i = 0; i < cells; i++)
        if (map->known[i] > 0)
            map->cells[i] /= map->known[i];
    return 0;
}

#include "collector/addrset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define ROOM_MIN 16

void addrset_init(struct addrset *set)
{
    memset(set, 0, sizeof *set);
}

void addrset_close(struct addrset *set)
{
    free(set->v4.addresses);
    free(set->v6.addresses);
    addrset_init(set);
}

/* One pass of a radix sort, least significant byte first: from -> to by the byte at `at`. False
 * when all bytes there are the same, as the first of a darknet's addresses are, and nothing was
 * moved. */
static inline bool sort_pass(const uint8_t *from, uint8_t *to, size_t count, size_t size, size_t at)
{
    size_t starts[256] = {0}, next = 0;
    for (size_t i = 0; i < count; i++)
        starts[from[i * size + at]]++;
    if (starts[from[at]] == count)
        return false;
    for (int byte = 0; byte < 256; byte++) {
        size_t here = starts[byte];
        starts[byte] = next;
        next += here;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(to + size * starts[from[i * size + at]]++, from + i * size, size);
    return true;
}

/* Inlined twice with a constant `size`, which makes the copies single moves. */
static inline uint8_t *sort(uint8_t *list, uint8_t *scratch, size_t count, size_t size)
{
    for (size_t at = size; at-- > 0;)
        if (sort_pass(list, scratch, count, size, at)) {
            uint8_t *other = list;
            list = scratch;
            scratch = other;
        }
    return list;
}

static size_t unique(uint8_t *list, size_t count, size_t size)
{
    size_t kept = 0;
    for (size_t i = 1; i < count; i++)
        if (memcmp(list + kept * size, list + i * size, size) != 0)
            memmove(list + ++kept * size, list + i * size, size);
    return kept + 1;
}

/* Sorts the part into a block of `room` addresses, or fewer if it needs no more. */
static int tidy(struct addrset_part *part, size_t size)
{
    if (part->sorted == part->count)
        return 0;
    uint8_t *scratch = malloc(part->room * size);
    if (!scratch)
        return ERR_NOMEM;
    uint8_t *list = size == 4 ? sort(part->addresses, scratch, part->count, 4)
                              : sort(part->addresses, scratch, part->count, 16);
    free(list == scratch ? part->addresses : scratch);
    part->addresses = list;
    part->count = part->sorted = unique(list, part->count, size);
    return 0;
}

static int resize(struct addrset_part *part, size_t room, size_t size)
{
    uint8_t *addresses = realloc(part->addresses, room * size);
    if (!addresses)
        return ERR_NOMEM;
    part->addresses = addresses;
    part->room = room;
    return 0;
}

/* Room for one more: by dropping duplicates, and by more memory unless that halved the list. */
static int make_room(struct addrset_part *part, size_t size)
{
    if (part->room == 0)
        return resize(part, ROOM_MIN, size);
    if (tidy(part, size))
        return ERR_NOMEM;
    return part->count > part->room / 2 ? resize(part, 2 * part->room, size) : 0;
}

static int add(struct addrset_part *part, const uint8_t *address, size_t size)
{
    if (part->count == part->room && make_room(part, size))
        return ERR_NOMEM;
    memcpy(part->addresses + part->count++ * size, address, size);
    return 0;
}

int addrset_add(struct addrset *set, uint8_t family, const uint8_t *address)
{
    return family == 4 ? add(&set->v4, address, 4) : add(&set->v6, address, 16);
}

static int merge(struct addrset_part *into, const struct addrset_part *from, size_t size)
{
    for (size_t i = 0; i < from->count; i++)
        if (add(into, from->addresses + i * size, size))
            return ERR_NOMEM;
    return 0;
}

int addrset_merge(struct addrset *into, const struct addrset *from)
{
    int result = merge(&into->v4, &from->v4, 4);
    return result ? result : merge(&into->v6, &from->v6, 16);
}

static int compact(struct addrset_part *part, size_t size)
{
    if (tidy(part, size))
        return ERR_NOMEM;
    return part->count < part->room && part->count ? resize(part, part->count, size) : 0;
}

int addrset_compact(struct addrset *set)
{
    int result = compact(&set->v4, 4);
    return result ? result : compact(&set->v6, 16);
}

size_t addrset_count(const struct addrset *set)
{
    return set->v4.count + set->v6.count;
}

size_t addrset_memory(const struct addrset *set)
{
    return set->v4.room * 4 + set->v6.room * 16;
}

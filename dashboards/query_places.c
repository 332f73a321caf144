#include "dashboards/query_places.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "query: %s", err_str(ERR_NOMEM));
}

/* Sources that follow each other are mostly in one place: their packets become one entry. */
static int add(struct query_places *places, const struct query_place *place)
{
    struct query_place *last = places->count ? &places->places[places->count - 1] : NULL;
    if (last && last->key == place->key) {
        last->packets += place->packets;
        last->sources += place->sources;
        return 0;
    }
    struct query_place *bigger =
        list_room(places->places, places->count, &places->room, sizeof *bigger);
    if (!bigger)
        return ERR_NOMEM;
    places->places = bigger;
    places->places[places->count++] = *place;
    return 0;
}

static struct query_place place_of(const struct addrvec *sources, size_t i)
{
    struct query_place place = {.family = i < sources->count4 ? 4 : 6, .sources = 1};
    if (place.family == 4) {
        for (int b = 0; b < 4; b++)
            place.address[b] = (uint8_t)(sources->address4[i] >> (24 - 8 * b));
        place.packets = sources->packets4[i];
    } else {
        memcpy(place.address, sources->address6[i - sources->count4], 16);
        place.packets = sources->packets6[i - sources->count4];
    }
    return place;
}

/* By key, 0 last; then by the address that tells the place's name, so that it is always the same one. */
static int compare(const void *a, const void *b)
{
    const struct query_place *x = a, *y = b;
    if (x->key != y->key)
        return x->key - 1 < y->key - 1 ? -1 : 1;
    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    return memcmp(x->address, y->address, sizeof x->address);
}

static void unite(struct query_places *places)
{
    size_t count = 0;
    if (places->count > 1)
        qsort(places->places, places->count, sizeof *places->places, compare);
    for (size_t i = 0; i < places->count; i++) {
        const struct query_place place = places->places[i];
        if (count > 0 && places->places[count - 1].key == place.key) {
            places->places[count - 1].packets += place.packets;
            places->places[count - 1].sources += place.sources;
        } else {
            places->places[count++] = place;
        }
    }
    places->count = count;
}

int query_places_find(struct query_places *places, struct geo *geo, const struct addrvec *sources,
                      char *errmsg)
{
    places->count = 0;
    for (size_t i = 0; i < sources->count4 + sources->count6; i++) {
        struct query_place place = place_of(sources, i);
        int rc = geo_find(geo, place.family, place.address, &place.key, errmsg);
        if (rc)
            return rc;
        if (add(places, &place))
            return nomem(errmsg);
    }
    unite(places);
    return 0;
}

void query_places_close(struct query_places *places)
{
    free(places->places);
    *places = (struct query_places){0};
}

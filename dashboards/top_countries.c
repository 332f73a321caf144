#include "dashboards/top_countries.h"

#include <string.h>

#include "dashboards/disclose.h"

/* Puts a country into its place, or what falls out at the end to the others. */
static void rank(struct top_countries *top, const struct query_row *row)
{
    struct top_country country = {.packets = row->sum.packets};
    memcpy(country.country, row->country, sizeof country.country);
    size_t at = top->count;
    while (at > 0 && top->rows[at - 1].packets < country.packets)
        at--;
    if (at == top->most) {
        top->others += country.packets;
        return;
    }
    if (top->count == top->most)
        top->others += top->rows[--top->count].packets;
    memmove(&top->rows[at + 1], &top->rows[at], (top->count - at) * sizeof *top->rows);
    top->rows[at] = country;
    top->count++;
}

static void take_row(struct top_countries *top, const struct query_row *row)
{
    if (row->key == QUERY_KEY_KNOWN)
        rank(top, row);
    else if (row->key == QUERY_KEY_OTHER)
        top->not_kept = row->sum.packets;
    else
        top->unknown = row->sum.packets;
}

void top_countries_take(struct top_countries *top, const struct disclose *disclose)
{
    top->withheld = disclose->sum.packets;
    for (size_t i = 0; i < disclose->count; i++)
        if (!disclose->cells[i].withheld)
            take_row(top, &disclose->rows[i]);
}

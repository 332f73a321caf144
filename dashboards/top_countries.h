/*
 * Top countries: the countries with most packets of a period, and the packets that are in none of them.
 * What of the period may be told goes in (disclose.h), for the chart and for the report. Pure.
 */
#ifndef DASHBOARDS_TOP_COUNTRIES_H
#define DASHBOARDS_TOP_COUNTRIES_H

#include <stddef.h>
#include <stdint.h>

#define TOP_COUNTRIES_MAX 20

struct disclose;

struct top_countries {
    size_t
        most; /* rows at the most, 1 to TOP_COUNTRIES_MAX; set by the owner, the rest being zero */
    size_t count;
    struct top_country {
        char country[3]; /* ISO 3166-1 alpha-2 */
        uint64_t packets;
    } rows[TOP_COUNTRIES_MAX]; /* by descending packets */
    uint64_t others;           /* packets from every other country */
    uint64_t unknown;          /* of sources of which the database says nothing */
    uint64_t not_kept;         /* of sources that the store does not keep */
    uint64_t
        withheld; /* in none of these: too few sensors saw them, or too few sources sent them */
};

/* Takes the period, by country, that `disclose` has at hand. */
void top_countries_take(struct top_countries *top, const struct disclose *disclose);

#endif

/*
 * Which country or autonomous system an address is in, by a MaxMind DB that the operator brings
 * (https://maxmind.github.io/MaxMind-DB/): those of MaxMind and DB-IP, which have
 * `country.iso_code` or `autonomous_system_number` and `autonomous_system_organization`, and those
 * made of the registries' tables, which have `country_code` or the same numbers. query_places.c asks.
 * What the file says is checked as it is read: a damaged one is an error. It stays mapped while it is
 * open: replace a file by renaming another one, do not write into it. Only geo.c knows libmaxminddb.
 */
#ifndef DASHBOARDS_GEO_H
#define DASHBOARDS_GEO_H

#include <stddef.h>
#include <stdint.h>

enum geo_kind { GEO_COUNTRY, GEO_ASN };

struct geo;

#define GEO_NAME_MAX 128

/* Opens the database at `path`, which must tell what `kind` says. ERR_IO, ERR_DAMAGED, ERR_INVALID (it
 * tells something else), ERR_NOMEM. */
int geo_open(struct geo **geo, enum geo_kind kind, const char *path, char *errmsg);
void geo_close(struct geo *geo);

/* Its name, such as "GeoLite2-Country", and when it was built (seconds since the epoch; 0: no time at all). */
const char *geo_name(const struct geo *geo);
int64_t geo_built_s(const struct geo *geo);

/* Both in words: "GeoLite2-Country (2026-11-17)". */
#define GEO_DESCRIPTION_MAX (GEO_NAME_MAX + 16)
void geo_describe(const struct geo *geo, char out[GEO_DESCRIPTION_MAX]);

/* Where an address is (`family` 4 or 6, network byte order): its country as geo_country_key makes it,
 * or its AS number; 0 where the database does not say. ERR_DAMAGED. */
int geo_find(struct geo *geo, uint8_t family, const uint8_t *address, uint32_t *key, char *errmsg);
/* The name of the organisation whose AS it is in, cut at GEO_NAME_MAX; "" where the database does not
 * say. ERR_DAMAGED. */
int geo_organisation(struct geo *geo, uint8_t family, const uint8_t *address,
                     char name[GEO_NAME_MAX], char *errmsg);

/* A country's two letters (ISO 3166-1 alpha-2) as a number that ascends with them, and back; 0 for
 * anything else. */
uint32_t geo_country_key(const char *letters, size_t size);
void geo_country_letters(uint32_t key, char letters[3]);

#endif

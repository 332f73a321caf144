#include "dashboards/geo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <maxminddb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "common/err.h"

#define NODES_TRIED 100000 /* for an entry of the kind that is asked for */

struct geo {
    MMDB_s mmdb;
    enum geo_kind kind;
    char name[GEO_NAME_MAX];
    /* The entry that was read last: addresses come in order, and neighbours share it. */
    bool read;
    uint32_t offset, key;
};

uint32_t geo_country_key(const char *letters, size_t size)
{
    if (size != 2 || letters[0] < 'A' || letters[0] > 'Z' || letters[1] < 'A' || letters[1] > 'Z')
        return 0;
    return (uint32_t)letters[0] << 8 | (uint32_t)letters[1];
}

void geo_country_letters(uint32_t key, char letters[3])
{
    letters[0] = (char)(key >> 8);
    letters[1] = (char)key;
    letters[2] = '\0';
}

const char *geo_name(const struct geo *geo)
{
    return geo->name;
}

int64_t geo_built_s(const struct geo *geo)
{
    uint64_t built_s = geo->mmdb.metadata.build_epoch;
    return built_s < CALENDAR_MAX_S ? (int64_t)built_s : 0;
}

void geo_describe(const struct geo *geo, char out[GEO_DESCRIPTION_MAX])
{
    char built[32];
    calendar_rfc3339(geo_built_s(geo), built);
    snprintf(out, GEO_DESCRIPTION_MAX, "%s (%.10s)", geo_name(geo), built);
}

static int damaged(const struct geo *geo, int status, char *errmsg)
{
    return err_set(errmsg, ERR_DAMAGED, "%s: %s; get the file again", geo->mmdb.filename,
                   MMDB_strerror(status));
}

/* --- values ----------------------------------------------------------------------------------- */

/* The value at `path` of an entry: 1; 0 when there is none; ERR_DAMAGED. */
static int value_at(const struct geo *geo, MMDB_entry_s entry, const char *const *path,
                    MMDB_entry_data_s *value, char *errmsg)
{
    int status = MMDB_aget_value(&entry, value, path);
    if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
        return 0;
    if (status != MMDB_SUCCESS)
        return damaged(geo, status, errmsg);
    return value->has_data;
}

static int country_of(const struct geo *geo, MMDB_entry_s entry, uint32_t *key, char *errmsg)
{
    static const char *const of_country[] = {"country", "iso_code", NULL};
    static const char *const by_itself[] = {"country_code", NULL};
    MMDB_entry_data_s value;
    int rc = value_at(geo, entry, of_country, &value, errmsg);
    if (rc == 0)
        rc = value_at(geo, entry, by_itself, &value, errmsg);
    *key = rc == 1 && value.type == MMDB_DATA_TYPE_UTF8_STRING
               ? geo_country_key(value.utf8_string, value.data_size)
               : 0;
    return rc < 0 ? rc : 0;
}

static int asn_of(const struct geo *geo, MMDB_entry_s entry, uint32_t *key, char *errmsg)
{
    static const char *const path[] = {"autonomous_system_number", NULL};
    MMDB_entry_data_s value;
    int rc = value_at(geo, entry, path, &value, errmsg);
    *key = 0;
    if (rc == 1 && value.type == MMDB_DATA_TYPE_UINT32)
        *key = value.uint32;
    else if (rc == 1 && value.type == MMDB_DATA_TYPE_UINT16)
        *key = value.uint16;
    return rc < 0 ? rc : 0;
}

static int key_of(const struct geo *geo, MMDB_entry_s entry, uint32_t *key, char *errmsg)
{
    return geo->kind == GEO_COUNTRY ? country_of(geo, entry, key, errmsg)
                                    : asn_of(geo, entry, key, errmsg);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* The entry of an address: 1; 0 when there is none; ERR_DAMAGED. */
static int look_up(const struct geo *geo, uint8_t family, const uint8_t *address,
                   MMDB_entry_s *entry, char *errmsg)
{
    int status;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (family == 4)
        memcpy(&v4.sin_addr, address, sizeof v4.sin_addr);
    else
        memcpy(&v6.sin6_addr, address, sizeof v6.sin6_addr);
    const struct sockaddr *of =
        family == 4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&geo->mmdb, of, &status);
    if (status == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
        return 0;
    if (status != MMDB_SUCCESS)
        return damaged(geo, status, errmsg);
    *entry = result.entry;
    return result.found_entry;
}

int geo_find(struct geo *geo, uint8_t family, const uint8_t *address, uint32_t *key, char *errmsg)
{
    MMDB_entry_s entry;
    int rc = look_up(geo, family, address, &entry, errmsg);
    *key = 0;
    if (rc != 1)
        return rc;
    if (!geo->read || geo->offset != entry.offset) {
        rc = key_of(geo, entry, &geo->key, errmsg);
        geo->read = rc == 0;
        geo->offset = entry.offset;
        if (rc < 0)
            return rc;
    }
    *key = geo->key;
    return 0;
}

/* Copies a name that may be anything: control characters become '?', what is cut ends with a whole
 * character. */
static void copy_name(const char *text, size_t size, char name[GEO_NAME_MAX])
{
    if (size > GEO_NAME_MAX - 1) {
        size = GEO_NAME_MAX - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        bool control = c < 0x20 || c == 0x7f;
        bool c1 = i > 0 && (unsigned char)text[i - 1] == 0xc2 && c < 0xa0; /* U+0080..U+009F */
        name[i] = control || c1 ? '?' : (char)c;
        if (c1)
            name[i - 1] = '?';
    }
    name[size] = '\0';
}

int geo_organisation(struct geo *geo, uint8_t family, const uint8_t *address,
                     char name[GEO_NAME_MAX], char *errmsg)
{
    static const char *const path[] = {"autonomous_system_organization", NULL};
    MMDB_entry_s entry;
    MMDB_entry_data_s value;
    name[0] = '\0';
    int rc = look_up(geo, family, address, &entry, errmsg);
    if (rc == 1)
        rc = value_at(geo, entry, path, &value, errmsg);
    if (rc == 1 && value.type == MMDB_DATA_TYPE_UTF8_STRING)
        copy_name(value.utf8_string, value.data_size, name);
    return rc < 0 ? rc : 0;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Whether a record of the tree leads to an entry that tells what is asked for. */
static bool tells(const struct geo *geo, uint8_t type, MMDB_entry_s entry)
{
    uint32_t key;
    return type == MMDB_RECORD_TYPE_DATA && key_of(geo, entry, &key, NULL) == 0 && key != 0;
}

/* Looks for one entry of the kind: a database of another one would make everything unknown. */
static int check_kind(const struct geo *geo, char *errmsg)
{
    uint32_t count = geo->mmdb.metadata.node_count;
    for (uint32_t i = 0; i < count && i < NODES_TRIED; i++) {
        MMDB_search_node_s node;
        int status = MMDB_read_node(&geo->mmdb, i, &node);
        if (status != MMDB_SUCCESS)
            return damaged(geo, status, errmsg);
        if (tells(geo, node.left_record_type, node.left_record_entry) ||
            tells(geo, node.right_record_type, node.right_record_entry))
            return 0;
    }
    return err_set(errmsg, ERR_INVALID, "%s: this database names no %s", geo->mmdb.filename,
                   geo->kind == GEO_COUNTRY ? "countries" : "autonomous systems");
}

static int refuse_open(int status, const char *path, int errnum, char *errmsg)
{
    if (status == MMDB_OUT_OF_MEMORY_ERROR)
        return err_set(errmsg, ERR_NOMEM, "%s: %s", path, err_str(ERR_NOMEM));
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return err_set(errmsg, ERR_IO, "opening %s: %s", path, strerror(errnum));
    return err_set(errmsg, ERR_DAMAGED, "%s: it is no MaxMind DB, or damaged: %s", path,
                   MMDB_strerror(status));
}

int geo_open(struct geo **out, enum geo_kind kind, const char *path, char *errmsg)
{
    struct geo *geo = calloc(1, sizeof *geo);
    *out = NULL;
    if (!geo)
        return err_set(errmsg, ERR_NOMEM, "%s: %s", path, err_str(ERR_NOMEM));
    geo->kind = kind;
    int status = MMDB_open(path, MMDB_MODE_MMAP, &geo->mmdb), errnum = errno;
    if (status != MMDB_SUCCESS) {
        free(geo);
        return refuse_open(status, path, errnum, errmsg);
    }
    int rc = check_kind(geo, errmsg);
    if (rc) {
        geo_close(geo);
        return rc;
    }
    copy_name(geo->mmdb.metadata.database_type, strlen(geo->mmdb.metadata.database_type),
              geo->name);
    *out = geo;
    return 0;
}

void geo_close(struct geo *geo)
{
    if (geo)
        MMDB_close(&geo->mmdb);
    free(geo);
}

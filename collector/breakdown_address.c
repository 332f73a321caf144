#include "collector/breakdown.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/addrmap.h"
#include "collector/tally.h"
#include "common/err.h"

/* Kinds with a row per address: the darknet's own, and the sources. */

#define SOURCES_MAX (UINT32_C(1) << 22) /* of each family */

static void put_address6(struct rows *rows, const uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, address, text, sizeof text); /* RFC 5952 */
    rows_text(rows, text);
}

static void put4(struct rows *rows, uint32_t address, uint64_t packets, uint64_t bytes)
{
    rows_counts(rows, &address, &packets, &bytes, 1);
}

static void put6(struct rows *rows, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    put_address6(rows, address);
    breakdown_cells(rows, &(struct sum){packets, bytes});
}

static const char *const address_columns[] = {"address", "packets", "bytes", NULL};

/* --- address ---------------------------------------------------------------------------------- */

struct addresses {
    const struct breakdown_options *options;
    struct tally *tally;
    struct rows *rows;
    uint64_t next; /* with zeros: the index of the first IPv4 address that has no row yet */
};

static size_t address_memory(const struct breakdown_options *options)
{
    return tally_memory(options->darknet);
}

static void *address_open(const struct breakdown_options *options)
{
    struct addresses *addresses = calloc(1, sizeof *addresses);
    if (!addresses)
        return NULL;
    addresses->options = options;
    addresses->tally = tally_new(options->darknet, true);
    if (!addresses->tally) {
        free(addresses);
        return NULL;
    }
    if (options->states > 1)
        tally_share(addresses->tally, options->states);
    return addresses;
}

static void address_close(void *state)
{
    struct addresses *addresses = state;
    tally_free(addresses->tally);
    free(addresses);
}

static enum tally_result address_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct addresses *addresses = state;
    (void)ts_ns;
    return tally_add(addresses->tally, packet);
}

static void address_add4(void *state, const struct packet_brief *packets, size_t count,
                         uint64_t results[TALLY_RESULTS])
{
    struct addresses *addresses = state;
    tally_add4(addresses->tally, packets, count, results);
}

static int address_merge(void *into, void *from)
{
    return tally_merge(((struct addresses *)into)->tally, ((struct addresses *)from)->tally);
}

/* Rows of zero for the darknet's addresses before `end`. */
static void put_zeros(struct addresses *addresses, uint64_t end)
{
    const struct prefixset *darknet = addresses->options->darknet;
    for (; addresses->next < prefixset_count4(darknet); addresses->next++) {
        uint32_t address = prefixset_address4(darknet, (uint32_t)addresses->next);
        if (address >= end)
            return;
        put4(addresses->rows, address, 0, 0);
    }
}

static void address_rows4(void *user, const struct dense_counts *counts)
{
    struct addresses *addresses = user;
    if (!addresses->options->zeros) {
        rows_counts(addresses->rows, counts->address, counts->packets, counts->bytes,
                    counts->count);
        return;
    }
    for (size_t i = 0; i < counts->count; i++) {
        put_zeros(addresses, counts->address[i]);
        put4(addresses->rows, counts->address[i], counts->packets[i], counts->bytes[i]);
        addresses->next++;
    }
}

static void address_row6(void *user, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    struct addresses *addresses = user;
    put6(addresses->rows, address, packets, bytes);
}

static int address_check(void *state, char *errmsg)
{
    const struct addresses *addresses = state;
    if (!addresses->options->zeros || !prefixset_any6(addresses->options->darknet))
        return 0;
    return err_set(
        errmsg, ERR_FULL,
        "counting with --zeros: the darknet has IPv6 prefixes, with more addresses than can "
        "be listed; name only IPv4 prefixes");
}

static void address_print(void *state, struct rows *rows)
{
    struct addresses *addresses = state;
    addresses->rows = rows;
    tally_each(addresses->tally, &(struct tally_reader){address_rows4, address_row6, addresses});
    if (addresses->options->zeros)
        put_zeros(addresses, UINT64_C(1) << 32);
}

const struct breakdown_kind breakdown_address = {
    .name = "address",
    .columns = address_columns,
    .finds_darknet = true,
    .zeros = true,
    .memory = address_memory,
    .open = address_open,
    .close = address_close,
    .add = address_add,
    .add4 = address_add4,
    .merge = address_merge,
    .check = address_check,
    .print = address_print,
};

/* --- source ----------------------------------------------------------------------------------- */

struct sources {
    struct addrmap v4, v6;
};

static void *source_open(const struct breakdown_options *options)
{
    struct sources *sources = calloc(1, sizeof *sources);
    uint32_t max = options->states > 1 ? SOURCES_MAX / options->states : SOURCES_MAX;
    if (sources) {
        addrmap_init(&sources->v4, max);
        addrmap_init(&sources->v6, max);
    }
    return sources;
}

static void source_close(void *state)
{
    struct sources *sources = state;
    addrmap_close(&sources->v4);
    addrmap_close(&sources->v6);
    free(sources);
}

static enum tally_result source_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct sources *sources = state;
    (void)ts_ns;
    bool added = packet->family == 4 ? addrmap_add4(&sources->v4, packet->src4, 1, packet->bytes)
                                     : addrmap_add6(&sources->v6, packet->src6, 1, packet->bytes);
    return added ? TALLY_COUNTED : TALLY_REFUSED;
}

static int source_merge(void *into, void *from)
{
    struct sources *to = into;
    const struct sources *more = from;
    to->v4.max = to->v6.max = SOURCES_MAX;
    return addrmap_merge(&to->v4, &more->v4) && addrmap_merge(&to->v6, &more->v6) ? 0 : ERR_FULL;
}

static void source_print(void *state, struct rows *rows)
{
    struct sources *sources = state;
    addrmap_sort(&sources->v4);
    for (uint32_t i = 0; i < sources->v4.count; i++) {
        const struct addrmap_entry *entry = &sources->v4.entries[i];
        put4(rows, addrmap_address4(entry), entry->packets, entry->bytes);
    }
    addrmap_sort(&sources->v6);
    for (uint32_t i = 0; i < sources->v6.count; i++) {
        const struct addrmap_entry *entry = &sources->v6.entries[i];
        put6(rows, entry->address, entry->packets, entry->bytes);
    }
}

const struct breakdown_kind breakdown_source = {
    .name = "source",
    .columns = address_columns,
    .open = source_open,
    .close = source_close,
    .add = source_add,
    .merge = source_merge,
    .print = source_print,
};

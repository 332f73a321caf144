#include "collector/hosts.h"

#include <stdlib.h>

#include "common/err.h"

void hosts_init(struct hosts *hosts)
{
    addrset_init(&hosts->exact);
    hosts->sketch = NULL;
}

void hosts_close(struct hosts *hosts)
{
    addrset_close(&hosts->exact);
    free(hosts->sketch);
    hosts->sketch = NULL;
}

static int make_sketch(struct hosts *hosts)
{
    struct hll *sketch = malloc(sizeof *sketch);
    if (!sketch)
        return ERR_NOMEM;
    hll_clear(sketch);
    for (size_t i = 0; i < hosts->exact.v4.count; i++)
        hll_add(sketch, hosts->exact.v4.addresses + i * 4, 4);
    for (size_t i = 0; i < hosts->exact.v6.count; i++)
        hll_add(sketch, hosts->exact.v6.addresses + i * 16, 16);
    addrset_close(&hosts->exact);
    hosts->sketch = sketch;
    return 0;
}

int hosts_compact(struct hosts *hosts)
{
    int result = addrset_compact(&hosts->exact);
    if (result == 0 && addrset_count(&hosts->exact) > HOSTS_EXACT_MAX)
        result = make_sketch(hosts);
    return result;
}

int hosts_add(struct hosts *hosts, uint8_t family, const uint8_t *address)
{
    if (hosts->sketch) {
        hll_add(hosts->sketch, address, family == 4 ? 4 : 16);
        return 0;
    }
    int result = addrset_add(&hosts->exact, family, address);
    /* Duplicates are among them, so look only now and then. */
    if (result == 0 && addrset_count(&hosts->exact) >= 4 * HOSTS_EXACT_MAX)
        result = hosts_compact(hosts);
    return result;
}

static int merge_part(struct hosts *into, uint8_t family, const struct addrset_part *from)
{
    size_t size = family == 4 ? 4 : 16;
    for (size_t i = 0; i < from->count; i++)
        if (hosts_add(into, family, from->addresses + i * size))
            return ERR_NOMEM;
    return 0;
}

/* A sketch means more hosts than are kept exactly, so their union is a sketch as well. */
int hosts_merge(struct hosts *into, const struct hosts *from)
{
    if (from->sketch) {
        if (!into->sketch && make_sketch(into))
            return ERR_NOMEM;
        hll_merge(into->sketch, from->sketch);
        return 0;
    }
    int result = merge_part(into, 4, &from->exact.v4);
    return result ? result : merge_part(into, 6, &from->exact.v6);
}

int hosts_count(struct hosts *hosts, uint64_t *count)
{
    int result = hosts_compact(hosts);
    if (result == 0)
        *count = hosts->sketch ? hll_count(hosts->sketch) : addrset_count(&hosts->exact);
    return result;
}

size_t hosts_memory(const struct hosts *hosts)
{
    return addrset_memory(&hosts->exact) + (hosts->sketch ? sizeof *hosts->sketch : 0);
}

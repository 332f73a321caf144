/*
 * Unique hosts of one interval: the number of distinct source addresses, exact up to
 * HOSTS_EXACT_MAX of them and estimated by a HyperLogLog (common/hll.h, standard error 0.81 %)
 * beyond. The result depends on the addresses alone, not on their order. Used by count --by
 * interval. Pure.
 */
#ifndef COLLECTOR_HOSTS_H
#define COLLECTOR_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "collector/addrset.h"
#include "common/hll.h"

#define HOSTS_EXACT_MAX 65536

struct hosts {
    struct addrset exact;
    struct hll *sketch; /* NULL while exact */
};

void hosts_init(struct hosts *hosts);
void hosts_close(struct hosts *hosts);
/* Adds a source address, 4 or 16 bytes in network order by `family`. ERR_NOMEM. */
int hosts_add(struct hosts *hosts, uint8_t family, const uint8_t *address);
/* Adds all of `from`, which stays as it was, as if each had been added. ERR_NOMEM: not all were. */
int hosts_merge(struct hosts *into, const struct hosts *from);
/* Gives back unused memory. ERR_NOMEM leaves it right, only larger. */
int hosts_compact(struct hosts *hosts);
/* How many there are. ERR_NOMEM. */
int hosts_count(struct hosts *hosts, uint64_t *count);
/* Memory in use, in bytes. */
size_t hosts_memory(const struct hosts *hosts);

#endif

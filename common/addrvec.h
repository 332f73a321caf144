/*
 * Packets per destination address as two sorted sparse vectors, one per family: what a record
 * carries and what the store keeps per hour, day, month and year. Keyed by the address itself, not
 * by a position in the inventory, so that an inventory may change without moving any count. Pure.
 *
 * Invariant: addresses strictly ascend and every count is at least 1; addrvec_decode and
 * record_open refuse anything else, addrvec_append asserts it.
 */
#ifndef COMMON_ADDRVEC_H
#define COMMON_ADDRVEC_H

#include <stddef.h>
#include <stdint.h>

struct addrvec {
    size_t count4, count6; /* active addresses of each family */
    size_t room4, room6;
    uint32_t *address4; /* host byte order, ascending */
    uint64_t *packets4;
    uint8_t (*address6)[16]; /* network byte order, ascending */
    uint64_t *packets6;
};

/* An empty vector; no memory is taken until something is added. */
void addrvec_init(struct addrvec *vec);
/* Frees what the vector holds and leaves it empty. */
void addrvec_close(struct addrvec *vec);
/* Leaves the vector empty and keeps its memory. */
void addrvec_clear(struct addrvec *vec);

/* Appends an address greater than every one before it, with packets >= 1. ERR_NOMEM. */
int addrvec_append4(struct addrvec *vec, uint32_t address, uint64_t packets);
int addrvec_append6(struct addrvec *vec, const uint8_t address[16], uint64_t packets);

/* Makes room for `more` IPv4 addresses behind the last one, for a caller that puts many there itself
 * and keeps the invariant. ERR_NOMEM. */
int addrvec_reserve4(struct addrvec *vec, size_t more);

/* dst += src, address by address. ERR_NOMEM leaves dst as it was. */
int addrvec_add(struct addrvec *dst, const struct addrvec *src);

/* The number of addresses of `src` that `dst` does not have: by how many addrvec_add would make it
 * longer. */
uint64_t addrvec_missing(const struct addrvec *dst, const struct addrvec *src);
/* Those of them, with their packets in `src`, into an empty vector. ERR_NOMEM leaves some. */
int addrvec_difference(struct addrvec *out, const struct addrvec *src, const struct addrvec *dst);

/* The sum over all addresses, and the number of active addresses of both families. */
uint64_t addrvec_packets(const struct addrvec *vec);
uint64_t addrvec_active(const struct addrvec *vec);

/* Compact form: gaps between addresses and counts as byte planes under zstd (common/planes.h).
 * `*bytes` is to be freed by the caller. ERR_NOMEM; ERR_FULL beyond ADDRVEC_MAX of a family. */
int addrvec_encode(const struct addrvec *vec, uint8_t **bytes, size_t *size);
/* The inverse into an initialised, empty vector. ERR_DAMAGED for anything that is not of that
 * form or breaks the invariant; ERR_NOMEM. The vector is left empty on failure. Memory is bounded
 * by ADDRVEC_MAX entries of each family. */
int addrvec_decode(struct addrvec *vec, const uint8_t *bytes, size_t size);

#define ADDRVEC_MAX ((size_t)1 << 26)

#endif

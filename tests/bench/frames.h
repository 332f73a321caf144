/*
 * Frames: what the benchmarks count, the same on every run: Ethernet frames of 60 bytes, half of them
 * TCP SYNs and half UDP, from random sources to random addresses of an IPv4 prefix. Used by generate,
 * which writes them to a file, and by sender, which sends them.
 */
#ifndef TESTS_BENCH_FRAMES_H
#define TESTS_BENCH_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define FRAMES_SIZE 60

struct frames {
    uint32_t base, mask; /* host byte order; a bit of the mask is set where addresses differ */
    uint64_t state;      /* of the generator of random numbers */
};

/* Frames to `prefix` (CIDR, which is cut at its slash). False: it is none. */
bool frames_init(struct frames *frames, char *prefix);

/* Fills in the next frame but for its link-layer addresses. */
void frames_next(struct frames *frames, uint8_t frame[FRAMES_SIZE]);

#endif

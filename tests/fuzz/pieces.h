/*
 * A capture file in memory that comes to its reader in pieces: a pcapfile_read for the fuzz targets
 * of the readers of pcap and pcapng.
 */
#ifndef TESTS_FUZZ_PIECES_H
#define TESTS_FUZZ_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* What is left of it. */
struct pieces {
    const uint8_t *at, *end;
    size_t most; /* bytes that are given at a time */
};

static inline ssize_t pieces_read(void *user, uint8_t *out, size_t size)
{
    struct pieces *pieces = user;
    size_t left = (size_t)(pieces->end - pieces->at);
    size = size < pieces->most ? size : pieces->most;
    size = size < left ? size : left;
    memcpy(out, pieces->at, size);
    pieces->at += size;
    return (ssize_t)size;
}

#endif

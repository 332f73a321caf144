/*
 * Memory for unpacking a foreign protobuf message: bounded, because a hostile message can ask for
 * forty times its own size in unknown fields; and it tells a message that is none from memory that
 * ran out. unpack_memory_init, then `&memory.allocator` for X__unpack and X__free_unpacked, and
 * `rc` when the former gave NULL.
 */
#ifndef COMMON_UNPACK_H
#define COMMON_UNPACK_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct unpack_memory {
    ProtobufCAllocator allocator;
    size_t left; /* bytes that may still be asked for; what is freed does not come back */
    int rc;      /* ERR_DAMAGED (not a message, or it asked for too much), ERR_NOMEM */
};

/* Allows one message `limit` bytes. */
void unpack_memory_init(struct unpack_memory *memory, size_t limit);

#endif

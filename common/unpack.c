#include "common/unpack.h"

#include <stdlib.h>

#include "common/err.h"

static void *take(void *data, size_t size)
{
    struct unpack_memory *memory = data;
    if (size > memory->left)
        return NULL;
    memory->left -= size;
    void *bytes = malloc(size);
    if (!bytes)
        memory->rc = ERR_NOMEM;
    return bytes;
}

static void give_back(void *data, void *bytes)
{
    (void)data;
    free(bytes);
}

void unpack_memory_init(struct unpack_memory *memory, size_t limit)
{
    *memory = (struct unpack_memory){
        .allocator = {.alloc = take, .free = give_back, .allocator_data = memory},
        .left = limit,
        .rc = ERR_DAMAGED,
    };
}

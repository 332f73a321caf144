#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/err.h"
#include "tests/unit/common/random.h"

#define MOST 5

/* A value and its chunks as they would lie under their keys. */
struct cut {
    uint8_t *value;
    size_t size, count;
    struct buf stored[MOST];
    struct chunk chunks[MOST];
};

static void cut(struct cut *cut, size_t size)
{
    uint64_t seed = size + 1;
    *cut = (struct cut){.value = malloc(size + 1), .size = size, .count = chunk_count(size)};
    cr_assert_leq(cut->count, MOST);
    for (size_t i = 0; i < size; i++)
        cut->value[i] = (uint8_t)random_next(&seed);
    for (size_t i = 0; i < cut->count; i++) {
        uint8_t header[CHUNK_HEADER];
        size_t header_size;
        struct chunk chunk = chunk_cut(cut->value, size, i, header, &header_size);
        buf_init(&cut->stored[i]);
        buf_put(&cut->stored[i], header, header_size);
        buf_put(&cut->stored[i], chunk.bytes, chunk.size);
        cut->chunks[i] = (struct chunk){cut->stored[i].bytes, cut->stored[i].size};
    }
}

static void uncut(struct cut *cut)
{
    for (size_t i = 0; i < cut->count; i++)
        buf_close(&cut->stored[i]);
    free(cut->value);
}

static int join(const struct cut *cut, size_t count)
{
    struct buf out;
    buf_init(&out);
    int rc = chunk_join(cut->chunks, count, &out);
    cr_expect(rc != 0 || (out.size == cut->size &&
                          (out.size == 0 || memcmp(out.bytes, cut->value, out.size) == 0)));
    buf_close(&out);
    return rc;
}

Test(chunk, values_come_back_and_no_chunk_is_too_long)
{
    static const struct {
        size_t size, chunks;
    } table[] = {
        {0, 1},
        {1, 1},
        {CHUNK_SIZE, 1},
        {CHUNK_SIZE + 1, 2},
        {2 * CHUNK_SIZE - CHUNK_HEADER, 2},
        {2 * CHUNK_SIZE - CHUNK_HEADER + 1, 3},
        {4 * CHUNK_SIZE + 7, 5},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct cut of;
        cut(&of, table[i].size);
        cr_expect_eq(of.count, table[i].chunks, "%zu", table[i].size);
        cr_expect_eq(chunk_announced(of.chunks[0]), (int)of.count);
        for (size_t c = 0; c < of.count; c++)
            cr_expect(of.count == 1 || c == of.count - 1 ? of.chunks[c].size <= CHUNK_SIZE
                                                         : of.chunks[c].size == CHUNK_SIZE);
        cr_expect_eq(join(&of, of.count), 0);
        uncut(&of);
    }
}

Test(chunk, a_value_that_is_not_cut_is_as_it_is)
{
    struct cut of;
    cut(&of, 1000);
    cr_expect_eq(of.chunks[0].size, 1000);
    cr_expect_arr_eq(of.chunks[0].bytes, of.value, 1000);
    uncut(&of);
}

Test(chunk, what_is_missing_or_mixed_is_damaged)
{
    struct cut of, other;
    cut(&of, 3 * CHUNK_SIZE);
    cut(&other, 3 * CHUNK_SIZE + 5);
    cr_assert_eq(of.count, 4);
    cr_expect_eq(join(&of, 3), ERR_DAMAGED, "a chunk is missing");
    struct chunk second = of.chunks[1];
    of.chunks[1] = other.chunks[1];
    cr_expect_eq(join(&of, 4), ERR_DAMAGED, "a chunk of another value of the same length");
    of.chunks[1] = of.chunks[2];
    of.chunks[2] = second;
    cr_expect_eq(join(&of, 4), ERR_DAMAGED, "another order");
    of.chunks[2] = of.chunks[1];
    of.chunks[1] = second;
    cr_expect_eq(join(&of, 4), 0);
    of.chunks[3].size--;
    cr_expect_eq(join(&of, 4), ERR_DAMAGED, "the last one is short");
    uncut(&of);
    uncut(&other);
}

/* A first chunk with a header that announces `size` bytes. */
static int announced(uint64_t size, size_t stored)
{
    struct buf out;
    buf_init(&out);
    buf_put(&out, "DCC1\0\0\0\0", 8);
    buf_put_u64_le(&out, size);
    buf_extend(&out, CHUNK_SIZE);
    int rc = chunk_announced((struct chunk){out.bytes, stored});
    buf_close(&out);
    return rc;
}

Test(chunk, headers_that_nobody_writes_are_damaged)
{
    cr_expect_eq(announced(CHUNK_SIZE + 1, CHUNK_SIZE), 2);
    cr_expect_eq(announced(CHUNK_SIZE, CHUNK_SIZE), ERR_DAMAGED, "would not have been cut");
    cr_expect_eq(announced(CHUNK_SIZE + 1, CHUNK_SIZE - 1), ERR_DAMAGED);
    cr_expect_eq(announced(CHUNK_SIZE + 1, 15), ERR_DAMAGED);
    cr_expect_eq(announced(CHUNKS_MAX * CHUNK_SIZE - CHUNK_HEADER, CHUNK_SIZE), CHUNKS_MAX);
    cr_expect_eq(announced(CHUNKS_MAX * CHUNK_SIZE - CHUNK_HEADER + 1, CHUNK_SIZE), ERR_DAMAGED);
    cr_expect_eq(announced(UINT64_MAX, CHUNK_SIZE), ERR_DAMAGED);
    cr_expect_eq(announced(UINT64_MAX, 3), 1, "too short for a magic");
}

/* As much as is read of it: a piece of the first chunk, down to nothing. */
Test(chunk, the_beginning_of_a_value_is_found_in_a_piece)
{
    static const size_t sizes[] = {0, 1, 100, CHUNK_SIZE, CHUNK_SIZE + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cut of;
        cut(&of, sizes[i]);
        for (size_t have = 0; have <= 300 && have <= of.chunks[0].size; have++) {
            size_t header = of.count > 1 ? CHUNK_HEADER : 0;
            struct chunk begins = chunk_beginning((struct chunk){of.chunks[0].bytes, have});
            if (have < header)
                continue; /* too short for one to be known */
            cr_assert_eq(begins.size, have - header);
            cr_assert(begins.size == 0 || memcmp(begins.bytes, of.value, begins.size) == 0);
        }
        uncut(&of);
    }
}

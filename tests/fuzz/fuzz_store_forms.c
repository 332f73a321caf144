/* The packed values of the store: address vectors, planes, folded vectors, courses, tables, values
 * that are cut.
 * The first byte chooses. A form that decodes is encoded again and decodes to the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/chunk.h"
#include "common/course.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/planes.h"

static void vector(const uint8_t *bytes, size_t size)
{
    struct addrvec vec, again;
    addrvec_init(&vec);
    addrvec_init(&again);
    if (addrvec_decode(&vec, bytes, size) == 0) {
        uint8_t *form;
        size_t form_size;
        fuzz_require(addrvec_encode(&vec, &form, &form_size) == 0);
        fuzz_require(addrvec_decode(&again, form, form_size) == 0);
        fuzz_require(addrvec_active(&again) == addrvec_active(&vec));
        fuzz_require(addrvec_packets(&again) == addrvec_packets(&vec));
        free(form);
    }
    addrvec_close(&vec);
    addrvec_close(&again);
}

static void planes(const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    uint64_t *values;
    size_t count;
    if (planes_decode(&in, &values, &count) == 0)
        free(values);
}

static void numbered(const uint8_t *bytes, size_t size)
{
    struct addrvec vec;
    uint64_t folded;
    addrvec_init(&vec);
    if (folded_decode(&vec, &folded, bytes, size) == 0)
        addrvec_close(&vec);
    fuzz_require(vec.count4 == 0 && vec.address4 == NULL);
}

static void course(const uint8_t *bytes, size_t size)
{
    static struct course decoded, again;
    struct buf form;
    buf_init(&form);
    uint64_t folded;
    if (course_decode(&decoded, &folded, bytes, size) == 0) {
        fuzz_require(course_encode(&decoded, folded, &form) == 0);
        fuzz_require(course_decode(&again, &folded, form.bytes, form.size) == 0);
        fuzz_require(memcmp(&decoded, &again, sizeof again) == 0);
    }
    buf_close(&form);
}

static void tables(const uint8_t *bytes, size_t size)
{
    struct tables decoded = {0}, again = {0}, classes = {0};
    struct buf form;
    uint64_t folded;
    buf_init(&form);
    int of_classes = folded_decode_classes(&classes, &folded, bytes, size);
    if (folded_decode_tables(&decoded, &folded, bytes, size) == 0) {
        fuzz_require(of_classes == 0);
        fuzz_require(memcmp(classes.classes, decoded.classes, sizeof classes.classes) == 0);
        fuzz_require(memcmp(classes.class_witnesses, decoded.class_witnesses,
                            sizeof classes.class_witnesses) == 0);
        fuzz_require(folded_encode_tables(&decoded, folded, &form) == 0);
        fuzz_require(folded_decode_tables(&again, &folded, form.bytes, form.size) == 0);
        fuzz_require(tables_memory(&again) == tables_memory(&decoded));
    }
    tables_close(&decoded);
    tables_close(&again);
    buf_close(&form);
}

/* What follows is cut where a first chunk ends. */
static void chunks(const uint8_t *bytes, size_t size)
{
    struct chunk first = {bytes, size < CHUNK_SIZE ? size : CHUNK_SIZE};
    struct chunk two[] = {first, {bytes + first.size, size - first.size}};
    struct buf out;
    buf_init(&out);
    int announced = chunk_announced(first);
    fuzz_require(announced == ERR_DAMAGED || (announced >= 1 && announced <= CHUNKS_MAX));
    if (chunk_join(two, size > CHUNK_SIZE ? 2 : 1, &out) == 0)
        fuzz_require(out.size == size || out.size == size - CHUNK_HEADER);
    buf_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const forms[])(const uint8_t *, size_t) = {vector, planes, numbered,
                                                             course, tables, chunks};
    if (size > 0)
        forms[bytes[0] % 6](bytes + 1, size - 1);
    return 0;
}

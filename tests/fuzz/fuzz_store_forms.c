/* The packed values of the store: address vectors, planes, folded vectors, log entries, courses.
 * The first byte chooses. A form that decodes is encoded again and decodes to the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/schema.h"
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
    int64_t start_s;
    addrvec_init(&vec);
    if (folded_decode(&vec, &folded, bytes, size) == 0)
        addrvec_close(&vec);
    fuzz_require(vec.count4 == 0 && vec.address4 == NULL);
    if (log_decode(&vec, &start_s, bytes, size) == 0)
        fuzz_require(start_s >= CALENDAR_MIN_S && start_s < CALENDAR_MAX_S);
    addrvec_close(&vec);
}

static void course(const uint8_t *bytes, size_t size)
{
    static struct course decoded, again;
    struct buf form;
    buf_init(&form);
    if (course_decode(&decoded, bytes, size) == 0) {
        fuzz_require(course_encode(&decoded, &form) == 0);
        fuzz_require(course_decode(&again, form.bytes, form.size) == 0);
        fuzz_require(memcmp(&decoded, &again, sizeof again) == 0);
    }
    buf_close(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const forms[])(const uint8_t *, size_t) = {vector, planes, numbered, course};
    if (size > 0)
        forms[bytes[0] % 4](bytes + 1, size - 1);
    return 0;
}

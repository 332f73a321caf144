/*
 * What a fuzz target is: one function, given bytes that anybody could have sent. It must return,
 * whatever they are; a broken property ends it with fuzz_require. Built with libFuzzer (`make
 * fuzz`), and with replay.c to feed it the kept corpus (`make check`, `make sanitize`).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* abort() under a name that says why; assert could be compiled out. */
#define fuzz_require(condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#endif

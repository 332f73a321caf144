#include "collector/addrhash.h"

#include <sys/random.h>
#include <time.h>

void addrhash_init(struct addrhash *hash)
{
    if (getrandom(hash->secret, sizeof hash->secret, 0) == (ssize_t)sizeof hash->secret)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int i = 0; i < 3; i++)
        hash->secret[i] = ((uint64_t)now.tv_nsec + (uint64_t)i) * UINT64_C(0x9e3779b97f4a7c15);
}

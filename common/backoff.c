#include "common/backoff.h"

uint64_t backoff_ms(unsigned failures, uint64_t first_ms, uint64_t most_ms, uint32_t random)
{
    uint64_t delay = most_ms;
    if (failures < 32 && first_ms << failures < most_ms)
        delay = first_ms << failures;
    return delay / 2 + random % (delay / 2 + 1);
}

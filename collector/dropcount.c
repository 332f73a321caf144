#include "collector/dropcount.h"

bool dropcount_read(struct dropcount *count, uint32_t now)
{
    uint32_t step = now - count->seen;
    count->seen = now;
    if (step > INT32_MAX)
        return false;
    count->total += step;
    return true;
}

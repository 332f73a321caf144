#include "collector/clockwatch.h"

#include <time.h>

static int64_t beyond(int64_t difference_ns)
{
    return difference_ns >= CLOCKWATCH_STEP_NS || difference_ns <= -CLOCKWATCH_STEP_NS
               ? difference_ns
               : 0;
}

struct clockwatch_result clockwatch_tick(struct clockwatch *watch,
                                         const struct clockwatch_reading *now)
{
    struct clockwatch_reading last = watch->last;
    bool begun = watch->begun;
    watch->last = *now;
    watch->begun = true;
    if (!begun)
        return (struct clockwatch_result){0};
    int64_t boot_ns = now->boot_ns - last.boot_ns;
    int64_t passed_ns = now->monotonic_ns - last.monotonic_ns;
    int64_t slept_ns = beyond(boot_ns - passed_ns);
    return (struct clockwatch_result){
        .stepped_ns = beyond(now->real_ns - last.real_ns - boot_ns),
        .slept_ns = slept_ns > 0 ? slept_ns : 0,
        .passed_ns = passed_ns,
    };
}

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct clockwatch_reading clockwatch_read(void)
{
    struct clockwatch_reading now = {0};
    /* Anew where the process was put aside between two readings. */
    for (int attempt = 0; attempt < 8; attempt++) {
        now.monotonic_ns = read_clock(CLOCK_MONOTONIC);
        now.real_ns = read_clock(CLOCK_REALTIME);
        now.boot_ns = read_clock(CLOCK_BOOTTIME);
        if (read_clock(CLOCK_MONOTONIC) - now.monotonic_ns < CLOCKWATCH_STEP_NS / 10)
            break;
    }
    return now;
}

/* What skew tells of random traffic, with fixed seeds: nothing in 1,000 hours of darknet traffic, and
 * an odd address in time. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/collector/skewed.h"
#include "tests/unit/common/random.h"

#define HOURS 1000

/* --- random numbers --------------------------------------------------------------------------- */

static double uniform(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* Poisson numbers of one rate, by inversion: how probable at most so many are, and for the first
 * bits of a random number where to begin. */
#define GUIDES 1024
struct poisson {
    double *below;
    uint32_t guide[GUIDES];
};

static void poisson_open(struct poisson *poisson, double rate)
{
    size_t size = (size_t)(rate + 15 * sqrt(rate) + 30);
    double sum = 0;
    uint32_t at = 0;
    poisson->below = calloc(size, sizeof *poisson->below);
    for (size_t i = 0; i < size; i++) {
        sum += exp((double)i * log(rate) - rate - lgamma((double)i + 1));
        poisson->below[i] = i + 1 < size ? sum : 1;
    }
    for (size_t i = 0; i < GUIDES; i++) {
        while (poisson->below[at] < (double)i / GUIDES)
            at++;
        poisson->guide[i] = at;
    }
}

static uint32_t poisson_next(const struct poisson *poisson, uint64_t *state)
{
    double u = uniform(state);
    uint32_t at = poisson->guide[(size_t)(u * GUIDES)];
    while (poisson->below[at] <= u)
        at++;
    return at;
}

/* Packets of a source, or of a visit of it: at least 1, heavy-tailed (Pareto, exponent 1), so that the
 * thousandth is a thousand times the median, at most 100,000. */
static uint64_t heavy(uint64_t *state)
{
    double packets = 1 / (1 - uniform(state));
    return packets < 100000 ? (uint64_t)packets : 100000;
}

/* --- traffic that is normal ------------------------------------------------------------------- */

static double rates[] = {0.01, 0.1, 1, 2, 5, 10, 35, 100, 1000}; /* packets per address and hour */

ParameterizedTestParameters(skew_traffic, poisson_raises_nothing)
{
    return cr_make_param_array(double, rates, sizeof rates / sizeof *rates);
}

ParameterizedTest(double *rate, skew_traffic, poisson_raises_nothing)
{
    struct sky sky;
    struct poisson poisson;
    uint64_t state = 1;
    sky_open(&sky);
    poisson_open(&poisson, *rate / SKEW_HOUR_SLOTS);
    for (int slot = 0; slot < HOURS * SKEW_HOUR_SLOTS; slot++) {
        for (int i = 0; i < DARK_SIZE; i++)
            sky.packets[i] = poisson_next(&poisson, &state);
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 0, "%u at a rate of %g", sky.skewed, *rate);
    cr_expect_eq(sky.silent, 0, "%u at a rate of %g", sky.silent, *rate);
    free(poisson.below);
    sky_close(&sky);
}

/* Visits to random addresses, each of a heavy-tailed number of packets. */
static void add_visits(struct sky *sky, int visits, uint64_t *state)
{
    while (visits-- > 0)
        sky->packets[random_below(state, DARK_SIZE)] += heavy(state);
}

static int visits[] = {1, 10, 100, 1000}; /* in a slot, of 1,024 addresses */

ParameterizedTestParameters(skew_traffic, heavy_tails_raise_nothing)
{
    return cr_make_param_array(int, visits, sizeof visits / sizeof *visits);
}

ParameterizedTest(int *count, skew_traffic, heavy_tails_raise_nothing)
{
    struct sky sky;
    uint64_t state = 2;
    sky_open(&sky);
    for (int slot = 0; slot < HOURS * SKEW_HOUR_SLOTS; slot++) {
        add_visits(&sky, *count, &state);
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 0, "%u of %d visits", sky.skewed, *count);
    cr_expect_eq(sky.silent, 0, "%u of %d visits", sky.silent, *count);
    sky_close(&sky);
}

/* Scanners that go through the darknet in order, at least an address a minute and at most all in a
 * slot, with up to 2,000 packets for each, all day, over 100 single packets an hour. */
struct sweep {
    double at, step;
    uint64_t packets;
};

static void add_sweep(struct sky *sky, struct sweep *sweep, uint64_t *state)
{
    if (sweep->at >= DARK_SIZE || sweep->step == 0)
        *sweep = (struct sweep){.step = 10 * pow(100, uniform(state)),
                                .packets = 1 + random_below(state, 2000)};
    double end = sweep->at + sweep->step;
    for (int i = (int)sweep->at; i < end && i < DARK_SIZE; i++)
        sky->packets[i] += sweep->packets;
    sweep->at = end;
}

Test(skew_traffic, sweeps_in_order_raise_nothing)
{
    struct sky sky;
    struct sweep sweeps[5] = {{0}};
    uint64_t state = 3;
    sky_open(&sky);
    for (int slot = 0; slot < HOURS * SKEW_HOUR_SLOTS; slot++) {
        for (int i = 0; i < 5; i++)
            add_sweep(&sky, &sweeps[i], &state);
        for (int i = 0; i < 17; i++)
            sky.packets[random_below(&state, DARK_SIZE)]++;
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 0, "%u", sky.skewed);
    cr_expect_eq(sky.silent, 0, "%u", sky.silent);
    sky_close(&sky);
}

/* Backscatter of attacks whose forged sources are a few addresses of the darknet, for up to three
 * hours each, one after the other, over heavy-tailed visits. */
Test(skew_traffic, backscatter_raises_nothing)
{
    struct sky sky;
    uint64_t state = 4, victims[3] = {0};
    unsigned left = 0;
    sky_open(&sky);
    for (int slot = 0; slot < HOURS * SKEW_HOUR_SLOTS; slot++) {
        if (left == 0) {
            left = 1 + (unsigned)random_below(&state, 3 * SKEW_HOUR_SLOTS);
            for (int i = 0; i < 3; i++)
                victims[i] = random_below(&state, DARK_SIZE);
        }
        left--;
        for (int i = 0; i < 3; i++)
            sky.packets[victims[i]] += 100000;
        add_visits(&sky, 500, &state);
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 0, "%u", sky.skewed);
    cr_expect_eq(sky.silent, 0, "%u", sky.silent);
    sky_close(&sky);
}

/* --- traffic that is odd ---------------------------------------------------------------------- */

struct odd {
    double rate, share; /* packets per address and hour; the odd address's part of it */
};

static struct odd odds[] = {
    {1, 20}, {10, 20}, {100, 20}, {1000, 20}, {0.01, 2000}, {20, 0}, {100, 0}, {1000, 0},
};

ParameterizedTestParameters(skew_traffic, odd_address_is_told_in_time)
{
    return cr_make_param_array(struct odd, odds, sizeof odds / sizeof *odds);
}

/* After a hundred hours and 20 minutes, in which it is like the others, within nine. */
ParameterizedTest(struct odd *odd, skew_traffic, odd_address_is_told_in_time)
{
    const unsigned normal = 100 * SKEW_HOUR_SLOTS + 2;
    struct sky sky;
    struct poisson poisson, of_odd;
    uint64_t state = 5;
    sky_open(&sky);
    poisson_open(&poisson, odd->rate / SKEW_HOUR_SLOTS);
    poisson_open(&of_odd, odd->share > 0 ? odd->rate * odd->share / SKEW_HOUR_SLOTS : 1e-300);
    for (unsigned slot = 0; slot < normal + 9 * SKEW_HOUR_SLOTS; slot++) {
        for (int i = 0; i < DARK_SIZE; i++)
            sky.packets[i] = poisson_next(&poisson, &state);
        if (slot >= normal)
            sky.packets[77] = poisson_next(&of_odd, &state);
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 1, "%u at a rate of %g", sky.skewed, odd->rate);
    cr_expect_eq(sky.address, DARK_BASE + 77);
    cr_expect_gt(sky.first_slot, normal);
    cr_expect_eq(sky.silent, 0);
    free(poisson.below);
    free(of_odd.below);
    sky_close(&sky);
}

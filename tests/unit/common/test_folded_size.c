/* What docs/STORE.md says an address takes in the store. */
#include <criterion/criterion.h>

#include <math.h>

#include "common/addrvec.h"
#include "common/folded.h"

#define ADDRESSES 65536

/* 0 to 1 (xorshift64*, Marsaglia 2003, Vigna 2016). */
static double fraction(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return (double)(*random * UINT64_C(0x2545f4914f6cdd1d) >> 11) / (double)(UINT64_C(1) << 53);
}

/* The sum of twelve, less six, is nearly normal with a deviation of 1. */
static uint64_t nearly_poisson(double mean, uint64_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += fraction(random);
    double count = round(mean + sqrt(mean) * sum);
    return count > 0 ? (uint64_t)count : 0;
}

/* Bytes per address that was hit, of a darknet whose addresses get from half to twice `mean`. */
static double bytes_per_address(double mean)
{
    struct addrvec vec;
    struct buf form;
    uint64_t random = 1;
    addrvec_init(&vec);
    buf_init(&form);
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        double share = 0.5 + 1.5 * fraction(&random) * fraction(&random);
        uint64_t packets = nearly_poisson(mean * share, &random);
        if (packets > 0)
            cr_assert_eq(addrvec_append4(&vec, UINT32_C(0x0a000000) + i, packets), 0);
    }
    cr_assert_eq(folded_encode(&vec, 1, &form), 0);
    double bytes = (double)form.size / (double)addrvec_active(&vec);
    buf_close(&form);
    addrvec_close(&vec);
    return bytes;
}

Test(folded_size, an_address_takes_as_few_bytes_as_is_documented)
{
    static const struct {
        double minutes, most;
    } levels[] = {{60, 1.5}, {1440, 2}, {43800, 3}, {525600, 3.5}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        double bytes = bytes_per_address(4.6 * levels[i].minutes);
        cr_expect(bytes < levels[i].most, "%.0f minutes: %.2f bytes", levels[i].minutes, bytes);
        cr_expect(bytes > levels[i].most / 2, "%.0f minutes: %.2f bytes", levels[i].minutes, bytes);
    }
}

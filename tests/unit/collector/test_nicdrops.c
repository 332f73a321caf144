#include "collector/nicdrops.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#include "tests/unit/collector/folder.h"

static char dir[64];

static void set_up(void)
{
    folder_make(dir);
}

static void tear_down(void)
{
    folder_remove(dir);
}

/* As sysfs has it: the same file, another content. */
static void tell(const char *in, const char *name, uint64_t value)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", in, name);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fprintf(file, "%" PRIu64 "\n", value);
    fclose(file);
}

static uint64_t total_of(struct nicdrops *nic, bool sane)
{
    uint64_t total;
    cr_assert_eq(nicdrops_read(nic, &total), sane);
    return total;
}

TestSuite(nicdrops, .init = set_up, .fini = tear_down);

Test(nicdrops, counts_both_counters_from_the_opening_on)
{
    tell(dir, "rx_missed_errors", 1000);
    tell(dir, "rx_fifo_errors", 20);
    struct nicdrops *nic = nicdrops_open(dir);
    cr_assert(nic);
    cr_assert_eq(total_of(nic, true), 0);
    tell(dir, "rx_missed_errors", 1005);
    tell(dir, "rx_fifo_errors", 27);
    cr_assert_eq(total_of(nic, true), 12);
    cr_assert_eq(total_of(nic, true), 12);
    nicdrops_close(nic);
}

Test(nicdrops, counts_beyond_32_bits)
{
    tell(dir, "rx_missed_errors", UINT32_MAX - UINT64_C(1));
    struct nicdrops *nic = nicdrops_open(dir);
    tell(dir, "rx_missed_errors", UINT32_MAX + UINT64_C(9));
    cr_assert_eq(total_of(nic, true), 10);
    nicdrops_close(nic);
}

Test(nicdrops, an_absurd_step_is_discarded_and_told)
{
    tell(dir, "rx_missed_errors", 1000);
    tell(dir, "rx_fifo_errors", 0);
    struct nicdrops *nic = nicdrops_open(dir);
    tell(dir, "rx_missed_errors", 0);
    tell(dir, "rx_fifo_errors", 3);
    cr_assert_eq(total_of(nic, false), 3);
    tell(dir, "rx_missed_errors", UINT64_C(1) << 31);
    cr_assert_eq(total_of(nic, false), 3);
    tell(dir, "rx_missed_errors", (UINT64_C(1) << 31) + 4);
    cr_assert_eq(total_of(nic, true), 7);
    nicdrops_close(nic);
}

Test(nicdrops, follows_an_interface_that_is_renamed)
{
    char old[96], new[96];
    snprintf(old, sizeof old, "%s/eth0", dir);
    snprintf(new, sizeof new, "%s/eth7", dir);
    cr_assert_eq(mkdir(old, 0700), 0);
    tell(old, "rx_missed_errors", 1);
    struct nicdrops *nic = nicdrops_open(old);
    cr_assert_eq(rename(old, new), 0);
    tell(new, "rx_missed_errors", 4);
    cr_assert_eq(total_of(nic, true), 3);
    nicdrops_close(nic);
}

Test(nicdrops, what_tells_nothing_has_lost_nothing)
{
    cr_assert_null(nicdrops_open(dir));
    cr_assert_eq(total_of(NULL, true), 0);
}

Test(nicdrops, this_machine_has_them)
{
    struct nicdrops *nic = nicdrops_open("/sys/class/net/lo/statistics");
    if (!nic)
        cr_skip_test("no sysfs here");
    total_of(nic, true);
    nicdrops_close(nic);
}

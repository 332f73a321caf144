#include <criterion/criterion.h>

#include <string.h>

#include "dashboards/verify_compare.h"

struct told {
    size_t count;
    const char *what;
    uint64_t stored, recomputed;
};

static void tell(void *user, const char *what, uint64_t stored, uint64_t recomputed)
{
    struct told *told = user;
    *told = (struct told){told->count + 1, what, stored, recomputed};
}

static struct store_counts a, b;

static void fill(struct store_counts *counts)
{
    const uint8_t v6[16] = {0x20, 1, 0x0d, 0xb8};
    memset(counts, 0, sizeof *counts);
    addrvec_append4(&counts->addresses, 10, 3);
    addrvec_append4(&counts->addresses, 20, 4);
    addrvec_append6(&counts->addresses, v6, 5);
    table_append(&counts->tables.tcp_ports, 23, (struct sum){3, 120});
    table_append(&counts->tables.tcp_ports, 80, (struct sum){9, 360});
    counts->totals.packets = 12;
    counts->hosts.registers[7] = 3;
}

static void setup(void)
{
    fill(&a);
    fill(&b);
}
static void teardown(void)
{
    addrvec_close(&a.addresses);
    addrvec_close(&b.addresses);
    tables_close(&a.tables);
    tables_close(&b.tables);
}
TestSuite(verify, .init = setup, .fini = teardown);

static void expect(const char *what, uint64_t stored, uint64_t recomputed)
{
    struct told told = {0};
    verify_compare(&a, &b, tell, &told);
    cr_assert_eq(told.count, what ? 1 : 0, "%s", told.what ? told.what : "");
    if (!what)
        return;
    cr_expect_str_eq(told.what, what);
    cr_expect_eq(told.stored, stored);
    cr_expect_eq(told.recomputed, recomputed);
}

Test(verify, what_is_the_same_agrees)
{
    expect(NULL, 0, 0);
}

Test(verify, every_counter_is_compared)
{
    /* Each field of the totals by itself: all are 64-bit numbers. */
    for (size_t i = 0; i < sizeof a.totals / sizeof(uint64_t); i++) {
        struct told told = {0};
        uint64_t *field = (uint64_t *)&a.totals + i;
        *field += 1;
        verify_compare(&a, &b, tell, &told);
        cr_expect_eq(told.count, 1, "field %zu", i);
        cr_expect_eq(told.stored, told.recomputed + 1, "field %zu", i);
        *field -= 1;
    }
}

Test(verify, one_packet_at_another_address_is_found)
{
    a.addresses.packets4[0]--;
    a.addresses.packets4[1]++;
    expect("addresses that differ", 2, 0);
    a.addresses.packets4[0]++;
    a.addresses.packets4[1]--;
    b.addresses.address4[1] = 21; /* 20 is only here, 21 only there */
    expect("addresses that differ", 2, 0);
    b.addresses.address4[1] = 20;
    b.addresses.address6[0][15] = 1;
    expect("addresses that differ", 2, 0);
    b.addresses.address6[0][15] = 0;
    b.addresses.count4 = 0;
    expect("addresses that differ", 2, 0);
}

Test(verify, tables_and_sketches_are_compared)
{
    a.tables.tcp_ports.sums[1].bytes++;
    expect("TCP ports that differ", 1, 0);
    a.tables.tcp_ports.sums[1].bytes--;
    b.tables.tcp_ports.keys[1] = 81;
    expect("TCP ports that differ", 2, 0);
    b.tables.tcp_ports.keys[1] = 80;
    a.tables.classes[CLASS_UDP].packets = 1;
    expect("classes that differ", 1, 0);
    a.tables.classes[CLASS_UDP].packets = 0;
    a.tables.tcp_ports.witnesses[1] = 4;
    expect("TCP ports that differ", 1, 0);
    b.tables.tcp_ports.witnesses[1] = 4;
    b.tables.class_witnesses[CLASS_UDP] = 128;
    expect("classes that differ", 1, 0);
    a.tables.class_witnesses[CLASS_UDP] = 128;
    b.hosts.registers[16383] = 1;
    expect("registers of unique hosts that differ", 1, 0);
}

Test(verify, a_course_is_compared_with_its_day)
{
    struct told told = {0};
    const struct totals day = {
        .packets = 5, .bytes = 9, .observed_ns = 7, .kernel_dropped = 1, .interface_dropped = 2};
    struct totals course = {.packets = 5, .bytes = 9, .observed_ns = 7, .kernel_dropped = 3};
    verify_compare_course(&day, &course, tell, &told);
    cr_expect_eq(told.count, 0, "drops of both kinds are one there");
    course.observed_ns = 6;
    verify_compare_course(&day, &course, tell, &told);
    cr_expect_eq(told.count, 1);
}

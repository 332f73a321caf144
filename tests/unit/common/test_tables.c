#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/tables.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/tables_of.h"

#define PACKETS 1600
#define BYTES   160000

/* --- one table -------------------------------------------------------------------------------- */

Test(tables, rows_are_found_by_their_key)
{
    struct table table = {0};
    cr_expect_eq(table_at(&table, 0).packets, 0);
    for (uint32_t key = 0; key <= UINT16_MAX; key += 3)
        cr_assert_eq(table_append(&table, (uint16_t)key, (struct sum){key + 1, key * 2}), 0);
    for (uint32_t key = 0; key <= UINT16_MAX; key++) {
        struct sum sum = table_at(&table, (uint16_t)key);
        cr_assert_eq(sum.packets, key % 3 ? 0 : key + 1, "key %u", key);
        cr_assert_eq(sum.bytes, key % 3 ? 0 : key * 2, "key %u", key);
    }
    table_close(&table);
    cr_expect(table.count == 0 && !table.keys && !table.sums);
}

/* The memory told is what was asked for; ASan sees a row outside of it. */
Test(tables, memory_is_that_of_the_rows)
{
    struct tables tables = {0};
    cr_expect_eq(tables_memory(&tables), 0);
    for (uint32_t key = 0; key <= UINT16_MAX; key++) {
        table_append(&tables.udp_ports, (uint16_t)key, (struct sum){1, 1});
        size_t rows = tables_memory(&tables) / 19;
        cr_assert(rows > key && (key < 16 ? rows == 16 : rows <= 2 * key), "%zu for %u", rows, key);
    }
    table_append(&tables.icmp4, 1, (struct sum){1, 1});
    cr_expect_eq(tables_memory(&tables), (65536 + 16) * 19);
    tables_close(&tables);
}

/* --- adding ----------------------------------------------------------------------------------- */

static struct table *table_of(struct tables *tables, int which)
{
    struct table *const all[] = {&tables->protocols, &tables->tcp_ports, &tables->udp_ports,
                                 &tables->icmp4, &tables->icmp6};
    return all[which];
}

struct cell {
    struct sum sum;
    uint8_t witnesses;
};

/* Random rows, one in `gap` keys on average, and the same added to a dense model. */
static void fill_random(struct tables *tables, struct cell model[5][65536], uint64_t *seed)
{
    for (int which = 0; which < 5; which++) {
        uint32_t gap = 1 + (uint32_t)random_below(seed, 20000);
        for (uint32_t key = (uint32_t)random_below(seed, gap); key <= UINT16_MAX;
             key += 1 + (uint32_t)random_below(seed, gap)) {
            struct sum sum = {1 + random_below(seed, 1000), random_next(seed) >> 8};
            cr_assert_eq(table_append(table_of(tables, which), (uint16_t)key, sum), 0);
            uint8_t witnesses = (uint8_t)(1 << random_below(seed, 9)); /* or none */
            table_of(tables, which)->witnesses[table_of(tables, which)->count - 1] = witnesses;
            model[which][key].sum.packets += sum.packets;
            model[which][key].sum.bytes += sum.bytes;
            model[which][key].witnesses |= witnesses;
        }
    }
}

static void expect_model(struct tables *tables, struct cell model[5][65536])
{
    for (int which = 0; which < 5; which++) {
        struct table *table = table_of(tables, which);
        size_t row = 0;
        for (uint32_t key = 0; key <= UINT16_MAX; key++) {
            const struct cell *cell = &model[which][key];
            if (cell->sum.packets == 0)
                continue;
            cr_assert_lt(row, table->count);
            cr_assert_eq(table->keys[row], key);
            cr_assert_eq(memcmp(&table->sums[row], &cell->sum, sizeof(struct sum)), 0);
            cr_assert_eq(table->witnesses[row], cell->witnesses);
            row++;
        }
        cr_assert_eq(row, table->count);
    }
}

Test(tables, adding_agrees_with_dense_sums)
{
    static struct cell model[5][65536];
    struct tables into = {0};
    uint64_t seed = 3, class_packets = 0;
    for (int round = 0; round < 8; round++) {
        struct tables from = {0};
        fill_random(&from, model, &seed);
        from.classes[round % PACKET_CLASSES] = (struct sum){7, UINT64_C(1) << 40};
        from.class_witnesses[4] = (uint8_t)(1 << round);
        class_packets += 7;
        cr_assert_eq(tables_add(&into, &from), 0);
        tables_close(&from);
        expect_model(&into, model);
    }
    uint64_t sum = 0;
    for (int class = 0; class < PACKET_CLASSES; class ++)
        sum += into.classes[class].packets;
    cr_expect_eq(sum, class_packets);
    cr_expect_eq(into.classes[3].bytes, UINT64_C(1) << 40);
    cr_expect_eq(into.class_witnesses[4], 255);
    cr_expect_eq(into.class_witnesses[3], 0);
    tables_close(&into);
}

Test(tables, sums_of_tables_keep_the_rules)
{
    struct tables into = {0};
    uint64_t packets = 0, bytes = 0;
    for (uint64_t i = 0; i < 100; i++) {
        struct tables from = {0};
        tables_of(&from, i, i * 60);
        cr_assert_null(tables_broken(&from, i, i * 60), "%s", tables_broken(&from, i, i * 60));
        cr_assert_eq(tables_add(&into, &from), 0);
        tables_close(&from);
        packets += i;
        bytes += i * 60;
    }
    cr_expect_null(tables_broken(&into, packets, bytes));
    cr_expect_not_null(tables_broken(&into, packets, bytes + 1));
    tables_close(&into);
}

/* --- the rules -------------------------------------------------------------------------------- */

/* Moves packets or bytes between two sums. */
static void move(uint64_t *from, uint64_t *to, uint64_t what)
{
    *from -= what;
    *to += what;
}

static struct sum *row(struct table *table, uint16_t key)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->keys[i] == key)
            return &table->sums[i];
    cr_assert_fail("no row %u", key);
    return NULL;
}

static void class_packet_missing(struct tables *t)
{
    t->classes[CLASS_OTHER].packets--;
}
static void class_byte_too_many(struct tables *t)
{
    t->classes[CLASS_ICMP_OTHER].bytes++;
}
static void classes_overflow(struct tables *t)
{
    t->classes[CLASS_OTHER].packets += UINT64_C(1) << 63;
    t->classes[CLASS_ICMP_OTHER].packets += UINT64_C(1) << 63;
}
static void class_bytes_overflow(struct tables *t)
{
    t->classes[CLASS_OTHER].bytes += UINT64_C(1) << 63;
    t->classes[CLASS_ICMP_OTHER].bytes += UINT64_C(1) << 63;
}
static void protocol_packet_missing(struct tables *t)
{
    row(&t->protocols, 47)->packets--;
}
static void protocol_byte_missing(struct tables *t)
{
    row(&t->protocols, 47)->bytes--;
}
static void protocols_overflow(struct tables *t)
{
    row(&t->protocols, 47)->bytes += UINT64_C(1) << 63;
    row(&t->protocols, 1)->bytes += UINT64_C(1) << 63;
}
static void protocol_without_packets(struct tables *t)
{
    table_append(&t->protocols, 255, (struct sum){1, 0});
    row(&t->protocols, 255)->packets = 0;
}
static void protocol_256(struct tables *t)
{
    table_append(&t->protocols, 256, (struct sum){1, 1});
    row(&t->protocols, 47)->packets--;
    row(&t->protocols, 47)->bytes--;
}
static void same_protocol_twice(struct tables *t)
{
    t->protocols.keys[3] = 17;
}
static void descending_protocols(struct tables *t)
{
    t->protocols.keys[3] = 2;
}
static void tcp_class_of_another_protocol(struct tables *t)
{
    move(&t->classes[CLASS_OTHER].packets, &t->classes[CLASS_TCP_OTHER].packets, 1);
}
static void tcp_in_another_class(struct tables *t)
{
    move(&t->classes[CLASS_TCP_SYN].bytes, &t->classes[CLASS_OTHER].bytes, 1);
}
static void udp_of_another_protocol(struct tables *t)
{
    move(&t->classes[CLASS_OTHER].packets, &t->classes[CLASS_UDP].packets, 1);
}
static void udp_in_another_class(struct tables *t)
{
    move(&t->classes[CLASS_UDP].bytes, &t->classes[CLASS_OTHER].bytes, 1);
}
static void icmp_of_another_protocol(struct tables *t)
{
    move(&t->classes[CLASS_OTHER].packets, &t->classes[CLASS_ICMP_OTHER].packets, 1);
}
static void more_tcp_ports_than_tcp(struct tables *t)
{
    row(&t->tcp_ports, 23)->packets = row(&t->protocols, 6)->packets;
}
static void more_bytes_to_tcp_ports(struct tables *t)
{
    row(&t->tcp_ports, 23)->bytes = row(&t->protocols, 6)->bytes;
}
static void tcp_ports_overflow(struct tables *t)
{
    row(&t->tcp_ports, 23)->packets += UINT64_C(1) << 63;
    row(&t->tcp_ports, 65535)->packets += UINT64_C(1) << 63;
}
static void tcp_port_without_packets(struct tables *t)
{
    row(&t->tcp_ports, 23)->packets = 0;
}
static void descending_tcp_ports(struct tables *t)
{
    t->tcp_ports.keys[0] = 65535;
}
static void more_udp_ports_than_udp(struct tables *t)
{
    row(&t->udp_ports, 53)->packets = row(&t->protocols, 17)->packets + 1;
}
static void udp_port_without_packets(struct tables *t)
{
    row(&t->udp_ports, 53)->packets = 0;
}
static void more_icmp_types_than_icmp(struct tables *t)
{
    row(&t->icmp4, 8 << 8)->packets++;
}
static void icmp_type_without_packets(struct tables *t)
{
    row(&t->icmp4, 8 << 8)->packets = 0;
}
static void more_icmp6_types_than_icmp6(struct tables *t)
{
    row(&t->icmp6, 1 << 8 | 4)->bytes = row(&t->protocols, 58)->bytes + 1;
}
static void icmp6_type_without_packets(struct tables *t)
{
    row(&t->icmp6, 1 << 8 | 4)->packets = 0;
}
/* Types were read, and yet the class is not ICMP. */
static void icmp_types_of_another_class(struct tables *t)
{
    move(&t->classes[CLASS_ICMP_BACKSCATTER].packets, &t->classes[CLASS_OTHER].packets,
         t->classes[CLASS_ICMP_BACKSCATTER].packets);
    t->class_witnesses[CLASS_ICMP_BACKSCATTER] = 0;
}

static void more_witnesses_than_a_class_has_packets(struct tables *t)
{
    t->class_witnesses[CLASS_TCP_RST] = 16; /* of none */
}
static void more_witnesses_than_a_port_has_packets(struct tables *t)
{
    row(&t->udp_ports, 53)->packets = 2;
    t->udp_ports.witnesses[0] = 0x83;
}

Test(tables, every_broken_rule_is_told)
{
    static const struct {
        void (*breaks)(struct tables *tables);
        const char *says;
    } table[] = {
        {class_packet_missing, "classes do not sum"},
        {class_byte_too_many, "classes do not sum"},
        {classes_overflow, "classes do not sum"},
        {class_bytes_overflow, "classes do not sum"},
        {protocol_packet_missing, "protocols do not sum"},
        {protocol_byte_missing, "protocols do not sum"},
        {protocols_overflow, "protocols do not sum"},
        {protocol_without_packets, "protocols do not ascend"},
        {protocol_256, "protocols do not ascend"},
        {same_protocol_twice, "protocols do not ascend"},
        {descending_protocols, "protocols do not ascend"},
        {tcp_class_of_another_protocol, "TCP classes"},
        {tcp_in_another_class, "TCP classes"},
        {udp_of_another_protocol, "class udp"},
        {udp_in_another_class, "class udp"},
        {icmp_of_another_protocol, "ICMP classes are more"},
        {more_tcp_ports_than_tcp, "TCP ports"},
        {more_bytes_to_tcp_ports, "TCP ports"},
        {tcp_ports_overflow, "TCP ports"},
        {tcp_port_without_packets, "TCP ports"},
        {descending_tcp_ports, "TCP ports"},
        {more_udp_ports_than_udp, "UDP ports"},
        {udp_port_without_packets, "UDP ports"},
        {more_icmp_types_than_icmp, "ICMP types do not"},
        {icmp_type_without_packets, "ICMP types do not"},
        {more_icmp6_types_than_icmp6, "ICMPv6 types"},
        {icmp6_type_without_packets, "ICMPv6 types"},
        {more_witnesses_than_a_class_has_packets, "a class of it has more"},
        {more_witnesses_than_a_port_has_packets, "a row of its tables has more"},
        {icmp_types_of_another_class, "ICMP types are more"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct tables tables = {0};
        tables_of(&tables, PACKETS, BYTES);
        cr_assert_null(tables_broken(&tables, PACKETS, BYTES));
        table[i].breaks(&tables);
        const char *said = tables_broken(&tables, PACKETS, BYTES);
        cr_expect(said && strstr(said, table[i].says), "rule %zu: %s", i, said ? said : "nothing");
        const char *of_classes = tables_classes_broken(&tables, PACKETS, BYTES);
        bool is_classes = strcmp(table[i].says, "classes do not sum") == 0 ||
                          table[i].breaks == more_witnesses_than_a_class_has_packets;
        cr_expect_eq(of_classes != NULL, is_classes, "rule %zu", i);
        tables_close(&tables);
    }
}

Test(tables, sums_up_to_64_bits_are_right)
{
    struct tables tables = {0};
    cr_expect_null(tables_broken(&tables, 0, 0));
    cr_expect_not_null(tables_broken(&tables, 1, 0));
    tables_of(&tables, UINT64_MAX, UINT64_MAX);
    cr_expect_null(tables_broken(&tables, UINT64_MAX, UINT64_MAX));
    tables_close(&tables);
}

/* ICMP in the other family of IP has its protocol and is of the class other. */
Test(tables, icmp_of_the_other_family_breaks_no_rule)
{
    struct tables tables = {0};
    tables_of_row(&tables.protocols, PROTOCOL_ICMP, (struct sum){3, 84});
    tables.classes[CLASS_OTHER] = (struct sum){3, 84};
    cr_expect_null(tables_broken(&tables, 3, 84));
    tables_close(&tables);
}

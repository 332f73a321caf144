/* What is known of the sources behind a row, and which rows are withheld for it. */
#include <criterion/criterion.h>

#include "common/err.h"
#include "dashboards/disclose.h"
#include "dashboards/query_rank.h"

/* A port of so many packets, whose sources have set these bits. */
struct port {
    uint16_t port;
    uint64_t packets;
    uint8_t witnesses;
};

static struct tables tables;
static struct disclose disclose;

static void begin(void)
{
    tables = (struct tables){0};
    disclose = (struct disclose){0};
}

static void end(void)
{
    disclose_close(&disclose);
    tables_close(&tables);
}

TestSuite(disclose, .init = begin, .fini = end);

static struct query_period period_of(const struct query *query)
{
    static const uint64_t one_each[PACKET_CLASSES] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct query_period period = {
        .query = query, .rows_known = true, .tables = &tables, .class_sensors = one_each};
    for (int class = 0; class < PACKET_CLASSES; class ++)
        period.all.packets += tables.classes[class].packets;
    return period;
}

/* Discloses the tables for a threshold of `k`, as of a telescope of one sensor. */
static void disclose_by(enum query_by by, uint64_t k)
{
    const struct query query = {.by = by};
    struct query_period period = period_of(&query);
    struct query_rank rank;
    char errmsg[ERRMSG_SIZE];
    query_rank_init(&rank, 0);
    cr_assert_eq(query_rank_period(&rank, &period), 0);
    disclose.rule = withhold_rule_of(k, 1);
    cr_assert_eq(disclose_period(&disclose, &period, errmsg), 0, "%s", errmsg);
    query_rank_close(&rank);
}

static void add_ports(const struct port *ports, size_t count)
{
    struct sum all = {0};
    for (size_t i = 0; i < count; i++) {
        struct sum sum = {ports[i].packets, 40 * ports[i].packets};
        cr_assert_eq(table_append(&tables.tcp_ports, ports[i].port, sum), 0);
        tables.tcp_ports.witnesses[i] = ports[i].witnesses;
        all.packets += sum.packets;
        all.bytes += sum.bytes;
    }
    cr_assert_eq(table_append(&tables.protocols, PROTOCOL_TCP, all), 0);
    tables.protocols.witnesses[0] = 255;
    tables.classes[CLASS_TCP_SYN] = all;
    tables.class_witnesses[CLASS_TCP_SYN] = 255;
}

static bool withheld(uint16_t port)
{
    return disclose_withholds_port(&disclose, PROTOCOL_TCP, port);
}

Test(disclose, a_port_needs_as_many_witnesses_as_sources)
{
    static const struct port ports[] = {
        {22, 300, 0x01}, {23, 9000, 0xff}, {80, 300, 0x81}, {443, 300, 0x83}};
    add_ports(ports, 4);
    disclose_by(QUERY_PORT, 3);
    cr_expect(withheld(22) && withheld(80));
    cr_expect(!withheld(23) && !withheld(443));
    cr_expect_eq(disclose.sum.packets, 600);
    disclose_by(QUERY_PORT, 2);
    cr_expect(withheld(22) && withheld(80), "the second as company");
    cr_expect(!withheld(443));
    disclose_by(QUERY_PORT, 0);
    cr_expect_eq(disclose.withheld, 0);
}

/* Of a port without a witness nobody knows the sources; only that there are no more than packets. */
Test(disclose, what_is_not_known_is_not_withheld_unless_packets_are_fewer)
{
    static const struct port ports[] = {{22, 300, 0}, {23, 2, 0}, {24, 2, 0x03}, {25, 3, 0}};
    add_ports(ports, 4);
    disclose_by(QUERY_PORT, 3);
    cr_expect(!withheld(22) && withheld(23) && withheld(24) && !withheld(25));
}

/* Eight is the most that eight bits can witness. */
Test(disclose, eight_witnesses_suffice_for_any_threshold)
{
    static const struct port ports[] = {
        {22, 300, 0x7f}, {23, 300, 0xff}, {24, 99, 0xff}, {25, 400, 0x7f}};
    add_ports(ports, 4);
    disclose_by(QUERY_PORT, 100);
    cr_expect(withheld(22) && !withheld(23) && withheld(25));
    cr_expect(withheld(24), "99 packets are not of 100 sources");
    disclose_by(QUERY_PORT, 8);
    cr_expect(withheld(22) && !withheld(23) && !withheld(24) && withheld(25));
}

Test(disclose, every_table_is_held_to_its_witnesses)
{
    static const enum query_by bys[] = {QUERY_CLASS, QUERY_PROTOCOL, QUERY_ICMP};
    tables.classes[CLASS_ICMP_ECHO_REQUEST] = (struct sum){50, 2000};
    tables.class_witnesses[CLASS_ICMP_ECHO_REQUEST] = 0x11;
    tables.classes[CLASS_OTHER] = tables.classes[CLASS_UDP] = (struct sum){90, 3600};
    tables.class_witnesses[CLASS_OTHER] = tables.class_witnesses[CLASS_UDP] = 0x07;
    static const uint16_t protocols[] = {PROTOCOL_ICMP, PROTOCOL_UDP, 47};
    for (size_t i = 0; i < 3; i++) {
        table_append(&tables.protocols, protocols[i], (struct sum){i ? 90 : 50, 2000});
        tables.protocols.witnesses[i] = i ? 0x07 : 0x11;
        table_append(&tables.icmp4, (uint16_t)(i << 8), (struct sum){i ? 20 : 10, 400});
        tables.icmp4.witnesses[i] = i ? 0x07 : 0x11;
    }
    for (size_t i = 0; i < 3; i++) {
        disclose_by(bys[i], 3);
        cr_assert_eq(disclose.count, 3, "%s", query_by_name(bys[i]));
        cr_expect_eq(disclose.withheld, 2, "%s", query_by_name(bys[i]));
        cr_expect(disclose.cells[0].withheld, "%s", query_by_name(bys[i]));
        cr_expect(disclose.cells[1].withheld, "%s: as company", query_by_name(bys[i]));
    }
}

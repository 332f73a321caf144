#include "tests/bench/detail.h"

#include "common/hll.h"

#define PACKET_BYTES 44
#define PORTS        65536
#define HARMONIC     11.67 /* the sum of 1 / rank over all ports */

void detail_init(struct detail *detail)
{
    *detail = (struct detail){0};
    addrvec_init(&detail->addresses);
}

void detail_close(struct detail *detail)
{
    addrvec_close(&detail->addresses);
    tables_close(&detail->tables);
}

int detail_add(struct detail *into, const struct detail *from)
{
    return addrvec_add(&into->addresses, &from->addresses) == 0 &&
                   tables_add(&into->tables, &from->tables) == 0
               ? 0
               : -1;
}

static uint64_t noise(uint64_t a, uint64_t b)
{
    const uint64_t key[2] = {a, b};
    return murmurhash64a(key, sizeof key, 1);
}

/* From half to one and a half of the mean, one in a thousand far more; the last gets what is left. */
static int fill_addresses(struct addrvec *vec, const struct totals *totals, uint32_t first,
                          uint64_t seed)
{
    uint64_t left = totals->packets, mean = left / totals->active;
    for (uint64_t i = 0; i < totals->active; i++) {
        uint64_t others = totals->active - 1 - i, random = noise(seed, i);
        uint64_t packets = mean / 2 + random % (mean + 1) + (random >> 32 & 1023 ? 0 : 20 * mean);
        if (packets > left - others || others == 0)
            packets = left - others;
        if (addrvec_append4(vec, first + (uint32_t)i, packets ? packets : 1) != 0)
            return -1;
        left -= packets ? packets : 1;
    }
    return 0;
}

static struct sum sum_of(uint64_t packets)
{
    return (struct sum){packets, packets * PACKET_BYTES};
}

/* A port's number is its rank under a multiplication that shuffles them. What the ports do not take
 * is packets whose port could not be read. */
static int fill_ports(struct table *table, uint64_t packets, uint64_t seed)
{
    uint64_t left = packets;
    for (uint32_t port = 0; port < PORTS; port++) {
        double rank = 1 + (port * UINT32_C(40503)) % PORTS;
        double share = 0.75 + 0.4 * (double)(noise(seed, port) % 1000) / 999;
        uint64_t count = (uint64_t)((double)packets / HARMONIC / rank * share);
        count = count < left ? count : left;
        left -= count;
        if (count > 0 && table_append(table, (uint16_t)port, sum_of(count)) != 0)
            return -1;
    }
    return 0;
}

static int fill_tables(struct tables *tables, const struct totals *totals, uint64_t seed)
{
    uint64_t tcp = totals->packets / 5 * 4, udp = totals->packets / 20 * 3;
    uint64_t icmp = totals->packets - tcp - udp;
    tables->classes[CLASS_TCP_SYN] = sum_of(tcp);
    tables->classes[CLASS_UDP] = sum_of(udp);
    tables->classes[CLASS_ICMP_ECHO_REQUEST] = sum_of(icmp);
    return table_append(&tables->protocols, PROTOCOL_ICMP, sum_of(icmp)) == 0 &&
                   table_append(&tables->protocols, PROTOCOL_TCP, sum_of(tcp)) == 0 &&
                   table_append(&tables->protocols, PROTOCOL_UDP, sum_of(udp)) == 0 &&
                   table_append(&tables->icmp4, 8 << 8, sum_of(icmp)) == 0 &&
                   fill_ports(&tables->tcp_ports, tcp, seed) == 0 &&
                   fill_ports(&tables->udp_ports, udp, seed + 1) == 0
               ? 0
               : -1;
}

int detail_fill(struct detail *detail, const struct totals *totals, uint32_t first, uint64_t seed,
                bool tables)
{
    if (fill_addresses(&detail->addresses, totals, first, seed) != 0)
        return -1;
    return tables ? fill_tables(&detail->tables, totals, seed) : 0;
}

#include "tests/bench/minute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/witness.h"

#define SIZE 44 /* bytes of a packet: a TCP SYN with one option */

static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static struct sum sum_of(uint64_t packets)
{
    return (struct sum){packets, packets * SIZE};
}

static void fill_addresses(struct record *record, const struct minute_plan *plan, uint64_t *random)
{
    for (uint32_t i = 0; i < plan->addresses; i += plan->every) {
        uint32_t active = plan->every > 1 ? i + (uint32_t)(next(random) % plan->every) : i;
        uint64_t packets = 1 + next(random) % 8;
        if (active >= plan->addresses)
            break;
        if (next(random) % 100 == 0)
            packets *= 100;
        addrvec_append4(&record->addresses, plan->base + active, packets);
    }
}

/* Deals packets out to ports: half of them to a hundredth, the rest by chance. */
static void fill_ports(struct table *table, uint32_t ports, uint64_t packets, uint64_t *random)
{
    uint32_t gap = 65535 / ports, favoured = ports / 100 + 1;
    uint64_t often = packets / (2 * favoured), seldom = packets / (2 * ports) + 1;
    for (uint32_t i = 0; i < ports && packets > 0; i++) {
        uint64_t share = 1 + next(random) % (i % (ports / favoured) == 0 ? 2 * often : 2 * seldom);
        share = share < packets ? share : packets;
        table_append(table, (uint16_t)(i * gap + 1 + next(random) % gap), sum_of(share));
        witness_row(table, *random);
        packets -= share;
    }
}

static void fill_tables(struct tables *tables, const struct minute_plan *plan, uint64_t packets,
                        uint64_t *random)
{
    uint64_t udp = packets / 6, icmp = packets / 30, tcp = packets - udp - icmp;
    tables->classes[CLASS_TCP_SYN] = sum_of(tcp);
    tables->classes[CLASS_UDP] = sum_of(udp);
    tables->classes[CLASS_ICMP_ECHO_REQUEST] = sum_of(icmp);
    if (icmp > 0)
        table_append(&tables->protocols, PROTOCOL_ICMP, sum_of(icmp));
    table_append(&tables->protocols, PROTOCOL_TCP, sum_of(tcp));
    if (udp > 0)
        table_append(&tables->protocols, PROTOCOL_UDP, sum_of(udp));
    fill_ports(&tables->tcp_ports, plan->tcp_ports, tcp, random);
    fill_ports(&tables->udp_ports, plan->udp_ports, udp, random);
    if (icmp > 0)
        table_append(&tables->icmp4, 8 << 8, sum_of(icmp));
}

void minute_fill(struct record *record, const struct minute_plan *plan, const char *sensor,
                 uint64_t seq, int64_t start_s, uint64_t *random)
{
    snprintf(record->sensor, sizeof record->sensor, "%s", sensor);
    record->seq = seq;
    record->start_s = start_s;
    record->width_s = 60;
    record->first_ns = start_s * INT64_C(1000000000);
    record->last_ns = record->first_ns + INT64_C(59999999999);
    fill_addresses(record, plan, random);
    record->packets = record->captured = addrvec_packets(&record->addresses);
    record->bytes = record->packets * SIZE;
    fill_tables(&record->tables, plan, record->packets, random);
    for (uint64_t i = 0; i < record->packets / 3 + 1; i++) {
        uint32_t host = (uint32_t)next(random);
        hll_add(&record->hosts, &host, sizeof host);
    }
}

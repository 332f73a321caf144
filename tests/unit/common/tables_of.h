/*
 * Tables for tests that need some: those of packets and bytes in any number, with every table in use
 * as soon as there are enough of them, and with packets whose port or type could not be read.
 */
#ifndef TESTS_UNIT_COMMON_TABLES_OF_H
#define TESTS_UNIT_COMMON_TABLES_OF_H

#include <stdlib.h>

#include "common/tables.h"

/* One part in `parts` of both; without a packet there are no bytes. */
static inline struct sum tables_of_part(struct sum of, uint64_t parts)
{
    uint64_t packets = of.packets / parts;
    return (struct sum){packets, packets ? of.bytes / parts : 0};
}

/* Witnesses of some sources, never more than packets. */
static inline uint8_t tables_of_witnesses(uint64_t packets)
{
    return packets == 0  ? 0
           : packets < 4 ? (uint8_t)(1 << packets)
                         : (uint8_t)(0x0f << packets % 5);
}

static inline void tables_of_row(struct table *table, uint16_t key, struct sum sum)
{
    if (sum.packets == 0)
        return;
    if (table_append(table, key, sum) != 0)
        abort();
    table->witnesses[table->count - 1] = tables_of_witnesses(sum.packets);
}

/* Fills tables that are empty. */
static inline void tables_of(struct tables *tables, uint64_t packets, uint64_t bytes)
{
    struct sum all = {packets, packets ? bytes : 0};
    struct sum udp = tables_of_part(all, 4), icmp4 = tables_of_part(all, 8),
               icmp6 = tables_of_part(all, 16), gre = icmp6;
    struct sum tcp = {all.packets - udp.packets - icmp4.packets - icmp6.packets - gre.packets,
                      all.bytes - udp.bytes - icmp4.bytes - icmp6.bytes - gre.bytes};
    tables->classes[CLASS_TCP_SYN] = tcp;
    tables->classes[CLASS_UDP] = udp;
    tables->classes[CLASS_ICMP_ECHO_REQUEST] = icmp4;
    tables->classes[CLASS_ICMP_BACKSCATTER] = icmp6;
    tables->classes[CLASS_OTHER] = gre;
    for (int class = 0; class < PACKET_CLASSES; class ++)
        tables->class_witnesses[class] = tables_of_witnesses(tables->classes[class].packets);
    tables_of_row(&tables->protocols, PROTOCOL_ICMP, icmp4);
    tables_of_row(&tables->protocols, PROTOCOL_TCP, tcp);
    tables_of_row(&tables->protocols, PROTOCOL_UDP, udp);
    tables_of_row(&tables->protocols, 47, gre);
    tables_of_row(&tables->protocols, PROTOCOL_ICMPV6, icmp6);
    tables_of_row(&tables->tcp_ports, 23, tables_of_part(tcp, 2));
    tables_of_row(&tables->tcp_ports, 65535, tables_of_part(tcp, 4));
    tables_of_row(&tables->udp_ports, 53, tables_of_part(udp, 2));
    tables_of_row(&tables->icmp4, 8 << 8, icmp4);
    tables_of_row(&tables->icmp6, 1 << 8 | 4, tables_of_part(icmp6, 2));
}

#endif

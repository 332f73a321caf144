#include "tests/bench/minutes.h"
#include "tests/bench/witness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sourcevec.h"

#define NS_PER_S    INT64_C(1000000000)
#define PER_ADDRESS 3.6 /* packets beyond the first, the mean */
#define TCP_SHARE   0.8
#define UDP_SHARE   0.15
#define PORTS       65536
#define HOSTS_POOL  2000000
#define DRAWS       65536

static uint64_t next(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return *random * UINT64_C(0x2545F4914F6CDD1D);
}

double minutes_fraction(uint64_t *random)
{
    return (double)(next(random) >> 11) / (double)(UINT64_C(1) << 53);
}

static double normal(uint64_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += minutes_fraction(random);
    return sum;
}

uint64_t minutes_poisson(uint64_t *random, double mean)
{
    if (mean > 30) {
        double value = mean + sqrt(mean) * normal(random);
        return value > 0 ? (uint64_t)(value + 0.5) : 0;
    }
    uint64_t count = 0;
    for (double left = exp(-mean), product = minutes_fraction(random); product > left; count++)
        product *= minutes_fraction(random);
    return count;
}

static void require(bool good)
{
    if (good)
        return;
    fputs("minutes: out of memory\n", stderr);
    exit(1);
}

static void fill_addresses(struct minutes *minutes, struct record *record)
{
    for (size_t i = 0; i < minutes->addresses; i++) {
        uint64_t packets = 1 + minutes_poisson(&minutes->random, PER_ADDRESS);
        require(addrvec_append4(&record->addresses, minutes->first + (uint32_t)i, packets) == 0);
        record->packets += packets;
    }
}

/* Ports of so many packets. The rank of a port follows Zipf's law; its number is the rank under a
 * multiplication that shuffles them. */
static struct sum fill_ports(struct minutes *minutes, struct table *table, size_t packets)
{
    static uint32_t counts[PORTS];
    struct sum sum = {packets, 0};
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < packets; i++) {
        uint32_t rank = (uint32_t)exp2(minutes_fraction(&minutes->random) * log2(PORTS));
        counts[(uint16_t)(rank * UINT32_C(40503))]++;
    }
    for (uint32_t port = 0; port < PORTS; port++) {
        uint64_t count = counts[port];
        if (count == 0)
            continue;
        uint64_t bytes = count * 40 + next(&minutes->random) % (8 * count + 1);
        require(table_append(table, (uint16_t)port, (struct sum){count, bytes}) == 0);
        witness_row(table, minutes->random);
        sum.bytes += bytes;
    }
    return sum;
}

static void fill_tables(struct minutes *minutes, struct record *record)
{
    struct tables *tables = &record->tables;
    double packets = (double)record->packets;
    struct sum tcp = fill_ports(minutes, &tables->tcp_ports, (size_t)(packets * TCP_SHARE));
    struct sum udp = fill_ports(minutes, &tables->udp_ports, (size_t)(packets * UDP_SHARE));
    struct sum icmp = {record->packets - tcp.packets - udp.packets, 0};
    icmp.bytes = icmp.packets * 56;
    record->bytes = tcp.bytes + udp.bytes + icmp.bytes;
    tables->classes[CLASS_TCP_SYN] = tcp;
    tables->classes[CLASS_UDP] = udp;
    tables->classes[CLASS_ICMP_ECHO_REQUEST] = icmp;
    if (icmp.packets) {
        require(table_append(&tables->protocols, PROTOCOL_ICMP, icmp) == 0);
        require(table_append(&tables->icmp4, 8 << 8, icmp) == 0);
    }
    if (tcp.packets)
        require(table_append(&tables->protocols, PROTOCOL_TCP, tcp) == 0);
    if (udp.packets)
        require(table_append(&tables->protocols, PROTOCOL_UDP, udp) == 0);
}

static void fill_hosts(struct minutes *minutes, struct record *record)
{
    for (size_t i = 0; i < record->packets / 50 + 1; i++) {
        uint32_t host = (uint32_t)(next(&minutes->random) % HOSTS_POOL) * 2053;
        hll_add(&record->hosts, &host, sizeof host);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* As many draws of sources as packets, up to DRAWS of several packets each. The rank of a source follows
 * Zipf's law, too. */
static void fill_sources(struct minutes *minutes, struct record *record)
{
    static uint32_t drawn[DRAWS];
    size_t draws = record->packets < DRAWS ? (size_t)record->packets : DRAWS;
    for (size_t i = 0; i < draws; i++)
        drawn[i] = (uint32_t)exp2(minutes_fraction(&minutes->random) * log2(HOSTS_POOL)) *
                   UINT32_C(2654435761);
    qsort(drawn, draws, sizeof *drawn, compare);
    for (size_t i = 0, end; i < draws; i = end) {
        for (end = i + 1; end < draws && drawn[end] == drawn[i];)
            end++;
        uint64_t packets = (end - i) * (record->packets / draws);
        require(addrvec_append4(&record->sources, drawn[i], packets) == 0);
    }
    sourcevec_trim(&record->sources, RECORD_SOURCES_MAX);
}

void minutes_fill(struct minutes *minutes, struct record *record, uint64_t seq, int64_t start_s)
{
    memcpy(record->sensor, minutes->sensor, sizeof record->sensor);
    memcpy(record->epoch, minutes->epoch, EPOCH_SIZE);
    record->seq = seq;
    record->start_s = start_s;
    record->width_s = 60;
    record->first_ns = start_s * NS_PER_S;
    record->last_ns = (start_s + 60) * NS_PER_S - 1;
    fill_addresses(minutes, record);
    fill_tables(minutes, record);
    fill_hosts(minutes, record);
    const char *sources = getenv("SOURCES");
    if (!sources || strcmp(sources, "no") != 0)
        fill_sources(minutes, record);
    record->captured = record->packets;
}

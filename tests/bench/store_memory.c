/*
 * What values of the store take: `store_memory ADDRESSES` makes the folded values of an hour, a day, a
 * month and a year of the synthetic telescope of minutes.h (4.6 packets a minute and address, which
 * differ in what they get) as the aggregator writes them, and prints LEVEL ADDRESSES_BYTES TABLES_BYTES for
 * each ("minute": of a sealed record, what its addresses take by themselves, and the rest), and "course", "hosts", "sources_hour" and "sources_day" with one
 * value, the last two as large as they can be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/addrvec.h"
#include "common/course.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/sourcevec.h"
#include "tests/bench/minutes.h"
#include "tests/bench/witness.h"

#define PER_MINUTE 4.6
#define FIRST      UINT32_C(0x0a000000)
#define PORTS      65536

static size_t form_size(struct buf *form, int rc)
{
    size_t size = form->size;
    if (rc) {
        fprintf(stderr, "store_memory: %s\n", err_str(rc));
        exit(1);
    }
    buf_close(form);
    return size;
}

/* Addresses get from half to twice the mean, as those of a telescope do. */
static size_t addresses_of(size_t addresses, double minutes, uint64_t *random)
{
    struct addrvec vec;
    struct buf form;
    addrvec_init(&vec);
    buf_init(&form);
    for (size_t i = 0; i < addresses; i++) {
        double share = 0.5 + 1.5 * minutes_fraction(random) * minutes_fraction(random);
        uint64_t packets = minutes_poisson(random, PER_MINUTE * minutes * share);
        if (packets > 0)
            addrvec_append4(&vec, FIRST + (uint32_t)i, packets);
    }
    int rc = folded_encode(&vec, 1, &form);
    addrvec_close(&vec);
    return form_size(&form, rc);
}

/* Ports by Zipf's law of so many packets, four fifths of them TCP. */
static void ports_of(struct table *table, double packets, uint64_t *random)
{
    for (uint32_t port = 0; port < PORTS; port++) {
        double rank = 1 + (port * UINT32_C(40503)) % PORTS;
        uint64_t count = minutes_poisson(random, packets / 11.67 / rank);
        uint64_t bytes = count * 40 + (uint64_t)(8.0 * (double)count * minutes_fraction(random));
        if (count == 0)
            continue;
        table_append(table, (uint16_t)port, (struct sum){count, bytes});
        witness_row(table, *random);
    }
}

static size_t tables_of_period(size_t addresses, double minutes, uint64_t *random)
{
    struct tables tables = {0};
    struct buf form;
    double packets = PER_MINUTE * minutes * (double)addresses;
    buf_init(&form);
    ports_of(&tables.tcp_ports, 0.8 * packets, random);
    ports_of(&tables.udp_ports, 0.15 * packets, random);
    int rc = folded_encode_tables(&tables, 1, &form);
    tables_close(&tables);
    return form_size(&form, rc);
}

/* A sealed record, and in `*alone` what its addresses take by themselves. */
static size_t minute_size(size_t addresses, size_t *alone)
{
    struct minutes minutes = {.random = 1, .first = FIRST, .addresses = addresses, .sensor = "s"};
    struct record record;
    struct buf sealed, form;
    char errmsg[ERRMSG_SIZE];
    record_init(&record);
    buf_init(&sealed);
    buf_init(&form);
    minutes_fill(&minutes, &record, 1, 0);
    int rc = folded_encode(&record.addresses, 1, &form);
    *alone = form_size(&form, rc);
    rc = record_seal(&record, &sealed, errmsg);
    record_close(&record);
    return form_size(&sealed, rc);
}

static size_t course_size(size_t addresses, uint64_t *random)
{
    static struct course course;
    struct buf form;
    buf_init(&form);
    for (size_t i = 0; i < 1440; i++) {
        course.packets[i] = minutes_poisson(random, PER_MINUTE * (double)addresses);
        course.bytes[i] = course.packets[i] * 44 + minutes_poisson(random, 1e6);
        course.observed_ns[i] = UINT64_C(60000000000);
    }
    return form_size(&form, course_encode(&course, 1, &form));
}

/* Twice the bound, spread at random; packets by Zipf's law. */
static size_t sources_size(size_t bound, uint64_t *random)
{
    struct addrvec vec;
    struct buf form;
    uint32_t gap = UINT32_MAX / (2 * (uint32_t)bound);
    addrvec_init(&vec);
    buf_init(&form);
    for (uint32_t i = 0; i < 2 * bound; i++) {
        double rank = 1 + minutes_fraction(random) * 2 * (double)bound;
        uint32_t within = (uint32_t)(minutes_fraction(random) * gap);
        addrvec_append4(&vec, i * gap + within, 1 + (uint64_t)(100 * (double)bound / rank));
    }
    int rc = folded_encode(&vec, 1, &form);
    addrvec_close(&vec);
    return form_size(&form, rc);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        double minutes;
    } levels[] = {{"hour", 60}, {"day", 1440}, {"month", 43800}, {"year", 525600}};
    uint64_t random = 1;
    size_t addresses = argc == 2 ? (size_t)atol(argv[1]) : 0;
    if (addresses == 0) {
        fputs("Usage: store_memory ADDRESSES\n", stderr);
        return 2;
    }
    size_t alone, minute = minute_size(addresses, &alone);
    printf("minute %zu %zu\n", alone, minute - alone);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        printf("%s %zu %zu\n", levels[i].name, addresses_of(addresses, levels[i].minutes, &random),
               tables_of_period(addresses, levels[i].minutes, &random));
    printf("sources_hour %zu 0\nsources_day %zu 0\n", sources_size(SOURCEVEC_HOUR, &random),
           sources_size(SOURCEVEC_DAY, &random));
    printf("course %zu 0\nhosts %d 0\n", course_size(addresses, &random), HLL_REDIS_SIZE);
    return 0;
}

/*
 * What the sensor and the store hold, as CSV to compare with recount's:
 *   dump BY SEGMENT...   all records in segment files of a spool, summed: BY is address (address,
 *                        packets), source (start, source address, packets: those of every record,
 *                        not summed), interval (start, packets, bytes: a row for every record), class,
 *                        protocol, port or icmp (as `darkcount-collector count`, without what could
 *                        not be read) or totals (captured, packets, off_darknet, not_ip, undecodable,
 *                        late, refused, kernel_dropped, records) or witnesses (as recount)
 *   dump vector VALUE    an address vector of the store: address, packets
 *   dump course VALUE    a day of the store: slot, packets, bytes
 *   dump tables VALUE    tables of the store: table, key, packets, bytes
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/record.h"
#include "common/course.h"
#include "common/folded.h"

static struct record sum; /* of addresses, tables and counters */
static uint64_t records;

static void must(int result, const char *what)
{
    if (result) {
        fprintf(stderr, "dump: %s: %s\n", what, err_str(result));
        exit(1);
    }
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    must(!file || fseek(file, 0, SEEK_END) != 0 ? ERR_IO : 0, path);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    must(bytes ? 0 : ERR_NOMEM, path);
    must(fread(bytes, 1, *size, file) == *size ? 0 : ERR_IO, path);
    fclose(file);
    return bytes;
}

/* A row for each address, behind `before`. */
static void put_addresses(const char *before, const struct addrvec *vec)
{
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < vec->count4; i++) {
        uint32_t address = htonl(vec->address4[i]);
        printf("%s%s,%" PRIu64 "\n", before, inet_ntop(AF_INET, &address, text, sizeof text),
               vec->packets4[i]);
    }
    for (size_t i = 0; i < vec->count6; i++)
        printf("%s%s,%" PRIu64 "\n", before,
               inet_ntop(AF_INET6, vec->address6[i], text, sizeof text), vec->packets6[i]);
}

/* --- records ---------------------------------------------------------------------------------- */

static void add_counters(const struct record *record)
{
    sum.captured += record->captured;
    sum.packets += record->packets;
    sum.off_darknet += record->off_darknet;
    sum.not_ip += record->not_ip;
    sum.undecodable += record->undecodable;
    sum.late += record->late;
    sum.refused += record->refused;
    sum.kernel_dropped += record->kernel_dropped;
    records++;
}

static void format_time(char text[32], int64_t at_s)
{
    time_t start = (time_t)at_s;
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime(&start));
}

static void put_interval(const struct record *record)
{
    char text[32];
    format_time(text, record->start_s);
    printf("%s,%" PRIu64 ",%" PRIu64 "\n", text, record->packets, record->bytes);
}

static void put_sources(const struct record *record)
{
    char text[34];
    format_time(text, record->start_s);
    put_addresses(strcat(text, ","), &record->sources);
}

/* Adds a record to the sums, and prints its rows where BY is of single records. */
static void add_record(const uint8_t *bytes, size_t size, const char *path, const char *by)
{
    char errmsg[ERRMSG_SIZE];
    struct record record;
    record_init(&record);
    must(record_open(&record, bytes, size, errmsg), path);
    add_counters(&record);
    must(addrvec_add(&sum.addresses, &record.addresses), path);
    must(tables_add(&sum.tables, &record.tables), path);
    if (strcmp(by, "interval") == 0)
        put_interval(&record);
    if (strcmp(by, "source") == 0)
        put_sources(&record);
    record_close(&record);
}

static void add_segment(const char *path, const char *by)
{
    struct record_header header;
    size_t size, at = 0;
    uint8_t *bytes = read_file(path, &size);
    for (; record_peek(bytes + at, size - at, &header) == 0; at += header.size)
        add_record(bytes + at, header.size, path, by);
    free(bytes);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_sum(struct sum row)
{
    printf(",%" PRIu64 ",%" PRIu64 "\n", row.packets, row.bytes);
}

static void put_classes(void)
{
    for (int i = 0; i < PACKET_CLASSES; i++)
        if (sum.tables.classes[i].packets) {
            printf("%s", packet_class_name((enum packet_class)i));
            put_sum(sum.tables.classes[i]);
        }
}

static void put_protocols(void)
{
    for (size_t i = 0; i < sum.tables.protocols.count; i++) {
        printf("%u", sum.tables.protocols.keys[i]);
        put_sum(sum.tables.protocols.sums[i]);
    }
}

static void put_ports(int protocol, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        printf("%d,%u", protocol, table->keys[i]);
        put_sum(table->sums[i]);
    }
}

static void put_icmp(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        printf("%u,%u", table->keys[i] >> 8, table->keys[i] & 0xffu);
        put_sum(table->sums[i]);
    }
}

static void put_witnesses_of(const char *name, const struct table *table, bool halves)
{
    for (size_t i = 0; i < table->count; i++)
        if (halves)
            printf("%s,%u,%u,%u\n", name, table->keys[i] >> 8, table->keys[i] & 0xffu,
                   table->witnesses[i]);
        else
            printf("%s,%u,%u\n", name, table->keys[i], table->witnesses[i]);
}

static void put_witnesses(void)
{
    for (int i = 0; i < PACKET_CLASSES; i++)
        if (sum.tables.classes[i].packets)
            printf("class,%s,%u\n", packet_class_name((enum packet_class)i),
                   sum.tables.class_witnesses[i]);
    put_witnesses_of("protocol", &sum.tables.protocols, false);
    put_witnesses_of("port,6", &sum.tables.tcp_ports, false);
    put_witnesses_of("port,17", &sum.tables.udp_ports, false);
    put_witnesses_of("icmp,4", &sum.tables.icmp4, true);
    put_witnesses_of("icmp,6", &sum.tables.icmp6, true);
}

static void put_totals(void)
{
    printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
           ",%" PRIu64 ",%" PRIu64 "\n",
           sum.captured, sum.packets, sum.off_darknet, sum.not_ip, sum.undecodable, sum.late,
           sum.refused, sum.kernel_dropped, records);
}

static int put_rows(const char *by)
{
    if (strcmp(by, "address") == 0)
        put_addresses("", &sum.addresses);
    else if (strcmp(by, "class") == 0)
        put_classes();
    else if (strcmp(by, "protocol") == 0)
        put_protocols();
    else if (strcmp(by, "port") == 0) {
        put_ports(PROTOCOL_TCP, &sum.tables.tcp_ports);
        put_ports(PROTOCOL_UDP, &sum.tables.udp_ports);
    } else if (strcmp(by, "icmp") == 0) {
        put_icmp(&sum.tables.icmp4);
        put_icmp(&sum.tables.icmp6);
    } else if (strcmp(by, "totals") == 0)
        put_totals();
    else if (strcmp(by, "witnesses") == 0)
        put_witnesses();
    else
        return strcmp(by, "interval") == 0 || strcmp(by, "source") == 0 ? 0 : 2;
    return 0;
}

/* --- the store -------------------------------------------------------------------------------- */

static void dump_vector(const char *path)
{
    size_t size;
    uint64_t folded;
    uint8_t *bytes = read_file(path, &size);
    must(folded_decode(&sum.addresses, &folded, bytes, size), path);
    put_addresses("", &sum.addresses);
    free(bytes);
}

static void dump_course(const char *path)
{
    static struct course course;
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    uint64_t folded;
    must(course_decode(&course, &folded, bytes, size), path);
    for (int i = 0; i < COURSE_SLOTS; i++)
        if (course.packets[i])
            printf("%d,%" PRIu64 ",%" PRIu64 "\n", i, course.packets[i], course.bytes[i]);
    free(bytes);
}

static void dump_table(const char *name, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        printf("%s,%u,%" PRIu64 ",%" PRIu64 "\n", name, table->keys[i], table->sums[i].packets,
               table->sums[i].bytes);
}

static void dump_tables(const char *path)
{
    struct tables tables = {0};
    size_t size;
    uint64_t folded;
    uint8_t *bytes = read_file(path, &size);
    must(folded_decode_tables(&tables, &folded, bytes, size), path);
    for (int class = 0; class < PACKET_CLASSES; class ++)
        printf("class,%d,%" PRIu64 ",%" PRIu64 "\n", class, tables.classes[class].packets,
               tables.classes[class].bytes);
    dump_table("protocol", &tables.protocols);
    dump_table("tcp", &tables.tcp_ports);
    dump_table("udp", &tables.udp_ports);
    dump_table("icmp4", &tables.icmp4);
    dump_table("icmp6", &tables.icmp6);
    tables_close(&tables);
    free(bytes);
}

int main(int argc, char **argv)
{
    int result = 0;
    record_init(&sum);
    if (argc < 3) {
        fputs("Usage: dump BY SEGMENT... | vector VALUE | course VALUE | tables VALUE\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "vector") == 0)
        dump_vector(argv[2]);
    else if (strcmp(argv[1], "course") == 0)
        dump_course(argv[2]);
    else if (strcmp(argv[1], "tables") == 0)
        dump_tables(argv[2]);
    else {
        for (int i = 2; i < argc; i++)
            add_segment(argv[i], argv[1]);
        result = put_rows(argv[1]);
    }
    record_close(&sum);
    return result;
}

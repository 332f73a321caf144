/*
 * Counts a capture a second time: `recount FILE DARKNET EXCLUDE BY [WIDTH]` prints what
 * `darkcount-collector count -r FILE --darknet DARKNET --exclude EXCLUDE --by BY --width WIDTH
 * --format csv` is to print, byte by byte. It shares no code with the project: libpcap reads, every
 * packet is kept, sorted and counted off. DARKNET and EXCLUDE are prefixes separated by commas,
 * EXCLUDE may be "". Beside the kinds of `count`, BY may be `totals`: what became of all packets, and
 * `sources`: start, source, packets and bytes of every interval; and `witnesses`, of every row of the tables
 * by class, protocol, port and ICMP type of which records have one: the eight bits of its sources.
 * Exit code 1: the file is damaged (the rows are what was before the damage); 3: of a link type that
 * recount does not know, or no capture; 2: wrong usage.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/recount/dissect.h"

#define PREFIXES_MAX 64
#define YEAR_2200_S  INT64_C(7258118400)

struct prefix {
    int family, length;
    uint8_t address[16];
};

struct prefixes {
    struct prefix all[PREFIXES_MAX];
    int count;
};

static struct prefixes darknet, excluded;
static struct seen *packets; /* to the darknet */
static size_t packet_count;
static uint64_t captured, off_darknet, not_ip, undecodable;
static int64_t width_s = 60;
static int64_t unit_ns = 1000; /* of the fractions of a classic pcap */

static void *must(void *memory)
{
    if (!memory) {
        fputs("recount: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* --- prefixes --------------------------------------------------------------------------------- */

static void parse_prefixes(struct prefixes *prefixes, char *list)
{
    for (char *rest = NULL, *one = strtok_r(list, ",", &rest); one;
         one = strtok_r(NULL, ",", &rest)) {
        struct prefix *prefix = &prefixes->all[prefixes->count++];
        char *slash = strchr(one, '/');
        if (slash)
            *slash = '\0';
        prefix->family = strchr(one, ':') ? 6 : 4;
        prefix->length = slash ? atoi(slash + 1) : prefix->family == 4 ? 32 : 128;
        if (prefixes->count == PREFIXES_MAX ||
            inet_pton(prefix->family == 4 ? AF_INET : AF_INET6, one, prefix->address) != 1) {
            fprintf(stderr, "recount: %s: not a prefix, or one too many\n", one);
            exit(2);
        }
    }
}

static bool contains(const struct prefixes *prefixes, int family, const uint8_t *address)
{
    for (int i = 0; i < prefixes->count; i++) {
        const struct prefix *prefix = &prefixes->all[i];
        int bit = 0;
        if (prefix->family != family)
            continue;
        while (bit < prefix->length &&
               !((address[bit / 8] ^ prefix->address[bit / 8]) & 0x80 >> bit % 8))
            bit++;
        if (bit == prefix->length)
            return true;
    }
    return false;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void keep(const struct seen *seen)
{
    static size_t room;
    if (packet_count == room) {
        room = room ? 2 * room : 1024;
        packets = must(realloc(packets, room * sizeof *packets));
    }
    packets[packet_count++] = *seen;
}

/* Seconds since the epoch, rounded down. In a classic pcap they and their fraction are unsigned
 * fields of 32 bits (draft-ietf-opsawg-pcap section 5), which libpcap 1.10 takes for signed ones
 * where the file has the byte order of the host. */
static int64_t time_of(const struct pcap_pkthdr *header)
{
    int64_t time_s = header->ts.tv_sec, fraction_ns = header->ts.tv_usec;
    if (time_s < 0 && time_s >= INT32_MIN)
        time_s += INT64_C(1) << 32;
    if (fraction_ns < 0)
        fraction_ns += (INT64_C(1) << 32) * unit_ns;
    return time_s + fraction_ns / 1000000000;
}

static void see(int linktype, const struct pcap_pkthdr *header, const uint8_t *data)
{
    struct seen seen;
    int64_t time_s = time_of(header);
    enum verdict verdict = dissect(linktype, data, header->caplen, header->len, &seen);
    captured++;
    if (time_s < 0 || time_s >= YEAR_2200_S)
        verdict = VERDICT_UNDECODABLE; /* no capture is of then */
    seen.time_s = time_s;
    if (verdict == VERDICT_UNDECODABLE)
        undecodable++;
    else if (verdict == VERDICT_NOT_IP)
        not_ip++;
    else if (!contains(&darknet, seen.family, seen.dst) ||
             contains(&excluded, seen.family, seen.dst))
        off_darknet++;
    else
        keep(&seen);
}

/* The magic number of a classic pcap tells whether its fractions are nanoseconds. */
static void learn_unit(const char *path)
{
    uint8_t magic[4] = {0};
    FILE *file = fopen(path, "rb");
    if (file && fread(magic, 1, sizeof magic, file) == sizeof magic &&
        (magic[0] == 0x4d || magic[3] == 0x4d))
        unit_ns = 1;
    if (file)
        fclose(file);
}

static int read_capture(const char *path)
{
    char errbuf[PCAP_ERRBUF_SIZE] = "";
    struct pcap_pkthdr *header;
    const uint8_t *data;
    int result;
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, errbuf);
    if (!pcap || !dissect_knows(pcap_datalink(pcap))) {
        fprintf(stderr, "recount: %s: %s\n", path, pcap ? "a link type not known here" : errbuf);
        return 3;
    }
    learn_unit(path);
    while ((result = pcap_next_ex(pcap, &header, &data)) == 1)
        see(pcap_datalink(pcap), header, data);
    if (result == PCAP_ERROR)
        fprintf(stderr, "recount: %s: %s\n", path, pcap_geterr(pcap));
    pcap_close(pcap);
    return result == PCAP_ERROR;
}

/* --- keys by which packets are sorted and counted off ----------------------------------------- */

/* Numbers that make up a key, the first the most significant. */
struct key {
    uint64_t part[3];
};

static uint64_t get64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static struct key address_key(int family, const uint8_t *address)
{
    return (struct key){{(uint64_t)family, get64(address), get64(address + 8)}};
}

static struct key key_of_address(const struct seen *seen)
{
    return address_key(seen->family, seen->dst);
}

static struct key key_of_source(const struct seen *seen)
{
    return address_key(seen->family, seen->src);
}

static int64_t start_of(const struct seen *seen)
{
    return seen->time_s - seen->time_s % width_s;
}

/* By interval, then by family and address. */
static struct key key_of_source_then(const struct seen *seen)
{
    struct key key = key_of_source(seen);
    key.part[0] += (uint64_t)start_of(seen) * 8;
    return key;
}

static struct key key_of_class(const struct seen *seen)
{
    return (struct key){{(uint64_t)seen->class}};
}

static struct key key_of_protocol(const struct seen *seen)
{
    return (struct key){{(uint64_t)seen->protocol}};
}

/* What could not be read comes behind all numbers. */
static uint64_t unread_last(int number)
{
    return number < 0 ? UINT64_MAX : (uint64_t)number;
}

static struct key key_of_port(const struct seen *seen)
{
    return (struct key){{(uint64_t)seen->protocol, unread_last(seen->port)}};
}

static struct key key_of_icmp(const struct seen *seen)
{
    return (struct key){{(uint64_t)seen->family, unread_last(seen->icmp)}};
}

static struct key key_of_interval(const struct seen *seen)
{
    return (struct key){{(uint64_t)start_of(seen)}};
}

static bool has_ports(const struct seen *seen)
{
    return seen->has_ports;
}

static bool has_icmp(const struct seen *seen)
{
    return seen->has_icmp;
}

static int compare(struct key a, struct key b)
{
    for (int i = 0; i < 3; i++)
        if (a.part[i] != b.part[i])
            return a.part[i] < b.part[i] ? -1 : 1;
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_address(int family, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN];
    printf("%s", inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof text));
}

static void put_destination(const struct seen *seen)
{
    put_address(seen->family, seen->dst);
}

static void put_source(const struct seen *seen)
{
    put_address(seen->family, seen->src);
}

static void put_class(const struct seen *seen)
{
    printf("%s", class_names[seen->class]);
}

static void put_protocol(const struct seen *seen)
{
    printf("%d", seen->protocol);
}

static void put_port(const struct seen *seen)
{
    printf("%d,", seen->protocol);
    if (seen->port >= 0)
        printf("%d", seen->port);
}

static void put_icmp(const struct seen *seen)
{
    if (seen->icmp >= 0)
        printf("%d,%d", seen->icmp >> 8, seen->icmp & 255);
    else
        printf(",");
}

static void put_interval(const struct seen *seen)
{
    char text[32];
    time_t start = (time_t)start_of(seen);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime(&start));
    printf("%s", text);
}

static void put_source_then(const struct seen *seen)
{
    put_interval(seen);
    printf(",");
    put_source(seen);
}

static const struct kind {
    const char *name, *columns;
    struct key (*key)(const struct seen *seen);
    void (*put)(const struct seen *seen);
    bool (*wanted)(const struct seen *seen); /* NULL: all */
} kinds[] = {
    {"address", "address,packets,bytes", key_of_address, put_destination, NULL},
    {"interval", "start,packets,bytes,active_addresses,unique_hosts", key_of_interval, put_interval,
     NULL},
    {"class", "class,packets,bytes", key_of_class, put_class, NULL},
    {"protocol", "protocol,packets,bytes", key_of_protocol, put_protocol, NULL},
    {"port", "protocol,port,packets,bytes", key_of_port, put_port, has_ports},
    {"icmp", "type,code,packets,bytes", key_of_icmp, put_icmp, has_icmp},
    {"source", "address,packets,bytes", key_of_source, put_source, NULL},
    {"sources", "start,address,packets,bytes", key_of_source_then, put_source_then, NULL},
};

static const struct kind *sorting;

static int by_key(const void *a, const void *b)
{
    return compare(sorting->key(a), sorting->key(b));
}

static void sort(struct seen *first, size_t count, const struct kind *kind)
{
    sorting = kind;
    qsort(first, count, sizeof *first, by_key);
}

/* How many of the packets, sorted by it, have the first one's key. */
static size_t alike(const struct seen *first, size_t count, const struct kind *kind)
{
    size_t n = 1;
    while (n < count && compare(kind->key(first), kind->key(first + n)) == 0)
        n++;
    return n;
}

/* How many different keys; sorts the packets by it. */
static size_t distinct(struct seen *first, size_t count, const struct kind *kind)
{
    size_t keys = 0;
    sort(first, count, kind);
    for (size_t i = 0; i < count; i += alike(first + i, count - i, kind))
        keys++;
    return keys;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static void print_row(struct seen *first, size_t count, const struct kind *kind)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += first[i].bytes;
    kind->put(first);
    printf(",%zu,%" PRIu64, count, bytes);
    if (kind->key == key_of_interval)
        printf(",%zu,%zu", distinct(first, count, find_kind("address")),
               distinct(first, count, find_kind("source")));
    printf("\n");
}

static void print_rows(const struct kind *kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < packet_count; i++)
        if (!kind->wanted || kind->wanted(&packets[i]))
            packets[kept++] = packets[i];
    printf("%s\n", kind->columns);
    sort(packets, kept, kind);
    for (size_t i = 0, n; i < kept; i += n) {
        n = alike(packets + i, kept - i, kind);
        print_row(packets + i, n, kind);
    }
}

/* --- witnesses -------------------------------------------------------------------------------- */

/* MurmurHash64A by Austin Appleby, in the public domain, with the seed of Redis's HyperLogLog. */
static uint64_t hash_of(const uint8_t *at, int size)
{
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = UINT64_C(0xadc83b19) ^ (uint64_t)size * m;
    for (int i = 0; i < size; i += 8) {
        uint64_t word = 0;
        for (int byte = 0; byte < 8 && i + byte < size; byte++)
            word |= (uint64_t)at[i + byte] << 8 * byte;
        if (size - i >= 8) { /* the rest of fewer bytes is taken as it is */
            word *= m;
            word ^= word >> 47;
            word *= m;
        }
        hash = (hash ^ word) * m;
    }
    hash ^= hash >> 47;
    hash *= m;
    return hash ^ hash >> 47;
}

static unsigned witnesses_of(const struct seen *first, size_t count)
{
    unsigned bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= 1u << hash_of(first[i].src, first[i].family == 4 ? 4 : 16) % 8;
    return bits;
}

/* Records have no rows of what could not be read, and ports of TCP and UDP alone. */
static bool in_record(const struct seen *seen, const struct kind *kind)
{
    if (kind->key == key_of_port)
        return (seen->protocol == 6 || seen->protocol == 17) && seen->port >= 0;
    return kind->key != key_of_icmp || (seen->has_icmp && seen->icmp >= 0);
}

static void print_witnesses(const char *name)
{
    const struct kind *kind = find_kind(name);
    size_t kept = 0;
    for (size_t i = 0; i < packet_count; i++)
        if (in_record(&packets[i], kind)) {
            struct seen swap = packets[kept];
            packets[kept++] = packets[i];
            packets[i] = swap;
        }
    sort(packets, kept, kind);
    for (size_t i = 0, n; i < kept; i += n) {
        n = alike(packets + i, kept - i, kind);
        printf("%s,", name);
        if (kind->key == key_of_icmp)
            printf("%d,", packets[i].family);
        kind->put(&packets[i]);
        printf(",%u\n", witnesses_of(packets + i, n));
    }
}

static void print_all_witnesses(void)
{
    print_witnesses("class");
    print_witnesses("protocol");
    print_witnesses("port");
    print_witnesses("icmp");
}

static void print_totals(void)
{
    printf("captured,darknet,off_darknet,not_ip,undecodable\n");
    printf("%" PRIu64 ",%zu,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", captured, packet_count,
           off_darknet, not_ip, undecodable);
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc >= 5 ? find_kind(argv[4]) : NULL;
    bool witnesses = argc >= 5 && strcmp(argv[4], "witnesses") == 0;
    if (argc < 5 || argc > 6 || (!kind && !witnesses && strcmp(argv[4], "totals") != 0)) {
        fputs("Usage: recount FILE DARKNET EXCLUDE BY [WIDTH]\n", stderr);
        return 2;
    }
    if (argc > 5)
        width_s = atoll(argv[5]);
    parse_prefixes(&darknet, argv[2]);
    parse_prefixes(&excluded, argv[3]);
    int result = read_capture(argv[1]);
    if (result == 3)
        return result;
    if (kind)
        print_rows(kind);
    else if (witnesses)
        print_all_witnesses();
    else
        print_totals();
    free(packets);
    return result;
}

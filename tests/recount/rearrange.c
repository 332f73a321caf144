/*
 * The same packets otherwise: reads a capture through libpcap and writes it
 *   rearrange shuffle SEED FILE OUT      with the packets of every minute in another order
 *   rearrange split SEED PARTS FILE OUT  into PARTS files OUT-0, OUT-1, ..., cut at random packets
 *   rearrange FORM FILE OUT              in another form: us-little, us-big, ns-little, ns-big of
 *                                        classic pcap, and ng-us-little ... ng-ns-big of pcapng;
 *                                        mixed-us-little ... of pcapng with several interfaces
 * Shuffled and split files are us-little. The same arguments give the same bytes.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60

struct kept {
    int64_t ts_ns;
    uint32_t caplen, len;
    uint8_t *data;
};

struct form {
    bool ng, mixed, nanoseconds, big;
};

static struct kept *packets;
static size_t count;
static int linktype, snaplen;
static uint64_t state;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "rearrange: %s: %s\n", what, why);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        fail("reading", "out of memory");
    return memory;
}

/* SplitMix64, by S. Vigna (public domain). */
static uint64_t next_random(void)
{
    uint64_t value = state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* libpcap 1.10 takes the unsigned seconds of a classic pcap in the host's byte order for signed. */
static int64_t time_of(const struct pcap_pkthdr *header)
{
    int64_t seconds = header->ts.tv_sec;
    if (seconds < 0)
        seconds += INT64_C(1) << 32;
    return seconds * 1000000000 + header->ts.tv_usec;
}

static void keep(const struct pcap_pkthdr *header, const uint8_t *data)
{
    static size_t room;
    if (count == room) {
        room = room ? 2 * room : 1024;
        packets = must(realloc(packets, room * sizeof *packets));
    }
    struct kept *packet = &packets[count++];
    packet->ts_ns = time_of(header);
    packet->caplen = header->caplen;
    packet->len = header->len;
    packet->data = must(malloc(header->caplen + 1));
    memcpy(packet->data, data, header->caplen);
}

static void read_all(const char *path)
{
    char errbuf[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *data;
    int result;
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, errbuf);
    if (!pcap)
        fail(path, errbuf);
    linktype =
        pcap_datalink(pcap) == DLT_RAW ? 101 : pcap_datalink(pcap); /* the one that differs */
    snaplen = pcap_snapshot(pcap);
    while ((result = pcap_next_ex(pcap, &header, &data)) == 1)
        keep(header, data);
    if (result == PCAP_ERROR)
        fail(path, pcap_geterr(pcap));
    pcap_close(pcap);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put(FILE *out, bool big, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        fputc((int)(value >> 8 * (big ? size - 1 - i : i) & 0xff), out);
}

static void put_header(FILE *out, struct form form)
{
    put(out, form.big, 4, form.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    put(out, form.big, 2, 2);
    put(out, form.big, 2, 4);
    put(out, form.big, 8, 0);
    put(out, form.big, 4, (uint32_t)snaplen);
    put(out, form.big, 4, (uint32_t)linktype);
}

static void put_packet(FILE *out, struct form form, const struct kept *packet)
{
    int64_t fraction = packet->ts_ns % 1000000000;
    put(out, form.big, 4, (uint64_t)(packet->ts_ns / 1000000000));
    put(out, form.big, 4, (uint64_t)(form.nanoseconds ? fraction : fraction / 1000));
    put(out, form.big, 4, packet->caplen);
    put(out, form.big, 4, packet->len);
    fwrite(packet->data, 1, packet->caplen, out);
}

/* Section header: pcapng, draft-ietf-opsawg-pcapng section 4.1. */
static void put_section(FILE *out, struct form form)
{
    put(out, form.big, 4, 0x0a0d0d0a);
    put(out, form.big, 4, 28);
    put(out, form.big, 4, 0x1a2b3c4d);
    put(out, form.big, 2, 1);
    put(out, form.big, 2, 0);
    put(out, form.big, 8, UINT64_MAX);
    put(out, form.big, 4, 28);
}

/* Interface description, section 4.2. */
static void put_interface(FILE *out, struct form form, int of_linktype, uint32_t of_snaplen)
{
    put(out, form.big, 4, 1);
    put(out, form.big, 4, 32);
    put(out, form.big, 2, (uint32_t)of_linktype);
    put(out, form.big, 2, 0);
    put(out, form.big, 4, of_snaplen);
    put(out, form.big, 2, 9); /* if_tsresol: negative power of ten */
    put(out, form.big, 2, 1);
    put(out, false, 4, form.nanoseconds ? 9 : 6);
    put(out, form.big, 4, 0);
    put(out, form.big, 4, 32);
}

/* Enhanced packet block, section 4.3. */
static void put_ng_packet(FILE *out, struct form form, uint32_t interface,
                          const struct kept *packet)
{
    uint32_t padding = -packet->caplen & 3, size = 32 + packet->caplen + padding;
    uint64_t stamp = (uint64_t)packet->ts_ns / (form.nanoseconds ? 1 : 1000);
    put(out, form.big, 4, 6);
    put(out, form.big, 4, size);
    put(out, form.big, 4, interface);
    put(out, form.big, 4, stamp >> 32);
    put(out, form.big, 4, stamp & UINT32_MAX);
    put(out, form.big, 4, packet->caplen);
    put(out, form.big, 4, packet->len);
    fwrite(packet->data, 1, packet->caplen, out);
    put(out, form.big, padding, 0);
    put(out, form.big, 4, size);
}

/* Whether the packet is Ethernet with IPv4, which may as well be raw IP. */
static bool can_be_raw(const struct kept *packet)
{
    return linktype == 1 && packet->caplen >= 34 && packet->data[12] == 8 &&
           packet->data[13] == 0 && packet->data[14] >> 4 == 4;
}

/* A section of three interfaces, the second of another snap length, the third of another link type;
 * the packets come from them by turns. */
static void put_mixed(FILE *out, struct form form, const struct kept *first, size_t some)
{
    put_section(out, form);
    put_interface(out, form, linktype, (uint32_t)snaplen);
    put_interface(out, form, linktype, 64);
    put_interface(out, form, 101, 0);
    for (size_t i = 0; i < some; i++) {
        struct kept packet = first[i];
        bool raw = i % 3 == 2 && can_be_raw(&packet);
        if (raw)
            packet =
                (struct kept){packet.ts_ns, packet.caplen - 14, packet.len - 14, packet.data + 14};
        put_ng_packet(out, form, raw ? 2 : i % 2, &packet);
    }
}

/* Two sections, the second of the other byte order. */
static void write_mixed(FILE *out, struct form form, const struct kept *first, size_t some)
{
    size_t half = some / 2;
    put_mixed(out, form, first, half);
    form.big = !form.big;
    put_mixed(out, form, first + half, some - half);
}

static void write_some(const char *path, struct form form, const struct kept *first, size_t some)
{
    FILE *out = fopen(path, "wb");
    if (!out)
        fail(path, "cannot be written");
    if (form.mixed) {
        write_mixed(out, form, first, some);
        some = 0;
    } else if (form.ng) {
        put_section(out, form);
        put_interface(out, form, linktype, (uint32_t)snaplen);
    } else {
        put_header(out, form);
    }
    for (size_t i = 0; i < some; i++)
        if (form.ng)
            put_ng_packet(out, form, 0, &first[i]);
        else
            put_packet(out, form, &first[i]);
    if (fclose(out) != 0)
        fail(path, "cannot be written");
}

/* --- other orders ----------------------------------------------------------------------------- */

static int64_t minute_of(size_t i)
{
    return packets[i].ts_ns / 1000000000 / MINUTE_S;
}

/* The packets of each minute keep its places in the file and change among them. */
static void shuffle(void)
{
    size_t *places = must(calloc(count + 1, sizeof *places));
    bool *done = must(calloc(count + 1, sizeof *done));
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (size_t j = i; !done[i] && j < count; j++)
            if (minute_of(j) == minute_of(i))
                places[n++] = j;
        for (size_t k = n; k > 0; k--) {
            size_t other = next_random() % k;
            struct kept swap = packets[places[k - 1]];
            packets[places[k - 1]] = packets[places[other]];
            packets[places[other]] = swap;
            done[places[k - 1]] = true;
        }
    }
    free(places);
    free(done);
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void split(size_t parts, const char *out)
{
    char path[4096];
    size_t *cuts = must(calloc(parts + 1, sizeof *cuts));
    for (size_t i = 1; i < parts; i++)
        cuts[i] = next_random() % (count + 1);
    cuts[parts] = count;
    qsort(cuts, parts + 1, sizeof *cuts, ascending);
    for (size_t i = 0; i < parts; i++) {
        snprintf(path, sizeof path, "%s-%zu", out, i);
        write_some(path, (struct form){0}, packets + cuts[i], cuts[i + 1] - cuts[i]);
    }
    free(cuts);
}

static struct form parse_form(const char *text)
{
    struct form form = {.ng = strncmp(text, "ng-", 3) == 0,
                        .mixed = strncmp(text, "mixed-", 6) == 0};
    const char *rest = text + (form.ng ? 3 : form.mixed ? 6 : 0);
    form.nanoseconds = strncmp(rest, "ns-", 3) == 0;
    form.big = strcmp(rest + 3, "big") == 0;
    if (!(form.nanoseconds || strncmp(rest, "us-", 3) == 0) ||
        !(form.big || strcmp(rest + 3, "little") == 0))
        fail(text, "no such form");
    return form;
}

int main(int argc, char **argv)
{
    bool shuffling = argc == 5 && strcmp(argv[1], "shuffle") == 0;
    bool splitting = argc == 6 && strcmp(argv[1], "split") == 0;
    if (argc != 4 && !shuffling && !splitting) {
        fputs(
            "Usage: rearrange shuffle SEED FILE OUT | split SEED PARTS FILE OUT | FORM FILE OUT\n",
            stderr);
        return 2;
    }
    state = strtoull(argv[2], NULL, 10);
    read_all(argv[argc - 2]);
    if (splitting) {
        split(strtoul(argv[3], NULL, 10), argv[5]);
        return 0;
    }
    if (shuffling)
        shuffle();
    write_some(argv[argc - 1], shuffling ? (struct form){0} : parse_form(argv[1]), packets, count);
    return 0;
}

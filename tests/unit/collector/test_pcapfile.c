/* The block reader against libpcap: what either makes of the same bytes, sound or mutated, must be
 * the same packets, times and place and cause of damage. */
#include <criterion/criterion.h>

#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/capture.h"
#include "collector/decode.h"
#include "collector/pcapfile.h"
#include "common/err.h"
#include "tests/unit/common/random.h"

#define SIZE_MAX_OF_FILE (5 << 19) /* more than two of the blocks that it reads */

static uint8_t file[SIZE_MAX_OF_FILE];
static size_t file_size;
static char path[] = "/tmp/darkcount-pcapfile-XXXXXX";
static uint64_t state;

static void begin(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    state = 1;
}

static void end(void)
{
    unlink(path);
}

TestSuite(pcapfile, .init = begin, .fini = end);

static uint32_t below(uint32_t bound)
{
    return (uint32_t)random_below(&state, bound);
}

/* What a reader made of the file. */
struct reading {
    uint32_t packets;
    uint64_t hash;       /* of every packet's time, lengths and bytes */
    uint64_t brief_hash; /* the same, but only destination and bytes of what decode_ipv4_at reads */
    uint64_t position;
    int result;
    char cause[256];
};

static void mix(uint64_t *hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ at[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
}

static uint32_t linktype_of_file(void)
{
    uint32_t linktype;
    memcpy(&linktype, file + 20, sizeof linktype);
    linktype = (file[0] == 0xa1 ? __builtin_bswap32(linktype) : linktype) & 0xffff;
    return linktype == 101 ? 12 : linktype;
}

static void see_whole(uint64_t *hash, int64_t ts_ns, uint32_t caplen, uint32_t len,
                      const uint8_t *data)
{
    mix(hash, &ts_ns, sizeof ts_ns);
    mix(hash, &caplen, sizeof caplen);
    mix(hash, &len, sizeof len);
    mix(hash, data, caplen);
}

static void see(struct reading *reading, int64_t ts_ns, uint32_t caplen, uint32_t len,
                const uint8_t *data)
{
    struct packet_brief brief;
    int offset = decode_shortcut((int)linktype_of_file());
    reading->packets++;
    see_whole(&reading->hash, ts_ns, caplen, len, data);
    if (offset >= 0 && decode_ipv4_at(offset, data, caplen, &brief))
        mix(&reading->brief_hash, &brief, sizeof brief);
    else
        see_whole(&reading->brief_hash, ts_ns, caplen, len, data);
}

static void expect_equal(const struct reading *ours, const struct reading *theirs, int round)
{
    cr_assert_eq(ours->packets, theirs->packets, "round %d: %u packets, libpcap %u", round,
                 ours->packets, theirs->packets);
    cr_assert_eq(ours->result, theirs->result, "round %d: %d, libpcap %d %s", round, ours->result,
                 theirs->result, theirs->cause);
    cr_assert_eq(ours->position, theirs->position, "round %d: at %lu, libpcap %lu", round,
                 ours->position, theirs->position);
    cr_assert_str_eq(ours->cause, theirs->cause, "round %d: %s, libpcap %s", round, ours->cause,
                     theirs->cause);
    cr_assert_eq(ours->brief_hash, theirs->brief_hash, "round %d", round);
}

static void expect_same(const struct reading *ours, const struct reading *theirs, int round)
{
    expect_equal(ours, theirs, round);
    cr_assert_eq(ours->hash, theirs->hash, "round %d", round);
}

/* --- readers ---------------------------------------------------------------------------------- */

/* libpcap takes the two time fields as signed, but only in its own byte order; they are unsigned. */
static int64_t libpcap_time(const struct pcap_pkthdr *header, bool nanoseconds)
{
    int64_t seconds = header->ts.tv_sec, fraction = header->ts.tv_usec;
    if (seconds < 0)
        seconds += INT64_C(1) << 32;
    if (fraction < 0)
        fraction += (INT64_C(1) << 32) * (nanoseconds ? 1 : 1000);
    return seconds * 1000000000 + fraction;
}

/* False: libpcap does not open it. */
static bool read_by_libpcap(struct reading *reading, int *linktype)
{
    char cause[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    FILE *in = fmemopen(file, file_size, "r");
    pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_NANO, cause);
    *reading = (struct reading){0};
    if (!pcap) {
        fclose(in);
        return false;
    }
    *linktype = pcap_datalink(pcap);
    bool nanoseconds = file[0] == 0x4d || file[3] == 0x4d;
    reading->position = (uint64_t)ftello(in);
    int status;
    while ((status = pcap_next_ex(pcap, &header, &data)) == 1) {
        see(reading, libpcap_time(header, nanoseconds), header->caplen, header->len, data);
        reading->position = (uint64_t)ftello(in);
    }
    reading->result = status == PCAP_ERROR ? ERR_DAMAGED : 0;
    if (reading->result)
        snprintf(reading->cause, sizeof reading->cause, "%s", pcap_geterr(pcap));
    pcap_close(pcap);
    return true;
}

/* Gives the file in pieces of random size. */
struct pieces {
    size_t at;
    uint32_t largest;
};

static ssize_t read_piece(void *user, uint8_t *out, size_t size)
{
    struct pieces *pieces = user;
    size_t piece = 1 + below(pieces->largest);
    piece = piece < size ? piece : size;
    piece = piece < file_size - pieces->at ? piece : file_size - pieces->at;
    memcpy(out, file + pieces->at, piece);
    pieces->at += piece;
    return (ssize_t)piece;
}

static void read_by_blocks(struct reading *reading)
{
    static const uint32_t largest[] = {7, 100, 65536, SIZE_MAX_OF_FILE};
    struct capture_packet packets[64];
    struct pieces pieces = {.at = PCAPFILE_HEADER_SIZE, .largest = largest[below(4)]};
    struct pcapfile *made = pcapfile_new(file, read_piece, &pieces);
    cr_assert_not_null(made);
    *reading = (struct reading){0};
    int count;
    while ((count = pcapfile_batch(made, packets, 1 + (int)below(64))) > 0)
        for (int i = 0; i < count; i++)
            see(reading, packets[i].ts_ns, packets[i].caplen, packets[i].len, packets[i].data);
    reading->result = count;
    reading->position = pcapfile_position(made);
    snprintf(reading->cause, sizeof reading->cause, "%s", pcapfile_damage(made));
    cr_assert_eq(pcapfile_batch(made, packets, 1), count, "an end or error that does not last");
    pcapfile_free(made);
}

/* The greatest part as briefs; how many of them. */
static uint32_t read_by_briefs(struct reading *reading)
{
    struct pieces pieces = {.at = PCAPFILE_HEADER_SIZE, .largest = 65536};
    struct packet_brief briefs[64];
    struct capture_packet packet;
    struct pcapfile *made = pcapfile_new(file, read_piece, &pieces);
    uint32_t sum = 0;
    *reading = (struct reading){0};
    do {
        size_t max = 1 + below(64), count = pcapfile_brief(made, briefs, max);
        cr_assert_leq(count, max);
        mix(&reading->brief_hash, briefs, count * sizeof briefs[0]);
        sum += (uint32_t)count;
        reading->result = pcapfile_batch(made, &packet, 1);
        if (reading->result == 1)
            see(reading, packet.ts_ns, packet.caplen, packet.len, packet.data);
    } while (reading->result == 1);
    reading->packets += sum;
    reading->position = pcapfile_position(made);
    snprintf(reading->cause, sizeof reading->cause, "%s", pcapfile_damage(made));
    cr_assert_eq(pcapfile_brief(made, briefs, 1), 0, "briefs behind the end or the damage");
    pcapfile_free(made);
    return sum;
}

/* Through capture, where "damaged at byte N: CAUSE" tells the rest. */
static int read_by_capture(struct reading *reading)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct capture *cap;
    struct capture_packet packet;
    FILE *out = fopen(path, "w");
    cr_assert_eq(fwrite(file, 1, file_size, out), file_size);
    cr_assert_eq(fclose(out), 0);
    *reading = (struct reading){0};
    int opened = capture_open_file(&cap, path, errmsg);
    if (opened)
        return opened;
    while ((reading->result = capture_next(cap, &packet, errmsg)) == 1)
        see(reading, packet.ts_ns, packet.caplen, packet.len, packet.data);
    const char *where = strstr(errmsg, "damaged at byte ");
    if (reading->result)
        cr_assert_eq(
            sscanf(where, "damaged at byte %lu: %255[^\n]", &reading->position, reading->cause), 2,
            "%s", errmsg);
    capture_close(cap);
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

static void put32(uint32_t value, bool swapped)
{
    if (swapped)
        value = __builtin_bswap32(value);
    memcpy(file + file_size, &value, sizeof value);
    file_size += sizeof value;
}

static void put_header(bool swapped, bool nanoseconds, uint32_t snaplen, uint32_t linktype)
{
    file_size = 0;
    put32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, swapped);
    put32(swapped ? 4 | 2 << 16 : 2 | 4 << 16, swapped);
    put32(0, swapped);
    put32(0, swapped);
    put32(snaplen, swapped);
    put32(linktype, swapped);
}

static void put_record(uint32_t caplen, bool swapped)
{
    put32(below(UINT32_MAX), swapped);
    put32(below(below(4) ? 1000000 : UINT32_MAX), swapped);
    put32(caplen, swapped);
    put32(caplen + below(100), swapped);
    for (uint32_t i = 0; i < caplen && file_size < sizeof file; i++)
        file[file_size++] = (uint8_t)below(256);
}

/* Makes IPv4, of Ethernet or nothing below it, of the packet that was put last; of a total length of 0
 * now and then. */
static void make_ipv4(uint32_t caplen)
{
    uint8_t *data = file + file_size - caplen;
    uint32_t offset = linktype_of_file() == 1 ? 14 : 0;
    if (caplen < offset + 20)
        return;
    if (offset)
        memcpy(data + 12, (const uint8_t[]){8, 0}, 2);
    data[offset] = (uint8_t)(0x44 + below(13)); /* no version, or a header too short, too */
    if (below(8) == 0)
        memset(data + offset + 2, 0, 2);
}

static uint32_t random_caplen(void)
{
    switch (below(24)) {
    case 0:
        return 0;
    case 1:
        return 1500 + below(10000);
    case 2:
        return 262143 + below(3); /* up to one too many */
    default:
        return below(200);
    }
}

static void make_file(void)
{
    static const uint32_t snaplens[] = {0,      1,      64,        128,       65535,
                                        262144, 300000, INT32_MAX, UINT32_MAX};
    /* Not cooked: libpcap turns the bytes of SocketCAN frames in there, which are no IP. */
    static const uint32_t linktypes[] = {1,   12,         100,        101,       104,
                                         228, 0x14000001, 0xf4000001, 0x08000065};
    bool swapped = below(2), nanoseconds = below(2);
    put_header(swapped, nanoseconds, snaplens[below(9)], linktypes[below(9)]);
    for (uint32_t left = below(below(8) ? 60 : 600); left > 0; left--) {
        uint32_t caplen = random_caplen();
        if (file_size + caplen + 16 > sizeof file)
            continue;
        put_record(caplen, swapped);
        if (below(4))
            make_ipv4(caplen);
    }
}

/* Cuts it, overwrites a byte, or sets the bits of a small field, in the header as likely as behind. */
static void mutate(void)
{
    size_t at = below(below(3) ? (uint32_t)file_size : PCAPFILE_HEADER_SIZE);
    switch (below(4)) {
    case 0:
        file_size = at > 0 ? at : 1;
        break;
    case 1:
        file[at] = (uint8_t)below(256);
        break;
    case 2:
        memset(file + at, 0xff, file_size - at < 4 ? file_size - at : 4);
        break;
    default:
        break;
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

static uint32_t briefs_read;

/* Modified pcap, which a mutation hardly makes, stays with libpcap on either side. */
static void compare(int round)
{
    struct reading theirs, ours;
    int linktype = -1;
    bool opened = read_by_libpcap(&theirs, &linktype);
    bool known = opened && decode_supported(linktype);
    bool supported = file_size >= PCAPFILE_HEADER_SIZE && pcapfile_supports(file);
    cr_assert(!supported || known, "round %d: libpcap refuses what the block reader takes", round);
    int result = read_by_capture(&ours);
    cr_assert_eq(result == 0, known, "round %d: opened %d", round, result);
    if (known) {
        if (ours.result == 0)
            ours.position = theirs.position; /* only told of damage */
        expect_same(&ours, &theirs, round);
    }
    if (supported) {
        read_by_blocks(&ours);
        expect_same(&ours, &theirs, round);
        briefs_read += read_by_briefs(&ours);
        expect_equal(&ours, &theirs, round);
    }
}

Test(pcapfile, sound_files_read_as_by_libpcap, .timeout = 300)
{
    for (int round = 0; round < 300; round++) {
        make_file();
        cr_assert(pcapfile_supports(file), "round %d", round);
        compare(round);
    }
    cr_assert_gt(briefs_read, 1000, "only %u packets were read as briefs", briefs_read);
}

Test(pcapfile, mutated_files_read_as_by_libpcap, .timeout = 300)
{
    int damaged = 0;
    for (int round = 0; round < 1500; round++) {
        struct reading reading;
        int linktype;
        make_file();
        for (uint32_t left = 1 + below(3); left > 0; left--)
            mutate();
        compare(round);
        damaged += read_by_libpcap(&reading, &linktype) && reading.result == ERR_DAMAGED;
    }
    cr_assert_gt(damaged, 300, "only %d of the mutated files are damaged", damaged);
}

/* However a small file is cut, byte by byte. */
Test(pcapfile, every_cut_reads_as_by_libpcap)
{
    put_header(false, true, 40, 1);
    put_record(0, false);
    put_record(60, false); /* longer than the snap length */
    put_record(40, false);
    put_record(20, false);
    size_t whole = file_size;
    for (file_size = 1; file_size <= whole; file_size++)
        compare((int)file_size);
}

static ssize_t fail_late(void *user, uint8_t *out, size_t size)
{
    size_t *left = user;
    if (*left == 0)
        return -1;
    size = size < *left ? size : *left;
    memcpy(out, file + PCAPFILE_HEADER_SIZE, size);
    *left -= size;
    return (ssize_t)size;
}

Test(pcapfile, packets_before_a_failed_read_come_first)
{
    struct capture_packet packets[8];
    put_header(false, false, 0, 1);
    put_record(60, false);
    put_record(60, false);
    size_t left = 76 + 76 - 1;
    struct pcapfile *made = pcapfile_new(file, fail_late, &left);
    cr_assert_eq(pcapfile_batch(made, packets, 8), 1);
    cr_assert_eq(pcapfile_batch(made, packets, 8), ERR_IO);
    cr_assert_eq(pcapfile_batch(made, packets, 8), ERR_IO);
    cr_assert_eq(pcapfile_position(made), 24 + 76);
    pcapfile_free(made);
}

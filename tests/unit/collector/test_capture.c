#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "collector/capture.h"
#include "common/err.h"

/* Captures are written into a directory of the test's own. */
static char directory[] = "/tmp/darkcount-capture-XXXXXX";
static char path[128];

static void begin(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/capture", directory);
}

static void end(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(capture, .init = begin, .fini = end);

#define SECONDS 1700000000

/* A capture in memory. */
struct bytes {
    uint8_t at[1 << 16];
    size_t size;
};

static void put(struct bytes *bytes, const void *from, size_t size)
{
    memcpy(bytes->at + bytes->size, from, size);
    bytes->size += size;
}

static void put32(struct bytes *bytes, uint32_t value, bool swapped)
{
    if (swapped)
        value = __builtin_bswap32(value);
    put(bytes, &value, sizeof value);
}

static void put_header(struct bytes *bytes, uint32_t magic, bool swapped, uint32_t linktype)
{
    bytes->size = 0;
    put32(bytes, magic, swapped);
    put32(bytes, swapped ? 4 | 2 << 16 : 2 | 4 << 16, false);
    if (swapped)
        *(uint32_t *)(void *)(bytes->at + 4) = 0x04000200;
    put32(bytes, 0, swapped);
    put32(bytes, 0, swapped);
    put32(bytes, 65535, swapped);
    put32(bytes, linktype, swapped);
}

/* The i-th packet: 20 + i bytes, i seconds and i fractions after the start. */
static void put_packet(struct bytes *bytes, uint32_t i, bool swapped)
{
    uint8_t data[1024] = {0x45, [19] = (uint8_t)i};
    put32(bytes, SECONDS + i, swapped);
    put32(bytes, i, swapped);
    put32(bytes, 20 + i, swapped);
    put32(bytes, 1000 + i, swapped);
    put(bytes, data, 20 + i);
}

static void make(struct bytes *bytes, uint32_t count)
{
    put_header(bytes, 0xa1b2c3d4, false, 101);
    for (uint32_t i = 0; i < count; i++)
        put_packet(bytes, i, false);
}

static void put_block(struct bytes *bytes, uint32_t type, const void *body, uint32_t size)
{
    uint32_t padded = (size + 3) & ~3u;
    put32(bytes, type, false);
    put32(bytes, padded + 12, false);
    put(bytes, body, size);
    put(bytes, "\0\0\0", padded - size);
    put32(bytes, padded + 12, false);
}

/* pcapng: section header, one raw IP interface with nanoseconds, then packets as above. */
static void make_pcapng(struct bytes *bytes, uint32_t count)
{
    static const uint8_t section[] = {0x4d, 0x3c, 0x2b, 0x1a, 1,    0,    0,    0,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t interface[] = {101, 0, 0, 0, 0, 0, 1, 0, 9, 0,
                                        1,   0, 9, 0, 0, 0, 0, 0, 0, 0};
    bytes->size = 0;
    put_block(bytes, 0x0a0d0d0a, section, sizeof section);
    put_block(bytes, 1, interface, sizeof interface);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ns = (uint64_t)(SECONDS + i) * 1000000000 + i;
        uint32_t body[256] = {0, (uint32_t)(ns >> 32), (uint32_t)ns, 20 + i, 1000 + i, 0x45};
        put_block(bytes, 6, body, 20 + 20 + i);
    }
}

static void save(const void *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(bytes, 1, size, out), size);
    cr_assert_eq(fclose(out), 0);
}

static size_t gzip(const struct bytes *bytes, uint8_t *out, size_t room)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes->at,
                       .avail_in = (uInt)bytes->size,
                       .next_out = out,
                       .avail_out = (uInt)room};
    cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return room - stream.avail_out;
}

/* What reading gave. */
struct reading {
    int result; /* of opening, else of the last capture_next */
    uint32_t packets;
    char errmsg[ERRMSG_SIZE];
};

/* Reads the capture and checks every packet against put_packet; `fraction`: nanoseconds of one. */
static struct reading read_all(int64_t fraction)
{
    struct reading reading = {0};
    struct capture *cap;
    struct capture_packet packet;
    reading.result = capture_open_file(&cap, path, reading.errmsg);
    if (reading.result)
        return reading;
    while ((reading.result = capture_next(cap, &packet, reading.errmsg)) == 1) {
        int64_t i = reading.packets++;
        cr_assert_eq(packet.ts_ns, (SECONDS + i) * 1000000000 + i * fraction);
        cr_assert_eq(packet.caplen, 20 + i);
        cr_assert_eq(packet.len, 1000 + i);
        cr_assert_eq(packet.data[0], 0x45);
    }
    capture_close(cap);
    return reading;
}

static void expect_whole(uint32_t packets, int64_t fraction)
{
    struct reading reading = read_all(fraction);
    cr_assert_eq(reading.result, 0, "%s", reading.errmsg);
    cr_assert_eq(reading.packets, packets);
}

static void expect_damage(uint32_t packets, const char *where)
{
    struct reading reading = read_all(1000);
    cr_assert_eq(reading.result, ERR_DAMAGED, "%d %s", reading.result, reading.errmsg);
    cr_assert_eq(reading.packets, packets, "%u", reading.packets);
    cr_assert(strstr(reading.errmsg, path), "%s", reading.errmsg);
    cr_assert(strstr(reading.errmsg, where), "%s", reading.errmsg);
}

/* --- formats ---------------------------------------------------------------------------------- */

Test(capture, pcap_in_both_byte_orders_and_precisions)
{
    static const struct {
        uint32_t magic;
        bool swapped;
        int64_t fraction;
    } cases[] = {{0xa1b2c3d4, false, 1000},
                 {0xa1b2c3d4, true, 1000},
                 {0xa1b23c4d, false, 1},
                 {0xa1b23c4d, true, 1}};
    for (size_t i = 0; i < 4; i++) {
        struct bytes bytes;
        put_header(&bytes, cases[i].magic, cases[i].swapped, 101);
        for (uint32_t packet = 0; packet < 5; packet++)
            put_packet(&bytes, packet, cases[i].swapped);
        save(bytes.at, bytes.size);
        expect_whole(5, cases[i].fraction);
    }
}

Test(capture, pcapng)
{
    struct bytes bytes;
    make_pcapng(&bytes, 7);
    save(bytes.at, bytes.size);
    expect_whole(7, 1);
}

static void put_interface(struct bytes *bytes, uint8_t linktype, uint8_t snaplen)
{
    const uint8_t interface[] = {linktype, 0, 0, 0, snaplen, 0, 0, 0};
    put_block(bytes, 1, interface, sizeof interface);
}

/* Of 20 bytes, a microsecond after the epoch. */
static void put_packet_of(struct bytes *bytes, uint32_t interface)
{
    uint32_t body[10] = {interface, 0, 1, 20, 1000, 0x45};
    put_block(bytes, 6, body, sizeof body);
}

Test(capture, a_pcapng_of_unlike_interfaces_tells_the_link_type_of_each_packet)
{
    static const int expected[] = {12, 12, 1, 1, 12};
    static struct bytes bytes;
    struct capture *cap;
    struct capture_packet packet;
    char errmsg[ERRMSG_SIZE];
    make_pcapng(&bytes, 2);
    put_interface(&bytes, 1, 64);
    put_interface(&bytes, 1, 96);
    put_packet_of(&bytes, 1);
    put_packet_of(&bytes, 2);
    put_packet_of(&bytes, 0);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        cr_assert_eq(capture_next(cap, &packet, errmsg), 1, "%s", errmsg);
        cr_assert_eq(capture_linktype(cap), expected[i]);
    }
    cr_assert_eq(capture_next(cap, &packet, errmsg), 0);
    capture_close(cap);
}

Test(capture, a_pcapng_is_read_up_to_a_link_type_that_is_not_known)
{
    static struct bytes bytes;
    struct capture *cap;
    struct capture_packet packet;
    char errmsg[ERRMSG_SIZE];
    make_pcapng(&bytes, 2);
    put_interface(&bytes, 105, 0);
    put_packet_of(&bytes, 0);
    put_packet_of(&bytes, 1);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(capture_next(cap, &packet, errmsg), 1);
    cr_assert_eq(capture_next(cap, &packet, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "reading ") && strstr(errmsg, "link type IEEE802_11 (105)"), "%s",
              errmsg);
    capture_close(cap);
    make_pcapng(&bytes, 0);
    put_interface(&bytes, 105, 0);
    put_packet_of(&bytes, 1);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "opening ") && strstr(errmsg, "link type IEEE802_11 (105)"), "%s",
              errmsg);
}

Test(capture, gzip_in_one_member_and_in_several)
{
    static uint8_t out[1 << 17];
    struct bytes bytes, half;
    make(&bytes, 100);
    save(out, gzip(&bytes, out, sizeof out));
    expect_whole(100, 1000);

    half.size = bytes.size / 3;
    memcpy(half.at, bytes.at, half.size);
    size_t size = gzip(&half, out, sizeof out);
    half.size = bytes.size - half.size;
    memcpy(half.at, bytes.at + bytes.size - half.size, half.size);
    size += gzip(&half, out + size, sizeof out - size);
    memset(out + size, 0, 512); /* padding, as on tapes */
    save(out, size + 512);
    expect_whole(100, 1000);
}

Test(capture, zstd_in_one_frame_and_in_several)
{
    static uint8_t out[1 << 17];
    struct bytes bytes;
    make(&bytes, 100);
    save(out, ZSTD_compress(out, sizeof out, bytes.at, bytes.size, 3));
    expect_whole(100, 1000);
    size_t size = ZSTD_compress(out, sizeof out, bytes.at, 1000, 3);
    size += ZSTD_compress(out + size, sizeof out - size, bytes.at + 1000, bytes.size - 1000, 3);
    save(out, size);
    expect_whole(100, 1000);
}

Test(capture, a_capture_without_packets_is_whole)
{
    struct bytes bytes;
    make(&bytes, 0);
    save(bytes.at, bytes.size);
    expect_whole(0, 1000);
}

/* The field is unsigned: draft-ietf-opsawg-pcap. */
Test(capture, times_after_2038_are_not_before_1970)
{
    struct bytes bytes;
    struct capture *cap;
    struct capture_packet packet;
    put_header(&bytes, 0xa1b2c3d4, false, 101);
    put32(&bytes, 4000000000u, false);
    put32(&bytes, 5, false);
    put32(&bytes, 4, false);
    put32(&bytes, 4, false);
    put(&bytes, "\x45\0\0\0", 4);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, NULL), 0);
    cr_assert_eq(capture_next(cap, &packet, NULL), 1);
    cr_assert_eq(packet.ts_ns, INT64_C(4000000000000005000));
    capture_close(cap);
}

/* --- damage ----------------------------------------------------------------------------------- */

/* However the file is cut, the packets before the cut come out, and the damage is where the first
 * packet that is not whole begins. */
Test(capture, a_cut_file_gives_what_is_before_the_cut)
{
    struct bytes bytes;
    make(&bytes, 4);
    for (size_t size = 0; size < bytes.size; size++) {
        size_t whole = 24;
        uint32_t packets = 0;
        while (whole + 36 + packets <= size)
            whole += 36 + packets++;
        save(bytes.at, size);
        if (size == whole) {
            expect_whole(packets, 1000);
            continue;
        }
        char where[64];
        snprintf(where, sizeof where, "at byte %zu:", size < 24 ? (size_t)0 : whole);
        expect_damage(packets, where);
    }
}

Test(capture, a_cut_pcapng_names_the_block_that_is_not_whole)
{
    struct bytes bytes;
    make_pcapng(&bytes, 1);
    size_t whole = bytes.size;
    make_pcapng(&bytes, 3);
    save(bytes.at, whole + 17);
    struct reading reading = read_all(1);
    char where[64];
    snprintf(where, sizeof where, "at byte %zu:", whole);
    cr_assert_eq(reading.result, ERR_DAMAGED);
    cr_assert_eq(reading.packets, 1);
    cr_assert(strstr(reading.errmsg, where), "%s", reading.errmsg);
}

Test(capture, a_length_that_makes_no_sense_is_damage)
{
    struct bytes bytes;
    make(&bytes, 3);
    memset(bytes.at + 24 + 36 + 8, 0xff, 4); /* the second packet's captured length */
    save(bytes.at, bytes.size);
    expect_damage(1, "at byte 60:");
}

Test(capture, damaged_gzip_is_told_with_the_offset_in_the_uncompressed_stream)
{
    static uint8_t out[1 << 17];
    struct bytes bytes;
    make(&bytes, 100);
    size_t size = gzip(&bytes, out, sizeof out);
    save(out, size - 1); /* the checksum is cut: all packets are there */
    expect_damage(100, "of the uncompressed stream (gzip): the gzip data ends early");
    out[size - 6] ^= 1;
    save(out, size);
    expect_damage(100, "the gzip data is damaged");
    memcpy(out + size, "rubbish", 7);
    out[size - 6] ^= 1;
    save(out, size + 7);
    expect_damage(100, "the gzip data is damaged");
}

Test(capture, cut_zstd_is_told)
{
    static uint8_t out[1 << 17];
    struct bytes bytes;
    make(&bytes, 100);
    size_t size = ZSTD_compress(out, sizeof out, bytes.at, bytes.size, 3);
    save(out, size - 1);
    struct reading reading = read_all(1000);
    cr_assert_eq(reading.result, ERR_DAMAGED);
    cr_assert(strstr(reading.errmsg, "zstd"), "%s", reading.errmsg);
}

Test(capture, what_is_no_capture_is_told_from_damage)
{
    save("# Real captures\n", 16);
    struct reading reading = read_all(1000);
    cr_assert_eq(reading.result, ERR_INVALID);
    cr_assert(strstr(reading.errmsg, "not a capture file"), "%s", reading.errmsg);
    save("", 0);
    expect_damage(0, "at byte 0:");
}

Test(capture, a_link_type_that_is_not_supported_is_named_at_once)
{
    struct bytes bytes;
    put_header(&bytes, 0xa1b2c3d4, false, 105);
    save(bytes.at, bytes.size);
    struct reading reading = read_all(1000);
    cr_assert_eq(reading.result, ERR_INVALID);
    cr_assert(strstr(reading.errmsg, "IEEE802_11"), "%s", reading.errmsg);
}

Test(capture, a_missing_file_is_told)
{
    struct reading reading = read_all(1000);
    cr_assert_eq(reading.result, ERR_UNKNOWN);
    cr_assert(strstr(reading.errmsg, path), "%s", reading.errmsg);
}

Test(capture, a_missing_interface_is_told)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct capture *cap = (struct capture *)(void *)errmsg;
    struct capture_options options = {0};
    int result = capture_open_live(&cap, "no-such-if0", &options, errmsg);
    cr_assert(result == ERR_UNKNOWN || result == ERR_REFUSED, "%d %s", result, errmsg);
    cr_assert(strstr(errmsg, "no-such-if0"), "%s", errmsg);
    cr_assert_null(cap);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void add_one(void *user, const struct capture_packet *packet)
{
    *(uint32_t *)user += packet->caplen ? 1 : 1000;
}

Test(capture, dispatch_hands_over_at_most_what_was_asked_for)
{
    struct bytes bytes;
    struct capture *cap;
    char errmsg[ERRMSG_SIZE];
    uint32_t handed = 0;
    make(&bytes, 10);
    save(bytes.at, bytes.size - 1);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    cr_assert_eq(capture_linktype(cap), 12 /* raw IP */);
    cr_assert_eq(capture_fd(cap), -1);
    cr_assert_str_eq(capture_name(cap), path);
    cr_assert_eq(capture_dispatch(cap, 4, add_one, &handed, errmsg), 4);
    cr_assert_eq(capture_dispatch(cap, 4, add_one, &handed, errmsg), 4);
    cr_assert_eq(capture_dispatch(cap, 4, add_one, &handed, errmsg), ERR_DAMAGED);
    cr_assert_eq(handed, 9);
    capture_close(cap);
}

Test(capture, dispatch_ends_with_0_after_the_last_packet)
{
    struct bytes bytes;
    struct capture *cap;
    char errmsg[ERRMSG_SIZE];
    uint32_t handed = 0;
    make(&bytes, 10);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    cr_assert_eq(capture_dispatch(cap, 100, add_one, &handed, errmsg), 10);
    cr_assert_eq(capture_dispatch(cap, 100, add_one, &handed, errmsg), 0);
    cr_assert_eq(handed, 10);
    capture_close(cap);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* A capture in which every seventh packet is no IPv4. */
static void make_mixed(struct bytes *bytes, uint32_t count)
{
    make(bytes, count);
    size_t at = 24;
    for (uint32_t i = 0; i < count; i++) {
        if (i % 7 == 3)
            bytes->at[at + 16] = 0x60;
        at += 16 + 20 + i;
    }
}

/* Takes a capture by runs and checks every packet; how it ended. `next`: takes every third packet by
 * capture_next. */
static int run_all(uint32_t *packets, bool next, char *errmsg)
{
    struct capture *cap;
    struct capture_run run;
    struct capture_packet packet;
    int result;
    *packets = 0;
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0, "%s", errmsg);
    while ((result = capture_run(cap, &run, errmsg)) == 1) {
        cr_assert(run.count || run.other_count);
        for (size_t i = 0; i < run.count; i++, (*packets)++) {
            cr_assert_neq(*packets % 7, 3);
            cr_assert_eq(run.packets[i].dst4, *packets & 255);
            cr_assert_eq(run.packets[i].bytes, 1000 + *packets, "no total length: as on the wire");
        }
        for (size_t i = 0; i < run.other_count; i++) {
            cr_assert_eq(run.others[i].len, 1000 + *packets);
            cr_assert_eq(run.others[i].caplen, 20 + (*packets)++);
        }
        if (next && capture_next(cap, &packet, errmsg) == 1)
            cr_assert_eq(packet.len, 1000 + (*packets)++);
    }
    capture_close(cap);
    return result;
}

Test(capture, runs_are_the_packets_in_their_order)
{
    struct bytes bytes;
    char errmsg[ERRMSG_SIZE];
    uint32_t packets;
    make_mixed(&bytes, 200);
    save(bytes.at, bytes.size);
    cr_assert_eq(run_all(&packets, false, errmsg), 0);
    cr_assert_eq(packets, 200);
    cr_assert_eq(run_all(&packets, true, errmsg), 0);
    cr_assert_eq(packets, 200);
}

Test(capture, runs_before_damage_come_first)
{
    struct bytes bytes;
    char errmsg[ERRMSG_SIZE], where[64];
    uint32_t packets;
    make_mixed(&bytes, 30);
    save(bytes.at, bytes.size - 1);
    cr_assert_eq(run_all(&packets, false, errmsg), ERR_DAMAGED);
    cr_assert_eq(packets, 29);
    snprintf(where, sizeof where, "damaged at byte %zu:", bytes.size - 16 - 20 - 29);
    cr_assert(strstr(errmsg, where), "%s", errmsg);
}

/* It gives whole packets, no briefs. */
Test(capture, runs_of_pcapng)
{
    struct bytes bytes;
    struct capture *cap;
    struct capture_run run;
    char errmsg[ERRMSG_SIZE];
    uint32_t packets = 0;
    make_pcapng(&bytes, 20);
    save(bytes.at, bytes.size);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    while (capture_run(cap, &run, errmsg) == 1) {
        cr_assert_eq(run.count, 0);
        for (size_t i = 0; i < run.other_count; i++)
            cr_assert_eq(run.others[i].caplen, 20 + packets++);
    }
    cr_assert_eq(packets, 20);
    capture_close(cap);
}

/* More than a run and than a block hold. */
Test(capture, runs_of_a_long_file)
{
    enum { COUNT = 20000 };
    struct capture *cap;
    struct capture_run run;
    char errmsg[ERRMSG_SIZE];
    uint64_t packets = 0, sum = 0;
    FILE *out = fopen(path, "w");
    struct bytes bytes;
    put_header(&bytes, 0xa1b2c3d4, false, 101);
    fwrite(bytes.at, 1, bytes.size, out);
    for (uint32_t i = 0; i < COUNT; i++) {
        bytes.size = 0;
        put_packet(&bytes, i % 200, false);
        fwrite(bytes.at, 1, bytes.size, out);
    }
    cr_assert_eq(fclose(out), 0);
    cr_assert_eq(capture_open_file(&cap, path, errmsg), 0);
    while (capture_run(cap, &run, errmsg) == 1) {
        packets += run.count + run.other_count;
        for (size_t i = 0; i < run.count; i++)
            sum += run.packets[i].bytes;
        for (size_t i = 0; i < run.other_count; i++)
            sum += run.others[i].len;
    }
    cr_assert_eq(packets, COUNT);
    cr_assert_eq(sum, UINT64_C(100) * (200 * 1000 + 199 * 100));
    capture_close(cap);
}

/* --- lists ------------------------------------------------------------------------------------ */

static void touch(const char *name)
{
    char file[192];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    FILE *out = fopen(file, "w");
    cr_assert_not_null(out);
    fclose(out);
}

Test(capture, a_directory_is_its_files_in_name_order)
{
    char sub[160], errmsg[ERRMSG_SIZE];
    touch("b.pcap");
    touch("a.pcap");
    touch("C.pcap");
    touch(".hidden");
    snprintf(sub, sizeof sub, "%s/aa", directory);
    cr_assert_eq(mkdir(sub, 0700), 0);
    const char *paths[] = {"-", directory};
    struct capture_list list;
    cr_assert_eq(capture_expand(&list, paths, 2, errmsg), 0);
    cr_assert_eq(list.count, 4);
    cr_assert_str_eq(list.files[0].path, "-");
    cr_assert_not(list.files[0].listed);
    cr_assert_str_eq(strrchr(list.files[1].path, '/'), "/C.pcap");
    cr_assert_str_eq(strrchr(list.files[2].path, '/'), "/a.pcap");
    cr_assert_str_eq(strrchr(list.files[3].path, '/'), "/b.pcap");
    cr_assert(list.files[3].listed);
    capture_list_close(&list);

    paths[1] = path;
    cr_assert_eq(capture_expand(&list, paths, 2, errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, path), "%s", errmsg);
    capture_list_close(&list);
}

Test(capture, a_directory_without_a_file_is_an_error)
{
    char sub[160], errmsg[ERRMSG_SIZE] = "";
    touch(".hidden");
    touch("a.pcap");
    snprintf(sub, sizeof sub, "%s/empty", directory);
    cr_assert_eq(mkdir(sub, 0700), 0);
    const char *paths[] = {directory, sub};
    struct capture_list list;
    cr_assert_eq(capture_expand(&list, paths, 2, errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, sub) && strstr(errmsg, "no file in it"), "%s", errmsg);
    capture_list_close(&list);
}

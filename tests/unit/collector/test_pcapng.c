#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/pcapng.h"
#include "common/err.h"

#define SECTION  0x0a0d0d0au
#define ENHANCED 6

/* --- files in memory -------------------------------------------------------------------------- */

static uint8_t bytes[1 << 19];
static size_t size;
static bool big; /* byte order of what is put */

static void begin(void)
{
    size = 0;
    big = false;
}

TestSuite(pcapng, .init = begin);

static void put(const void *from, size_t count)
{
    memcpy(bytes + size, from, count);
    size += count;
}

static void put16(uint16_t value)
{
    value = big ? __builtin_bswap16(value) : value;
    put(&value, sizeof value);
}

static void put32(uint32_t value)
{
    value = big ? __builtin_bswap32(value) : value;
    put(&value, sizeof value);
}

static void put64(uint64_t value)
{
    value = big ? __builtin_bswap64(value) : value;
    put(&value, sizeof value);
}

/* Returns where the block begins, for end_block. */
static size_t begin_block(uint32_t type)
{
    size_t at = size;
    put32(type);
    put32(0);
    return at;
}

static void end_block(size_t at)
{
    static const uint8_t zeros[3];
    put(zeros, -(size - at) & 3);
    uint32_t length = (uint32_t)(size - at) + 4, value = big ? __builtin_bswap32(length) : length;
    memcpy(bytes + at + 4, &value, sizeof value);
    put32(length);
}

static void put_section(void)
{
    size_t at = begin_block(SECTION);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put64(UINT64_MAX);
    end_block(at);
}

static void put_interface(uint16_t linktype, uint32_t snaplen)
{
    size_t at = begin_block(1);
    put16(linktype);
    put16(0);
    put32(snaplen);
    end_block(at);
}

/* With a comment before the two options, as some writers have it. */
static void put_timed_interface(uint8_t resolution, int64_t offset_s)
{
    size_t at = begin_block(1);
    put16(1);
    put16(0);
    put32(0);
    put16(1);
    put16(5);
    put("hello\0\0", 8);
    put16(9);
    put16(1);
    put((uint8_t[]){resolution, 0, 0, 0}, 4);
    put16(14);
    put16(8);
    put64((uint64_t)offset_s);
    put32(0);
    end_block(at);
}

/* `count` bytes, of which the first tells the packet. */
static void put_data(uint8_t first, uint32_t count)
{
    uint8_t data[256] = {first};
    put(data, count);
}

static void put_packet(uint32_t interface, uint64_t stamp, uint8_t first, uint32_t caplen)
{
    size_t at = begin_block(ENHANCED);
    put32(interface);
    put32((uint32_t)(stamp >> 32));
    put32((uint32_t)stamp);
    put32(caplen);
    put32(1000);
    put_data(first, caplen);
    end_block(at);
}

static void put_simple(uint32_t len, uint32_t caplen, uint8_t first)
{
    size_t at = begin_block(3);
    put32(len);
    put_data(first, caplen);
    end_block(at);
}

/* --- reading ---------------------------------------------------------------------------------- */

static size_t given, piece;

static ssize_t give(void *user, uint8_t *out, size_t room)
{
    size_t left = *(size_t *)user - given;
    room = room < piece ? room : piece;
    room = room < left ? room : left;
    memcpy(out, bytes + given, room);
    given += room;
    return (ssize_t)room;
}

/* A reader of the first `end` bytes, of which it gets at most `most` at a time. */
static struct pcapng *open_some(size_t *end, size_t most)
{
    given = 0;
    piece = most;
    struct pcapng *file = pcapng_new(give, end);
    cr_assert_not_null(file);
    return file;
}

static struct pcapng *open_all(void)
{
    return open_some(&size, SIZE_MAX);
}

static struct capture_packet take_one(struct pcapng *file)
{
    struct capture_packet packet;
    cr_assert_eq(pcapng_batch(file, &packet, 1), 1, "%s", pcapng_damage(file));
    return packet;
}

static void expect_end(struct pcapng *file)
{
    struct capture_packet packet;
    cr_assert_eq(pcapng_batch(file, &packet, 1), 0, "%s", pcapng_damage(file));
    cr_assert_eq(pcapng_position(file), size);
    pcapng_free(file);
}

Test(pcapng, begins_with_a_section_header)
{
    put_section();
    cr_assert(pcapng_begins(bytes, 4));
    cr_assert_not(pcapng_begins(bytes, 3));
    cr_assert_not(pcapng_begins(bytes + 1, 4));
}

/* --- interfaces ------------------------------------------------------------------------------- */

Test(pcapng, interfaces_of_several_link_types_and_snap_lengths)
{
    struct capture_packet packets[8];
    put_section();
    put_interface(1, 65535);
    put_interface(1, 96);
    put_packet(0, 7, 1, 20);
    put_packet(1, 8, 2, 97); /* longer than was asked for, as some kernels give them */
    put_interface(101, 0);
    put_packet(2, 9, 3, 21);
    put_packet(0, 10, 4, 1);
    struct pcapng *file = open_all();
    cr_assert_eq(pcapng_find(file), 1);
    cr_assert_eq(pcapng_linktype(file), 1);
    cr_assert_eq(pcapng_batch(file, packets, 8), 2);
    cr_assert_eq(pcapng_linktype(file), 1);
    cr_assert_eq(packets[0].data[0], 1);
    cr_assert_eq(packets[0].caplen, 20);
    cr_assert_eq(packets[0].len, 1000);
    cr_assert_eq(packets[0].ts_ns, 7000);
    cr_assert_eq(packets[1].caplen, 97);
    cr_assert_eq(pcapng_batch(file, packets, 8), 1);
    cr_assert_eq(pcapng_linktype(file), 12 /* raw IP */);
    cr_assert_eq(packets[0].data[0], 3);
    cr_assert_eq(pcapng_batch(file, packets, 8), 1);
    cr_assert_eq(pcapng_linktype(file), 1);
    cr_assert_eq(packets[0].data[0], 4);
    expect_end(file);
}

Test(pcapng, without_packets_the_first_interface_tells_the_link_type)
{
    put_section();
    struct pcapng *file = open_all();
    cr_assert_eq(pcapng_find(file), 0);
    cr_assert_eq(pcapng_linktype(file), 0);
    expect_end(file);
    put_interface(113, 0);
    put_interface(1, 0);
    file = open_all();
    cr_assert_eq(pcapng_find(file), 0);
    cr_assert_eq(pcapng_linktype(file), 113);
    expect_end(file);
}

Test(pcapng, resolutions_and_offsets_of_time)
{
    static const struct {
        uint8_t resolution;
        int64_t offset_s;
        uint64_t stamp;
        int64_t ns;
    } cases[] = {
        {0, 0, 3, 3000000000},
        {3, 0, 1700000000123, 1700000000123000000},
        {6, 0, 1700000000123456, 1700000000123456000},
        {9, 0, 1700000000123456789, 1700000000123456789},
        {9, -1700000000, 1700000000123456789, 123456789},
        {9, 1700000000, 5, 1700000000000000005},
        {12, 0, 12345678901234567, 12345678901234},
        {19, 0, UINT64_MAX, 1844674407},
        {0x80, 0, 3, 3000000000},
        {0x8a, 0, 1024 + 512, 1500000000},
        {0xa0, 0, UINT64_C(0x6553f10080000000), 1700000000500000000},
        {0xbf, 0, UINT64_MAX, 1999999999},
        {9, -2, 1000000000, -1000000000},
        {0, 0, UINT64_MAX, INT64_MAX},
        {0, 0, 9223372037, INT64_MAX},
        {0, INT64_MAX, 1, INT64_MAX},
        {0, INT64_MIN, 1, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int order = 0; order < 2; order++) {
            size = 0;
            big = order;
            put_section();
            put_timed_interface(cases[i].resolution, cases[i].offset_s);
            put_packet(0, cases[i].stamp, 1, 1);
            struct pcapng *file = open_all();
            cr_assert_eq(take_one(file).ts_ns, cases[i].ns, "case %zu", i);
            expect_end(file);
        }
}

Test(pcapng, what_follows_the_end_of_options_is_none)
{
    put_section();
    size_t at = begin_block(1);
    put16(1);
    put16(0);
    put32(0);
    put32(0);
    put32(UINT32_MAX);
    end_block(at);
    put_packet(0, 1, 1, 20);
    struct pcapng *file = open_all();
    take_one(file);
    expect_end(file);
}

Test(pcapng, a_section_has_its_own_byte_order_and_interfaces)
{
    put_section();
    put_interface(1, 0);
    put_packet(0, 5, 1, 33);
    big = true;
    put_section();
    put_interface(101, 0);
    put_packet(0, 0x123456789a, 2, 34);
    big = false;
    put_section();
    put_packet(0, 6, 3, 35);
    struct pcapng *file = open_all();
    cr_assert_eq(take_one(file).caplen, 33);
    struct capture_packet packet = take_one(file);
    cr_assert_eq(packet.caplen, 34);
    cr_assert_eq(packet.ts_ns, INT64_C(0x123456789a) * 1000);
    cr_assert_eq(pcapng_linktype(file), 12);
    cr_assert_eq(pcapng_batch(file, &packet, 1), ERR_DAMAGED);
    cr_assert(strstr(pcapng_damage(file), "interface 0, of which there is no description"));
    pcapng_free(file);
}

/* --- other blocks ----------------------------------------------------------------------------- */

Test(pcapng, simple_packets_are_cut_by_the_first_interface_and_have_no_time)
{
    put_section();
    put_interface(1, 30);
    put_interface(101, 5);
    put_simple(1500, 30, 1);
    put_simple(7, 7, 2);
    struct pcapng *file = open_all();
    struct capture_packet packet = take_one(file);
    cr_assert_eq(packet.caplen, 30);
    cr_assert_eq(packet.len, 1500);
    cr_assert_eq(packet.ts_ns, 0);
    cr_assert_eq(pcapng_linktype(file), 1);
    packet = take_one(file);
    cr_assert_eq(packet.caplen, 7);
    cr_assert_eq(packet.data[0], 2);
    expect_end(file);
}

Test(pcapng, obsolete_packet_blocks)
{
    big = true;
    put_section();
    put_interface(101, 0);
    put_interface(1, 0);
    size_t at = begin_block(2);
    put16(1);
    put16(77); /* drops */
    put64(9);
    put32(40);
    put32(41);
    put_data(5, 40);
    end_block(at);
    struct pcapng *file = open_all();
    struct capture_packet packet = take_one(file);
    cr_assert_eq(pcapng_linktype(file), 1);
    cr_assert_eq(packet.ts_ns, 9000);
    cr_assert_eq(packet.caplen, 40);
    cr_assert_eq(packet.len, 41);
    cr_assert_eq(packet.data[0], 5);
    expect_end(file);
}

/* One larger than what is read at a time. */
Test(pcapng, blocks_of_other_types_are_passed_over)
{
    put_section();
    put_interface(1, 0);
    end_block(begin_block(0xbad));
    put_packet(0, 1, 1, 20);
    size_t at = begin_block(5);
    size += 300000;
    end_block(at);
    put_packet(0, 2, 2, 20);
    struct pcapng *file = open_all();
    cr_assert_eq(take_one(file).data[0], 1);
    cr_assert_eq(take_one(file).data[0], 2);
    expect_end(file);
}

/* --- pieces and damage ------------------------------------------------------------------------ */

static void put_many(void)
{
    put_section();
    put_interface(1, 0);
    put_interface(101, 0);
    for (uint32_t i = 0; i < 50; i++)
        put_packet(i % 7 == 0, i, (uint8_t)i, i + 1);
}

Test(pcapng, pieces_of_any_size_give_the_same)
{
    static const size_t pieces[] = {1, 2, 13, 100, SIZE_MAX};
    put_many();
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct pcapng *file = open_some(&size, pieces[i]);
        struct capture_packet packets[7];
        uint32_t seen = 0;
        int count;
        while ((count = pcapng_batch(file, packets, 7)) > 0)
            for (int j = 0; j < count; j++, seen++) {
                cr_assert_eq(packets[j].data[0], seen);
                cr_assert_eq(packets[j].caplen, seen + 1);
                cr_assert_eq(pcapng_linktype(file), seen % 7 == 0 ? 12 : 1);
            }
        cr_assert_eq(seen, 50);
        expect_end(file);
    }
}

/* Cut anywhere, a file gives the packets that are whole and says where it was cut. */
Test(pcapng, cut_at_every_byte)
{
    put_many();
    size_t whole = 0; /* the end of the last whole block */
    for (size_t end = 1; end < size; end++) {
        uint32_t length;
        memcpy(&length, bytes + whole + 4, sizeof length);
        whole += end >= whole + length ? length : 0;
        struct pcapng *file = open_some(&end, SIZE_MAX);
        struct capture_packet packets[64];
        int count;
        while ((count = pcapng_batch(file, packets, 64)) > 0)
            ;
        cr_assert_eq(count, end == whole ? 0 : ERR_DAMAGED, "cut at %zu", end);
        cr_assert_eq(pcapng_position(file), whole, "cut at %zu", end);
        cr_assert_eq(pcapng_batch(file, packets, 64), count);
        pcapng_free(file);
    }
}

/* After one good packet, the block that was put last is damaged so. */
static void expect_damage(const char *cause, size_t at)
{
    struct capture_packet packets[8];
    struct pcapng *file = open_all();
    cr_assert_eq(pcapng_batch(file, packets, 8), 1, "%s", cause);
    cr_assert_eq(pcapng_batch(file, packets, 8), ERR_DAMAGED, "%s", cause);
    cr_assert(strstr(pcapng_damage(file), cause), "%s", pcapng_damage(file));
    cr_assert_eq(pcapng_position(file), at, "%s", cause);
    pcapng_free(file);
    size = at;
}

static void set32(size_t at, uint32_t value)
{
    memcpy(bytes + at, &value, sizeof value);
}

Test(pcapng, blocks_that_contradict_themselves)
{
    put_section();
    put_interface(1, 0);
    put_packet(0, 1, 1, 20);
    size_t at = size;
    static const struct {
        size_t field;
        uint32_t value;
        const char *cause;
    } cases[] = {
        {4, 8, "a block has length 8"},
        {4, 53, "a block has length 53"},
        {4, 0x01000004, "longer than the 16777216"},
        {4, 56, "truncated pcapng file; a block of 56 bytes has only 52"},
        {4, 48, "a block has length 48 and 0"},
        {48, 56, "a block has length 52 and 56"},
        {8, 1, "interface 1, of which there is no description"},
        {20, 21, "21 captured bytes in a block that has 20 for it"},
        {20, 262145, "more than 262144"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_packet(0, 2, 2, 20);
        set32(at + cases[i].field, cases[i].value);
        expect_damage(cases[i].cause, at);
    }
}

Test(pcapng, headers_that_contradict_themselves)
{
    put_section();
    put_interface(1, 0);
    put_packet(0, 1, 1, 20);
    size_t at = size;
    put_section();
    set32(at + 8, 0x1a2b3c4e);
    expect_damage("byte-order magic 0x1a2b3c4e", at);
    put_section();
    set32(at + 12, 2);
    expect_damage("unsupported pcapng version 2.0", at);
    end_block(begin_block(ENHANCED));
    expect_damage("a packet block of 0 bytes", at);
    end_block(begin_block(3));
    expect_damage("a simple packet block of 0 bytes", at);
    end_block(begin_block(1));
    expect_damage("an interface description of 0 bytes", at);
    put_timed_interface(20, 0);
    expect_damage("time resolution 0x14", at);
    put_timed_interface(0xc0, 0);
    expect_damage("time resolution 0xc0", at);
    put_timed_interface(9, 0);
    set32(at + 16, 1 | 57 << 16);
    expect_damage("an option of 57 bytes", at);
    put32(SECTION);
    put32(12);
    put32(0x1a2b3c4d);
    expect_damage("a block has length 12 and 439041101", at);
    begin_block(SECTION);
    put32(0x1a2b3c4d);
    end_block(at);
    expect_damage("a section header of 4 bytes", at);
}

Test(pcapng, a_section_has_a_bounded_number_of_interfaces)
{
    static size_t end;
    struct capture_packet packet;
    put_section();
    size_t at = size;
    put_interface(1, 0);
    /* The same description again and again: more than fit into `bytes`. */
    struct pcapng *file = open_some(&end, SIZE_MAX);
    end = size;
    for (int i = 0; i < PCAPNG_INTERFACES_MAX; i++) {
        cr_assert_eq(pcapng_batch(file, &packet, 1), 0);
        given = at;
    }
    cr_assert_eq(pcapng_batch(file, &packet, 1), ERR_DAMAGED);
    cr_assert(strstr(pcapng_damage(file), "more than 65536 interfaces"));
    pcapng_free(file);
}

static ssize_t fail(void *user, uint8_t *out, size_t room)
{
    (void)user, (void)out, (void)room;
    return -1;
}

Test(pcapng, a_failed_read_is_told_for_ever)
{
    struct capture_packet packet;
    struct pcapng *file = pcapng_new(fail, NULL);
    cr_assert_eq(pcapng_find(file), ERR_IO);
    cr_assert_eq(pcapng_batch(file, &packet, 1), ERR_IO);
    pcapng_free(file);
}

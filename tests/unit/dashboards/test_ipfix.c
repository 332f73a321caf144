/* The messages taken apart by RFC 7011 section 3; tests/system/export reads them with tshark. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "dashboards/ipfix.h"

static struct textout text;
static struct ipfix ipfix;
static struct outfile *out;
static char path[64], errmsg[ERRMSG_SIZE];

static void begin(bool anonymized)
{
    snprintf(path, sizeof path, "/tmp/darkcount-ipfix.%d", (int)getpid());
    cr_assert_eq(outfile_open(&out, path, errmsg), 0, "%s", errmsg);
    textout_init(&text, out, errmsg);
    ipfix_begin(&ipfix, &text, anonymized, 1000);
}

static struct buf end(void)
{
    struct buf file;
    ipfix_end(&ipfix);
    cr_assert_eq(textout_flush(&text), 0);
    cr_assert_eq(outfile_commit(out, errmsg), 0);
    buf_init(&file);
    FILE *in = fopen(path, "r");
    for (int c; (c = fgetc(in)) != EOF;)
        buf_put_u8(&file, (uint8_t)c);
    fclose(in);
    unlink(path);
    return file;
}

static unsigned take_u16(struct cursor *in)
{
    unsigned high = cursor_u8(in);
    return high << 8 | cursor_u8(in);
}

struct seen {
    unsigned messages, sets[300];
    uint64_t records4, records6, packets, last_start_ms, last_end_ms;
    uint32_t time_s, next_sequence;
    uint32_t first4;
};

static void take_records(struct cursor *set, unsigned id, struct seen *seen)
{
    size_t size = id == 256 ? 28 : 40;
    while ((size_t)(set->end - set->at) >= size) {
        seen->last_start_ms = cursor_u64_be(set);
        seen->last_end_ms = cursor_u64_be(set);
        const uint8_t *address = cursor_take(set, id == 256 ? 4 : 16);
        if (id == 256 && seen->records4 == 0)
            seen->first4 = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
                           (uint32_t)address[2] << 8 | address[3];
        seen->packets += cursor_u64_be(set);
        seen->next_sequence++;
        seen->records4 += id == 256;
        seen->records6 += id == 257;
    }
    cr_assert(cursor_done(set), "a set of %u has %zu bytes over", id, (size_t)(set->end - set->at));
}

static void take_message(struct cursor *in, struct seen *seen)
{
    cr_assert_eq(take_u16(in), 10);
    unsigned size = take_u16(in);
    seen->time_s = cursor_u32_be(in);
    cr_assert_eq(cursor_u32_be(in), seen->next_sequence);
    cursor_u32_be(in);
    cr_assert_gt(size, 16);
    struct cursor message = cursor_over(cursor_take(in, size - 16), size - 16);
    while (message.at < message.end) {
        unsigned id = take_u16(&message), length = take_u16(&message);
        cr_assert_gt(length, 4);
        struct cursor set = cursor_over(cursor_take(&message, length - 4), length - 4);
        cr_assert_not(message.failed);
        cr_assert_lt(id, 300);
        seen->sets[id]++;
        if (id == 256 || id == 257)
            take_records(&set, id, seen);
        if (id == 258)
            seen->next_sequence += (length - 4) / 8;
    }
    seen->messages++;
}

static struct seen take_apart(const struct buf *file)
{
    struct seen seen = {0};
    struct cursor in = cursor_over(file->bytes, file->size);
    while (in.at < in.end)
        take_message(&in, &seen);
    cr_assert(cursor_done(&in));
    return seen;
}

Test(ipfix, templates_alone_when_there_is_nothing)
{
    begin(false);
    struct buf file = end();
    struct seen seen = take_apart(&file);
    cr_assert_eq(seen.messages, 1);
    cr_assert_eq(seen.time_s, 1000);
    cr_assert_eq(seen.sets[2], 1);
    cr_assert_eq(seen.sets[3], 0);
    buf_close(&file);
}

Test(ipfix, says_when_addresses_are_pseudonyms)
{
    begin(true);
    struct buf file = end();
    struct seen seen = take_apart(&file);
    cr_assert_eq(seen.sets[3], 1);
    cr_assert_eq(seen.sets[258], 1);
    cr_assert_eq(seen.next_sequence, 2);
    buf_close(&file);
}

Test(ipfix, both_families_in_messages_of_any_size)
{
    uint8_t address6[16] = {0x20, 0x01};
    begin(true);
    for (unsigned period = 0; period < 3; period++) {
        ipfix_period(&ipfix, 60 * period, 60 * period + 60);
        for (uint32_t i = 0; i < 2 * 65536 / 28; i++)
            ipfix_add4(&ipfix, 0xc6330000u + i, 2);
        for (uint32_t i = 0; i < 1000 * period; i++)
            ipfix_add6(&ipfix, address6, UINT64_C(1) << 32);
    }
    struct buf file = end();
    struct seen seen = take_apart(&file);
    cr_assert_eq(seen.records4, 3u * (2 * 65536 / 28));
    cr_assert_eq(seen.records6, 3000);
    cr_assert_eq(seen.packets, 2 * seen.records4 + (3000ull << 32));
    cr_assert_eq(seen.first4, 0xc6330000u);
    cr_assert_eq(seen.last_start_ms, 120000);
    cr_assert_eq(seen.last_end_ms, 179999);
    cr_assert_eq(seen.time_s, 180);
    buf_close(&file);
}

/* 16 bytes of header and sets of 4 + 28 * 2310 and 4 + 40 * 20 leave 31 of 65,535: a record of IPv4
 * would fit, a set with one does not. */
Test(ipfix, a_set_begins_in_a_message_only_with_a_record)
{
    uint8_t address6[16] = {0x20, 0x01};
    begin(false);
    ipfix_period(&ipfix, 0, 60);
    for (uint32_t i = 0; i < 2310; i++)
        ipfix_add4(&ipfix, i, 1);
    for (uint32_t i = 0; i < 20; i++)
        ipfix_add6(&ipfix, address6, 1);
    ipfix_add4(&ipfix, 1, 1);
    struct buf file = end();
    struct seen seen = take_apart(&file);
    cr_assert_eq(seen.records4, 2311);
    cr_assert_eq(seen.records6, 20);
    cr_assert_eq(seen.messages, 3);
    buf_close(&file);
}

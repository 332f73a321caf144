/* Writes the seeds of the fuzz corpus: `seeds FOLDER` fills FOLDER/<target>/ with one small valid
 * input of each kind. Run by hand after a form has changed (`make fuzz-seeds`); what it writes is
 * kept in the repository, beside inputs that once broke something. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "common/frame.h"
#include "common/record.h"
#include "common/course.h"
#include "common/folded.h"
#include "common/schema.h"
#include "tests/unit/common/tables_of.h"
#include "tests/unit/collector/links.h"
#include "tests/unit/collector/tunnels.h"
#include "tests/unit/common/tables_of.h"

static const char *corpus;

static void write_seed(const char *target, const char *name, const void *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", corpus, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
    FILE *file = fopen(path, "we");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void write_text(const char *target, const char *name, const char *text)
{
    write_seed(target, name, text, strlen(text));
}

static void fill_sources(struct addrvec *vec)
{
    addrvec_append4(vec, 0xc0000201, 5);
    addrvec_append4(vec, 0xc0000209, 300);
    addrvec_append6(vec, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb9}, 2);
    addrvec_append6(vec, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb9, [15] = 1}, 1);
}

static void fill_vector(struct addrvec *vec)
{
    addrvec_append4(vec, 0xc6336401, 7);
    addrvec_append4(vec, 0xc63364ff, 300);
    addrvec_append6(vec, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8}, 3);
    addrvec_append6(vec, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 1);
}

enum fullness { QUIET, COUNTED, ALARMED };

/* Late packets by interval, and an alarm of every kind and family. */
static void fill_alarms(struct record *record)
{
    static const uint8_t network[16] = {0x20, 0x01, 0x0d, 0xb8};
    record->flags = RECORD_CLOCK_SUSPECT | RECORD_RECOVERED;
    record->late = 5;
    record->captured += 5;
    record->late_by[0] = (struct record_late){record->start_s - 120, 1};
    record->late_by[1] = (struct record_late){record->start_s - 60, 3};
    record->late_count = 2;
    record->alarms[0] = (struct record_alarm){RECORD_ALARM_LIT_ADDRESS, 4, 32, {198, 51, 100}, 7};
    record->alarms[1] = (struct record_alarm){RECORD_ALARM_SKEW, 4, 32, {198, 51, 100, 1}, 300};
    record->alarms[2] =
        (struct record_alarm){.kind = RECORD_ALARM_SILENT, .family = 6, .length = 32};
    memcpy(record->alarms[2].address, network, sizeof network);
    record->alarm_count = 3;
    record->alarms_omitted = 1;
}

/* The sealed record, and the protobuf message in it. */
static void record_seeds(const char *name, enum fullness fullness, struct buf *sealed)
{
    static uint8_t message[65536];
    struct record record;
    record_init(&record);
    record.seq = 1;
    strcpy(record.sensor, "s");
    record.start_s = 1795321020;
    record.width_s = 60;
    record.first_ns = record.start_s * 1000000000;
    record.last_ns = record.first_ns + 59999999999;
    if (fullness != QUIET) {
        fill_vector(&record.addresses);
        fill_sources(&record.sources);
        record.packets = record.captured = addrvec_packets(&record.addresses);
        hll_add(&record.hosts, "abcd", 4);
        record.bytes = record.packets * 40;
        tables_of(&record.tables, record.packets, record.bytes);
    }
    if (fullness == ALARMED)
        fill_alarms(&record);
    if (record_seal(&record, sealed, NULL) != 0)
        exit(1);
    write_seed("record_open", name, sealed->bytes, sealed->size);
    size_t size = ZSTD_decompress(message, sizeof message, sealed->bytes + RECORD_HEADER_SIZE,
                                  sealed->size - RECORD_HEADER_SIZE);
    write_seed("record_message", name, message, size);
    record_close(&record);
}

static void frame_seeds(const struct buf *sealed)
{
    struct frame_open open = {.sensor = "s", .darknet = (char *)"198.51.100.0/24", .replay = true};
    struct buf out;
    buf_init(&out);
    frame_put_hello(&out);
    frame_put_open(&out, &open);
    frame_put_resume(&out, 1);
    write_seed("frame_read", "handshake", out.bytes, out.size);
    buf_consume(&out, out.size);
    frame_put_record(&out, sealed->bytes, sealed->size);
    frame_put_ack(&out, 2);
    frame_put_lost(&out, &(struct frame_lost){3, 9});
    frame_put_refuse(&out,
                     &(struct frame_refuse){.code = REFUSE_GAP, .final = true, .text = "a\nb"});
    write_seed("frame_read", "delivery", out.bytes, out.size);
    struct frame_join join = {.secret_given = true, .request = (char *)"PEM"};
    struct frame_certificate certificate = {"s", (char *)"198.51.100.0/24", (char *)"PEM",
                                            (char *)"PEM"};
    out.size = 0;
    frame_put_join(&out, &join);
    frame_put_certificate(&out, &certificate);
    write_seed("frame_read", "joining", out.bytes, out.size);
    out.size = 0;
    frame_put_probe(&out, (const uint8_t *)"a nonce: 16 byte");
    frame_put_probed(&out, (const uint8_t *)"a nonce: 16 byte");
    write_seed("frame_read", "probing", out.bytes, out.size);
    buf_close(&out);
}

/* A form of the store behind the byte that chooses its decoder. */
static void form_seed(uint8_t choice, const char *name, const struct buf *form)
{
    struct buf out;
    buf_init(&out);
    buf_put_u8(&out, choice);
    buf_put(&out, form->bytes, form->size);
    write_seed("store_forms", name, out.bytes, out.size);
    buf_close(&out);
}

static void store_seeds(void)
{
    static struct course course = {.packets = {1, 2, 300}, .observed_ns = {60000000000}};
    struct addrvec vec;
    struct tables of = {0};
    struct buf folded, tables, day, part;
    addrvec_init(&vec);
    fill_vector(&vec);
    tables_of(&of, 100000, 6000000);
    buf_init(&folded);
    buf_init(&tables);
    buf_init(&day);
    if (folded_encode(&vec, 9, &folded) || folded_encode_tables(&of, 9, &tables) ||
        course_encode(&course, 9, &day))
        exit(1);
    part = (struct buf){.bytes = folded.bytes + 9, .size = folded.size - 9};
    form_seed(0, "vector", &part);
    form_seed(1, "planes", &part);
    form_seed(2, "folded", &folded);
    form_seed(4, "tables", &tables);
    form_seed(3, "course", &day);
    addrvec_close(&vec);
    buf_close(&folded);
    buf_close(&tables);
    buf_close(&day);
    tables_close(&of);
}

static void put_order(struct buf *out, uint32_t value, bool swapped)
{
    value = swapped ? __builtin_bswap32(value) : value;
    buf_put(out, &value, sizeof value);
}

/* Behind the size of the pieces: a pcap of two packets, the second longer than its snap length. */
static void pcapfile_seed(const char *name, uint32_t magic, uint32_t linktype, bool swapped)
{
    static const uint32_t sizes[] = {20, 40};
    uint8_t data[40] = {0x45};
    struct buf out;
    buf_init(&out);
    buf_put_u8(&out, swapped ? 6 : 255);
    put_order(&out, magic, swapped);
    put_order(&out, swapped ? 4 | 2 << 16 : 2 | 4 << 16, swapped);
    put_order(&out, 0, swapped);
    put_order(&out, 0, swapped);
    put_order(&out, 32, swapped);
    put_order(&out, linktype, swapped);
    for (uint32_t i = 0; i < 2; i++) {
        put_order(&out, 1795321020, swapped);
        put_order(&out, 999999, swapped);
        put_order(&out, sizes[i], swapped);
        put_order(&out, 60, swapped);
        buf_put(&out, data, sizes[i]);
    }
    write_seed("pcapfile", name, out.bytes, out.size);
    out.size -= 3;
    out.bytes[0] = swapped ? 0 : 255;
    write_seed("pcapfile", swapped ? "cut-swapped" : "cut", out.bytes, out.size);
    buf_close(&out);
}

static void pcapng_block(struct buf *out, uint32_t type, const uint32_t *words, uint32_t count,
                         bool swapped)
{
    put_order(out, type, swapped);
    put_order(out, 12 + 4 * count, swapped);
    for (uint32_t i = 0; i < count; i++)
        put_order(out, words[i], swapped);
    put_order(out, 12 + 4 * count, swapped);
}

/* Interfaces of two link types, the second with nanoseconds, and a packet of each kind of block. */
static void pcapng_section(struct buf *out, bool swapped)
{
    uint32_t raw = swapped ? 101 << 16 : 101, version = swapped ? 1 << 16 : 1;
    uint32_t resolution = swapped ? 9 << 16 | 1 : 1 << 16 | 9, nine = swapped ? 9u << 24 : 9;
    pcapng_block(out, 0x0a0d0d0a, (uint32_t[]){0x1a2b3c4d, version, UINT32_MAX, UINT32_MAX}, 4,
                 swapped);
    pcapng_block(out, 1, (uint32_t[]){swapped ? 1 << 16 : 1, 65535}, 2, swapped);
    pcapng_block(out, 1, (uint32_t[]){raw, 0, resolution, nine, 0}, 5, swapped);
    pcapng_block(out, 6, (uint32_t[]){1, 0x17979cfe, 0x362a0000, 8, 60, 0x45, 7}, 7, swapped);
    pcapng_block(out, 2, (uint32_t[]){0, 0, 1, 4, 60, 0x45}, 6, swapped);
    pcapng_block(out, 3, (uint32_t[]){4, 0x45}, 2, swapped);
    pcapng_block(out, 5, (uint32_t[]){1, 2}, 2, swapped);
}

static void pcapng_seeds(void)
{
    struct buf out;
    buf_init(&out);
    buf_put_u8(&out, 255);
    pcapng_section(&out, false);
    write_seed("pcapng", "straight", out.bytes, out.size);
    pcapng_section(&out, true);
    write_seed("pcapng", "two-orders", out.bytes, out.size);
    out.bytes[0] = 6;
    out.size -= 25;
    write_seed("pcapng", "cut", out.bytes, out.size);
    buf_close(&out);
}

/* A frame behind the place of its link type and the length that was not captured. */
static void decode_seed(const char *target, int linktype, size_t number,
                        const struct crafted *frame)
{
    char name[32];
    struct buf out;
    uint8_t place = 0;
    while (link_types[place] != linktype)
        place++;
    snprintf(name, sizeof name, "link-%d-%zu", linktype, number);
    buf_init(&out);
    buf_put_u8(&out, place);
    buf_put(&out, "\0", 2);
    buf_put(&out, frame->bytes, frame->size);
    write_seed(target, name, out.bytes, out.size);
    buf_close(&out);
}

static void decode_seeds(void)
{
    struct crafted frame;
    for (size_t i = 0; i < LINK_CASES; i++) {
        make_link(&frame, &link_cases[i]);
        decode_seed("decode", link_cases[i].linktype, i, &frame);
    }
    for (size_t i = 0; i < TUNNELS; i++) {
        make_tunnel(&frame, i % 2 ? 6 : 4, &tunnels[i]);
        decode_seed("tunnel", 12, i, &frame);
    }
}

/* Frames behind their size, all from 198.51.100.7: ARP, with the header of the link type, and IPv4. */
static void lit_seed(const char *name, uint16_t linktype, const uint8_t *header,
                     uint8_t header_size, uint8_t type_at)
{
    static const uint8_t arp[] = {0,   1,  8,   0, 6, 4, 0, 1, 2, 0, 0,   0,  0,   7,
                                  198, 51, 100, 7, 0, 0, 0, 0, 0, 0, 198, 51, 100, 1};
    static const uint8_t ip[20] = {0x45, 0, 0, 20, [9] = 6, [12] = 198, 51, 100, 7};
    struct buf out;
    buf_init(&out);
    buf_put_u8(&out, (uint8_t)(linktype >> 8));
    buf_put_u8(&out, (uint8_t)linktype);
    buf_put_u8(&out, 0);
    buf_put_u8(&out, (uint8_t)(header_size + sizeof arp));
    buf_put(&out, header, header_size);
    buf_put(&out, arp, sizeof arp);
    buf_put_u8(&out, (uint8_t)(header_size + sizeof ip));
    uint8_t *copy = buf_extend(&out, header_size);
    memcpy(copy, header, header_size);
    copy[type_at] = 8;
    copy[type_at + 1] = 0;
    buf_put(&out, ip, sizeof ip);
    write_seed("lit", name, out.bytes, out.size);
    buf_close(&out);
}

static void lit_seeds(void)
{
    static const uint8_t ethernet[14] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 7, 8, 6};
    static const uint8_t tagged[18] = {[0] = 255, [6] = 2, [12] = 0x81, 0, 0, 5, 8, 6};
    static const uint8_t cooked1[16] = {0, 1, 0, 1, 0, 6, 2, [14] = 8, 6};
    static const uint8_t cooked2[20] = {8, 6, [9] = 1, 0, 6, 2};
    lit_seed("ethernet", 1, ethernet, sizeof ethernet, 12);
    lit_seed("tagged", 1, tagged, sizeof tagged, 16);
    lit_seed("cooked1", 113, cooked1, sizeof cooked1, 14);
    lit_seed("cooked2", 276, cooked2, sizeof cooked2, 0);
}

static void text_seeds(void)
{
    write_text("store_text", "totals", "1 1 2 3 4 5 6 7 8 9 10 11 12");
    write_text("store_text", "epoch", "5 1 0-1 3-9 1795321020000000000-1795321079999999999");
    write_text("store_text", "inventory",
               "1546300800 192.0.2.0/24,2001:db8::/48\nrestated:2019:1 1 1700000000\n1577836800 -");
    write_text("arguments", "unix", "unix:///run/redis%20a.sock");
    write_text("arguments", "tcp", "redis://u:p%40@h:6380/1");
    write_text("arguments", "tcp6", "redis://[2001:db8::1]:1/2");
    write_text("arguments", "time", "2009-11-01T00:00:30.5-02:30");
    write_text("arguments", "day", "2009-11-01");
    write_text("arguments", "epoch", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
    write_text("config_read", "whole",
               "[sensor]\nname = a ; b\ndarknet = 192.0.2.0/24\n  2001:db8::/32\nwidth = 60\n"
               "live = yes\n");
    write_text("config_read", "windows", "\xef\xbb\xbf[sensor]\r\nwidth: 7\r\n");
}

/* Scripts of fuzz_spool. */
static void spool_seeds(void)
{
    static const uint8_t whole[] = {0, 1, 2, 3, 4}, gap[] = {6, 1, 2, 5, 5, 4},
                         damaged[] = {0, 1, 0x84, 'D', 'C', 'R', '1', 2, 0x82, 0, 0, 4, 0x81, 'D'};
    write_seed("spool", "whole", whole, sizeof whole);
    write_seed("spool", "gap", gap, sizeof gap);
    write_seed("spool", "damaged", damaged, sizeof damaged);
}

int main(int argc, char **argv)
{
    struct buf quiet, sealed, alarmed;
    if (argc != 2)
        return 2;
    corpus = argv[1];
    buf_init(&quiet);
    buf_init(&sealed);
    buf_init(&alarmed);
    record_seeds("quiet", QUIET, &quiet);
    record_seeds("counted", COUNTED, &sealed);
    record_seeds("alarmed", ALARMED, &alarmed);
    frame_seeds(&sealed);
    store_seeds();
    pcapfile_seed("microseconds", 0xa1b2c3d4, 101, false);
    pcapfile_seed("nanoseconds-swapped", 0xa1b23c4d, 0x14000001, true);
    pcapng_seeds();
    decode_seeds();
    lit_seeds();
    text_seeds();
    spool_seeds();
    buf_close(&quiet);
    buf_close(&sealed);
    buf_close(&alarmed);
    return 0;
}

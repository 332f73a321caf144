#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include "collector/child.h"
#include "collector/sensor.h"
#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"

#define START INT64_C(1700000040) /* on a minute */

static char folder[64];
static char spool[128];
static char errmsg[ERRMSG_SIZE];
static struct sensor sensor;
static struct buf file; /* the capture being made */

/* --- captures --------------------------------------------------------------------------------- */

/* A UDP datagram's beginning: 28 bytes to an address of the darknet. */
static void put_datagram(uint8_t host)
{
    uint8_t bytes[28] = {0x45, 0, 0,   28, 0,   0,    0,   0,  64,  17,
                         0,    0, 203, 0,  113, host, 198, 51, 100, host};
    buf_put(&file, bytes, sizeof bytes);
}

static void pcap_begin(bool nanoseconds)
{
    buf_put_u32_le(&file, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    buf_put_u32_le(&file, 0x00040002); /* version 2.4 */
    buf_put_u64_le(&file, 0);
    buf_put_u32_le(&file, 65535);
    buf_put_u32_le(&file, 101); /* LINKTYPE_RAW */
}

static void pcap_packet(int64_t at_s, uint32_t fraction, uint8_t host)
{
    buf_put_u32_le(&file, (uint32_t)at_s);
    buf_put_u32_le(&file, fraction);
    buf_put_u32_le(&file, 28);
    buf_put_u32_le(&file, 28);
    put_datagram(host);
}

static void pcapng_begin(void)
{
    static const uint32_t words[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1,   0xffffffff, 0xffffffff,
                                     28,         1,  20,         101, 0,          20};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        buf_put_u32_le(&file, words[i]);
}

static void pcapng_packet(int64_t at_us, uint8_t host)
{
    buf_put_u32_le(&file, 6);
    buf_put_u32_le(&file, 60);
    buf_put_u32_le(&file, 0);
    buf_put_u32_le(&file, (uint32_t)(at_us >> 32));
    buf_put_u32_le(&file, (uint32_t)at_us);
    buf_put_u32_le(&file, 28);
    buf_put_u32_le(&file, 28);
    put_datagram(host);
    buf_put_u32_le(&file, 60);
}

/* Writes what was made to folder/name and begins anew; returns the path (static). */
static const char *save(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    cr_assert(out);
    fwrite(file.bytes, 1, file.size, out);
    fclose(out);
    file.size = 0;
    return path;
}

static const char *save_gzip(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile out = gzopen(path, "wb");
    cr_assert_eq(gzwrite(out, file.bytes, (unsigned)file.size), (int)file.size);
    gzclose(out);
    file.size = 0;
    return path;
}

/* `minutes` minutes of a packet every ten seconds, beginning at `at_s`. */
static void put_minutes(int64_t at_s, int minutes)
{
    pcap_begin(false);
    for (int i = 0; i < minutes * 6; i++)
        pcap_packet(at_s + 10 * i, 500, (uint8_t)i);
}

/* --- the sensor ------------------------------------------------------------------------------- */

static void begin(void)
{
    static char name[] = "tester", darknet[] = "198.51.100.0/24";
    folder_make(folder);
    snprintf(spool, sizeof spool, "%s/spool", folder);
    buf_init(&file);
    signal(SIGPIPE, SIG_IGN);
    sensor = (struct sensor){.name = name, .darknet_text = darknet, .spool = spool, .signals = -1};
    sensor.darknet = prefixset_new();
    prefixset_add(sensor.darknet, darknet, errmsg);
    prefixset_finish(sensor.darknet, errmsg);
    int lock = spool_lock(spool, errmsg);
    struct ship_options options = {.spool = spool, .aggregator = "unix:///nonexistent/socket"};
    cr_assert_eq(child_start(&sensor.child, &options, errmsg), 0, "%s", errmsg);
    close(lock);
}

static void end(void)
{
    child_free(sensor.child);
    prefixset_free(sensor.darknet);
    buf_close(&file);
    folder_remove(folder);
}

TestSuite(replay, .init = begin, .fini = end);

static int replay(const char *const *paths, size_t count)
{
    sensor.paths = paths;
    sensor.path_count = count;
    errmsg[0] = '\0';
    return sensor_replay(&sensor, errmsg);
}

static int replay_one(const char *path)
{
    return replay(&path, 1);
}

/* The epochs that the spool holds; freed by the next call. */
static struct spool_epoch *list(size_t want)
{
    static struct spool_epoch *epochs;
    static size_t count;
    char why[ERRMSG_SIZE];
    spool_list_free(epochs, count);
    cr_assert_eq(spool_list(spool, &epochs, &count, why), 0, "%s", why);
    cr_assert_eq(count, want, "%zu epochs, not %zu", count, want);
    return epochs;
}

/* Sums packets over the records of an epoch, each of which must open. */
static uint64_t packets_in(const struct spool_epoch *epoch)
{
    struct spool_reader *reader = spool_reader_new(epoch->path, 1);
    const uint8_t *bytes;
    size_t size;
    uint64_t packets = 0;
    while (spool_read(reader, epoch->last, &bytes, &size, errmsg) == 1) {
        struct record record;
        record_init(&record);
        cr_assert_eq(record_open(&record, bytes, size, errmsg), 0, "%s", errmsg);
        cr_assert_geq(record.first_ns, epoch->identity.first_ns);
        cr_assert_leq(record.last_ns, epoch->identity.last_ns);
        packets += record.packets;
        record_close(&record);
    }
    spool_reader_free(reader);
    return packets;
}

/* All bytes of the epoch's first segment, to be freed. */
static uint8_t *segment_bytes(const struct spool_epoch *epoch, size_t *size)
{
    char name[PATH_MAX];
    segment_path(name, epoch->path, 1);
    FILE *in = fopen(name, "r");
    cr_assert(in);
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

Test(replay, counts_a_capture_into_an_epoch)
{
    put_minutes(START + 5, 3);
    cr_assert_eq(replay_one(save("a.pcap")), 0, "%s", errmsg);
    struct spool_epoch *epoch = list(1);
    cr_assert(epoch->identity.replay);
    cr_assert_eq(epoch->identity.first_ns, (START + 5) * 1000000000 + 500000);
    cr_assert_eq(epoch->identity.last_ns, (START + 175) * 1000000000 + 500000);
    cr_assert_eq(epoch->last, 3);
    cr_assert_eq(packets_in(epoch), 18);
    cr_assert_eq(epoch->identity.epoch[6] >> 4, 8, "a UUID of version 8");
    cr_assert_eq(epoch->identity.epoch[8] >> 6, 2);
}

/* The same packets are the same epoch: whatever the file's name, format and compression. */
Test(replay, epoch_is_that_of_the_packets)
{
    put_minutes(START, 2);
    cr_assert_eq(replay_one(save("a.pcap")), 0);
    put_minutes(START, 2);
    cr_assert_eq(replay_one(save_gzip("b.pcap.gz")), 0);
    pcap_begin(true);
    for (int i = 0; i < 12; i++)
        pcap_packet(START + 10 * i, 500000, (uint8_t)i);
    cr_assert_eq(replay_one(save("c.pcap")), 0);
    pcapng_begin();
    for (int i = 0; i < 12; i++)
        pcapng_packet((START + 10 * i) * 1000000 + 500, (uint8_t)i);
    cr_assert_eq(replay_one(save("d.pcapng")), 0, "%s", errmsg);
    struct spool_epoch *epoch = list(1);
    cr_assert_eq(packets_in(epoch), 12);
}

Test(replay, epoch_is_the_sensors_own)
{
    static char other[] = "tester2";
    put_minutes(START, 1);
    const char *path = save("a.pcap");
    cr_assert_eq(replay_one(path), 0);
    sensor.name = other;
    cr_assert_eq(replay_one(path), 0);
    list(2);
}

Test(replay, one_other_byte_is_another_epoch)
{
    put_minutes(START, 1);
    cr_assert_eq(replay_one(save("a.pcap")), 0);
    put_minutes(START, 1);
    file.bytes[file.size - 1] ^= 1;
    cr_assert_eq(replay_one(save("b.pcap")), 0);
    list(2);
}

Test(replay, other_darknet_is_refused)
{
    static char other[] = "198.51.100.0/25";
    put_minutes(START, 1);
    const char *path = save("a.pcap");
    cr_assert_eq(replay_one(path), 0);
    sensor.darknet_text = other;
    cr_assert_eq(replay_one(path), ERR_REFUSED);
}

Test(replay, two_captures_of_the_same_time_are_refused)
{
    put_minutes(START, 2);
    const char *a = save("one.pcap");
    put_minutes(START + 65, 2);
    const char *b = save("two.pcap");
    cr_assert_eq(replay((const char *const[]){a, b}, 2), ERR_REFUSED);
    cr_assert(strstr(errmsg, a), "%s", errmsg);
    cr_assert(strstr(errmsg, b), "%s", errmsg);
    list(0);
}

Test(replay, same_capture_twice_in_one_call_is_counted_once)
{
    put_minutes(START, 2);
    const char *a = save("one.pcap");
    put_minutes(START, 2);
    const char *b = save("two.pcap");
    cr_assert_eq(replay((const char *const[]){a, b, a}, 3), 0, "%s", errmsg);
    cr_assert_eq(packets_in(list(1)), 12);
}

/* A file ends and the next begins with the same time stamp: an honest rotation. */
Test(replay, captures_that_touch_are_two)
{
    put_minutes(START, 1);
    const char *a = save("one.pcap");
    put_minutes(START + 50, 1);
    const char *b = save("two.pcap");
    cr_assert_eq(replay((const char *const[]){a, b}, 2), 0, "%s", errmsg);
    list(2);
}

Test(replay, packets_out_of_order_are_all_counted)
{
    pcap_begin(false);
    for (int i = 0; i < 100; i++)
        pcap_packet(START + (i * 37) % 400, 0, (uint8_t)i);
    cr_assert_eq(replay_one(save("a.pcap")), 0, "%s", errmsg);
    cr_assert_eq(packets_in(list(1)), 100);
}

/* Wherever an earlier run ended, the result is the same bytes. */
Test(replay, half_written_epoch_is_completed_to_the_same_bytes)
{
    put_minutes(START + 7, 6);
    const char *path = save("a.pcap");
    cr_assert_eq(replay_one(path), 0);
    size_t size, again;
    uint8_t *whole = segment_bytes(list(1), &size);
    char name[PATH_MAX];
    segment_path(name, list(1)->path, 1);
    for (size_t cut = 0; cut < size; cut += 97) {
        cr_assert_eq(truncate(name, (off_t)cut), 0);
        cr_assert_eq(replay_one(path), 0, "%s", errmsg);
        uint8_t *bytes = segment_bytes(list(1), &again);
        cr_assert_eq(again, size);
        cr_assert_eq(memcmp(bytes, whole, size), 0, "cut at %zu", cut);
        free(bytes);
    }
    free(whole);
}

Test(replay, truncated_capture_is_counted_and_named)
{
    put_minutes(START, 1);
    file.size -= 5;
    const char *a = save("cut.pcap");
    put_minutes(START + 600, 1);
    const char *b = save("whole.pcap");
    cr_assert_eq(replay((const char *const[]){a, b}, 2), ERR_DAMAGED);
    cr_assert(strstr(errmsg, a), "%s", errmsg);
    cr_assert(strstr(errmsg, "244"), "no offset: %s", errmsg); /* 24 + 5 x (16 + 28) */
    struct spool_epoch *epochs = list(2);
    cr_assert_eq(packets_in(&epochs[0]), 5);
    cr_assert_eq(packets_in(&epochs[1]), 6);
}

Test(replay, empty_capture_gives_nothing)
{
    pcap_begin(false);
    cr_assert_eq(replay_one(save("empty.pcap")), 0);
    list(0);
}

Test(replay, missing_file_and_standard_input)
{
    cr_assert_eq(replay_one("/nonexistent/file.pcap"), ERR_UNKNOWN);
    cr_assert_eq(replay_one("-"), ERR_INVALID);
    put_minutes(START, 1);
    const char *paths[] = {save("a.pcap"), "/nonexistent/file.pcap"};
    cr_assert_eq(replay(paths, 2), ERR_UNKNOWN);
    list(0);
}

Test(replay, stops_when_told_to)
{
    put_minutes(START, 1);
    sensor.stop = true;
    cr_assert_eq(replay_one(save("a.pcap")), ERR_STOPPED);
    list(0);
}

/* The spool is full in the middle of a capture: later it goes on from there. */
Test(replay, full_spool_keeps_what_it_has)
{
    put_minutes(START, 5);
    const char *path = save("a.pcap");
    cr_assert_eq(replay_one(path), 0);
    size_t size, again;
    uint8_t *whole = segment_bytes(list(1), &size);
    char name[PATH_MAX];
    segment_path(name, list(1)->path, 1);
    cr_assert_eq(truncate(name, 0), 0);
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = size / 2;
    setrlimit(RLIMIT_FSIZE, &limit);
    int rc = replay_one(path);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_assert(rc == ERR_IO || rc == ERR_FULL);
    cr_assert(strstr(errmsg, spool), "%s", errmsg);
    cr_assert_eq(list(1)->last, 2);
    cr_assert_eq(replay_one(path), 0);
    uint8_t *bytes = segment_bytes(list(1), &again);
    cr_assert(again == size && memcmp(bytes, whole, size) == 0);
    free(bytes);
    free(whole);
}

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/stream_of.h"

#define S INT64_C(1000000000)

static char folder[64], path[96], errmsg[ERRMSG_SIZE];

static void begin(void)
{
    folder_make(folder);
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", folder);
}

static void end(void)
{
    folder_remove(folder);
}

static struct interval *make(const struct prefixset *darknet, const char *where)
{
    struct interval *interval;
    cr_assert_eq(interval_new(&interval, darknet, where, errmsg), 0);
    cr_assert_eq(errmsg[0], '\0', "%s", errmsg);
    interval_open(interval, STREAM_START, STREAM_START);
    return interval;
}

/* The record of what is there, to be closed and freed. */
static struct record *record_of(struct interval *interval)
{
    struct record *record = malloc(sizeof *record);
    record_init(record);
    cr_assert_eq(interval_record(&interval, 1, record), 0);
    return record;
}

static void drop(struct record *record)
{
    record_close(record);
    free(record);
}

TestSuite(interval, .init = begin, .fini = end);

/* tests/system/kill reads these from outside. */
_Static_assert(offsetof(struct image, is_open) == 20 && offsetof(struct image, commits) == 120 &&
                   offsetof(struct commit, waiting) == 40 && sizeof(struct commit) == 48 &&
                   offsetof(struct image, current) == 216,
               "tests/system/kill has other offsets");

/* --- records ---------------------------------------------------------------------------------- */

Test(interval, file_and_memory_give_the_same_record)
{
    for (size_t i = 0; i < DARKNET_CASES; i++) {
        const struct darknet_case *row = &darknet_cases[i];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        struct interval *memory = make(darknet, NULL), *file = make(darknet, path);
        cr_expect(interval_safe(file) && !interval_safe(memory));
        uint64_t seeds[2] = {i, i};
        stream_add(memory, row, &seeds[0], 10000);
        stream_add(file, row, &seeds[1], 10000);
        struct buf want = stream_sealed(memory), have = stream_sealed(file);
        cr_expect(stream_same(&want, &have), "%s", row->name);
        buf_close(&want);
        buf_close(&have);
        interval_free(memory);
        interval_discard(file);
        cr_expect_neq(access(path, F_OK), 0);
        prefixset_free(darknet);
    }
}

/* Which of several intervals a packet was added to cannot be told from the record. */
Test(interval, sum_of_several_is_the_record_of_one)
{
    for (size_t i = 0; i < DARKNET_CASES; i++) {
        const struct darknet_case *row = &darknet_cases[i];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        struct interval *one = make(darknet, NULL), *parts[3];
        for (size_t part = 0; part < 3; part++)
            parts[part] = make(darknet, NULL);
        uint64_t seed = i, again = i, choice = 7;
        stream_add(one, row, &seed, 10000);
        for (int packet = 0; packet < 10000; packet++)
            stream_add(parts[random_below(&choice, 3)], row, &again, 1);
        struct buf want = stream_sealed(one), have = stream_sealed_of(parts, 3);
        cr_expect(stream_same(&want, &have), "%s", row->name);
        buf_close(&want);
        buf_close(&have);
        interval_free(one);
        for (size_t part = 0; part < 3; part++)
            interval_free(parts[part]);
        prefixset_free(darknet);
    }
}

Test(interval, opened_again_it_has_forgotten_everything)
{
    for (size_t i = 0; i < DARKNET_CASES; i++) {
        const struct darknet_case *row = &darknet_cases[i];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        struct interval *used = make(darknet, path), *fresh = make(darknet, NULL);
        uint64_t seed = 1, again = 2, first = 2;
        stream_add(used, row, &seed, 3001);
        interval_add_reason(used, INTERVAL_NOT_IP);
        interval_add_late(used, STREAM_START - 60 * S);
        interval_add_dropped(used, 1, 2);
        interval_flag(used, RECORD_CLOCK_SUSPECT);
        interval_set_sealing(used, 9);
        interval_close(used);
        cr_expect_not(interval_is_open(used));
        interval_open(used, STREAM_START, STREAM_START);
        cr_expect_eq(interval_sealing(used), 0);
        stream_add(used, row, &again, 500);
        stream_add(fresh, row, &first, 500);
        struct buf want = stream_sealed(fresh), have = stream_sealed(used);
        cr_expect(stream_same(&want, &have), "%s", row->name);
        buf_close(&want);
        buf_close(&have);
        interval_free(fresh);
        interval_free(used);
        prefixset_free(darknet);
    }
}

Test(interval, every_reason_is_in_the_record)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval = make(darknet, NULL);
    const struct darknet_case v6 = {"", "", false, true};
    uint64_t seed = 1;
    stream_add(interval, &v6, &seed, 3);
    for (int i = 0; i < 5; i++)
        interval_add_reason(interval, INTERVAL_NOT_IP);
    for (int i = 0; i < 7; i++)
        interval_add_reason(interval, INTERVAL_UNDECODABLE);
    interval_add_late(interval, STREAM_START - 60 * S);
    interval_add_late(interval, STREAM_START - 120 * S);
    interval_add_late(interval, STREAM_START - 60 * S);
    interval_add_dropped(interval, 11, 13);
    interval_flag(interval, RECORD_CLOCK_SUSPECT);
    interval_flag(interval, RECORD_INTERFACE_DOWN);
    struct record *record = record_of(interval);
    cr_expect_eq(record->off_darknet, 3);
    cr_expect_eq(record->not_ip, 5);
    cr_expect_eq(record->undecodable, 7);
    cr_expect_eq(record->late, 3);
    cr_expect_eq(record->captured, 18);
    cr_expect_eq(record->packets, 0);
    cr_expect_eq(record->kernel_dropped, 11);
    cr_expect_eq(record->interface_dropped, 13);
    cr_expect_eq(record->flags, RECORD_CLOCK_SUSPECT | RECORD_INTERFACE_DOWN);
    cr_assert_eq(record->late_count, 2);
    cr_expect_eq(record->late_by[0].start_s, STREAM_START / S - 120);
    cr_expect_eq(record->late_by[1].packets, 2);
    drop(record);
    interval_free(interval);
    prefixset_free(darknet);
}

Test(interval, more_late_intervals_than_there_is_room_for)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval = make(darknet, NULL);
    for (int i = 1; i <= 2 * RECORD_LATE_MAX; i++)
        interval_add_late(interval, STREAM_START - i * 60 * S);
    interval_add_late(interval, STREAM_START - 60 * S);
    struct record *record = record_of(interval);
    cr_expect_eq(record->late, 2 * RECORD_LATE_MAX + 1);
    cr_expect_eq(record->late_count, RECORD_LATE_MAX);
    cr_expect_eq(record->late_by[RECORD_LATE_MAX - 1].packets, 2);
    drop(record);
    interval_free(interval);
    prefixset_free(darknet);
}

Test(interval, observation_spans_packets_and_ticks)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval = make(darknet, NULL);
    interval_open(interval, STREAM_START, STREAM_START + 3 * S);
    cr_expect_eq(interval_start_ns(interval), STREAM_START);
    cr_expect_eq(interval_first_ns(interval), STREAM_START + 3 * S);
    cr_expect_eq(interval_last_ns(interval), STREAM_START + 3 * S);
    interval_seen(interval, STREAM_START + 9 * S);
    interval_seen(interval, STREAM_START + 8 * S);
    cr_expect_eq(interval_last_ns(interval), STREAM_START + 9 * S);
    interval_free(interval);
    prefixset_free(darknet);
}

/* Sources in the darknet and destinations outside of it are among these. */
static void add_plainly(struct interval *interval, bool plainly)
{
    uint64_t seed = 9;
    for (int i = 0; i < 5000; i++) {
        struct packet packet = stream_packet(&darknet_cases[0], &seed);
        if (i % 7 == 0)
            packet.src4 = packet.dst4 ^ 1;
        if (i % 11 == 0)
            packet.dst4 = 0x08080808;
        stream_add_packet(interval, packet, plainly);
    }
}

Test(interval, a_plain_packet_counts_as_any_other)
{
    for (size_t i = 0; i < DARKNET_CASES; i++) {
        struct prefixset *darknet = stream_darknet(darknet_cases[i].prefixes);
        struct interval *one = make(darknet, NULL), *other = make(darknet, NULL);
        add_plainly(one, false);
        add_plainly(other, true);
        struct buf want = stream_sealed(one), have = stream_sealed(other);
        cr_expect(stream_same(&want, &have), "%s", darknet_cases[i].name);
        buf_close(&want);
        buf_close(&have);
        interval_free(one);
        interval_free(other);
        prefixset_free(darknet);
    }
}

/* --- addresses that send ---------------------------------------------------------------------- */

static void send_from(struct interval *interval, uint32_t source)
{
    uint8_t bytes[20] = {0x45, [3] = 20, [9] = 47, [16] = 8, 8, 8, 8};
    for (int i = 0; i < 4; i++)
        bytes[12 + i] = (uint8_t)(source >> (24 - 8 * i));
    struct packet packet;
    cr_assert_eq(decode(STREAM_RAW, bytes, 20, 20, &packet), DECODE_IP);
    interval_add(interval, &packet, STREAM_START);
}

Test(interval, darknet_address_that_sends_is_an_alarm)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval = make(darknet, NULL);
    send_from(interval, 0xc6336409);
    send_from(interval, 0xc6336403);
    send_from(interval, 0xc6336409);
    send_from(interval, 0xcb007109);
    struct record *record = record_of(interval);
    cr_expect_eq(record->off_darknet, 4);
    cr_assert_eq(record->alarm_count, 2);
    cr_expect_eq(record->alarms[0].address[3], 3);
    cr_expect_eq(record->alarms[1].address[3], 9);
    cr_expect_eq(record->alarms[1].packets, 2);
    cr_expect_eq(record->alarms[1].kind, RECORD_ALARM_LIT_ADDRESS);
    cr_expect_eq(record->alarms_omitted, 0);
    drop(record);
    interval_free(interval);
    prefixset_free(darknet);
}

/* Of too many the same are kept, in whatever order and interval they come. */
Test(interval, alarms_that_find_no_room_do_not_depend_on_the_order)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct buf want = {0};
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t state = seed;
        struct interval *parts[2] = {make(darknet, NULL), make(darknet, NULL)};
        uint8_t hosts[400];
        for (int i = 0; i < 400; i++)
            hosts[i] = (uint8_t)(i % 100);
        for (int i = 399; i > 0; i--) {
            int other = (int)random_below(&state, (uint64_t)i + 1);
            uint8_t held = hosts[i];
            hosts[i] = hosts[other];
            hosts[other] = held;
        }
        for (int i = 0; i < 400; i++)
            send_from(parts[seed ? random_below(&state, 2) : 0], 0xc6336400u | hosts[i]);
        struct buf have = stream_sealed_of(parts, 2);
        if (seed == 0)
            want = have;
        cr_expect(stream_same(&want, &have), "order %lu", (unsigned long)seed);
        if (seed)
            buf_close(&have);
        interval_free(parts[0]);
        interval_free(parts[1]);
    }
    struct record *record = malloc(sizeof *record);
    record_init(record);
    cr_assert_eq(record_open(record, want.bytes, want.size, errmsg), 0, "%s", errmsg);
    cr_expect_eq(record->alarm_count, RECORD_ALARMS_MAX);
    cr_expect_eq(record->alarms[63].address[3], 63);
    cr_expect_eq(record->alarms[63].packets, 4);
    cr_expect_eq(record->alarms_omitted, 1);
    drop(record);
    buf_close(&want);
    prefixset_free(darknet);
}

/* --- files ------------------------------------------------------------------------------------ */

Test(interval, without_a_file_it_counts_in_memory_until_there_is_one)
{
    struct prefixset *darknet = stream_darknet(darknet_cases[3].prefixes);
    struct interval *interval;
    char below[128];
    snprintf(below, sizeof below, "%s/later/" INTERVAL_FILE "0-0", folder);
    cr_assert_eq(interval_new(&interval, darknet, below, errmsg), 0);
    cr_expect(strstr(errmsg, below));
    interval_open(interval, STREAM_START, STREAM_START);
    cr_expect_not(interval_safe(interval));
    uint64_t seed = 3;
    stream_add(interval, &darknet_cases[3], &seed, 1000);
    snprintf(path, sizeof path, "%s/later", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    struct record *record = record_of(interval);
    cr_expect_eq(record->packets, 1000);
    drop(record);
    interval_open(interval, STREAM_START, STREAM_START);
    cr_expect(interval_safe(interval));
    stream_add(interval, &darknet_cases[3], &seed, 10);
    interval_free(interval);
    cr_assert_eq(interval_load(&interval, darknet, below, errmsg), 0, "%s", errmsg);
    record = record_of(interval);
    cr_expect_eq(record->packets, 10);
    drop(record);
    interval_discard(interval);
    cr_expect_neq(access(below, F_OK), 0);
    prefixset_free(darknet);
}

Test(interval, what_was_left_is_loaded_whole)
{
    struct prefixset *darknet = stream_darknet(darknet_cases[0].prefixes);
    struct interval *interval = make(darknet, path);
    uint64_t seed = 3;
    interval_open(interval, STREAM_START, STREAM_START + S);
    stream_add(interval, &darknet_cases[0], &seed, 100);
    interval_seen(interval, STREAM_START + 5 * S);
    interval_set_sealing(interval, 77);
    interval_free(interval);
    cr_assert_eq(interval_load(&interval, darknet, path, errmsg), 0, "%s", errmsg);
    cr_expect(interval_is_open(interval));
    cr_expect_eq(interval_sealing(interval), 77);
    cr_expect_eq(interval_packets(interval), 100);
    cr_expect_eq(interval_first_ns(interval), STREAM_START + S);
    cr_expect_eq(interval_last_ns(interval), STREAM_START + 5 * S);
    interval_close(interval);
    interval_free(interval);
    cr_assert_eq(interval_load(&interval, darknet, path, errmsg), 0);
    cr_expect_not(interval_is_open(interval));
    interval_free(interval);
    prefixset_free(darknet);
}

Test(interval, another_darknet_of_the_same_size_is_told)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct prefixset *other = stream_darknet("203.0.113.0/24");
    struct interval *interval = make(darknet, path);
    interval_free(interval);
    cr_expect_eq(interval_load(&interval, other, path, errmsg), ERR_VERSION);
    prefixset_free(darknet);
    prefixset_free(other);
}

Test(interval, missing_and_cut_files_are_told)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval;
    cr_expect_eq(interval_load(&interval, darknet, path, errmsg), ERR_UNKNOWN);
    interval = make(darknet, path);
    interval_free(interval);
    cr_assert_eq(truncate(path, 4096), 0);
    cr_expect_eq(interval_load(&interval, darknet, path, errmsg), ERR_DAMAGED);
    prefixset_free(darknet);
}

/* Whatever bytes are there, a file is refused or gives a record that keeps every rule. */
Test(interval, damage_is_told_or_harmless)
{
    const struct darknet_case *row = &darknet_cases[3];
    struct prefixset *darknet = stream_darknet(row->prefixes);
    uint64_t state = 11;
    size_t refused = 0;
    for (int round = 0; round < 600; round++) {
        struct interval *interval = make(darknet, path);
        uint64_t seed = 3;
        stream_add(interval, row, &seed, 100);
        send_from(interval, 0xc6336409);
        interval_add_late(interval, STREAM_START - 60 * S);
        struct image *image = interval->image;
        uint8_t *places = (uint8_t *)interval->places;
        for (int i = 0; i < 4; i++) {
            uint64_t random = random_next(&state);
            size_t at = random_below(&state, offsetof(struct image, details) - 8) + 8;
            if (round % 3 == 0)
                at = random_below(&state, offsetof(struct image, hosts) - 8) + 8;
            uint8_t *byte =
                round % 3 == 1 ? places + random_below(&state, 64 * 32) : (uint8_t *)image + at;
            if (round % 6 == 5)
                byte = (uint8_t *)sources_table4(&interval->sources) + random_below(&state, 4096);
            *byte = (uint8_t)random;
        }
        interval_free(interval);
        int rc = interval_load(&interval, darknet, path, errmsg);
        refused += rc != 0;
        cr_assert(rc == 0 || rc == ERR_DAMAGED || rc == ERR_VERSION, "%d", rc);
        if (rc == 0 && interval_is_open(interval)) {
            struct record *record = record_of(interval);
            struct buf sealed;
            buf_init(&sealed);
            strcpy(record->sensor, "tester");
            record->seq = 1;
            record->width_s = 60;
            record->first_ns = record->last_ns = record->start_s * S;
            rc = record_seal(record, &sealed, errmsg);
            cr_assert(rc == 0 || rc == ERR_INVALID || rc == ERR_FULL, "%s", errmsg);
            if (rc == 0) {
                record_close(record);
                record_init(record);
                rc = record_open(record, sealed.bytes, sealed.size, errmsg);
                cr_assert_eq(rc, 0, "%s", errmsg);
            }
            buf_close(&sealed);
            drop(record);
        }
        if (rc != ERR_DAMAGED && rc != ERR_VERSION)
            interval_free(interval);
    }
    cr_expect_gt(refused, 100);
    prefixset_free(darknet);
}

/* --- the bounded table ------------------------------------------------------------------------ */

/* A full disk in the middle of an interval: what finds no room is counted as refused. */
Test(interval, table_that_cannot_grow_counts_what_it_refuses)
{
    struct prefixset *darknet = stream_darknet("2001:db8::/32");
    struct interval *interval = make(darknet, path);
    size_t most = interval->region.most;
    interval->region.most = interval->places_end + 100 * sizeof(struct place);
    uint8_t bytes[40] = {0x60, [6] = 59, [7] = 64, [24] = 0x20, 0x01, 0x0d, 0xb8};
    for (int i = 0; i < 3000; i++) {
        struct packet packet;
        bytes[38] = (uint8_t)(i % 300 >> 8);
        bytes[39] = (uint8_t)(i % 300);
        cr_assert_eq(decode(STREAM_RAW, bytes, 40, 40, &packet), DECODE_IP);
        interval_add(interval, &packet, STREAM_START);
    }
    struct record *record = record_of(interval);
    cr_expect_eq(record->packets, 1000);
    cr_expect_eq(record->refused, 2000);
    cr_expect_eq(record->addresses.count6, 100);
    drop(record);
    interval->region.most = most;
    interval_discard(interval);
    prefixset_free(darknet);
}

/*
 * For tests of collector/skew.h: a darknet of four /24s (198.51.96.0/22) whose records are written by
 * hand, one of ten minutes after the other, and what was told about it.
 */
#ifndef TESTS_COLLECTOR_SKEWED_H
#define TESTS_COLLECTOR_SKEWED_H

#include <criterion/criterion.h>
#include <string.h>

#include "collector/skew.h"

#define DARK      "198.51.96.0/22"
#define DARK_BASE UINT32_C(0xc6336000)
#define DARK_SIZE 1024

struct sky {
    struct skew *skew;
    struct record record;        /* the last one */
    uint64_t packets[DARK_SIZE]; /* of the next one */
    unsigned slots;              /* that were told */
    unsigned skewed, silent;     /* alarms so far */
    unsigned first_slot;         /* whose record had the first alarm, from 1; 0: none had */
    uint32_t address;            /* of the last alarm */
    uint64_t alarm_packets;
};

static inline void sky_open(struct sky *sky)
{
    char errmsg[1024] = "";
    struct prefixset *dark = prefixset_new();
    memset(sky, 0, sizeof *sky);
    cr_assert(dark && prefixset_add(dark, DARK, errmsg) == 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(dark, errmsg), 0);
    sky->skew = skew_new(dark);
    cr_assert_not_null(sky->skew);
    prefixset_free(dark);
    record_init(&sky->record);
}

static inline void sky_close(struct sky *sky)
{
    skew_free(sky->skew);
    record_close(&sky->record);
}

static inline void sky_note(struct sky *sky)
{
    const struct record *record = &sky->record;
    for (size_t i = 0; i < record->alarm_count; i++) {
        const uint8_t *bytes = record->alarms[i].address;
        sky->skewed += record->alarms[i].kind == RECORD_ALARM_SKEW;
        sky->silent += record->alarms[i].kind == RECORD_ALARM_SILENT;
        sky->address =
            (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | bytes[2] << 8 | bytes[3];
        sky->alarm_packets = record->alarms[i].packets;
        if (sky->first_slot == 0)
            sky->first_slot = sky->slots;
    }
}

/* Tells the packets as a record of `observed_ns`, with flags, and forgets them. */
static inline void sky_tell_as(struct sky *sky, int64_t observed_ns, uint32_t flags)
{
    struct record *record = &sky->record;
    record->addresses.count4 = record->alarm_count = 0;
    record->first_ns = record->last_ns + 1;
    record->last_ns += observed_ns;
    record->flags = flags;
    for (uint32_t i = 0; i < DARK_SIZE; i++)
        if (sky->packets[i])
            cr_assert_eq(addrvec_append4(&record->addresses, DARK_BASE + i, sky->packets[i]), 0);
    memset(sky->packets, 0, sizeof sky->packets);
    sky->slots++;
    skew_record(sky->skew, record);
    sky_note(sky);
}

static inline void sky_tell(struct sky *sky)
{
    sky_tell_as(sky, SKEW_SLOT_NS, 0);
}

/* So many packets for each address of a /24, 0 .. 3. */
static inline void sky_fill(struct sky *sky, unsigned prefix, uint64_t packets)
{
    for (unsigned i = 0; i < 256; i++)
        sky->packets[prefix * 256 + i] = packets;
}

#endif

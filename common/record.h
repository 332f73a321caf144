/*
 * A record: what a sensor saw in one interval (fields and meaning: common/record.proto). The
 * collector fills one and seals it; the sealed bytes are spooled, shipped and never changed; the
 * aggregator opens them. record_open trusts nothing: whatever it accepts satisfies every rule
 * stated here.
 *
 * Sealed form, numbers big-endian:
 *   0  4  "DCR1"
 *   4  4  payload size
 *   8  2  how many sequences before its own it stands for as well: 0, unless it is merged
 *  10  6  sequence, from 1
 *  16 16  spool epoch
 *  32  4  CRC-32C of bytes 4..31 and the payload
 *  36     payload: the protobuf message under zstd, its content size declared
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/buf.h"
#include "common/hll.h"
#include "common/tables.h"

#define SENSOR_NAME_MAX      64
#define EPOCH_SIZE           16
#define RECORD_HEADER_SIZE   36
#define RECORD_PAYLOAD_MAX   ((uint32_t)64 << 20) /* sealed, compressed */
#define RECORD_MESSAGE_MAX   ((size_t)512 << 20)  /* uncompressed */
#define RECORD_ADDRESSES_MAX ((size_t)1 << 25)    /* of both families: two /8 */
#define RECORD_SOURCES_MAX   4096                 /* of both families */
#define RECORD_CAPTURED_MAX  (UINT64_C(1) << 40)  /* in a minute; 1 Tbit/s carries a tenth */

#define RECORD_SEQ_MAX ((UINT64_C(1) << 48) - 1)

#define RECORD_LATE_MAX   64
#define RECORD_ALARMS_MAX 64

#define RECORD_WIDTH_S 60
/* A merged record is of a quarter of an hour: every time zone's hours and days consist of those, so what
 * is summed by hour or longer loses nothing, whatever the reporting time zone is. */
#define RECORD_MERGED_WIDTH_S 900
#define RECORD_MERGED_MAX     60 /* records in one */

/* What else is to be known about a record. Bits that are not among these are kept as they are. */
#define RECORD_CLOCK_SUSPECT  UINT32_C(1)  /* the clock was stepped within it */
#define RECORD_RECOVERED      UINT32_C(2)  /* of the counters that a killed capture process left */
#define RECORD_INTERFACE_DOWN UINT32_C(4)  /* an interface was not up for a part of it */
#define RECORD_DROPS_SUSPECT  UINT32_C(8)  /* the driver told absurd drop counts, discarded */
#define RECORD_MERGED         UINT32_C(16) /* of several: what each minute counted is not known */

/* "clock_suspect", "recovered", "interface_down", "drops_suspect", "merged" for a single flag; NULL for
 * others. */
const char *record_flag_name(uint32_t flag);

/* Late packets by the interval that they belong to, which was sealed when they came. */
struct record_late {
    int64_t start_s; /* a whole minute from 1970 to 2199 */
    uint64_t packets;
};

enum record_alarm_kind {
    RECORD_ALARM_LIT_ADDRESS = 1, /* a darknet address sent `packets` */
    RECORD_ALARM_SKEW = 2,   /* an address far outside of its /24's share; packets of an hour */
    RECORD_ALARM_SILENT = 3, /* a prefix is silent while its neighbours are not */
};

/* Something odd about an address or a prefix of the darknet. */
struct record_alarm {
    uint8_t kind;        /* enum record_alarm_kind or one of a later version; not 0 */
    uint8_t family;      /* 4 or 6 */
    uint8_t length;      /* of the prefix: at most 32 or 128 */
    uint8_t address[16]; /* network byte order; IPv4 the first four, then zeros; host bits 0 */
    uint64_t packets;
};

/* "lit_address", "skewed_address", "silent_prefix"; "alarm" for a kind that is not known. */
const char *record_alarm_name(uint8_t kind);

struct record {
    uint8_t epoch[EPOCH_SIZE];
    uint64_t seq;
    uint16_t
        before; /* a merged record: the sequences before `seq` that it stands for as well; else 0 */
    char sensor[SENSOR_NAME_MAX + 1];
    int64_t start_s;
    uint32_t width_s;          /* RECORD_WIDTH_S; merged: RECORD_MERGED_WIDTH_S */
    int64_t first_ns, last_ns; /* start <= first <= last < start + width */
    uint64_t packets, bytes;
    uint64_t captured; /* = packets + off_darknet + not_ip + undecodable + late + refused;
                        * bounded, so that no count of an address overflows in the store */
    uint64_t off_darknet, not_ip, undecodable, late, refused;
    uint64_t kernel_dropped, interface_dropped;
    struct addrvec addresses; /* sums to packets */
    /* Packets by source address, of the RECORD_SOURCES_MAX sources with the most packets (of two with as
     * many that with the lower address, IPv4 before IPv6). They sum to at most `packets`: the rest is of
     * sources that are not kept. Empty where a sensor keeps none. */
    struct addrvec sources;
    struct hll hosts;     /* all zero when packets is 0 */
    struct tables tables; /* sum to packets and bytes: tables_broken() */
    uint32_t flags;       /* RECORD_... */
    /* Ascending by start, packets > 0, in sum at most `late`; intervals beyond the table are in `late`
     * alone. */
    struct record_late late_by[RECORD_LATE_MAX];
    size_t late_count;
    /* Ascending by kind, family, address and length. */
    struct record_alarm alarms[RECORD_ALARMS_MAX];
    size_t alarm_count;
    uint64_t alarms_omitted; /* for which there was no room: at least so many */
};

/* A record with nothing in it; record_close frees its vectors and tables and leaves it so. */
void record_init(struct record *record);
void record_close(struct record *record);

/* Bytes that its vectors and tables take. */
size_t record_memory(const struct record *record);

/* Adds late packets of the interval that begins at `start_s`; where the table is full they are in
 * `late` alone. */
void record_add_late(struct record *record, int64_t start_s, uint64_t packets);
/* Adds an alarm, or its packets to the same alarm; beyond RECORD_ALARMS_MAX the first in order are
 * kept, whatever the order they were added in, and each that is not is counted as omitted. */
void record_add_alarm(struct record *record, const struct record_alarm *alarm);

/* Whether `next` can be added to `into`: they are of one sensor and epoch and of the same quarter of an hour,
 * `next` is the record behind `into` in sequence and in time without a moment between them, and not
 * merged itself, and the sum keeps the rules. */
bool record_mergeable(const struct record *into, const struct record *next);
/* Makes `into` the merged record of both, of which the above is true: every sum is that of both, the
 * span that of both together; what each had counted is not known any more. ERR_NOMEM leaves `into`
 * good for record_close only. */
int record_merge(struct record *into, const struct record *next);

/* Appends the sealed form to `out`. The same record gives the same bytes. ERR_NOMEM; ERR_INVALID
 * when the record breaks a rule above (a mistake of ours); ERR_FULL beyond one of the bounds above.
 */
int record_seal(const struct record *record, struct buf *out, char *errmsg);

struct record_header {
    uint8_t epoch[EPOCH_SIZE];
    uint64_t seq;
    uint64_t first; /* of the sequences that it stands for; seq, unless it is merged */
    size_t size;    /* of the whole sealed record, header included */
};

/* Reads the header at the start of `bytes` without looking at the payload. ERR_DAMAGED when it is
 * no header or announces too much; ERR_INVALID when there are fewer than RECORD_HEADER_SIZE bytes.
 */
int record_peek(const uint8_t *bytes, size_t size, struct record_header *header);

/* Whether bytes[0..size) is one whole sealed record with a right checksum: 0, or ERR_DAMAGED. */
int record_check(const uint8_t *bytes, size_t size);

/* Opens a sealed record of exactly `size` bytes into an initialised record. ERR_DAMAGED with the
 * broken rule in `errmsg`; ERR_NOMEM. The record is left empty on failure. Memory is bounded by
 * four times RECORD_MESSAGE_MAX. */
int record_open(struct record *record, const uint8_t *bytes, size_t size, char *errmsg);

/* Whether `name` may name a sensor: 1 to 64 of A-Z a-z 0-9 . _ - and no leading dash or dot. */
bool sensor_name_valid(const char *name);

/* The epoch as a UUID in text (36 characters), and back; epoch_parse: ERR_INVALID. */
void epoch_format(const uint8_t epoch[EPOCH_SIZE], char out[37]);
int epoch_parse(const char *text, uint8_t epoch[EPOCH_SIZE]);

#endif

#include "collector/meter.h"

#include <stdlib.h>
#include <string.h>

#include "collector/breakdown.h"
#include "collector/decode.h"
#include "collector/tally.h"
#include "common/calendar.h"
#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)
#define WIDTH_NS (METER_WIDTH_S * NS_PER_S)

#define KEYS 65536 /* ports; ICMP types and codes */

/* The tables of a record while they are counted: a sum for every key. */
struct dense {
    struct sum classes[PACKET_CLASSES], protocols[PROTOCOLS];
    struct sum tcp_ports[KEYS], udp_ports[KEYS], icmp4[KEYS], icmp6[KEYS];
};

/* What one interval has counted so far. */
struct interval {
    struct tally *tally;
    struct dense *dense;
    int64_t start_ns;
    uint64_t bytes, captured, off_darknet, not_ip, undecodable, late;
    uint64_t kernel_dropped, interface_dropped;
    struct hll hosts;
};

struct meter {
    struct meter_options options;
    struct interval open;
    /* A second interval, its tally NULL until the first packet of it: with keep_late that of the
     * late packets at hand, otherwise the one behind the open one. */
    struct interval other;
    bool observing, has_other;
    int error;        /* what ended the meter; 0 while nothing did */
    int64_t first_ns; /* where observation of the open interval began */
    int64_t late_ns;  /* time of the first packet of the late interval */
    int64_t seen_ns;  /* the latest moment known to be observed */
};

static int64_t interval_start(int64_t at_ns)
{
    return at_ns - at_ns % WIDTH_NS;
}

bool meter_time_valid(int64_t at_ns)
{
    return at_ns >= CALENDAR_MIN_S * NS_PER_S && at_ns < CALENDAR_MAX_S * NS_PER_S;
}

static bool interval_init(struct interval *interval, const struct prefixset *darknet)
{
    interval->tally = tally_new(darknet, false);
    interval->dense = malloc(sizeof *interval->dense);
    return interval->tally && interval->dense;
}

static void interval_close(struct interval *interval)
{
    tally_free(interval->tally);
    free(interval->dense);
    interval->tally = NULL;
    interval->dense = NULL;
}

static void interval_clear(struct interval *interval, int64_t start_ns)
{
    struct tally *tally = interval->tally;
    struct dense *dense = interval->dense;
    tally_reset(tally);
    memset(dense, 0, sizeof *dense);
    *interval = (struct interval){.tally = tally, .dense = dense, .start_ns = start_ns};
}

static int fill_table(struct table *table, const struct sum *sums, size_t count)
{
    int rc = 0;
    for (size_t key = 0; rc == 0 && key < count; key++)
        if (sums[key].packets > 0)
            rc = table_append(table, (uint16_t)key, sums[key]);
    return rc;
}

static int fill_tables(struct tables *tables, const struct dense *dense)
{
    memcpy(tables->classes, dense->classes, sizeof tables->classes);
    int rc = fill_table(&tables->protocols, dense->protocols, PROTOCOLS);
    if (rc == 0)
        rc = fill_table(&tables->tcp_ports, dense->tcp_ports, KEYS);
    if (rc == 0)
        rc = fill_table(&tables->udp_ports, dense->udp_ports, KEYS);
    if (rc == 0)
        rc = fill_table(&tables->icmp4, dense->icmp4, KEYS);
    return rc ? rc : fill_table(&tables->icmp6, dense->icmp6, KEYS);
}

static int interval_record(struct interval *interval, struct record *record)
{
    /* Before the sums are asked for: increments that were deferred are completed by it. */
    int rc = tally_addresses(interval->tally, &record->addresses);
    record->start_s = interval->start_ns / NS_PER_S;
    record->width_s = METER_WIDTH_S;
    record->packets = tally_packets(interval->tally);
    record->bytes = interval->bytes;
    record->captured = interval->captured;
    record->off_darknet = interval->off_darknet;
    record->not_ip = interval->not_ip;
    record->undecodable = interval->undecodable;
    record->late = interval->late;
    record->refused = tally_refused(interval->tally);
    record->kernel_dropped = interval->kernel_dropped;
    record->interface_dropped = interval->interface_dropped;
    record->hosts = interval->hosts;
    return rc ? rc : fill_tables(&record->tables, interval->dense);
}

static void dense_add(struct dense *dense, const struct packet *packet)
{
    sum_add(&dense->classes[packet->class], packet);
    sum_add(&dense->protocols[packet->protocol], packet);
    if (packet->has_ports && packet->protocol == PROTOCOL_TCP)
        sum_add(&dense->tcp_ports[packet->dst_port], packet);
    if (packet->has_ports && packet->protocol == PROTOCOL_UDP)
        sum_add(&dense->udp_ports[packet->dst_port], packet);
    if (packet->has_icmp) {
        struct sum *sums = packet->family == 4 ? dense->icmp4 : dense->icmp6;
        sum_add(&sums[packet->icmp_type << 8 | packet->icmp_code], packet);
    }
}

static void interval_add_counted(struct interval *interval, struct packet *packet)
{
    decode_transport(packet);
    dense_add(interval->dense, packet);
    interval->bytes += packet->bytes;
    if (packet->family == 4) {
        uint8_t source[4] = {(uint8_t)(packet->src4 >> 24), (uint8_t)(packet->src4 >> 16),
                             (uint8_t)(packet->src4 >> 8), (uint8_t)packet->src4};
        hll_add(&interval->hosts, source, sizeof source);
    } else {
        hll_add(&interval->hosts, packet->src6, 16);
    }
}

static void interval_add(struct interval *interval, int linktype,
                         const struct capture_packet *frame)
{
    struct packet packet;
    interval->captured++;
    switch (decode(linktype, frame->data, frame->caplen, frame->len, &packet)) {
    case DECODE_NOT_IP:
        interval->not_ip++;
        return;
    case DECODE_UNDECODABLE:
        interval->undecodable++;
        return;
    case DECODE_IP:
        break;
    }
    switch (tally_add(interval->tally, &packet)) {
    case TALLY_COUNTED:
        interval_add_counted(interval, &packet);
        break;
    case TALLY_OFF_DARKNET:
        interval->off_darknet++;
        break;
    case TALLY_REFUSED: /* the tally counts these */
        break;
    }
}

struct meter *meter_new(const struct meter_options *options)
{
    struct meter *meter = calloc(1, sizeof *meter);
    if (!meter)
        return NULL;
    meter->options = *options;
    if (!interval_init(&meter->open, options->darknet)) {
        meter_free(meter);
        return NULL;
    }
    return meter;
}

void meter_free(struct meter *meter)
{
    if (!meter)
        return;
    interval_close(&meter->open);
    interval_close(&meter->other);
    free(meter);
}

/* Hands the record of an interval, observed from first_ns to last_ns, to the sink. */
static int emit(struct meter *meter, struct interval *interval, int64_t first_ns, int64_t last_ns)
{
    struct record *record = malloc(sizeof *record);
    if (!record)
        return meter->error = ERR_NOMEM;
    record_init(record);
    strcpy(record->sensor, meter->options.sensor);
    record->first_ns = first_ns;
    record->last_ns = last_ns;
    int rc = interval_record(interval, record);
    if (rc == 0)
        rc = meter->options.sink(meter->options.user, record);
    record_close(record);
    free(record);
    meter->error = rc;
    return rc;
}

/* Seals the open interval as observed until `last_ns` and opens the one that begins at `start_ns`. */
static int seal_open(struct meter *meter, int64_t last_ns, int64_t start_ns)
{
    int rc = emit(meter, &meter->open, meter->first_ns, last_ns);
    if (meter->has_other && meter->other.start_ns == start_ns) {
        struct interval next = meter->other;
        meter->other = meter->open;
        meter->open = next;
        meter->has_other = false;
    } else {
        interval_clear(&meter->open, start_ns);
    }
    meter->first_ns = start_ns;
    return rc;
}

/* A late record adds to an interval that has its record: it claims one moment, not a span of its
 * own. */
static int seal_late(struct meter *meter)
{
    if (!meter->has_other)
        return 0;
    meter->has_other = false;
    return emit(meter, &meter->other, meter->late_ns, meter->late_ns);
}

int meter_begin(struct meter *meter, int64_t now_ns)
{
    if (!meter_time_valid(now_ns))
        return ERR_INVALID;
    interval_clear(&meter->open, interval_start(now_ns));
    meter->first_ns = meter->seen_ns = now_ns;
    meter->observing = true;
    return 0;
}

/* Seals open intervals, all observed to their ends, until the one that holds `at_ns` is open. */
static int seal_until(struct meter *meter, int64_t at_ns)
{
    int rc = 0;
    while (rc == 0 && at_ns - meter->open.start_ns >= WIDTH_NS) {
        int64_t end_ns = meter->open.start_ns + WIDTH_NS;
        rc = seal_open(meter, end_ns - 1, end_ns);
    }
    return rc;
}

/* Seals the open interval as observed until the last sign of life, and begins anew at `now_ns`. */
static int leave_gap(struct meter *meter, int64_t now_ns)
{
    int rc = seal_until(meter, meter->seen_ns);
    if (rc == 0)
        rc = seal_open(meter, meter->seen_ns, interval_start(now_ns));
    meter->first_ns = meter->seen_ns = now_ns;
    return rc;
}

int meter_advance(struct meter *meter, int64_t now_ns)
{
    if (meter->error || !meter_time_valid(now_ns))
        return meter->error;
    if (now_ns - meter->seen_ns > meter->options.max_quiet_ns &&
        now_ns - meter->open.start_ns >= WIDTH_NS)
        return leave_gap(meter, now_ns);
    int rc = seal_until(meter, now_ns);
    if (now_ns > meter->seen_ns)
        meter->seen_ns = now_ns;
    return rc;
}

/* Makes the second interval that of `start_ns`. */
static int open_other(struct meter *meter, int64_t start_ns)
{
    if (!meter->other.tally && !interval_init(&meter->other, meter->options.darknet)) {
        interval_close(&meter->other);
        return meter->error = ERR_NOMEM;
    }
    interval_clear(&meter->other, start_ns);
    meter->has_other = true;
    return 0;
}

static int add_late(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    int64_t start_ns = interval_start(packet->ts_ns);
    if (!meter->has_other || meter->other.start_ns != start_ns) {
        int rc = seal_late(meter);
        if (rc == 0)
            rc = open_other(meter, start_ns);
        if (rc)
            return rc;
        meter->late_ns = packet->ts_ns;
    }
    interval_add(&meter->other, linktype, packet);
    return 0;
}

/* Adds a packet of the interval behind the open one, which stays open: packets that were received
 * before this one may still come, from another interface or processor. */
static int add_ahead(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    int rc = meter->has_other ? 0 : open_other(meter, meter->open.start_ns + WIDTH_NS);
    if (rc)
        return rc;
    interval_add(&meter->other, linktype, packet);
    if (packet->ts_ns > meter->seen_ns)
        meter->seen_ns = packet->ts_ns;
    return 0;
}

/* Whether the packet belongs to the interval right behind the open one, without a gap between. */
static bool is_ahead(const struct meter *meter, int64_t ts_ns)
{
    int64_t behind_ns = ts_ns - meter->open.start_ns - WIDTH_NS;
    return behind_ns >= 0 && behind_ns < WIDTH_NS &&
           ts_ns - meter->seen_ns <= meter->options.max_quiet_ns;
}

int meter_packet(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    if (meter->error)
        return meter->error;
    if (!meter_time_valid(packet->ts_ns)) {
        meter->open.captured++;
        meter->open.undecodable++;
        return 0;
    }
    if (!meter->options.keep_late && is_ahead(meter, packet->ts_ns))
        return add_ahead(meter, linktype, packet);
    int rc = meter_advance(meter, packet->ts_ns);
    if (rc)
        return rc;
    if (packet->ts_ns >= meter->open.start_ns) {
        interval_add(&meter->open, linktype, packet);
        return 0;
    }
    if (meter->options.keep_late)
        return add_late(meter, linktype, packet);
    meter->open.captured++;
    meter->open.late++;
    return 0;
}

void meter_dropped(struct meter *meter, uint64_t kernel, uint64_t interface)
{
    meter->open.kernel_dropped += kernel;
    meter->open.interface_dropped += interface;
}

int meter_end(struct meter *meter, int64_t last_ns)
{
    if (meter->error || !meter->observing)
        return meter->error;
    meter->observing = false;
    int rc = meter_advance(meter, last_ns);
    if (rc == 0)
        rc = seal_until(meter, meter->seen_ns);
    if (rc == 0)
        rc = seal_open(meter, meter->seen_ns, meter->open.start_ns);
    return rc ? rc : seal_late(meter);
}

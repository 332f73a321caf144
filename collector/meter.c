#include "collector/meter.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "collector/tally.h"
#include "common/calendar.h"
#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)
#define WIDTH_NS (METER_WIDTH_S * NS_PER_S)

/* What one interval has counted so far. */
struct interval {
    struct tally *tally;
    int64_t start_ns;
    uint64_t bytes, captured, off_darknet, not_ip, undecodable, late, refused;
    uint64_t kernel_dropped, interface_dropped;
    struct hll hosts;
};

struct meter {
    struct meter_options options;
    struct interval open;
    struct interval late; /* tally NULL until the first late packet */
    bool observing, has_late;
    int64_t first_ns; /* where observation of the open interval began */
    int64_t late_ns;  /* time of the first packet of the late interval */
    int64_t seen_ns;  /* the latest moment known to be observed */
};

static int64_t interval_start(int64_t at_ns)
{
    return at_ns - at_ns % WIDTH_NS;
}

static bool time_valid(int64_t at_ns)
{
    return at_ns >= CALENDAR_MIN_S * NS_PER_S && at_ns < CALENDAR_MAX_S * NS_PER_S;
}

static void interval_clear(struct interval *interval, int64_t start_ns)
{
    struct tally *tally = interval->tally;
    tally_reset(tally);
    *interval = (struct interval){.tally = tally, .start_ns = start_ns};
}

static int interval_record(struct interval *interval, struct record *record)
{
    record->start_s = interval->start_ns / NS_PER_S;
    record->width_s = METER_WIDTH_S;
    record->packets = tally_packets(interval->tally);
    record->bytes = interval->bytes;
    record->captured = interval->captured;
    record->off_darknet = interval->off_darknet;
    record->not_ip = interval->not_ip;
    record->undecodable = interval->undecodable;
    record->late = interval->late;
    record->refused = interval->refused;
    record->kernel_dropped = interval->kernel_dropped;
    record->interface_dropped = interval->interface_dropped;
    record->hosts = interval->hosts;
    return tally_addresses(interval->tally, &record->addresses);
}

static void interval_add_counted(struct interval *interval, const struct packet *packet)
{
    interval->bytes += packet->bytes;
    if (packet->family == 4) {
        uint8_t source[4] = {(uint8_t)(packet->src4 >> 24), (uint8_t)(packet->src4 >> 16),
                             (uint8_t)(packet->src4 >> 8), (uint8_t)packet->src4};
        hll_add(&interval->hosts, source, sizeof source);
    } else {
        hll_add(&interval->hosts, packet->src6, 16);
    }
}

static void interval_add(struct interval *interval, int linktype, const struct capture_packet *frame)
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
    case TALLY_REFUSED:
        interval->refused++;
        break;
    }
}

struct meter *meter_new(const struct meter_options *options)
{
    struct meter *meter = calloc(1, sizeof *meter);
    if (!meter)
        return NULL;
    meter->options = *options;
    meter->open.tally = tally_new(options->darknet, false);
    if (!meter->open.tally) {
        free(meter);
        return NULL;
    }
    return meter;
}

void meter_free(struct meter *meter)
{
    if (!meter)
        return;
    tally_free(meter->open.tally);
    tally_free(meter->late.tally);
    free(meter);
}

/* Hands the record of an interval, observed from first_ns to last_ns, to the sink. */
static int emit(struct meter *meter, struct interval *interval, int64_t first_ns, int64_t last_ns)
{
    struct record *record = malloc(sizeof *record);
    if (!record)
        return ERR_NOMEM;
    record_init(record);
    strcpy(record->sensor, meter->options.sensor);
    record->first_ns = first_ns;
    record->last_ns = last_ns;
    int rc = interval_record(interval, record);
    if (rc == 0)
        rc = meter->options.sink(meter->options.user, record);
    record_close(record);
    free(record);
    return rc;
}

/* Seals the open interval as observed until `last_ns` and opens the one that begins at `start_ns`. */
static int seal_open(struct meter *meter, int64_t last_ns, int64_t start_ns)
{
    int rc = emit(meter, &meter->open, meter->first_ns, last_ns);
    interval_clear(&meter->open, start_ns);
    meter->first_ns = start_ns;
    return rc;
}

/* A late record adds to an interval that has its record: it claims one moment, not a span of its own. */
static int seal_late(struct meter *meter)
{
    if (!meter->has_late)
        return 0;
    meter->has_late = false;
    return emit(meter, &meter->late, meter->late_ns, meter->late_ns);
}

int meter_begin(struct meter *meter, int64_t now_ns)
{
    if (!time_valid(now_ns))
        return ERR_INVALID;
    interval_clear(&meter->open, interval_start(now_ns));
    meter->first_ns = meter->seen_ns = now_ns;
    meter->observing = true;
    return 0;
}

int meter_advance(struct meter *meter, int64_t now_ns)
{
    if (!time_valid(now_ns) || now_ns <= meter->seen_ns)
        return 0;
    int64_t start = interval_start(now_ns);
    if (now_ns - meter->seen_ns > meter->options.max_quiet_ns && start > meter->open.start_ns) {
        int rc = seal_open(meter, meter->seen_ns, start);
        meter->first_ns = meter->seen_ns = now_ns;
        return rc;
    }
    while (meter->open.start_ns < start) {
        int64_t end = meter->open.start_ns + WIDTH_NS;
        int rc = seal_open(meter, end - 1, end);
        if (rc)
            return rc;
    }
    meter->seen_ns = now_ns;
    return 0;
}

static int add_late(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    int64_t start = interval_start(packet->ts_ns);
    if (!meter->late.tally) {
        meter->late.tally = tally_new(meter->options.darknet, false);
        if (!meter->late.tally)
            return ERR_NOMEM;
    }
    if (!meter->has_late || meter->late.start_ns != start) {
        int rc = seal_late(meter);
        if (rc)
            return rc;
        interval_clear(&meter->late, start);
        meter->late_ns = packet->ts_ns;
        meter->has_late = true;
    }
    interval_add(&meter->late, linktype, packet);
    return 0;
}

int meter_packet(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    if (!time_valid(packet->ts_ns)) {
        meter->open.captured++;
        meter->open.undecodable++;
        return 0;
    }
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
    if (!meter->observing)
        return 0;
    int rc = meter_advance(meter, last_ns);
    meter->observing = false;
    if (rc == 0)
        rc = seal_open(meter, meter->seen_ns, meter->open.start_ns);
    return rc ? rc : seal_late(meter);
}

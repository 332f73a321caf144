/* What may be delivered: who, which epoch, which record. Nothing here changes the part but apply_open,
 * which makes an epoch known to it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/apply.h"
#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)

static int refuse_as(struct frame_refuse *refuse, enum refuse_code code, bool final,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse_as(struct frame_refuse *refuse, enum refuse_code code, bool final,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse->code = code;
    refuse->final = final;
    vsnprintf(refuse->text, sizeof refuse->text, format, args);
    va_end(args);
    return ERR_REFUSED;
}

/* --- at the opening --------------------------------------------------------------------------- */

static int refuse_overlap(struct frame_refuse *refuse, struct span span,
                          const struct part_epoch *other, const struct span *theirs)
{
    char epoch[37], from[32], until[32], their_from[32], their_until[32];
    epoch_format(other->uuid, epoch);
    calendar_rfc3339(span.first_ns / NS_PER_S, from);
    calendar_rfc3339(span.last_ns / NS_PER_S, until);
    calendar_rfc3339(theirs->first_ns / NS_PER_S, their_from);
    calendar_rfc3339(theirs->last_ns / NS_PER_S, their_until);
    return refuse_as(
        refuse, REFUSE_OVERLAP, true,
        "%s to %s was already observed by epoch %s of this sensor (%s to %s): counting "
        "it again would double it; a second sensor needs a name of its own",
        from, until, epoch, their_from, their_until);
}

/* Whether another epoch of the sensor observed any of `span`. */
static int check_overlap(const struct part *part, const uint8_t epoch[EPOCH_SIZE], struct span span,
                         struct frame_refuse *refuse)
{
    for (size_t i = 0; i < part->epoch_count; i++) {
        const struct part_epoch *other = &part->epochs[i];
        if (memcmp(other->uuid, epoch, EPOCH_SIZE) == 0)
            continue;
        const struct span *theirs = epoch_state_overlap(&other->state, span);
        if (theirs)
            return refuse_overlap(refuse, span, other, theirs);
    }
    return 0;
}

static int check_darknet(const struct part *part, const char *darknet, struct frame_refuse *refuse)
{
    if (!part->darknet || strcmp(part->darknet, darknet) == 0)
        return 0;
    return refuse_as(
        refuse, REFUSE_IDENTITY, part->observed,
        "sensor %s counts the darknet %.160s, not %.160s: give the changed space a sensor "
        "name of its own",
        part->sensor, part->darknet, darknet);
}

int apply_open(struct part *part, const struct frame_open *open, const char *darknet, uint64_t *seq,
               struct frame_refuse *refuse)
{
    int rc = open->inventory ? 0 : check_darknet(part, darknet, refuse);
    if (rc == 0 && open->replay)
        rc = check_overlap(part, open->epoch, (struct span){open->first_ns, open->last_ns}, refuse);
    if (rc)
        return rc;
    struct part_epoch *epoch = part_epoch(part, open->epoch);
    if (!epoch)
        epoch = part_add_epoch(part, open->epoch, open->replay);
    if (!epoch)
        return ERR_NOMEM;
    *seq = epoch->state.seq;
    return part->darknet ? 0 : part_set_darknet(part, darknet, NULL);
}

/* --- a record --------------------------------------------------------------------------------- */

static int check_identity(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                          const struct record *record, struct frame_refuse *refuse)
{
    if (strcmp(record->sensor, part->sensor) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "record %" PRIu64 " is of sensor %s, the connection of %s", record->seq,
                         record->sensor, part->sensor);
    if (memcmp(record->epoch, epoch, EPOCH_SIZE) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "record %" PRIu64 " is of another epoch than the connection", record->seq);
    return 0;
}

static int refuse_foreign(const struct record *record, int family, const void *address,
                          struct frame_refuse *refuse)
{
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(family, address, text, sizeof text);
    return refuse_as(refuse, REFUSE_IDENTITY, true,
                     "record %" PRIu64 " counts %s, which is not in the sensor's darknet",
                     record->seq, text);
}

int apply_check_addresses(const struct part *part, const struct prefixset *addresses,
                          const struct record *record, struct frame_refuse *refuse)
{
    if (!addresses)
        addresses = part->addresses;
    const struct addrvec *vec = &record->addresses;
    size_t leading = prefixset_leading4(addresses, vec->address4, vec->count4);
    if (leading < vec->count4) {
        uint32_t network = htonl(vec->address4[leading]);
        return refuse_foreign(record, AF_INET, &network, refuse);
    }
    for (size_t i = 0; i < vec->count6; i++)
        if (!prefixset_has6(addresses, vec->address6[i]))
            return refuse_foreign(record, AF_INET6, vec->address6[i], refuse);
    return 0;
}

/* Every other counter of a record is part of `captured` or checked here. */
static int check_counts(const struct record *record, struct frame_refuse *refuse)
{
    if (record->captured <= APPLY_COUNT_MAX && record->kernel_dropped <= APPLY_COUNT_MAX &&
        record->interface_dropped <= APPLY_COUNT_MAX && record->bytes <= APPLY_BYTES_MAX)
        return 0;
    return refuse_as(refuse, REFUSE_DAMAGED, true,
                     "record %" PRIu64 " counts more than a minute can hold", record->seq);
}

int apply_check(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                const struct record *record, struct frame_refuse *refuse)
{
    int rc = check_identity(part, epoch, record, refuse);
    if (rc)
        return rc;
    uint64_t held = part_epoch(part, epoch)->state.seq;
    if (record->seq <= held)
        return 1;
    uint64_t first = record->seq - record->before;
    if (first != held + 1)
        return refuse_as(refuse, REFUSE_GAP, false,
                         "record %" PRIu64 " came where %" PRIu64 " is next", first, held + 1);
    rc = check_counts(record, refuse);
    if (rc)
        return rc;
    return check_overlap(part, epoch, (struct span){record->first_ns, record->last_ns}, refuse);
}

/* --- what a sensor has lost ------------------------------------------------------------------- */

int apply_check_lost(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                     const struct frame_lost *lost, struct frame_refuse *refuse)
{
    uint64_t held = part_epoch(part, epoch)->state.seq;
    if (lost->last <= held)
        return 1;
    if (lost->first <= held + 1)
        return 0;
    return refuse_as(refuse, REFUSE_GAP, false,
                     "records from %" PRIu64 " on are said to be lost where %" PRIu64 " is next",
                     lost->first, held + 1);
}

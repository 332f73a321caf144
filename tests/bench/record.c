/*
 * Everything that a record carries: `record FILE PREFIX [DIR]` reads a capture, counts every packet in a
 * meter as a replay does, and seals each record and throws it away. With DIR the counters are in
 * files there, as a live sensor's. Prints the packets that the records hold.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/capture.h"
#include "collector/meter.h"
#include "common/buf.h"
#include "common/err.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

struct sealing {
    struct buf sealed;
    uint64_t seq, packets;
    char errmsg[ERRMSG_SIZE];
};

static int seal(void *user, struct record *record)
{
    struct sealing *sealing = user;
    sealing->packets += record->packets;
    sealing->sealed.size = 0;
    record->seq = ++sealing->seq;
    return record_seal(record, &sealing->sealed, sealing->errmsg);
}

static uint64_t next_seq(void *user)
{
    const struct sealing *sealing = user;
    return sealing->seq + 1;
}

static int count(struct meter *meter, struct capture *capture, char *errmsg)
{
    const struct capture_packet *packets;
    int linktype = capture_linktype(capture), number, rc = 0;
    int64_t last_ns = 0;
    while (rc == 0 && (number = capture_batch(capture, &packets, errmsg)) > 0) {
        if (last_ns == 0)
            meter_begin(meter, packets[0].ts_ns);
        meter_enter(meter, 0);
        for (int i = 0; rc == 0 && i < number; i++)
            rc = meter_packet(meter, 0, linktype, &packets[i]);
        meter_leave(meter, 0);
        last_ns = packets[number - 1].ts_ns;
    }
    return rc ? rc : meter_end(meter, last_ns);
}

static int run(const char *path, const char *prefix, const char *dir, struct sealing *sealing)
{
    struct prefixset *darknet = prefixset_new();
    struct capture *capture = NULL;
    struct meter *meter = NULL;
    struct meter_options options = {.sensor = "bench",
                                    .darknet = darknet,
                                    .dir = dir,
                                    .keep_late = true,
                                    .max_quiet_ns = DAY_NS,
                                    .sink = seal,
                                    .next_seq = next_seq,
                                    .user = sealing};
    int rc = darknet ? prefixset_add(darknet, prefix, sealing->errmsg) : ERR_NOMEM;
    if (rc == 0)
        rc = prefixset_finish(darknet, sealing->errmsg);
    if (rc == 0)
        rc = capture_open_file(&capture, path, sealing->errmsg);
    if (rc == 0)
        rc = meter_new(&meter, &options, sealing->errmsg);
    if (rc == 0)
        rc = count(meter, capture, sealing->errmsg);
    meter_free(meter);
    capture_close(capture);
    prefixset_free(darknet);
    return rc;
}

int main(int argc, char **argv)
{
    struct sealing sealing = {.seq = 0};
    if (argc < 3 || argc > 4) {
        fputs("Usage: record FILE PREFIX [DIR]\n", stderr);
        return 2;
    }
    buf_init(&sealing.sealed);
    int rc = run(argv[1], argv[2], argc == 4 ? argv[3] : NULL, &sealing);
    buf_close(&sealing.sealed);
    if (rc) {
        fprintf(stderr, "%s: %s %s\n", argv[1], err_str(rc), sealing.errmsg);
        return 1;
    }
    printf("%" PRIu64 "\n", sealing.packets);
    return 0;
}

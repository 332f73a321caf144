/*
 * The two loops that a live sensor is measured against and measured by: `live_loop plain|tally IFACE
 * PREFIX COUNT` counts what arrives for the IPv4 prefix until COUNT packets came or 3 seconds passed
 * without any, and prints packets, drops and nanoseconds of CPU time from when it captures.
 *   plain   the bare libpcap loop as anybody would write it first: pcap_dispatch, Ethernet and IPv4
 *           only, a 64-bit array by destination
 *   tally   the sensor's capture, decoder and tally, per-address counts alone
 * Both with a ring of 64 MiB and a snap length of 96.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/capture.h"
#include "collector/decode.h"
#include "collector/tally.h"
#include "common/err.h"

#define RING    (64 << 20)
#define SNAPLEN 96
#define QUIET_S 3
#define ITEMS   128

struct counted {
    uint64_t packets, dropped;
};

static double clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double begin_ns; /* of CPU time */

/* What was done until now is done once, not per packet. */
static void ready(void)
{
    begin_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    fputs("ready\n", stderr);
}

/* Whether to go on: `got` packets came just now. */
static bool goes_on(uint64_t packets, uint64_t wanted, int got)
{
    static double last;
    double now = clock_of(CLOCK_MONOTONIC);
    if (got > 0 || last == 0)
        last = now;
    return packets < wanted && now - last < QUIET_S * 1e9;
}

/* --- plain ------------------------------------------------------------------------------------ */

static uint32_t base, size_less_1;
static uint64_t *counters, hit;

static void count_plain(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    uint32_t dst;
    (void)user;
    if (header->caplen < 34 || data[12] != 8 || data[13] != 0)
        return;
    memcpy(&dst, data + 30, sizeof dst);
    uint32_t index = ntohl(dst) - base;
    if (index > size_less_1)
        return;
    counters[index]++;
    hit++;
}

static int run_plain(const char *iface, uint64_t wanted, struct counted *counted)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_create(iface, error);
    counters = calloc((size_t)size_less_1 + 1, sizeof *counters);
    if (!pcap || !counters)
        return 1;
    pcap_set_snaplen(pcap, SNAPLEN);
    pcap_set_buffer_size(pcap, RING);
    pcap_set_timeout(pcap, 100);
    if (pcap_activate(pcap) < 0 || pcap_setnonblock(pcap, 1, error))
        return 1;
    ready();
    for (int got = 0; goes_on(hit, wanted, got);) {
        struct pollfd fd = {.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};
        poll(&fd, 1, 100);
        got = pcap_dispatch(pcap, -1, count_plain, NULL);
    }
    struct pcap_stat stat;
    pcap_stats(pcap, &stat);
    *counted = (struct counted){hit, stat.ps_drop};
    pcap_close(pcap);
    return 0;
}

/* --- tally ------------------------------------------------------------------------------------ */

struct tallying {
    struct tally *tally;
    struct packet_brief items[ITEMS];
    size_t gathered;
    uint64_t results[TALLY_RESULTS];
};

static void flush(struct tallying *tallying)
{
    tally_add4(tallying->tally, tallying->items, tallying->gathered, tallying->results);
    tallying->gathered = 0;
}

static void count_tally(void *user, const struct capture_packet *packet)
{
    struct tallying *tallying = user;
    if (decode_ipv4_at(14, packet->data, packet->caplen, &tallying->items[tallying->gathered]) &&
        ++tallying->gathered == ITEMS)
        flush(tallying);
}

static int run_tally(const char *iface, const char *prefix, uint64_t wanted,
                     struct counted *counted)
{
    char errmsg[ERRMSG_SIZE];
    struct capture *capture;
    struct prefixset *darknet = prefixset_new();
    struct tallying tallying = {.gathered = 0};
    const struct capture_options options = {.snaplen = SNAPLEN, .ring_bytes = RING};
    if (prefixset_add(darknet, prefix, errmsg) || prefixset_finish(darknet, errmsg) ||
        capture_open_live(&capture, iface, &options, errmsg)) {
        fprintf(stderr, "live_loop: %s\n", errmsg);
        return 1;
    }
    tallying.tally = tally_new(darknet, false);
    ready();
    for (int got = 0; goes_on(tallying.results[TALLY_COUNTED], wanted, got); flush(&tallying)) {
        struct pollfd fd = {.fd = capture_fd(capture), .events = POLLIN};
        poll(&fd, 1, 100);
        got = capture_dispatch(capture, 4096, count_tally, &tallying, errmsg);
    }
    uint64_t interface;
    capture_stats(capture, &counted->dropped, &interface);
    counted->packets = tallying.results[TALLY_COUNTED];
    capture_close(capture);
    tally_free(tallying.tally);
    prefixset_free(darknet);
    return 0;
}

int main(int argc, char **argv)
{
    struct counted counted;
    struct in_addr address;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s", argc == 5 ? argv[3] : "");
    char *slash = strchr(prefix, '/');
    if (slash)
        *slash = '\0';
    if (!slash || inet_pton(AF_INET, prefix, &address) != 1) {
        fputs("Usage: live_loop plain|tally IFACE PREFIX COUNT\n", stderr);
        return 2;
    }
    base = ntohl(address.s_addr);
    size_less_1 = (uint32_t)((UINT64_C(1) << (32 - atoi(slash + 1))) - 1);
    uint64_t wanted = strtoull(argv[4], NULL, 10);
    int failed = strcmp(argv[1], "plain") == 0 ? run_plain(argv[2], wanted, &counted)
                                               : run_tally(argv[2], argv[3], wanted, &counted);
    if (failed)
        return 1;
    printf("%" PRIu64 " %" PRIu64 " %.0f\n", counted.packets, counted.dropped,
           clock_of(CLOCK_PROCESS_CPUTIME_ID) - begin_ns);
    return 0;
}

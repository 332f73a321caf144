/*
 * Records what comes in on an interface: `catch IFACE FILE` writes a pcap with nanoseconds until
 * SIGTERM, then what the kernel still holds, and prints how many packets it wrote and how many the
 * kernel dropped. Says "ready" on standard error when it captures. libpcap and nothing of ours.
 */
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_SIZE (64 << 20)
#define BLOCK_MS    50

static volatile sig_atomic_t stopping;
static uint64_t written;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "catch: %s: %s\n", what, why);
    exit(1);
}

static void write_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    pcap_dump(user, header, data);
    written++;
}

static pcap_t *open_interface(const char *name)
{
    char errbuf[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_create(name, errbuf);
    if (!pcap)
        fail(name, errbuf);
    pcap_set_snaplen(pcap, 65535);
    pcap_set_buffer_size(pcap, BUFFER_SIZE);
    pcap_set_timeout(pcap, BLOCK_MS);
    pcap_set_promisc(pcap, 1);
    pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (pcap_activate(pcap) < 0 || pcap_setdirection(pcap, PCAP_D_IN) != 0 ||
        pcap_setnonblock(pcap, 1, errbuf) != 0)
        fail(name, pcap_geterr(pcap));
    return pcap;
}

/* Until told to stop, and from then on until the last block of the ring is out. */
static void take(pcap_t *pcap, pcap_dumper_t *out)
{
    struct pollfd readable = {.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};
    for (int quiet = 0; quiet < 4; quiet++) {
        poll(&readable, 1, BLOCK_MS);
        int count = pcap_dispatch(pcap, -1, write_packet, (u_char *)out);
        if (count < 0)
            fail("reading", pcap_geterr(pcap));
        if (count > 0 || !stopping)
            quiet = -1;
    }
}

int main(int argc, char **argv)
{
    struct pcap_stat stat;
    if (argc != 3) {
        fputs("Usage: catch IFACE FILE\n", stderr);
        return 2;
    }
    signal(SIGTERM, stop);
    pcap_t *pcap = open_interface(argv[1]);
    pcap_dumper_t *out = pcap_dump_open(pcap, argv[2]);
    if (!out)
        fail(argv[2], pcap_geterr(pcap));
    fputs("ready\n", stderr);
    take(pcap, out);
    if (pcap_stats(pcap, &stat) != 0)
        fail(argv[1], pcap_geterr(pcap));
    printf("%lu %u\n", (unsigned long)written, stat.ps_drop);
    pcap_dump_close(out);
    pcap_close(pcap);
    return 0;
}

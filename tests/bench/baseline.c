/*
 * What `count` is measured against: `baseline FILE PREFIX`, the bare libpcap loop as anybody would
 * write it first: pcap_open_offline with its defaults, Ethernet and IPv4 only, a 64-bit array by
 * destination. Prints the packets counted, so that both can be seen to do the same work.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counting {
    uint32_t base, size_less_1;
    uint64_t *packets;
};

static void count_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct counting *counting = (struct counting *)user;
    uint32_t dst;
    if (header->caplen < 34 || data[12] != 8 || data[13] != 0)
        return;
    memcpy(&dst, data + 30, sizeof dst);
    uint32_t index = ntohl(dst) - counting->base;
    if (index <= counting->size_less_1)
        counting->packets[index]++;
}

static int run(struct counting *counting, const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, error);
    if (!pcap || pcap_loop(pcap, 0, count_packet, (u_char *)counting)) {
        fprintf(stderr, "%s: %s\n", path, pcap ? pcap_geterr(pcap) : error);
        return 1;
    }
    pcap_close(pcap);
    uint64_t sum = 0;
    for (uint64_t i = 0; i <= counting->size_less_1; i++)
        sum += counting->packets[i];
    printf("%" PRIu64 "\n", sum);
    return 0;
}

int main(int argc, char **argv)
{
    struct in_addr base;
    char *slash = argc == 3 ? strchr(argv[2], '/') : NULL;
    if (slash)
        *slash = '\0';
    if (!slash || inet_pton(AF_INET, argv[2], &base) != 1) {
        fputs("Usage: baseline FILE PREFIX\n", stderr);
        return 2;
    }
    struct counting counting = {
        .base = ntohl(base.s_addr),
        .size_less_1 = (uint32_t)((UINT64_C(1) << (32 - atoi(slash + 1))) - 1),
    };
    counting.packets = calloc((size_t)counting.size_less_1 + 1, sizeof *counting.packets);
    if (!counting.packets)
        return 1;
    int code = run(&counting, argv[1]);
    free(counting.packets);
    return code;
}

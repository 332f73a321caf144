/*
 * Sends the frames of an Ethernet capture as they are: `replay IFACE FILE` puts each one on the
 * interface that the kernel does not discard unseen, and prints how many. Times are not kept.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", what, why);
    return 1;
}

/* The kernel takes no frame without an Ethernet header, and drops one whose 802.1Q or 802.1ad tag is not
 * followed by an EtherType and two bytes before anything captures it (skb_vlan_untag). */
static bool seen_by_kernel(const unsigned char *frame, size_t size)
{
    if (size < 14)
        return false;
    unsigned type = (unsigned)frame[12] << 8 | frame[13];
    return (type != 0x8100 && type != 0x88a8) || size >= 20;
}

static int send_frame(int fd, const void *frame, size_t size)
{
    while (send(fd, frame, size, 0) < 0)
        if (errno != ENOBUFS && errno != EINTR)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    char errbuf[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const unsigned char *data;
    unsigned long sent = 0;
    if (argc != 3) {
        fputs("Usage: replay IFACE FILE\n", stderr);
        return 2;
    }
    pcap_t *pcap = pcap_open_offline(argv[2], errbuf);
    if (!pcap)
        return fail(argv[2], errbuf);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
    int fd = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: it receives nothing */
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return fail(argv[1], strerror(errno));
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        if (!seen_by_kernel(data, header->caplen))
            continue;
        if (send_frame(fd, data, header->caplen) != 0)
            return fail(argv[1], strerror(errno));
        sent++;
    }
    printf("%lu\n", sent);
    pcap_close(pcap);
    return 0;
}

/*
 * Sends frames as fast as one thread can: `sender IFACE COUNT PREFIX [RATE]` puts COUNT frames to the
 * IPv4 prefix (frames.h) on the interface, at most RATE a second (default: no limit), and prints how
 * many it sent. Ethernet addresses are those of tests/demo/darknet.sh.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/frames.h"

#define BATCH 256

static uint8_t buffers[BATCH][FRAMES_SIZE];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

/* What is the same in all frames. */
static void prepare(void)
{
    static const uint8_t link[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    for (int i = 0; i < BATCH; i++) {
        memcpy(buffers[i], link, sizeof link);
        parts[i] = (struct iovec){buffers[i], FRAMES_SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int send_all(int fd, uint64_t count, struct frames *frames, double rate)
{
    double begin = seconds();
    for (uint64_t sent = 0; sent < count;) {
        unsigned want = count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
        for (unsigned i = 0; i < want; i++)
            frames_next(frames, buffers[i]);
        for (unsigned done = 0; done < want;) {
            int got = sendmmsg(fd, messages + done, want - done, 0);
            if (got < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
                return -1;
            done += got > 0 ? (unsigned)got : 0;
        }
        sent += want;
        double ahead = rate > 0 ? (double)sent / rate - (seconds() - begin) : 0;
        if (ahead > 0.001)
            usleep((useconds_t)(ahead * 1e6));
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct frames frames;
    if (argc < 4 || !frames_init(&frames, argv[3])) {
        fputs("Usage: sender IFACE COUNT PREFIX [RATE]\n", stderr);
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = (int)if_nametoindex(argv[1])};
    int fd = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: it receives nothing */
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        fprintf(stderr, "sender: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    prepare();
    if (send_all(fd, count, &frames, argc > 4 ? atof(argv[4]) : 0) != 0) {
        fprintf(stderr, "sender: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    printf("%" PRIu64 "\n", count);
    return 0;
}

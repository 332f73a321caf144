/*
 * Sends frames as fast as one thread can: `sender IFACE COUNT PREFIX [RATE]` puts COUNT frames of 60
 * bytes, half of them TCP SYNs and half UDP, from random sources to random addresses of the IPv4
 * prefix, on the interface, at most RATE a second (default: no limit), and prints how many it sent.
 * The seed is fixed. Ethernet addresses are those of tests/demo/darknet.sh.
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

#define FRAME_SIZE 60
#define BATCH      256

static uint8_t frames[BATCH][FRAME_SIZE];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

/* SplitMix64, by S. Vigna (public domain). */
static uint64_t next_random(void)
{
    static uint64_t state;
    uint64_t value = state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* What is the same in all frames. */
static void prepare(void)
{
    static const uint8_t link[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    for (int i = 0; i < BATCH; i++) {
        memcpy(frames[i], link, sizeof link);
        frames[i][14] = 0x45;
        frames[i][22] = 64;
        parts[i] = (struct iovec){frames[i], FRAME_SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
}

static void fill(uint8_t *frame, uint32_t base, uint32_t mask)
{
    uint64_t random = next_random();
    unsigned tcp = random & 1;
    uint8_t *ip = frame + 14;
    put16(ip + 2, tcp ? 40 : 46);
    ip[9] = tcp ? 6 : 17;
    put32(ip + 12, UINT32_C(0xcb007100) | (random >> 32 & 0xff)); /* 203.0.113.0/24 */
    put32(ip + 16, base | ((uint32_t)next_random() & mask));
    put16(ip + 20, 1024 + (random >> 1 & 0x7fff));
    put16(ip + 22, random >> 16 & 0xffff);
    ip[32] = tcp ? 0x50 : 0;
    ip[33] = tcp ? 2 : 0;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int send_all(int fd, uint64_t count, uint32_t base, uint32_t mask, double rate)
{
    double begin = seconds();
    for (uint64_t sent = 0; sent < count;) {
        unsigned want = count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
        for (unsigned i = 0; i < want; i++)
            fill(frames[i], base, mask);
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
    struct in_addr base;
    char *slash = argc >= 4 ? strchr(argv[3], '/') : NULL;
    if (slash)
        *slash = '\0';
    if (!slash || inet_pton(AF_INET, argv[3], &base) != 1) {
        fputs("Usage: sender IFACE COUNT PREFIX [RATE]\n", stderr);
        return 2;
    }
    int bits = atoi(slash + 1);
    uint32_t mask = bits < 32 ? UINT32_MAX >> bits : 0;
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
    if (send_all(fd, count, ntohl(base.s_addr) & ~mask, mask, argc > 4 ? atof(argv[4]) : 0) != 0) {
        fprintf(stderr, "sender: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    printf("%" PRIu64 "\n", count);
    return 0;
}

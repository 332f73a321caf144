/* The kernel filter on a live capture: frames over the loopback interface of a network namespace of
 * the test's own. Where none may be made the tests say so and pass. */
#include <criterion/criterion.h>

#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/capture.h"
#include "common/err.h"
#include "common/prefix.h"

#define INSIDE  0xc6336407 /* 198.51.100.7 */
#define OUTSIDE 0xc0000201 /* 192.0.2.1 */
#define WAIT_MS 30000

static bool enter_namespace(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        cr_log_warn("no network namespace may be made here");
        return false;
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
    return true;
}

static void send_frame(const uint8_t *frame, size_t size)
{
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("lo")};
    cr_assert_eq(sendto(fd, frame, size, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)size,
                 "%m");
    close(fd);
}

/* An IPv4 packet that ends with `mark`, behind so many tags. */
static void send_ipv4(int tags, uint8_t mark, uint32_t src, uint32_t dst)
{
    uint8_t frame[64] = {0};
    size_t at = 12;
    for (int tag = 0; tag < tags; tag++) {
        memcpy(frame + at, (uint8_t[]){tag ? 0x81 : 0x88, tag ? 0 : 0xa8, 0, 7}, 4);
        at += 4;
    }
    memcpy(frame + at, (uint8_t[]){8, 0, 0x45, 0, 0, 21, 0, 0, 0, 0, 64, 253, 0, 0}, 14);
    src = __builtin_bswap32(src);
    dst = __builtin_bswap32(dst);
    memcpy(frame + at + 14, &src, 4);
    memcpy(frame + at + 18, &dst, 4);
    frame[at + 22] = mark;
    send_frame(frame, at + 23);
}

/* An ARP request, and behind it `mark`. */
static void send_arp(uint8_t mark, uint32_t sender, uint32_t target)
{
    uint8_t frame[43] = {[12] = 8, [13] = 6, [15] = 1, [16] = 8, [18] = 6, [19] = 4, [21] = 1};
    frame[42] = mark;
    sender = __builtin_bswap32(sender);
    target = __builtin_bswap32(target);
    memcpy(frame + 28, &sender, 4);
    memcpy(frame + 38, &target, 4);
    send_frame(frame, sizeof frame);
}

static struct capture *open_filtered(const char *iface, const struct prefixset *darknet)
{
    char errmsg[ERRMSG_SIZE];
    struct capture *capture;
    double extra;
    struct capture_options options = {.ring_bytes = 1 << 20, .darknet = darknet};
    cr_assert_eq(capture_open_live(&capture, iface, &options, errmsg), 0, "%s", errmsg);
    cr_assert(!darknet || (capture_filtered(capture, &extra) && extra == 0));
    return capture;
}

/* The marks that came, in the order in which they came. */
struct seen {
    uint8_t marks[64];
    size_t count;
};

static void on_packet(void *user, const struct capture_packet *packet)
{
    struct seen *seen = user;
    cr_assert_lt(seen->count, sizeof seen->marks);
    seen->marks[seen->count++] = packet->data[packet->caplen - 1];
}

/* Takes packets until the one marked `last`, behind which nothing was sent. */
static void take_until(struct capture *capture, struct seen *seen, uint8_t last)
{
    char errmsg[ERRMSG_SIZE];
    for (int waited_ms = 0; seen->count == 0 || seen->marks[seen->count - 1] != last;) {
        struct pollfd fd = {.fd = capture_fd(capture), .events = POLLIN};
        cr_assert_lt(waited_ms, WAIT_MS, "%zu came, not the last", seen->count);
        if (poll(&fd, 1, CAPTURE_BLOCK_MS) == 0)
            waited_ms += CAPTURE_BLOCK_MS;
        cr_assert_geq(capture_dispatch(capture, 64, on_packet, seen, errmsg), 0, "%s", errmsg);
    }
}

/* Even marks are for the darknet, odd ones are not; sent to a capture with and one without filter. */
static void send_all(void)
{
    for (int tags = 0; tags <= 3; tags++) {
        send_ipv4(tags, (uint8_t)(4 * tags + 1), OUTSIDE, OUTSIDE + 1);
        send_ipv4(tags, (uint8_t)(4 * tags + 2), OUTSIDE, INSIDE);
        send_ipv4(tags, (uint8_t)(4 * tags + 3), OUTSIDE, INSIDE + 1);
        send_ipv4(tags, (uint8_t)(4 * tags + 4), INSIDE, OUTSIDE);
    }
    send_arp(17, OUTSIDE, INSIDE);
    send_arp(18, INSIDE, OUTSIDE);
    send_ipv4(0, 20, OUTSIDE, INSIDE);
}

static void check(const char *iface)
{
    struct seen filtered = {.count = 0}, all = filtered;
    char errmsg[ERRMSG_SIZE];
    if (!enter_namespace())
        return;
    struct prefixset *darknet = prefixset_new();
    cr_assert_eq(prefixset_add(darknet, "198.51.100.7", errmsg), 0);
    cr_assert_eq(prefixset_finish(darknet, errmsg), 0);
    struct capture *with = open_filtered(iface, darknet), *without = open_filtered(iface, NULL);
    send_all();
    take_until(with, &filtered, 20);
    take_until(without, &all, 20);
    cr_assert_eq(all.count, 19);
    cr_assert_eq(filtered.count, 10, "%zu came", filtered.count);
    for (size_t i = 0; i < filtered.count; i++)
        cr_assert_eq(filtered.marks[i], 2 * (i + 1), "the %zuth is %u", i, filtered.marks[i]);
    capture_close(with);
    capture_close(without);
    prefixset_free(darknet);
}

Test(capture_filter, hands_over_only_what_is_for_the_darknet)
{
    check("lo");
}

/* Of all interfaces at once the kernel does not see the link header; libpcap moves the offsets. */
Test(capture_filter, hands_over_only_what_is_for_the_darknet_on_any)
{
    check("any");
}

/*
 * retime: moves a classic pcap capture in time, so that a scan of some seconds becomes one of many
 * hours in another year. Used by tests/captures/make alone:
 *
 *   retime START SPAN < IN > OUT
 *
 * START: time of the first packet, seconds since the epoch. SPAN: seconds from the first packet to
 * the last one; distances in between grow by one whole factor, so the last packet comes at most one
 * length of the original capture early. Nothing else changes, and the same input gives the same
 * output. A packet that the capture shows earlier than the one before it gets that one's time:
 * stretched, such a microsecond would become hours. Microsecond captures in the byte order of this
 * machine, as tcpdump writes them; all else is refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_MAGIC_US UINT32_C(0xa1b2c3d4)
#define PACKET_MAX    262144
#define US_PER_S      INT64_C(1000000)

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snaplen, link;
};

struct packet_header {
    uint32_t sec, usec, captured, length;
};

struct stretch {
    int64_t first_us; /* of the original */
    int64_t start_us, factor;
    int64_t before_us; /* the packet before, moved */
};

static int fail(const char *what)
{
    fprintf(stderr, "retime: %s\n", what);
    return 1;
}

static int64_t packet_us(const struct packet_header *packet)
{
    return packet->sec * US_PER_S + packet->usec;
}

/* Reads one packet; its bytes go to `bytes`. 1: read, 0: the end, -1: no whole packet. */
static int packet_read(struct packet_header *packet, uint8_t bytes[PACKET_MAX])
{
    size_t got = fread(packet, 1, sizeof(*packet), stdin);
    if (got == 0)
        return 0;
    if (got != sizeof(*packet) || packet->captured > PACKET_MAX)
        return -1;
    return fread(bytes, 1, packet->captured, stdin) == packet->captured ? 1 : -1;
}

/* Times of the first and the latest packet; stdin is then back where it was. */
static int extent(int64_t *first_us, int64_t *last_us, uint8_t bytes[PACKET_MAX])
{
    struct packet_header packet;
    long place = ftell(stdin);
    int state = packet_read(&packet, bytes);
    if (state != 1)
        return -1;
    *first_us = *last_us = packet_us(&packet);
    while ((state = packet_read(&packet, bytes)) == 1) {
        if (packet_us(&packet) > *last_us)
            *last_us = packet_us(&packet);
    }
    return state == 0 ? fseek(stdin, place, SEEK_SET) : -1;
}

static void packet_move(struct packet_header *packet, struct stretch *stretch)
{
    int64_t us = stretch->start_us + (packet_us(packet) - stretch->first_us) * stretch->factor;
    if (us < stretch->before_us)
        us = stretch->before_us;
    stretch->before_us = us;
    packet->sec = (uint32_t)(us / US_PER_S);
    packet->usec = (uint32_t)(us % US_PER_S);
}

static int copy_moved(struct stretch *stretch, uint8_t bytes[PACKET_MAX])
{
    struct packet_header packet;
    int state;
    while ((state = packet_read(&packet, bytes)) == 1) {
        packet_move(&packet, stretch);
        fwrite(&packet, sizeof(packet), 1, stdout);
        fwrite(bytes, 1, packet.captured, stdout);
    }
    return state;
}

static bool seconds_parse(const char *text, int64_t *us)
{
    char *end;
    errno = 0;
    intmax_t seconds = strtoimax(text, &end, 10);
    if (errno || end == text || *end || seconds < 0 || seconds > UINT32_MAX)
        return false;
    *us = (int64_t)seconds * US_PER_S;
    return true;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[PACKET_MAX];
    struct file_header header;
    struct stretch stretch = {0};
    int64_t span_us, last_us;

    if (argc != 3 || !seconds_parse(argv[1], &stretch.start_us) ||
        !seconds_parse(argv[2], &span_us))
        return fail("usage: retime START_SECONDS SPAN_SECONDS < IN > OUT"), 2;
    if (fread(&header, sizeof(header), 1, stdin) != 1 || header.magic != PCAP_MAGIC_US)
        return fail("standard input is no microsecond pcap file of this byte order");
    if (extent(&stretch.first_us, &last_us, bytes))
        return fail("standard input has no packet, is truncated, or is no file");
    if (last_us == stretch.first_us || span_us < last_us - stretch.first_us)
        return fail("SPAN is shorter than the capture already is");
    stretch.factor = span_us / (last_us - stretch.first_us);
    stretch.before_us = stretch.start_us;
    fwrite(&header, sizeof(header), 1, stdout);
    if (copy_moved(&stretch, bytes) || fflush(stdout) || ferror(stdout))
        return fail("the moved capture could not be written");
    return 0;
}

/*
 * Makes a capture for the benchmarks: `generate COUNT PREFIX FILE` writes COUNT frames to the IPv4
 * prefix (frames.h), 100,000 a second, as a classic pcap. The same arguments give the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/frames.h"

#define RATE    100000 /* packets per second of packet time */
#define START_S 1700000000

static void write_packet(FILE *out, uint64_t number, const uint8_t frame[FRAMES_SIZE])
{
    uint32_t header[4] = {(uint32_t)(START_S + number / RATE),
                          (uint32_t)(number % RATE * (1000000 / RATE)), FRAMES_SIZE, FRAMES_SIZE};
    fwrite(header, sizeof header, 1, out);
    fwrite(frame, FRAMES_SIZE, 1, out);
}

static void write_capture(FILE *out, uint64_t count, struct frames *frames)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint8_t frame[FRAMES_SIZE] = {0};
    fwrite(header, sizeof header, 1, out);
    for (uint64_t number = 0; number < count; number++) {
        frames_next(frames, frame);
        write_packet(out, number, frame);
    }
}

int main(int argc, char **argv)
{
    struct frames frames;
    if (argc != 4 || !frames_init(&frames, argv[2])) {
        fputs("Usage: generate COUNT PREFIX FILE\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[3], "w");
    if (!out) {
        perror(argv[3]);
        return 1;
    }
    write_capture(out, strtoull(argv[1], NULL, 10), &frames);
    if (fclose(out)) {
        perror(argv[3]);
        return 1;
    }
    return 0;
}

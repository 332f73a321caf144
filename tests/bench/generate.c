/*
 * Makes a capture for the benchmarks: `generate COUNT PREFIX FILE` writes COUNT frames of 60 bytes,
 * half of them TCP SYNs and half UDP, from random sources to random addresses of the IPv4 prefix,
 * 100,000 a second, as a classic pcap. The seed is fixed: the same arguments give the same bytes.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_SIZE 60
#define RATE       100000 /* packets per second of packet time */
#define START_S    1700000000

/* SplitMix64, by S. Vigna (public domain). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
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

static void make_frame(uint8_t frame[FRAME_SIZE], uint32_t src, uint32_t dst, uint64_t random)
{
    int tcp = random & 1;
    memset(frame, 0, FRAME_SIZE);
    put16(frame + 12, 0x0800);
    uint8_t *ip = frame + 14;
    ip[0] = 0x45;
    put16(ip + 2, tcp ? 40 : 46);
    ip[8] = 64;
    ip[9] = tcp ? 6 : 17;
    put32(ip + 12, src);
    put32(ip + 16, dst);
    put16(ip + 20, 1024 + (random >> 1 & 0x7fff));
    put16(ip + 22, random >> 16 & 0xffff);
    if (tcp) {
        ip[32] = 0x50;
        ip[33] = 2; /* SYN */
    } else {
        put16(ip + 24, 26);
    }
}

static void write_packet(FILE *out, uint64_t number, const uint8_t frame[FRAME_SIZE])
{
    uint32_t header[4] = {(uint32_t)(START_S + number / RATE),
                          (uint32_t)(number % RATE * (1000000 / RATE)), FRAME_SIZE, FRAME_SIZE};
    fwrite(header, sizeof header, 1, out);
    fwrite(frame, FRAME_SIZE, 1, out);
}

static void write_capture(FILE *out, uint64_t count, uint32_t base, uint32_t mask)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint64_t state = 1;
    fwrite(header, sizeof header, 1, out);
    for (uint64_t number = 0; number < count; number++) {
        uint8_t frame[FRAME_SIZE];
        uint64_t addresses = next_random(&state), rest = next_random(&state);
        make_frame(frame, (uint32_t)(addresses >> 32), base | ((uint32_t)addresses & mask), rest);
        write_packet(out, number, frame);
    }
}

int main(int argc, char **argv)
{
    unsigned length = 32;
    struct in_addr base;
    char *slash = argc == 4 ? strchr(argv[2], '/') : NULL;
    if (slash) {
        *slash = '\0';
        length = (unsigned)atoi(slash + 1);
    }
    if (!slash || length > 32 || inet_pton(AF_INET, argv[2], &base) != 1) {
        fputs("Usage: generate COUNT PREFIX FILE\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[3], "w");
    if (!out) {
        perror(argv[3]);
        return 1;
    }
    uint32_t mask = length ? (uint32_t)((UINT64_C(1) << (32 - length)) - 1) : UINT32_MAX;
    write_capture(out, strtoull(argv[1], NULL, 10), ntohl(base.s_addr), mask);
    if (fclose(out)) {
        perror(argv[3]);
        return 1;
    }
    return 0;
}

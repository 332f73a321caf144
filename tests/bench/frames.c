#include "tests/bench/frames.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

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

bool frames_init(struct frames *frames, char *prefix)
{
    struct in_addr base;
    char *slash = strchr(prefix, '/');
    if (!slash)
        return false;
    *slash = '\0';
    int length = atoi(slash + 1);
    if (length < 0 || length > 32 || inet_pton(AF_INET, prefix, &base) != 1)
        return false;
    uint32_t mask = length ? (uint32_t)((UINT64_C(1) << (32 - length)) - 1) : UINT32_MAX;
    *frames = (struct frames){.base = ntohl(base.s_addr) & ~mask, .mask = mask, .state = 1};
    return true;
}

void frames_next(struct frames *frames, uint8_t frame[FRAMES_SIZE])
{
    uint64_t addresses = next_random(&frames->state), random = next_random(&frames->state);
    bool tcp = random & 1;
    uint8_t *ip = frame + 14;
    memset(frame + 12, 0, FRAMES_SIZE - 12);
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, tcp ? 40 : 46);
    ip[8] = 64;
    ip[9] = tcp ? 6 : 17;
    put32(ip + 12, (uint32_t)(addresses >> 32));
    put32(ip + 16, frames->base | ((uint32_t)addresses & frames->mask));
    put16(ip + 20, 1024 + (random >> 1 & 0x7fff));
    put16(ip + 22, random >> 16 & 0xffff);
    if (tcp) {
        ip[32] = 0x50;
        ip[33] = 2; /* SYN */
    } else {
        put16(ip + 24, 26);
    }
}

/*
 * `history FIRST_DAY DAYS ADDRESSES [PACKETS]`: a capture on standard output of so many days, one burst a
 * day at noon UTC, in which every one of so many addresses from 10.0.0.0 on gets so many UDP packets (1)
 * within a minute. FIRST_DAY: days since 1970-01-01. For tests and benchmarks of the store; a sensor that
 * replays it has a record of every minute in between.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_SIZE 28 /* IPv4 and UDP headers */

static void put_le32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static void put_be32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void write_header(void)
{
    uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4};
    put_le32(header + 16, 65535);
    put_le32(header + 20, 101); /* raw IP */
    fwrite(header, sizeof header, 1, stdout);
}

static void write_packet(uint32_t at_s, uint32_t at_us, uint32_t source, uint32_t address,
                         uint16_t port)
{
    uint8_t packet[16 + PACKET_SIZE] = {0};
    put_le32(packet, at_s);
    put_le32(packet + 4, at_us);
    put_le32(packet + 8, PACKET_SIZE);
    put_le32(packet + 12, PACKET_SIZE);
    uint8_t *ip = packet + 16;
    ip[0] = 0x45;
    ip[3] = PACKET_SIZE;
    ip[8] = 64;
    ip[9] = 17;
    put_be32(ip + 12, source);
    put_be32(ip + 16, address);
    ip[22] = (uint8_t)(port >> 8);
    ip[23] = (uint8_t)port;
    ip[25] = 8;
    fwrite(packet, sizeof packet, 1, stdout);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: history FIRST_DAY DAYS ADDRESSES [PACKETS]\n");
        return 2;
    }
    uint32_t first = (uint32_t)atol(argv[1]), days = (uint32_t)atol(argv[2]);
    uint32_t addresses = (uint32_t)atol(argv[3]), each = argc == 5 ? (uint32_t)atol(argv[4]) : 1;
    uint64_t packets = (uint64_t)addresses * each;
    write_header();
    for (uint32_t day = 0; day < days; day++)
        for (uint64_t i = 0; i < packets; i++) {
            uint64_t us = i * 59000000 / packets;
            uint32_t mixed = (day * 2654435761u + (uint32_t)i) * 2246822519u;
            write_packet((first + day) * 86400 + 43200 + (uint32_t)(us / 1000000),
                         (uint32_t)(us % 1000000), 0xc6120000 + (mixed >> 15),
                         0x0a000000 + (uint32_t)(i % addresses), (uint16_t)(mixed >> 20));
        }
    return fflush(stdout) == 0 ? 0 : 1;
}

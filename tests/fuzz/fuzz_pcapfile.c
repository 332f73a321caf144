/* The block reader over a classic pcap: the first byte is the size of the pieces it is given, less 1,
 * the rest the file. It must give the packets that a walk over the whole file finds. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "collector/pcapfile.h"
#include "common/err.h"

#define BATCH 5

/* Gives the file, and afterwards walks over it. */
struct whole {
    const uint8_t *at, *end;
    size_t piece;
};

static ssize_t read_piece(void *user, uint8_t *out, size_t size)
{
    struct whole *whole = user;
    size_t left = (size_t)(whole->end - whole->at);
    size = size < whole->piece ? size : whole->piece;
    size = size < left ? size : left;
    memcpy(out, whole->at, size);
    whole->at += size;
    return (ssize_t)size;
}

static uint32_t field(const uint8_t *at, bool swapped)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

/* The packet is the record at the beginning of what is left of the file. */
static void check(struct whole *left, const struct capture_packet *packet, bool swapped)
{
    size_t size = (size_t)(left->end - left->at);
    fuzz_require(size >= 16 + (size_t)packet->caplen);
    uint32_t caplen = field(left->at + 8, swapped);
    fuzz_require(caplen <= PCAPFILE_PACKET_MAX && size - 16 >= caplen);
    fuzz_require(packet->caplen <= caplen && packet->len == field(left->at + 12, swapped));
    fuzz_require(packet->ts_ns / 1000000000 >= field(left->at, swapped));
    fuzz_require(memcmp(packet->data, left->at + 16, packet->caplen) == 0);
    left->at += 16 + caplen;
}

/* Whether what is left begins with a record that should have been taken. */
static bool whole_record(const struct whole *left, bool swapped)
{
    size_t size = (size_t)(left->end - left->at);
    if (size < 16)
        return false;
    uint32_t caplen = field(left->at + 8, swapped);
    return caplen <= PCAPFILE_PACKET_MAX && caplen <= size - 16;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1 + PCAPFILE_HEADER_SIZE || !pcapfile_supports(bytes + 1))
        return 0;
    const uint8_t *begin = bytes + 1;
    bool swapped = begin[0] == 0xa1;
    struct whole left = {begin + PCAPFILE_HEADER_SIZE, bytes + size, (size_t)bytes[0] + 1};
    struct whole source = left;
    struct pcapfile *file = pcapfile_new(begin, read_piece, &source);
    fuzz_require(file);
    struct capture_packet packets[BATCH];
    int count;
    while ((count = pcapfile_batch(file, packets, BATCH)) > 0)
        for (int i = 0; i < count; i++)
            check(&left, &packets[i], swapped);
    fuzz_require(count == 0 || count == ERR_DAMAGED);
    fuzz_require((count == 0) == (left.at == left.end) && !whole_record(&left, swapped));
    fuzz_require(pcapfile_position(file) == (uint64_t)(left.at - begin));
    fuzz_require((count == 0) == (pcapfile_damage(file)[0] == '\0'));
    pcapfile_free(file);
    return 0;
}

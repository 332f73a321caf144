/* The block reader over a classic pcap: the first byte is the size of the pieces it is given, less 1,
 * the rest the file. It must give the packets that a walk over the whole file finds, taken whole or as
 * briefs. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "collector/pcapfile.h"
#include "common/err.h"
#include "tests/fuzz/pieces.h"

#define BATCH 5

static uint32_t field(const uint8_t *at, bool swapped)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

/* The brief is of the record at the beginning of what is left. */
static void check_brief(struct pieces *left, const struct packet_brief *brief, int offset,
                        uint32_t snaplen, bool swapped)
{
    struct packet_brief expected;
    size_t size = (size_t)(left->end - left->at);
    fuzz_require(size >= 16);
    uint32_t caplen = field(left->at + 8, swapped);
    fuzz_require(caplen <= PCAPFILE_PACKET_MAX && caplen <= snaplen && size - 16 >= caplen);
    fuzz_require(decode_ipv4_at(offset, left->at + 16, caplen, &expected));
    fuzz_require(brief->dst4 == expected.dst4 && brief->bytes == expected.bytes);
    left->at += 16 + caplen;
}

/* The packet is the record at the beginning of what is left of the file. */
static void check(struct pieces *left, const struct capture_packet *packet, bool swapped)
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
static bool whole_record(const struct pieces *left, bool swapped)
{
    size_t size = (size_t)(left->end - left->at);
    if (size < 16)
        return false;
    uint32_t caplen = field(left->at + 8, swapped);
    return caplen <= PCAPFILE_PACKET_MAX && caplen <= size - 16;
}

/* Takes a few packets, as briefs where they can be; as pcapfile_batch. */
static int take(struct pcapfile *file, struct pieces *left, bool briefs, uint32_t snaplen,
                bool swapped)
{
    struct capture_packet packets[BATCH];
    struct packet_brief brief[BATCH];
    size_t taken = briefs ? pcapfile_brief(file, brief, BATCH) : 0;
    int offset = decode_shortcut(pcapfile_linktype(file));
    for (size_t i = 0; i < taken; i++)
        check_brief(left, &brief[i], offset, snaplen, swapped);
    int count = pcapfile_batch(file, packets, briefs ? 1 : BATCH);
    for (int i = 0; i < count; i++)
        check(left, &packets[i], swapped);
    return count;
}

static void walk(const uint8_t *begin, const uint8_t *end, size_t most, bool briefs)
{
    bool swapped = begin[0] == 0xa1;
    uint32_t snaplen = field(begin + 16, swapped);
    if (snaplen == 0 || snaplen > INT32_MAX)
        snaplen = PCAPFILE_PACKET_MAX;
    struct pieces source = {begin + PCAPFILE_HEADER_SIZE, end, most}, left = source;
    struct pcapfile *file = pcapfile_new(begin, pieces_read, &source);
    fuzz_require(file);
    int count;
    while ((count = take(file, &left, briefs, snaplen, swapped)) > 0)
        ;
    fuzz_require(count == 0 || count == ERR_DAMAGED);
    fuzz_require((count == 0) == (left.at == left.end) && !whole_record(&left, swapped));
    fuzz_require(pcapfile_position(file) == (uint64_t)(left.at - begin));
    fuzz_require((count == 0) == (pcapfile_damage(file)[0] == '\0'));
    pcapfile_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1 + PCAPFILE_HEADER_SIZE || !pcapfile_supports(bytes + 1))
        return 0;
    walk(bytes + 1, bytes + size, (size_t)bytes[0] + 1, false);
    walk(bytes + 1, bytes + size, (size_t)bytes[0] + 1, true);
    return 0;
}

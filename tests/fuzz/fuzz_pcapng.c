/* The reader of pcapng: the first byte is the size of the pieces it is given, less 1, the rest the
 * file. The packets must be the same, and lie in the file, whether it comes in pieces or at once, and in
 * batches of any size. */
#include "tests/fuzz/fuzz.h"

#include "collector/pcapng.h"
#include "common/err.h"
#include "tests/fuzz/pieces.h"

#define BATCH_MAX 16

/* What a reader made of the file. */
struct reading {
    uint64_t hash, packets, position;
    int result;
};

static void mix(uint64_t *hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ at[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
}

static void see(struct reading *reading, int linktype, const struct capture_packet *packet)
{
    fuzz_require(packet->caplen <= PCAPFILE_PACKET_MAX);
    mix(&reading->hash, &linktype, sizeof linktype);
    mix(&reading->hash, &packet->ts_ns, sizeof packet->ts_ns);
    mix(&reading->hash, &packet->caplen, sizeof packet->caplen);
    mix(&reading->hash, &packet->len, sizeof packet->len);
    mix(&reading->hash, packet->data, packet->caplen);
    reading->packets++;
}

static struct reading read_all(const uint8_t *begin, const uint8_t *end, size_t most, int batch)
{
    struct capture_packet packets[BATCH_MAX];
    struct pieces pieces = {begin, end, most};
    struct reading reading = {0};
    struct pcapng *file = pcapng_new(pieces_read, &pieces);
    fuzz_require(file);
    uint64_t before = 0;
    while ((reading.result = pcapng_batch(file, packets, batch)) > 0) {
        fuzz_require(reading.result <= batch);
        for (int i = 0; i < reading.result; i++)
            see(&reading, pcapng_linktype(file), &packets[i]);
        reading.position = pcapng_position(file);
        fuzz_require(reading.position > before);
        before = reading.position;
    }
    reading.position = pcapng_position(file);
    fuzz_require(reading.result == 0 || reading.result == ERR_DAMAGED);
    fuzz_require((reading.result == 0) == (reading.position == (uint64_t)(end - begin)));
    fuzz_require((reading.result == 0) == (pcapng_damage(file)[0] == '\0'));
    pcapng_free(file);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    struct reading whole = read_all(bytes + 1, bytes + size, SIZE_MAX, BATCH_MAX);
    struct reading pieces = read_all(bytes + 1, bytes + size, (size_t)bytes[0] + 1, 1);
    fuzz_require(whole.result == pieces.result && whole.position == pieces.position);
    fuzz_require(whole.packets == pieces.packets && whole.hash == pieces.hash);
    return 0;
}

#include <criterion/criterion.h>

#include <string.h>

#include "common/crc32c.h"
#include "tests/unit/common/random.h"

typedef uint32_t checksum_function(uint32_t crc, const void *bytes, size_t size);

static checksum_function *const functions[] = {crc32c, crc32c_portable};

/* RFC 3720 appendix B.4; the RFC lists the bytes of the CRC as sent, lowest first. */
static void vectors(checksum_function *checksum)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    cr_expect_eq(checksum(0, bytes, 32), 0x8a9136aa, "32 zeros");
    memset(bytes, 0xff, sizeof bytes);
    cr_expect_eq(checksum(0, bytes, 32), 0x62a8ab43, "32 ones");
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    cr_expect_eq(checksum(0, bytes, 32), 0x46dd794e, "ascending");
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    cr_expect_eq(checksum(0, bytes, 32), 0x113fdb5c, "descending");
    static const uint8_t iscsi[48] = {0x01, 0xc0, 0, 0,    0,    0, 0, 0,    0,    0, 0,    0,
                                      0,    0,    0, 0,    0x14, 0, 0, 0,    0,    0, 0x04, 0,
                                      0,    0,    0, 0x14, 0,    0, 0, 0x18, 0x28, 0, 0,    0,
                                      0,    0,    0, 0,    0x02, 0, 0, 0,    0,    0, 0,    0};
    cr_expect_eq(checksum(0, iscsi, sizeof iscsi), 0xd9963a56, "an iSCSI read command");
    cr_expect_eq(checksum(0, "123456789", 9), 0xe3069283, "the catalogue's check value");
    cr_expect_eq(checksum(0, "", 0), 0);
}

Test(crc32c, agrees_with_rfc_3720)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        vectors(functions[i]);
}

Test(crc32c, both_ways_agree_at_every_length_and_alignment)
{
    uint8_t bytes[96];
    uint64_t seed = 2;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_next(&seed);
    for (size_t at = 0; at < 16; at++)
        for (size_t size = 0; at + size <= sizeof bytes; size++)
            cr_assert_eq(crc32c(7, bytes + at, size), crc32c_portable(7, bytes + at, size),
                         "%zu bytes at %zu", size, at);
}

Test(crc32c, may_be_taken_in_pieces)
{
    static const char text[] = "an interval is sealed once and never changed";
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
        uint32_t whole = functions[f](0, text, sizeof text);
        for (size_t cut = 0; cut <= sizeof text; cut++) {
            uint32_t crc = functions[f](0, text, cut);
            cr_expect_eq(functions[f](crc, text + cut, sizeof text - cut), whole, "cut at %zu",
                         cut);
        }
    }
}

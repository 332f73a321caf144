#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/pseudonym.h"
#include "tests/unit/common/random.h"
#include "tests/unit/dashboards/cryptopan.h"

static struct pseudonym *with_key(const uint8_t *key)
{
    char errmsg[ERRMSG_SIZE];
    struct pseudonym *pseudonym;
    cr_assert_eq(pseudonym_new(&pseudonym, key, errmsg), 0, "%s", errmsg);
    return pseudonym;
}

static uint32_t of4(struct pseudonym *pseudonym, uint32_t address)
{
    uint32_t out;
    cr_assert_eq(pseudonym_of4(pseudonym, address, &out), 0);
    return out;
}

static void assert_pair(struct pseudonym *pseudonym, const struct cryptopan_pair *pair)
{
    uint8_t in[16], out[16];
    char text[INET6_ADDRSTRLEN];
    bool v6 = strchr(pair->address, ':');
    cr_assert_eq(inet_pton(v6 ? AF_INET6 : AF_INET, pair->address, in), 1);
    if (v6) {
        cr_assert_eq(pseudonym_of6(pseudonym, in, out), 0);
    } else {
        uint32_t address, number;
        memcpy(&address, in, 4);
        number = htonl(of4(pseudonym, ntohl(address)));
        memcpy(out, &number, 4);
    }
    inet_ntop(v6 ? AF_INET6 : AF_INET, out, text, sizeof text);
    cr_assert_str_eq(text, pair->pseudonym, "%s", pair->address);
}

static void assert_pairs(const uint8_t *key, const struct cryptopan_pair *pairs, size_t count)
{
    struct pseudonym *pseudonym = with_key(key);
    for (size_t i = 0; i < count; i++)
        assert_pair(pseudonym, &pairs[i]);
    for (size_t i = count; i-- > 0;) /* nothing depends on what came before */
        assert_pair(pseudonym, &pairs[i]);
    pseudonym_free(pseudonym);
}

#define COUNT(pairs) (sizeof(pairs) / sizeof *(pairs))

Test(pseudonym, is_that_of_the_reference_implementation)
{
    assert_pairs(cryptopan_key, cryptopan_trace, COUNT(cryptopan_trace));
}

Test(pseudonym, of_ipv6_is_that_of_three_other_implementations)
{
    assert_pairs(cryptopan_key, cryptopan_trace6, COUNT(cryptopan_trace6));
    assert_pairs(cryptopan_python_key, cryptopan_python, COUNT(cryptopan_python));
    assert_pairs(cryptopan_libanon_key, cryptopan_libanon, COUNT(cryptopan_libanon));
}

Test(pseudonym, families_do_not_disturb_each_other)
{
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    for (size_t i = 0; i < COUNT(cryptopan_trace6); i++) {
        assert_pair(pseudonym, &cryptopan_trace[i]);
        assert_pair(pseudonym, &cryptopan_trace6[i]);
    }
    pseudonym_free(pseudonym);
}

Test(pseudonym, is_a_bijection_of_a_16_onto_a_16)
{
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    static bool taken[65536];
    uint32_t network = of4(pseudonym, 0xc0a80000u) >> 16;
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t out = of4(pseudonym, 0xc0a80000u | i);
        cr_assert_eq(out >> 16, network);
        cr_assert_not(taken[out & 0xffff], "%u is taken", out & 0xffff);
        taken[out & 0xffff] = true;
    }
    pseudonym_free(pseudonym);
}

static unsigned shared(uint32_t a, uint32_t b)
{
    return a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
}

Test(pseudonym, shares_as_many_leading_bits_as_the_addresses)
{
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        uint32_t a = (uint32_t)random_next(&seed);
        uint32_t b = a ^ (uint32_t)(random_next(&seed) >> 32 >> random_below(&seed, 32));
        cr_assert_eq(shared(of4(pseudonym, a), of4(pseudonym, b)), shared(a, b), "%08x %08x", a, b);
    }
    pseudonym_free(pseudonym);
}

static unsigned shared6(const uint8_t *a, const uint8_t *b)
{
    unsigned bits = 0;
    while (bits < 128 && ((a[bits / 8] ^ b[bits / 8]) & 0x80 >> bits % 8) == 0)
        bits++;
    return bits;
}

Test(pseudonym, shares_as_many_leading_bits_in_ipv6)
{
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    uint8_t a[16], b[16], x[16], y[16];
    uint64_t seed = 2;
    for (unsigned i = 0; i < 12800; i++) {
        for (int k = 0; k < 16; k++)
            a[k] = (uint8_t)random_next(&seed);
        memcpy(b, a, 16);
        b[i % 128 / 8] ^= (uint8_t)(0x80 >> i % 8);
        cr_assert_eq(pseudonym_of6(pseudonym, a, x), 0);
        cr_assert_eq(pseudonym_of6(pseudonym, b, y), 0);
        cr_assert_eq(shared6(x, y), i % 128);
    }
    pseudonym_free(pseudonym);
}

Test(pseudonym, differs_with_either_half_of_the_key)
{
    for (size_t at = 0; at < PSEUDONYM_KEY_SIZE; at += 16) {
        uint8_t other[PSEUDONYM_KEY_SIZE];
        memcpy(other, cryptopan_key, sizeof other);
        other[at] ^= 1;
        struct pseudonym *a = with_key(cryptopan_key), *b = with_key(other);
        cr_assert_neq(of4(a, 0xc6336401u), of4(b, 0xc6336401u));
        pseudonym_free(a);
        pseudonym_free(b);
    }
}

/* A vector of `count` addresses of each family. */
static void fill(struct addrvec *vec, uint32_t count)
{
    uint8_t address6[16] = {0x20, 0x01, 0x0d, 0xb8};
    addrvec_init(vec);
    for (uint32_t i = 0; i < count; i++) {
        address6[14] = (uint8_t)(i >> 8);
        address6[15] = (uint8_t)i;
        cr_assert_eq(addrvec_append4(vec, 0xc6330000u + 3 * i, i + 1), 0);
        cr_assert_eq(addrvec_append6(vec, address6, 1000000 + i), 0);
    }
}

Test(pseudonym, vector_ascends_and_keeps_each_count_with_its_address)
{
    enum { COUNT_OF = 5000 };
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    struct addrvec vec, out;
    uint32_t last = 0, moved = 0;
    fill(&vec, COUNT_OF);
    addrvec_init(&out);
    cr_assert_eq(pseudonym_vec(pseudonym, &vec, &out), 0);
    cr_assert_eq(out.count4, COUNT_OF);
    cr_assert_eq(out.count6, COUNT_OF);
    for (size_t i = 0; i < COUNT_OF; i++) {
        uint8_t address6[16];
        uint64_t was = out.packets4[i] - 1; /* the position before */
        cr_assert(i == 0 || out.address4[i] > last);
        last = out.address4[i];
        cr_assert_eq(last, of4(pseudonym, vec.address4[was]));
        moved += was != i;
        was = out.packets6[i] - 1000000;
        cr_assert_eq(pseudonym_of6(pseudonym, vec.address6[was], address6), 0);
        cr_assert_arr_eq(out.address6[i], address6, 16);
        cr_assert(i == 0 || memcmp(out.address6[i - 1], out.address6[i], 16) < 0);
    }
    cr_assert_gt(moved, COUNT_OF / 2, "the order is that of the real addresses");
    addrvec_close(&vec);
    addrvec_close(&out);
    pseudonym_free(pseudonym);
}

Test(pseudonym, vector_of_nothing_is_nothing)
{
    struct pseudonym *pseudonym = with_key(cryptopan_key);
    struct addrvec vec, out;
    addrvec_init(&vec);
    addrvec_init(&out);
    cr_assert_eq(pseudonym_vec(pseudonym, &vec, &out), 0);
    cr_assert_eq(addrvec_active(&out), 0);
    addrvec_close(&out);
    pseudonym_free(pseudonym);
}

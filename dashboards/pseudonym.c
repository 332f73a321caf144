#include "dashboards/pseudonym.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define BLOCK 16 /* bytes of an AES block and of an IPv6 address */

/* The last address of a family and what is XORed onto it. */
struct last {
    bool any;
    uint8_t address[BLOCK], mask[BLOCK];
};

struct pseudonym {
    EVP_CIPHER_CTX *aes;
    uint8_t padding[BLOCK];
    uint8_t blocks[8 * BLOCK * BLOCK]; /* one for every bit of an address */
    struct last last4, last6;
};

static int encrypt(struct pseudonym *pseudonym, uint8_t *blocks, size_t count)
{
    int written = 0, size = (int)(count * BLOCK);
    if (EVP_EncryptUpdate(pseudonym->aes, blocks, &written, blocks, size) == 1 && written == size)
        return 0;
    return ERR_IO;
}

static int set_key(struct pseudonym *pseudonym, const uint8_t key[PSEUDONYM_KEY_SIZE])
{
    pseudonym->aes = EVP_CIPHER_CTX_new();
    if (!pseudonym->aes)
        return ERR_NOMEM;
    if (EVP_EncryptInit_ex(pseudonym->aes, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(pseudonym->aes, 0) != 1)
        return ERR_IO;
    memcpy(pseudonym->padding, key + BLOCK, BLOCK);
    return encrypt(pseudonym, pseudonym->padding, 1);
}

int pseudonym_new(struct pseudonym **pseudonym, const uint8_t key[PSEUDONYM_KEY_SIZE], char *errmsg)
{
    *pseudonym = calloc(1, sizeof **pseudonym);
    int rc = *pseudonym ? set_key(*pseudonym, key) : ERR_NOMEM;
    if (rc == 0)
        return 0;
    pseudonym_free(*pseudonym);
    *pseudonym = NULL;
    return err_set(errmsg, rc, "pseudonyms: %s",
                   rc == ERR_NOMEM ? err_str(rc) : "OpenSSL offers no AES-128");
}

void pseudonym_free(struct pseudonym *pseudonym)
{
    if (!pseudonym)
        return;
    EVP_CIPHER_CTX_free(pseudonym->aes);
    OPENSSL_cleanse(pseudonym, sizeof *pseudonym);
    free(pseudonym);
}

/* Leading bits, at most `bits`, that two addresses have in common. */
static unsigned shared_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits / 8; i++)
        if (a[i] != b[i])
            return i * 8 + (unsigned)__builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
    return bits;
}

/* The first `bits` bits of the address, the padding behind them. */
static void fill_block(uint8_t block[BLOCK], const uint8_t *address, const uint8_t *padding,
                       unsigned bits)
{
    unsigned whole = bits / 8;
    uint8_t kept = (uint8_t) ~(0xffu >> bits % 8); /* of the byte in which they meet */
    memcpy(block, address, whole);
    memcpy(block + whole, padding + whole, BLOCK - whole);
    if (bits % 8)
        block[whole] = (uint8_t)((address[whole] & kept) | (padding[whole] & ~kept));
}

/* Bit i of the mask is the first bit of the encryption of the i bits before it; so it stays while
 * those do. All blocks go through AES in one call, which keeps the processor's pipeline full. */
static int compute_mask(struct pseudonym *pseudonym, struct last *last, const uint8_t *address,
                        unsigned bits)
{
    unsigned first = last->any ? shared_bits(last->address, address, bits) + 1 : 0;
    last->any = false; /* until it is whole again */
    memcpy(last->address, address, bits / 8);
    for (unsigned i = first; i < bits; i++)
        fill_block(pseudonym->blocks + (i - first) * BLOCK, address, pseudonym->padding, i);
    int rc = first < bits ? encrypt(pseudonym, pseudonym->blocks, bits - first) : 0;
    if (rc)
        return rc;
    for (unsigned i = first; i < bits; i++) {
        uint8_t bit = (uint8_t)(0x80u >> i % 8);
        bool set = pseudonym->blocks[(i - first) * BLOCK] & 0x80;
        last->mask[i / 8] = (uint8_t)(set ? last->mask[i / 8] | bit : last->mask[i / 8] & ~bit);
    }
    last->any = true;
    return 0;
}

int pseudonym_of4(struct pseudonym *pseudonym, uint32_t address, uint32_t *out)
{
    const uint8_t bytes[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
                              (uint8_t)(address >> 8), (uint8_t)address};
    int rc = compute_mask(pseudonym, &pseudonym->last4, bytes, 32);
    const uint8_t *mask = pseudonym->last4.mask;
    if (rc == 0)
        *out = address ^ ((uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 |
                          (uint32_t)mask[2] << 8 | mask[3]);
    return rc;
}

int pseudonym_of6(struct pseudonym *pseudonym, const uint8_t address[16], uint8_t out[16])
{
    int rc = compute_mask(pseudonym, &pseudonym->last6, address, 128);
    for (int i = 0; rc == 0 && i < BLOCK; i++)
        out[i] = address[i] ^ pseudonym->last6.mask[i];
    return rc;
}

/* --- vectors ---------------------------------------------------------------------------------- */

struct row6 {
    uint8_t address[BLOCK];
    uint64_t packets;
};

static int compare6(const void *a, const void *b)
{
    const struct row6 *x = a, *y = b;
    return memcmp(x->address, y->address, BLOCK);
}

/* Where in [first, end) the addresses begin that have `bit`; all agree in the bits above it. */
static size_t split(const uint32_t *addresses, uint32_t bit, size_t first, size_t end)
{
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (addresses[middle] & bit)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

/* Appends the addresses [first, end), at least one, under their names, in the order of these. Both
 * halves of a prefix stay together, so it is enough to know which comes first: far less work than
 * sorting. At most 32 deep. */
static int place4(const struct addrvec *vec, const uint32_t *names, size_t first, size_t end,
                  struct addrvec *out)
{
    if (end - first == 1)
        return addrvec_append4(out, names[first], vec->packets4[first]);
    uint32_t differs = vec->address4[first] ^ vec->address4[end - 1];
    uint32_t bit = UINT32_C(1) << (31 - __builtin_clz(differs));
    size_t middle = split(vec->address4, bit, first, end);
    bool turned = names[first] & bit;
    int rc = place4(vec, names, turned ? middle : first, turned ? end : middle, out);
    return rc ? rc : place4(vec, names, turned ? first : middle, turned ? middle : end, out);
}

static int rename4(struct pseudonym *pseudonym, const struct addrvec *vec, struct addrvec *out)
{
    uint32_t *names = malloc((vec->count4 + 1) * sizeof *names);
    int rc = names ? addrvec_reserve4(out, vec->count4) : ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < vec->count4; i++)
        rc = pseudonym_of4(pseudonym, vec->address4[i], &names[i]);
    if (rc == 0 && vec->count4 > 0)
        rc = place4(vec, names, 0, vec->count4, out);
    free(names);
    return rc;
}

static int rename6(struct pseudonym *pseudonym, const struct addrvec *vec, struct addrvec *out)
{
    struct row6 *rows = malloc((vec->count6 + 1) * sizeof *rows);
    int rc = rows ? 0 : ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < vec->count6; i++) {
        rows[i].packets = vec->packets6[i];
        rc = pseudonym_of6(pseudonym, vec->address6[i], rows[i].address);
    }
    if (rc == 0)
        qsort(rows, vec->count6, sizeof *rows, compare6);
    for (size_t i = 0; rc == 0 && i < vec->count6; i++)
        rc = addrvec_append6(out, rows[i].address, rows[i].packets);
    free(rows);
    return rc;
}

int pseudonym_vec(struct pseudonym *pseudonym, const struct addrvec *vec, struct addrvec *out)
{
    int rc = rename4(pseudonym, vec, out);
    return rc ? rc : rename6(pseudonym, vec, out);
}

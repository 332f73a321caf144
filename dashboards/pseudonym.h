/*
 * Pseudonyms for darknet addresses that leave by an export: the keyed, prefix-preserving permutation
 * Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address Anonymization", ICNP 2002) over
 * AES-128, for IPv4 as its authors' program computes it, for IPv6 the same over 128 bits. Two
 * addresses share exactly as many leading bits as their pseudonyms do; what that gives away is in
 * docs/CONFIDENTIALITY.md. There is no way back in here. Pure but for OpenSSL; the key comes from
 * keyfile.h.
 */
#ifndef DASHBOARDS_PSEUDONYM_H
#define DASHBOARDS_PSEUDONYM_H

#include <stdint.h>

#include "common/addrvec.h"

/* 16 bytes of AES key, then 16 bytes that are encrypted and become the padding. */
#define PSEUDONYM_KEY_SIZE 32

struct pseudonym;

/* ERR_NOMEM, or ERR_IO when OpenSSL offers no AES. The key is not kept as such. */
int pseudonym_new(struct pseudonym **pseudonym, const uint8_t key[PSEUDONYM_KEY_SIZE],
                  char *errmsg);
void pseudonym_free(struct pseudonym *pseudonym);

/* The pseudonym of one address: IPv4 in host byte order, IPv6 in network order. What the address has
 * in common with the one before is not computed again, so ascending addresses are fast. ERR_IO when
 * OpenSSL fails; `*out` is then not set. */
int pseudonym_of4(struct pseudonym *pseudonym, uint32_t address, uint32_t *out);
int pseudonym_of6(struct pseudonym *pseudonym, const uint8_t address[16], uint8_t out[16]);

/* Fills `out`, an initialised, empty vector, with the counts of `vec` under pseudonyms. They ascend
 * as in every vector: rows in the order of the real addresses would give the permutation away.
 * ERR_NOMEM, ERR_IO; `out` is then to be closed like any other. */
int pseudonym_vec(struct pseudonym *pseudonym, const struct addrvec *vec, struct addrvec *out);

#endif

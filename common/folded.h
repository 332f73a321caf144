/*
 * Folded values: what the store keeps of a period as one packed value, with the number of the last
 * call whose log entry is in it. What a period really has is its folded value and the log entries
 * behind that number (docs/STORE.md). Pure.
 *
 *   addresses  u8 version 1, u64 LE folded, addrvec form; sources the same
 *   tables     u8 version 3, u64 LE folded, classes (u8 their number, then of each u64 LE packets,
 *              u64 LE bytes, u8 witnesses), planes of the shape (rows of protocols, TCP ports, UDP
 *              ports, ICMP, ICMPv6, then the gaps between the keys of each), planes of packets,
 *              planes of bytes and planes of witnesses (of all rows). The classes come first so that
 *              who wants nothing else reads FOLDED_CLASSES_SIZE bytes of some hundred thousand.
 *              Version 2 has their number at the head of the shape, and them at the head of the other
 *              planes; version 1 has no witnesses besides, and is read as if all were 0.
 */
#ifndef COMMON_FOLDED_H
#define COMMON_FOLDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/buf.h"
#include "common/tables.h"

/* Append the form to `out`. ERR_NOMEM; addresses also ERR_FULL beyond ADDRVEC_MAX. */
int folded_encode(const struct addrvec *vec, uint64_t folded, struct buf *out);
int folded_encode_tables(const struct tables *tables, uint64_t folded, struct buf *out);

/* The inverse into an initialised, empty vector and into empty tables, which are left empty on
 * failure. ERR_DAMAGED, ERR_VERSION (also for a class that this program does not know), ERR_NOMEM.
 * Tables come back with rows that ascend and have packets; whether they sum to what they should is
 * asked of tables_broken, with the period's totals. */
int folded_decode(struct addrvec *vec, uint64_t *folded, const uint8_t *bytes, size_t size);
int folded_decode_tables(struct tables *tables, uint64_t *folded, const uint8_t *bytes,
                         size_t size);
/* Of tables, empty ones, the classes alone: where folded_classes_first, of the first FOLDED_CLASSES_SIZE
 * bytes or more; else of the whole form. What follows them is not looked at. */
int folded_decode_classes(struct tables *tables, uint64_t *folded, const uint8_t *bytes,
                          size_t size);

/* Whether a form of tables that begins so has the classes there; also where there is no form, or none
 * that is known. */
bool folded_classes_first(const uint8_t *bytes, size_t size);
#define FOLDED_CLASSES_SIZE (1 + 8 + 1 + PACKET_CLASSES * (8 + 8 + 1))

#endif

/*
 * Folded values: what the store keeps of a period as one packed value, with the number of the last
 * call whose log entry is in it. What a period really has is its folded value and the log entries
 * behind that number (docs/STORE.md). Pure.
 *
 *   addresses  u8 version 1, u64 LE folded, addrvec form; sources the same
 *   tables     u8 version 2, u64 LE folded, planes of the shape (number of classes, rows of
 *              protocols, TCP ports, UDP ports, ICMP, ICMPv6, then the gaps between the keys of
 *              each), planes of packets, planes of bytes and planes of witnesses (of the classes,
 *              then of all rows). Version 1 has no witnesses and is read as if all were 0.
 */
#ifndef COMMON_FOLDED_H
#define COMMON_FOLDED_H

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
/* Of tables, empty ones, the classes alone, in a quarter of the time; the rows are not looked at. */
int folded_decode_classes(struct tables *tables, uint64_t *folded, const uint8_t *bytes,
                          size_t size);

#endif

/*
 * A record from the inside, for its files: record.c seals and opens, record_message.c goes between
 * struct record and the protobuf message, record_columns.c packs what is most of it, record_parts.c
 * takes that out again, record_rules.c says what a record may be. Nobody else includes it.
 */
#ifndef COMMON_RECORD_INSIDE_H
#define COMMON_RECORD_INSIDE_H

#include "common/chunk.h"
#include "common/record.h"

/* What is returned in the place of a broken rule when memory ran out; told by its address. */
extern const char record_no_memory[];

/* The first broken rule in words, static; NULL for a record that keeps all of them. */
const char *record_broken(const struct record *record);

/* The protobuf bytes of a record that breaks no rule, to be freed; NULL without memory. The columns of
 * IPv4 addresses come last. */
uint8_t *record_pack(const struct record *record, size_t *size);

/* The columns of a vector's IPv4 addresses, fields 16 and 17 of the message: measured, then packed into
 * `size` bytes. */
struct record_columns {
    const struct addrvec *vec; /* borrowed */
    size_t gaps, packets;      /* bytes of the numbers */
    size_t size;               /* of all; 0 without addresses */
};
void record_columns_measure(struct record_columns *columns, const struct addrvec *vec);
void record_columns_pack(const struct record_columns *columns, uint8_t *out);

/* The numbers of a packed column, borrowed; NULL where the message has no such column. */
struct record_numbers {
    const uint8_t *at, *end;
    size_t count;
};

/* The columns of a table. */
struct record_rows {
    bool found;
    struct record_numbers key_gap, packets, bytes;
    struct chunk witnesses;
};

/* The parts of a message that are taken by hand, borrowed from it, and the message without them. */
struct record_parts {
    struct record_numbers address4_gap, address4_packets, source4_gap, source4_packets;
    struct record_rows protocols, tcp_ports, udp_ports, icmp4, icmp6;
    uint8_t *rest; /* to be freed, whatever record_parts_find returned */
    size_t rest_size;
};

/* Finds the parts in a message. ERR_DAMAGED when it is none, or a part is not packed in one piece;
 * ERR_NOMEM. */
int record_parts_find(struct record_parts *parts, const uint8_t *bytes, size_t size);
/* Fill an empty vector or table from columns of which each has as many numbers. ERR_DAMAGED when they do
 * not ascend or count nothing, or a number is longer than a number can be; ERR_NOMEM. */
int record_parts_vector(struct addrvec *vec, struct record_numbers gaps,
                        struct record_numbers packets);
int record_parts_table(struct table *table, struct record_rows rows);

/* The inverse of record_pack into an initialised record. The broken rule, or NULL; what record_broken
 * tells is still to be asked. */
const char *record_unpack(struct record *record, const uint8_t *bytes, size_t size);

#endif

/*
 * Tables as they were stored when their classes were among the columns (form 2 of common/folded.h):
 * what nobody writes any more and everybody reads.
 */
#ifndef TEST_OLD_TABLES_H
#define TEST_OLD_TABLES_H

#include <criterion/criterion.h>

#include <stdlib.h>

#include "common/planes.h"
#include "common/tables.h"

static inline void old_tables_put_column(struct buf *out, uint64_t *column, size_t count)
{
    cr_assert_eq(planes_encode(out, column, count), 0);
    free(column);
}

/* Appends the form. */
static inline void old_tables_encode(const struct tables *tables, uint64_t folded, struct buf *out)
{
    const struct table *all[] = {&tables->protocols, &tables->tcp_ports, &tables->udp_ports,
                                 &tables->icmp4, &tables->icmp6};
    size_t row = PACKET_CLASSES, rows = PACKET_CLASSES;
    for (int t = 0; t < 5; t++)
        rows += all[t]->count;
    uint64_t *shape = calloc(6 + rows, sizeof *shape), *packets = calloc(rows, sizeof *packets),
             *bytes = calloc(rows, sizeof *bytes), *witnesses = calloc(rows, sizeof *witnesses);
    shape[0] = PACKET_CLASSES;
    for (int i = 0; i < PACKET_CLASSES; i++) {
        packets[i] = tables->classes[i].packets;
        bytes[i] = tables->classes[i].bytes;
        witnesses[i] = tables->class_witnesses[i];
    }
    for (int t = 0; t < 5; t++) {
        shape[1 + t] = all[t]->count;
        for (size_t i = 0; i < all[t]->count; i++, row++) {
            shape[6 + row - PACKET_CLASSES] =
                all[t]->keys[i] - (i ? all[t]->keys[i - 1] : (uint64_t)0);
            packets[row] = all[t]->sums[i].packets;
            bytes[row] = all[t]->sums[i].bytes;
            witnesses[row] = all[t]->witnesses[i];
        }
    }
    buf_put_u8(out, 2);
    buf_put_u64_le(out, folded);
    old_tables_put_column(out, shape, 6 + rows - PACKET_CLASSES);
    old_tables_put_column(out, packets, rows);
    old_tables_put_column(out, bytes, rows);
    old_tables_put_column(out, witnesses, rows);
}

#endif

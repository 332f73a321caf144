#include "common/folded.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/planes.h"

#define FORM_VERSION 1 /* of addresses */
#define WITHOUT      1 /* of tables: before there were witnesses */
#define WITNESSED    2 /* the classes are among the columns still */
#define CLASSES_HEAD 3
#define TABLES       5
#define KEYS         65536
#define ROWS_MAX     ((size_t)TABLES * KEYS)

static void put_head(struct buf *out, uint8_t version, uint64_t folded)
{
    buf_put_u8(out, version);
    buf_put_u64_le(out, folded);
}

/* The version, or an error: it is from 1 to `most`. */
static int take_head(struct cursor *in, uint8_t most, uint64_t *folded)
{
    uint8_t version = cursor_u8(in);
    *folded = cursor_u64_le(in);
    if (in->failed)
        return ERR_DAMAGED;
    return version >= 1 && version <= most ? version : ERR_VERSION;
}

/* --- addresses -------------------------------------------------------------------------------- */

int folded_encode(const struct addrvec *vec, uint64_t folded, struct buf *out)
{
    uint8_t *bytes;
    size_t size;
    int rc = addrvec_encode(vec, &bytes, &size);
    if (rc)
        return rc;
    put_head(out, FORM_VERSION, folded);
    buf_put(out, bytes, size);
    free(bytes);
    return out->failed ? ERR_NOMEM : 0;
}

int folded_decode(struct addrvec *vec, uint64_t *folded, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    int rc = take_head(&in, FORM_VERSION, folded);
    return rc < 0 ? rc : addrvec_decode(vec, in.at, (size_t)(in.end - in.at));
}

/* --- tables ----------------------------------------------------------------------------------- */

/* In the order of the form. */
static void list(struct tables *tables, struct table *all[TABLES])
{
    struct table *order[TABLES] = {&tables->protocols, &tables->tcp_ports, &tables->udp_ports,
                                   &tables->icmp4, &tables->icmp6};
    memcpy(all, order, sizeof order);
}

/* The columns of the form, of which the first `lead` of the shape (the number of classes) and the first `classes` of the
 * others are not of rows, in the forms that have the classes there; while they are made, in one piece of memory that
 * `shape` begins. */
struct columns {
    uint64_t *shape, *packets, *bytes, *witnesses;
    size_t shapes, sums;
    size_t lead, classes;
};

static int columns_make(struct columns *columns, size_t rows)
{
    columns->shapes = TABLES + rows;
    columns->sums = rows;
    columns->shape = malloc((columns->shapes + 3 * rows) * sizeof *columns->shape);
    if (!columns->shape)
        return ERR_NOMEM;
    columns->packets = columns->shape + columns->shapes;
    columns->bytes = columns->packets + rows;
    columns->witnesses = columns->bytes + rows;
    return 0;
}

static void fill(struct columns *columns, struct table *const all[TABLES])
{
    size_t row = 0;
    for (int t = 0; t < TABLES; t++) {
        columns->shape[t] = all[t]->count;
        for (size_t i = 0; i < all[t]->count; i++, row++) {
            columns->shape[TABLES + row] = all[t]->keys[i] - (i ? all[t]->keys[i - 1] : 0u);
            columns->packets[row] = all[t]->sums[i].packets;
            columns->bytes[row] = all[t]->sums[i].bytes;
            columns->witnesses[row] = all[t]->witnesses[i];
        }
    }
}

static void put_classes(struct buf *out, const struct tables *tables)
{
    buf_put_u8(out, PACKET_CLASSES);
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        buf_put_u64_le(out, tables->classes[class].packets);
        buf_put_u64_le(out, tables->classes[class].bytes);
        buf_put_u8(out, tables->class_witnesses[class]);
    }
}

int folded_encode_tables(const struct tables *tables, uint64_t folded, struct buf *out)
{
    struct table *all[TABLES];
    struct columns columns = {0};
    size_t rows = 0;
    list((struct tables *)tables, all);
    for (int t = 0; t < TABLES; t++)
        rows += all[t]->count;
    int rc = columns_make(&columns, rows);
    if (rc)
        return rc;
    fill(&columns, all);
    put_head(out, CLASSES_HEAD, folded);
    put_classes(out, tables);
    rc = planes_encode(out, columns.shape, columns.shapes);
    if (rc == 0)
        rc = planes_encode(out, columns.packets, columns.sums);
    if (rc == 0)
        rc = planes_encode(out, columns.bytes, columns.sums);
    if (rc == 0)
        rc = planes_encode(out, columns.witnesses, columns.sums);
    free(columns.shape);
    return rc ? rc : out->failed ? ERR_NOMEM : 0;
}

/* Appends `count` rows: those of the columns from `row` on. */
static int take_rows(struct table *table, size_t count, const struct columns *columns, size_t row)
{
    const uint64_t *gaps = columns->shape + columns->lead + TABLES + row;
    size_t at = columns->classes + row;
    uint64_t key = 0;
    for (size_t i = 0; i < count; i++, at++) {
        if (gaps[i] >= KEYS || (i > 0 && gaps[i] == 0) || columns->packets[at] == 0 ||
            columns->witnesses[at] > UINT8_MAX)
            return ERR_DAMAGED;
        key += gaps[i];
        if (key >= KEYS)
            return ERR_DAMAGED;
        struct sum sum = {columns->packets[at], columns->bytes[at]};
        int rc = table_append(table, (uint16_t)key, sum);
        if (rc)
            return rc;
        table->witnesses[i] = (uint8_t)columns->witnesses[at];
    }
    return 0;
}

/* The number of rows that the shape announces, or more than ROWS_MAX. */
static size_t rows_of(const struct columns *columns)
{
    size_t rows = 0;
    for (int t = 0; t < TABLES; t++) {
        if (columns->shape[columns->lead + (size_t)t] > KEYS)
            return ROWS_MAX + 1;
        rows += columns->shape[columns->lead + (size_t)t];
    }
    return rows;
}

/* Whether the columns are as long as the shape announces. */
static int check_shape(struct columns *columns)
{
    if (columns->shapes < columns->lead + TABLES)
        return ERR_DAMAGED;
    size_t rows = rows_of(columns);
    if (columns->lead && columns->shape[0] > PACKET_CLASSES)
        return ERR_VERSION;
    columns->classes = columns->lead ? columns->shape[0] : 0;
    return columns->shapes == columns->lead + TABLES + rows &&
                   columns->sums == columns->classes + rows
               ? 0
               : ERR_DAMAGED;
}

/* Of a form that has the classes at its head: they may be fewer, from when there were fewer. */
static int take_classes(struct tables *tables, struct cursor *in)
{
    unsigned count = cursor_u8(in);
    if (count > PACKET_CLASSES)
        return ERR_VERSION;
    for (unsigned i = 0; i < count; i++) {
        tables->classes[i].packets = cursor_u64_le(in);
        tables->classes[i].bytes = cursor_u64_le(in);
        tables->class_witnesses[i] = cursor_u8(in);
    }
    return in->failed ? ERR_DAMAGED : 0;
}

/* Of one that has them in its columns. */
static int take_classes_of(struct tables *tables, const struct columns *columns)
{
    for (size_t i = 0; i < columns->classes; i++) {
        if (columns->witnesses[i] > UINT8_MAX)
            return ERR_DAMAGED;
        tables->classes[i] = (struct sum){columns->packets[i], columns->bytes[i]};
        tables->class_witnesses[i] = (uint8_t)columns->witnesses[i];
    }
    return 0;
}

static int take_tables(struct tables *tables, struct columns *columns)
{
    struct table *all[TABLES];
    size_t row = 0;
    int rc = check_shape(columns);
    if (rc == 0)
        rc = take_classes_of(tables, columns);
    list(tables, all);
    for (int t = 0; rc == 0 && t < TABLES; t++) {
        size_t rows = columns->shape[columns->lead + (size_t)t];
        rc = take_rows(all[t], rows, columns, row);
        row += rows;
    }
    return rc;
}

/* One more column of sums, as long as the one of packets. */
static int take_column(struct cursor *in, const struct columns *columns, uint64_t **column)
{
    size_t count;
    int rc = planes_decode(in, column, &count);
    return rc == 0 && count != columns->sums ? ERR_DAMAGED : rc;
}

/* Of a version without witnesses they are zeros. */
static int take_columns(struct columns *columns, int version, struct cursor *in)
{
    int rc = planes_decode(in, &columns->shape, &columns->shapes);
    if (rc == 0)
        rc = planes_decode(in, &columns->packets, &columns->sums);
    if (rc == 0)
        rc = take_column(in, columns, &columns->bytes);
    if (rc == 0 && version == WITHOUT) {
        columns->witnesses = calloc(columns->sums + 1, sizeof *columns->witnesses);
        rc = columns->witnesses ? 0 : ERR_NOMEM;
    } else if (rc == 0) {
        rc = take_column(in, columns, &columns->witnesses);
    }
    return rc == 0 && !cursor_done(in) ? ERR_DAMAGED : rc;
}

int folded_decode_tables(struct tables *tables, uint64_t *folded, const uint8_t *bytes, size_t size)
{
    struct columns columns = {0};
    struct cursor in = cursor_over(bytes, size);
    int version = take_head(&in, CLASSES_HEAD, folded);
    int rc = version < CLASSES_HEAD ? 0 : take_classes(tables, &in);
    columns.lead = version < CLASSES_HEAD;
    if (rc == 0)
        rc = version < 0 ? version : take_columns(&columns, version, &in);
    if (rc == 0)
        rc = take_tables(tables, &columns);
    free(columns.shape);
    free(columns.packets);
    free(columns.bytes);
    free(columns.witnesses);
    if (rc)
        tables_close(tables);
    return rc;
}

bool folded_classes_first(const uint8_t *bytes, size_t size)
{
    return size == 0 || bytes[0] == 0 || bytes[0] >= CLASSES_HEAD;
}

/* The beginning of one more column of sums. */
static int take_first(struct cursor *in, const struct columns *columns, uint64_t *column)
{
    size_t count;
    int rc = planes_decode_first(in, column, PACKET_CLASSES, &count);
    return rc == 0 && count != columns->sums ? ERR_DAMAGED : rc;
}

/* Of a form that has the classes in its columns. */
static int decode_classes_of(struct tables *tables, int version, struct cursor *in)
{
    uint64_t shape[1 + TABLES], packets[PACKET_CLASSES], sums[PACKET_CLASSES],
        witnesses[PACKET_CLASSES] = {0};
    struct columns columns = {
        .shape = shape, .packets = packets, .bytes = sums, .witnesses = witnesses, .lead = 1};
    int rc = planes_decode_first(in, shape, 1 + TABLES, &columns.shapes);
    if (rc == 0)
        rc = planes_decode_first(in, packets, PACKET_CLASSES, &columns.sums);
    if (rc == 0)
        rc = take_first(in, &columns, sums);
    if (rc == 0 && version == WITNESSED)
        rc = take_first(in, &columns, witnesses);
    if (rc == 0 && !cursor_done(in))
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = check_shape(&columns);
    return rc ? rc : take_classes_of(tables, &columns);
}

int folded_decode_classes(struct tables *tables, uint64_t *folded, const uint8_t *bytes,
                          size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    int version = take_head(&in, CLASSES_HEAD, folded);
    int rc = version < 0               ? version
             : version == CLASSES_HEAD ? take_classes(tables, &in)
                                       : decode_classes_of(tables, version, &in);
    if (rc)
        tables_close(tables);
    return rc;
}

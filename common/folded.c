#include "common/folded.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/planes.h"

#define FORM_VERSION 1 /* of addresses */
#define WITHOUT      1 /* of tables: before there were witnesses */
#define WITNESSED    2
#define TABLES       5
#define SHAPE_HEAD   (1 + TABLES) /* number of classes, rows of each table */
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

/* The columns of the form; while they are made, in one piece of memory that `shape` begins. */
struct columns {
    uint64_t *shape, *packets, *bytes, *witnesses;
    size_t shapes, sums;
};

static int columns_make(struct columns *columns, size_t rows)
{
    columns->shapes = SHAPE_HEAD + rows;
    columns->sums = PACKET_CLASSES + rows;
    columns->shape = malloc((columns->shapes + 3 * columns->sums) * sizeof *columns->shape);
    if (!columns->shape)
        return ERR_NOMEM;
    columns->packets = columns->shape + columns->shapes;
    columns->bytes = columns->packets + columns->sums;
    columns->witnesses = columns->bytes + columns->sums;
    return 0;
}

static void fill_sums(struct columns *columns, size_t at, const struct sum *sums,
                      const uint8_t *witnesses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        columns->packets[at + i] = sums[i].packets;
        columns->bytes[at + i] = sums[i].bytes;
        columns->witnesses[at + i] = witnesses[i];
    }
}

static void fill(struct columns *columns, const struct tables *tables,
                 struct table *const all[TABLES])
{
    size_t row = 0;
    columns->shape[0] = PACKET_CLASSES;
    fill_sums(columns, 0, tables->classes, tables->class_witnesses, PACKET_CLASSES);
    for (int t = 0; t < TABLES; t++) {
        columns->shape[1 + t] = all[t]->count;
        fill_sums(columns, PACKET_CLASSES + row, all[t]->sums, all[t]->witnesses, all[t]->count);
        for (size_t i = 0; i < all[t]->count; i++, row++)
            columns->shape[SHAPE_HEAD + row] = all[t]->keys[i] - (i ? all[t]->keys[i - 1] : 0u);
    }
}

int folded_encode_tables(const struct tables *tables, uint64_t folded, struct buf *out)
{
    struct table *all[TABLES];
    struct columns columns;
    size_t rows = 0;
    list((struct tables *)tables, all);
    for (int t = 0; t < TABLES; t++)
        rows += all[t]->count;
    int rc = columns_make(&columns, rows);
    if (rc)
        return rc;
    fill(&columns, tables, all);
    put_head(out, WITNESSED, folded);
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

/* Appends `count` rows: those of the columns from `row` on, behind the classes. */
static int take_rows(struct table *table, size_t count, const struct columns *columns, size_t row)
{
    const uint64_t *gaps = columns->shape + SHAPE_HEAD + row;
    size_t at = columns->shape[0] + row;
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
        if (columns->shape[1 + t] > KEYS)
            return ROWS_MAX + 1;
        rows += columns->shape[1 + t];
    }
    return rows;
}

/* Whether the columns are as long as the shape announces. */
static int check_shape(const struct columns *columns)
{
    if (columns->shapes < SHAPE_HEAD)
        return ERR_DAMAGED;
    uint64_t classes = columns->shape[0];
    size_t rows = rows_of(columns);
    if (classes > PACKET_CLASSES)
        return ERR_VERSION;
    return columns->shapes == SHAPE_HEAD + rows && columns->sums == classes + rows ? 0
                                                                                   : ERR_DAMAGED;
}

static int take_classes(struct tables *tables, const struct columns *columns)
{
    for (size_t i = 0; i < columns->shape[0]; i++) {
        if (columns->witnesses[i] > UINT8_MAX)
            return ERR_DAMAGED;
        tables->classes[i] = (struct sum){columns->packets[i], columns->bytes[i]};
        tables->class_witnesses[i] = (uint8_t)columns->witnesses[i];
    }
    return 0;
}

static int take_tables(struct tables *tables, const struct columns *columns)
{
    struct table *all[TABLES];
    size_t row = 0;
    int rc = check_shape(columns);
    if (rc == 0)
        rc = take_classes(tables, columns);
    list(tables, all);
    for (int t = 0; rc == 0 && t < TABLES; t++) {
        rc = take_rows(all[t], columns->shape[1 + t], columns, row);
        row += columns->shape[1 + t];
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
    int version = take_head(&in, WITNESSED, folded);
    int rc = version < 0 ? version : take_columns(&columns, version, &in);
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

/* The beginning of one more column of sums. */
static int take_first(struct cursor *in, const struct columns *columns, uint64_t *column)
{
    size_t count;
    int rc = planes_decode_first(in, column, PACKET_CLASSES, &count);
    return rc == 0 && count != columns->sums ? ERR_DAMAGED : rc;
}

int folded_decode_classes(struct tables *tables, uint64_t *folded, const uint8_t *bytes,
                          size_t size)
{
    uint64_t shape[SHAPE_HEAD], packets[PACKET_CLASSES], sums[PACKET_CLASSES],
        witnesses[PACKET_CLASSES] = {0};
    struct columns columns = {
        .shape = shape, .packets = packets, .bytes = sums, .witnesses = witnesses};
    struct cursor in = cursor_over(bytes, size);
    int version = take_head(&in, WITNESSED, folded);
    int rc = version < 0 ? version : planes_decode_first(&in, shape, SHAPE_HEAD, &columns.shapes);
    if (rc == 0)
        rc = planes_decode_first(&in, packets, PACKET_CLASSES, &columns.sums);
    if (rc == 0)
        rc = take_first(&in, &columns, sums);
    if (rc == 0 && version == WITNESSED)
        rc = take_first(&in, &columns, witnesses);
    if (rc == 0 && !cursor_done(&in))
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = check_shape(&columns);
    return rc ? rc : take_classes(tables, &columns);
}

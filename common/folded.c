#include "common/folded.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/planes.h"

#define FORM_VERSION 1
#define TABLES       5
#define SHAPE_HEAD   (1 + TABLES) /* number of classes, rows of each table */
#define KEYS         65536
#define ROWS_MAX     ((size_t)TABLES * KEYS)

static void put_head(struct buf *out, uint64_t folded)
{
    buf_put_u8(out, FORM_VERSION);
    buf_put_u64_le(out, folded);
}

static int take_head(struct cursor *in, uint64_t *folded)
{
    uint8_t version = cursor_u8(in);
    *folded = cursor_u64_le(in);
    if (in->failed)
        return ERR_DAMAGED;
    return version == FORM_VERSION ? 0 : ERR_VERSION;
}

/* --- addresses -------------------------------------------------------------------------------- */

int folded_encode(const struct addrvec *vec, uint64_t folded, struct buf *out)
{
    uint8_t *bytes;
    size_t size;
    int rc = addrvec_encode(vec, &bytes, &size);
    if (rc)
        return rc;
    put_head(out, folded);
    buf_put(out, bytes, size);
    free(bytes);
    return out->failed ? ERR_NOMEM : 0;
}

int folded_decode(struct addrvec *vec, uint64_t *folded, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    int rc = take_head(&in, folded);
    return rc ? rc : addrvec_decode(vec, in.at, (size_t)(in.end - in.at));
}

/* --- tables ----------------------------------------------------------------------------------- */

/* In the order of the form. */
static void list(struct tables *tables, struct table *all[TABLES])
{
    struct table *order[TABLES] = {&tables->protocols, &tables->tcp_ports, &tables->udp_ports,
                                   &tables->icmp4, &tables->icmp6};
    memcpy(all, order, sizeof order);
}

/* The three columns of the form while they are made. */
struct columns {
    uint64_t *shape, *packets, *bytes; /* one piece of memory that `shape` begins */
    size_t shapes, sums;
};

static int columns_make(struct columns *columns, size_t rows)
{
    columns->shapes = SHAPE_HEAD + rows;
    columns->sums = PACKET_CLASSES + rows;
    columns->shape = malloc((columns->shapes + 2 * columns->sums) * sizeof *columns->shape);
    if (!columns->shape)
        return ERR_NOMEM;
    columns->packets = columns->shape + columns->shapes;
    columns->bytes = columns->packets + columns->sums;
    return 0;
}

static void fill_sums(struct columns *columns, size_t at, const struct sum *sums, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        columns->packets[at + i] = sums[i].packets;
        columns->bytes[at + i] = sums[i].bytes;
    }
}

static void fill(struct columns *columns, const struct tables *tables,
                 struct table *const all[TABLES])
{
    size_t row = 0;
    columns->shape[0] = PACKET_CLASSES;
    fill_sums(columns, 0, tables->classes, PACKET_CLASSES);
    for (int t = 0; t < TABLES; t++) {
        columns->shape[1 + t] = all[t]->count;
        fill_sums(columns, PACKET_CLASSES + row, all[t]->sums, all[t]->count);
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
    put_head(out, folded);
    rc = planes_encode(out, columns.shape, columns.shapes);
    if (rc == 0)
        rc = planes_encode(out, columns.packets, columns.sums);
    if (rc == 0)
        rc = planes_encode(out, columns.bytes, columns.sums);
    free(columns.shape);
    return rc ? rc : out->failed ? ERR_NOMEM : 0;
}

/* Appends `count` rows whose gaps, packets and bytes begin there. */
static int take_rows(struct table *table, size_t count, const uint64_t *gaps,
                     const uint64_t *packets, const uint64_t *bytes)
{
    uint64_t key = 0;
    for (size_t i = 0; i < count; i++) {
        if (gaps[i] >= KEYS || (i > 0 && gaps[i] == 0) || packets[i] == 0)
            return ERR_DAMAGED;
        key += gaps[i];
        if (key >= KEYS)
            return ERR_DAMAGED;
        int rc = table_append(table, (uint16_t)key, (struct sum){packets[i], bytes[i]});
        if (rc)
            return rc;
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

static void take_classes(struct sum classes[PACKET_CLASSES], const struct columns *columns)
{
    for (size_t i = 0; i < columns->shape[0]; i++)
        classes[i] = (struct sum){columns->packets[i], columns->bytes[i]};
}

/* `sums`: of both columns of sums, which are found to be equal. */
static int take_tables(struct tables *tables, const struct columns *columns)
{
    int rc = check_shape(columns);
    if (rc)
        return rc;
    uint64_t classes = columns->shape[0];
    take_classes(tables->classes, columns);
    struct table *all[TABLES];
    size_t row = 0;
    list(tables, all);
    for (int t = 0; rc == 0 && t < TABLES; t++) {
        size_t count = columns->shape[1 + t];
        rc = take_rows(all[t], count, columns->shape + SHAPE_HEAD + row,
                       columns->packets + classes + row, columns->bytes + classes + row);
        row += count;
    }
    return rc;
}

static int take_columns(struct tables *tables, struct cursor *in)
{
    struct columns columns = {0};
    size_t packets, bytes;
    int rc = planes_decode(in, &columns.shape, &columns.shapes);
    if (rc == 0)
        rc = planes_decode(in, &columns.packets, &packets);
    if (rc == 0)
        rc = planes_decode(in, &columns.bytes, &bytes);
    if (rc == 0 && (packets != bytes || !cursor_done(in)))
        rc = ERR_DAMAGED;
    columns.sums = packets;
    if (rc == 0)
        rc = take_tables(tables, &columns);
    free(columns.shape);
    free(columns.packets);
    free(columns.bytes);
    return rc;
}

int folded_decode_tables(struct tables *tables, uint64_t *folded, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    int rc = take_head(&in, folded);
    if (rc == 0)
        rc = take_columns(tables, &in);
    if (rc)
        tables_close(tables);
    return rc;
}

int folded_decode_classes(struct sum classes[PACKET_CLASSES], uint64_t *folded,
                          const uint8_t *bytes, size_t size)
{
    uint64_t shape[SHAPE_HEAD], packets[PACKET_CLASSES], sums[PACKET_CLASSES];
    struct columns columns = {.shape = shape, .packets = packets, .bytes = sums};
    struct cursor in = cursor_over(bytes, size);
    size_t count;
    int rc = take_head(&in, folded);
    memset(classes, 0, PACKET_CLASSES * sizeof *classes);
    if (rc == 0)
        rc = planes_decode_first(&in, shape, SHAPE_HEAD, &columns.shapes);
    if (rc == 0)
        rc = planes_decode_first(&in, packets, PACKET_CLASSES, &columns.sums);
    if (rc == 0)
        rc = planes_decode_first(&in, sums, PACKET_CLASSES, &count);
    if (rc == 0 && (count != columns.sums || !cursor_done(&in)))
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = check_shape(&columns);
    if (rc == 0)
        take_classes(classes, &columns);
    return rc;
}

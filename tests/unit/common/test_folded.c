#include <criterion/criterion.h>

#include <string.h>

#include "common/err.h"
#include "common/folded.h"
#include "common/planes.h"
#include "tests/unit/common/old_tables.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/tables_of.h"

/* --- addresses -------------------------------------------------------------------------------- */

static void small_vector(struct addrvec *vec)
{
    addrvec_init(vec);
    addrvec_append4(vec, 0xc6336401, 7);
    addrvec_append4(vec, 0xc63364ff, 1);
    addrvec_append6(vec, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8}, 3);
}

Test(folded, addresses_come_back)
{
    struct addrvec vec, back;
    struct buf out;
    uint64_t folded;
    small_vector(&vec);
    buf_init(&out);
    cr_assert_eq(folded_encode(&vec, 0x0102030405060708, &out), 0);
    cr_expect_eq(out.bytes[0], 1);
    cr_expect_eq(out.bytes[1], 8, "little-endian");
    for (size_t size = 0; size <= out.size; size++) {
        addrvec_init(&back);
        cr_expect_eq(folded_decode(&back, &folded, out.bytes, size),
                     size == out.size ? 0 : ERR_DAMAGED);
        cr_expect_eq(addrvec_packets(&back), size == out.size ? 11 : 0);
        addrvec_close(&back);
    }
    cr_expect_eq(folded, 0x0102030405060708);
    out.bytes[0] = 2;
    addrvec_init(&back);
    cr_expect_eq(folded_decode(&back, &folded, out.bytes, out.size), ERR_VERSION);
    buf_close(&out);
    addrvec_close(&vec);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void random_table(struct table *table, uint64_t *seed, unsigned most)
{
    unsigned step = 65536 / most;
    for (unsigned key = 0; key < 65536; key += 1 + (unsigned)random_below(seed, 2 * step)) {
        table_append(table, (uint16_t)key,
                     (struct sum){1 + random_below(seed, 1000), random_below(seed, 100000)});
        table->witnesses[table->count - 1] = (uint8_t)random_next(seed);
    }
}

static void random_tables(struct tables *tables, uint64_t *seed, unsigned most)
{
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        tables->classes[class] = (struct sum){random_next(seed), random_below(seed, 100)};
        tables->class_witnesses[class] = (uint8_t)random_next(seed);
    }
    random_table(&tables->protocols, seed, most);
    random_table(&tables->tcp_ports, seed, most);
    random_table(&tables->udp_ports, seed, most);
    random_table(&tables->icmp4, seed, most);
    random_table(&tables->icmp6, seed, most);
}

static void expect_table(const struct table *found, const struct table *expected)
{
    cr_assert_eq(found->count, expected->count);
    for (size_t i = 0; i < found->count; i++)
        cr_assert(found->keys[i] == expected->keys[i] &&
                  found->sums[i].packets == expected->sums[i].packets &&
                  found->sums[i].bytes == expected->sums[i].bytes &&
                  found->witnesses[i] == expected->witnesses[i]);
}

static void expect_tables(const struct tables *found, const struct tables *expected)
{
    cr_expect_arr_eq(found->classes, expected->classes, sizeof found->classes);
    cr_expect_arr_eq(found->class_witnesses, expected->class_witnesses,
                     sizeof found->class_witnesses);
    expect_table(&found->protocols, &expected->protocols);
    expect_table(&found->tcp_ports, &expected->tcp_ports);
    expect_table(&found->udp_ports, &expected->udp_ports);
    expect_table(&found->icmp4, &expected->icmp4);
    expect_table(&found->icmp6, &expected->icmp6);
}

/* From what is made of them, of which the first `head` bytes hold the classes. */
static void expect_form(const struct tables *tables, const struct buf *form, size_t head)
{
    struct tables back = {0}, classes = {0};
    uint64_t folded;
    cr_assert_eq(folded_decode_tables(&back, &folded, form->bytes, form->size), 0);
    cr_expect_eq(folded, 0x0102030405060708);
    expect_tables(&back, tables);
    for (size_t size = head; size <= form->size;
         size += form->size - head ? form->size - head : 1) {
        cr_assert_eq(folded_decode_classes(&classes, &folded, form->bytes, size), 0);
        cr_expect_eq(folded, 0x0102030405060708);
        cr_expect_arr_eq(classes.classes, tables->classes, sizeof classes.classes);
        cr_expect_arr_eq(classes.class_witnesses, tables->class_witnesses,
                         sizeof classes.class_witnesses);
        cr_expect_eq(tables_memory(&classes), 0);
    }
    tables_close(&back);
}

static void expect_back(const struct tables *tables)
{
    struct buf form, old;
    buf_init(&form);
    buf_init(&old);
    cr_assert_eq(folded_encode_tables(tables, 0x0102030405060708, &form), 0);
    cr_expect(folded_classes_first(form.bytes, 1));
    expect_form(tables, &form, FOLDED_CLASSES_SIZE);
    old_tables_encode(tables, 0x0102030405060708, &old);
    cr_expect_not(folded_classes_first(old.bytes, 1));
    expect_form(tables, &old, old.size);
    buf_close(&form);
    buf_close(&old);
}

Test(folded, tables_come_back)
{
    uint64_t seed = 21;
    expect_back(&(struct tables){0});
    for (unsigned most = 1; most <= 65536; most *= 4) {
        struct tables tables = {0};
        random_tables(&tables, &seed, most);
        expect_back(&tables);
        tables_close(&tables);
    }
}

Test(folded, tables_that_are_full_come_back)
{
    struct tables tables = {0};
    for (unsigned key = 0; key < 65536; key++)
        table_append(&tables.tcp_ports, (uint16_t)key, (struct sum){UINT64_MAX - key, key});
    expect_back(&tables);
    tables_close(&tables);
}

/* Cut short anywhere, and with a byte behind it, which it has afterwards; the classes alone can be
 * taken from its first `head` bytes. */
static void expect_damaged_unless_whole(const struct tables *tables, struct buf *form, size_t head)
{
    struct tables back = {0}, classes = {0};
    uint64_t folded;
    for (size_t size = 0; size < form->size; size++) {
        cr_assert_eq(folded_decode_tables(&back, &folded, form->bytes, size), ERR_DAMAGED);
        cr_assert_eq(tables_memory(&back), 0, "nothing is left behind");
        int rc = folded_decode_classes(&classes, &folded, form->bytes, size);
        cr_assert_eq(rc, size < head ? ERR_DAMAGED : 0, "%zu: %d", size, rc);
        cr_assert_eq(classes.classes[0].packets, rc ? 0 : tables->classes[0].packets);
    }
    buf_put_u8(form, 0);
    cr_expect_eq(folded_decode_tables(&back, &folded, form->bytes, form->size), ERR_DAMAGED);
}

Test(folded, tables_cut_short_or_longer_are_damaged)
{
    struct tables tables = {0}, back = {0}, classes = {0};
    struct buf out;
    uint64_t folded;
    tables_of(&tables, 10000, 600000);
    buf_init(&out);
    cr_assert_eq(folded_encode_tables(&tables, 7, &out), 0);
    expect_damaged_unless_whole(&tables, &out, FOLDED_CLASSES_SIZE);
    for (int version = 0; version <= 4; version += 4) {
        out.bytes[0] = (uint8_t)version;
        cr_expect_eq(folded_decode_tables(&back, &folded, out.bytes, out.size), ERR_VERSION);
        cr_expect_eq(folded_decode_classes(&classes, &folded, out.bytes, out.size), ERR_VERSION);
    }
    tables_close(&tables);
    buf_close(&out);
}

Test(folded, old_tables_cut_short_or_longer_are_damaged)
{
    struct tables tables = {0}, classes = {0};
    struct buf out;
    uint64_t folded;
    tables_of(&tables, 10000, 600000);
    buf_init(&out);
    old_tables_encode(&tables, 7, &out);
    expect_damaged_unless_whole(&tables, &out, out.size);
    cr_expect_eq(folded_decode_classes(&classes, &folded, out.bytes, out.size), ERR_DAMAGED);
    tables_close(&tables);
    buf_close(&out);
}

/* Of the form of today, made by hand: so many classes, of one packet each, and the columns of the rows. */
static int decode_headed(unsigned classes, const uint64_t *shape, size_t shapes,
                         const uint64_t *packets, size_t sums, size_t bytes, uint64_t witness)
{
    static const uint64_t zeros[32];
    uint64_t column[32];
    struct tables back = {0};
    struct buf out;
    uint64_t folded;
    buf_init(&out);
    buf_put_u8(&out, 3);
    buf_put_u64_le(&out, 7);
    buf_put_u8(&out, (uint8_t)classes);
    for (unsigned i = 0; i < classes; i++) {
        buf_put_u64_le(&out, 1);
        buf_put_u64_le(&out, 20);
        buf_put_u8(&out, 0);
    }
    for (size_t i = 0; i < 32; i++)
        column[i] = witness;
    planes_encode(&out, shape, shapes);
    planes_encode(&out, packets, sums);
    planes_encode(&out, zeros, bytes);
    planes_encode(&out, column, sums);
    int rc = folded_decode_tables(&back, &folded, out.bytes, out.size);
    cr_expect(rc == 0 || tables_memory(&back) == 0);
    tables_close(&back);
    buf_close(&out);
    return rc;
}

Test(folded, tables_with_a_head_that_nobody_writes_are_refused)
{
    static const uint64_t packets[] = {1, 2}, quiet[2];
    static const uint64_t good[] = {2, 0, 0, 0, 0, 5, 3}, zero_gap[] = {2, 0, 0, 0, 0, 5, 0};
    static const uint64_t beyond[] = {2, 0, 0, 0, 0, 5, 65531}, huge[] = {UINT64_MAX, 3, 0, 0, 0};
    static const uint64_t more[] = {3, 0, 0, 0, 0, 5, 3}, fewer[] = {1, 0, 0, 0, 0, 5, 3};
    cr_expect_eq(decode_headed(PACKET_CLASSES, good, 7, packets, 2, 2, 255), 0);
    cr_expect_eq(decode_headed(2, good, 7, packets, 2, 2, 0), 0, "of when there were fewer");
    cr_expect_eq(decode_headed(PACKET_CLASSES + 1, good, 7, packets, 2, 2, 0), ERR_VERSION);
    cr_expect_eq(decode_headed(9, good, 7, packets, 2, 2, 256), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, good, 7, packets, 2, 1, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, good, 7, packets, 1, 1, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, good, 7, quiet, 2, 2, 0), ERR_DAMAGED, "rows have packets");
    cr_expect_eq(decode_headed(9, good, 4, packets, 2, 2, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, zero_gap, 7, packets, 2, 2, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, beyond, 7, packets, 2, 2, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, huge, 5, packets, 2, 2, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, more, 7, packets, 2, 2, 0), ERR_DAMAGED);
    cr_expect_eq(decode_headed(9, fewer, 7, packets, 2, 2, 0), ERR_DAMAGED);
}

/* A form of old made by hand of its columns; witnesses, which are `witness` each, make it one of version 2. */
static int decode_witnessed(const uint64_t *shape, size_t shapes, const uint64_t *packets,
                            size_t sums, size_t bytes, size_t witnesses, uint64_t witness)
{
    static const uint64_t zeros[32];
    uint64_t column[32];
    struct tables back = {0}, classes = {0};
    struct buf out;
    uint64_t folded;
    for (size_t i = 0; i < 32; i++)
        column[i] = witness;
    buf_init(&out);
    buf_put_u8(&out, witnesses ? 2 : 1);
    buf_put_u64_le(&out, 7);
    planes_encode(&out, shape, shapes);
    planes_encode(&out, packets, sums);
    planes_encode(&out, zeros, bytes);
    if (witnesses)
        planes_encode(&out, column, witnesses);
    int rc = folded_decode_tables(&back, &folded, out.bytes, out.size);
    cr_expect(rc == 0 || tables_memory(&back) == 0);
    for (size_t i = 0; i < back.tcp_ports.count; i++)
        cr_expect_eq(back.tcp_ports.witnesses[i], witnesses ? witness : 0);
    int of_classes = folded_decode_classes(&classes, &folded, out.bytes, out.size);
    cr_expect(of_classes == rc || of_classes == 0, "only rows may be worse than classes");
    tables_close(&back);
    buf_close(&out);
    return rc;
}

static int decode_columns(const uint64_t *shape, size_t shapes, const uint64_t *packets,
                          size_t sums, size_t bytes)
{
    return decode_witnessed(shape, shapes, packets, sums, bytes, 0, 0);
}

Test(folded, tables_from_before_there_were_witnesses_have_none)
{
    static const uint64_t shape[] = {9, 0, 2, 0, 0, 0, 5, 3},
                          packets[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
    cr_expect_eq(decode_witnessed(shape, 8, packets, 11, 11, 0, 0), 0);
    cr_expect_eq(decode_witnessed(shape, 8, packets, 11, 11, 11, 128), 0);
    cr_expect_eq(decode_witnessed(shape, 8, packets, 11, 11, 10, 128), ERR_DAMAGED);
    cr_expect_eq(decode_witnessed(shape, 8, packets, 11, 11, 12, 128), ERR_DAMAGED);
    cr_expect_eq(decode_witnessed(shape, 8, packets, 11, 11, 11, 256), ERR_DAMAGED);
}

Test(folded, tables_that_nobody_writes_are_refused)
{
    static const uint64_t packets[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}, quiet[11];
    static const uint64_t good[] = {9, 2, 0, 0, 0, 0, 5, 3}, zero_gap[] = {9, 2, 0, 0, 0, 0, 5, 0};
    static const uint64_t first_zero[] = {9, 2, 0, 0, 0, 0, 0, 3};
    static const uint64_t beyond[] = {9, 2, 0, 0, 0, 0, 5, 65531},
                          wide[] = {9, 2, 0, 0, 0, 0, 65536, 1};
    static const uint64_t huge[] = {9, UINT64_MAX, 3, 0, 0, 0, 5, 3};
    static const uint64_t more[] = {9, 3, 0, 0, 0, 0, 5, 3}, fewer[] = {9, 1, 0, 0, 0, 0, 5, 3};
    static const uint64_t early[] = {2, 2, 0, 0, 0, 0, 5, 3}, late[] = {10, 1, 0, 0, 0, 0, 5};
    cr_expect_eq(decode_columns(good, 8, packets, 11, 11), 0);
    cr_expect_eq(decode_columns(first_zero, 8, packets, 11, 11), 0);
    cr_expect_eq(decode_columns(early, 8, packets, 4, 4), 0, "of when there were fewer classes");
    cr_expect_eq(decode_columns(late, 7, packets, 11, 11), ERR_VERSION);
    cr_expect_eq(decode_columns(zero_gap, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(beyond, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(wide, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(huge, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(more, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(fewer, 8, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(good, 8, packets, 11, 10), ERR_DAMAGED);
    cr_expect_eq(decode_columns(good, 8, packets, 10, 10), ERR_DAMAGED);
    cr_expect_eq(decode_columns(good, 5, packets, 11, 11), ERR_DAMAGED);
    cr_expect_eq(decode_columns(good, 8, quiet, 11, 11), ERR_DAMAGED, "rows have packets");
}

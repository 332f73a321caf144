/* Reading pieces: values in chunks, a log that is trimmed or damaged, parts that disagree. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/sourcevec.h"
#include "dashboards/query.h"
#include "dashboards/store.h"
#include "tests/unit/common/random.h"
#include "tests/unit/dashboards/redis.h"
#include "tests/unit/common/old_tables.h"
#include "tests/unit/dashboards/telescope.h"

#define DAY INT64_C(1704067200) /* 2024-01-01 */

static struct redis redis;
static struct telescope telescope;

static void start(void)
{
    redis_start(&redis);
    telescope_make(&telescope, "UTC", 31, DAY, 8, 3600);
}

static void stop(void)
{
    redis_stop(&redis);
    telescope_close(&telescope);
}

TestSuite(store_pieces, .init = start, .fini = stop);

static int keep(void *user, const struct store_piece *piece, struct store_counts *counts,
                char *errmsg)
{
    struct addrvec *vec = user;
    (void)piece;
    (void)errmsg;
    cr_assert_eq(addrvec_packets(&counts->addresses), counts->totals.packets);
    addrvec_close(vec);
    *vec = counts->addresses;
    addrvec_init(&counts->addresses);
    return 0;
}

/* What is kept of the year of sensor-0, as it is read. */
static int read_year(unsigned wants, struct addrvec *vec, char *errmsg)
{
    struct store *store;
    const struct store_pieces_reader reader = {vec, keep};
    int rc = store_open(&store, &redis.url, errmsg);
    if (rc)
        return rc;
    struct period year = calendar_date(LEVEL_YEAR, 2024, 1, 1);
    const struct store_piece piece = {
        .period = year, .start_s = year.start_s, .end_s = year.end_s, .wants = wants};
    rc = store_read_pieces(store, 0, &piece, 1, &reader, errmsg);
    store_close(store);
    return rc;
}

/* --- sources ---------------------------------------------------------------------------------- */

static int keep_sources(void *user, const struct store_piece *piece, struct store_counts *counts,
                        char *errmsg)
{
    struct addrvec *vec = user;
    (void)piece, (void)errmsg;
    *vec = counts->sources;
    addrvec_init(&counts->sources);
    return 0;
}

/* The sources of the first day of sensor-0 when these are stored. */
static int read_sources(struct addrvec *stored, struct addrvec *vec, char *errmsg)
{
    struct store *store;
    const struct store_pieces_reader reader = {vec, keep_sources};
    struct period day = calendar_period(LEVEL_DAY, DAY);
    const struct store_piece piece = {
        .period = day, .start_s = day.start_s, .end_s = day.end_s, .wants = STORE_SOURCES};
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    telescope_write(&telescope, &redis, 0, 0);
    schema_key_sources(key, "sensor-0", &day);
    cr_assert_eq(folded_encode(stored, telescope.sensors[0].count, &form), 0);
    redis_do(&redis, "SET %s %b", key, form.bytes, form.size);
    buf_close(&form);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    int rc = store_read_pieces(store, 0, &piece, 1, &reader, errmsg);
    store_close(store);
    return rc;
}

Test(store_pieces, sources_that_cannot_be_are_damage)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct addrvec stored = {0}, vec = {0};
    addrvec_append4(&stored, 1, 1);
    cr_assert_eq(read_sources(&stored, &vec, errmsg), 0, "%s", errmsg);
    cr_expect_eq(addrvec_packets(&vec), 1);
    addrvec_close(&vec);
    addrvec_append4(&stored, 2, UINT64_C(1) << 40);
    cr_expect_eq(read_sources(&stored, &vec, errmsg), ERR_DAMAGED);
    cr_expect(strstr(errmsg, "sources:day:2024-01-01") && strstr(errmsg, "more packets"), "%s",
              errmsg);
    addrvec_clear(&stored);
    for (uint32_t i = 0; i <= 2 * SOURCEVEC_DAY; i++)
        addrvec_append4(&stored, i, 1);
    cr_expect_eq(read_sources(&stored, &vec, errmsg), ERR_DAMAGED);
    cr_expect(strstr(errmsg, "more sources than are kept"), "%s", errmsg);
    addrvec_close(&stored);
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void put_chunks(const char *key, const struct buf *form)
{
    for (size_t i = 0; i < chunk_count(form->size); i++) {
        char name[SCHEMA_KEY_MAX];
        uint8_t header[CHUNK_HEADER], *bytes = malloc(CHUNK_SIZE + CHUNK_HEADER);
        size_t header_size;
        struct chunk chunk = chunk_cut(form->bytes, form->size, i, header, &header_size);
        memcpy(bytes, header, header_size);
        memcpy(bytes + header_size, chunk.bytes, chunk.size);
        schema_key_chunk(name, key, i);
        redis_do(&redis, "SET %s %b", name, bytes, header_size + chunk.size);
        free(bytes);
    }
}

/* A year of sensor-0 that no compression makes small; its record's addresses are in its totals. */
static void put_large_year(struct addrvec *vec)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    struct period year = calendar_date(LEVEL_YEAR, 2024, 1, 1);
    struct totals totals = {.records = 1};
    struct buf form;
    uint64_t state = 1;
    addrvec_init(vec);
    for (uint32_t a = 0; a < 250000; a++)
        addrvec_append4(vec, 0x0a000000 + a * 3, 1 + random_below(&state, UINT64_C(1) << 44));
    totals.packets = addrvec_packets(vec);
    totals.active = addrvec_active(vec);
    telescope_write(&telescope, &redis, 0, 0);
    totals_format(&totals, text);
    schema_key_totals(key, field, "sensor-0", &year);
    redis_do(&redis, "HSET %s %s %s", key, field, text);
    buf_init(&form);
    cr_assert_eq(folded_encode(vec, telescope.sensors[0].count, &form), 0);
    cr_assert_gt(chunk_count(form.size), 2);
    schema_key_addresses(key, "sensor-0", &year);
    put_chunks(key, &form);
    buf_close(&form);
}

Test(store_pieces, a_value_in_chunks_is_put_together)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct addrvec vec, read;
    put_large_year(&vec);
    addrvec_init(&read);
    cr_assert_eq(read_year(STORE_ADDRESSES, &read, errmsg), 0, "%s", errmsg);
    cr_assert_eq(read.count4, vec.count4);
    cr_assert_eq(memcmp(read.address4, vec.address4, vec.count4 * sizeof *vec.address4), 0);
    cr_assert_eq(memcmp(read.packets4, vec.packets4, vec.count4 * sizeof *vec.packets4), 0);
    addrvec_close(&vec);
    addrvec_close(&read);
}

Test(store_pieces, chunks_that_do_not_belong_together_are_no_value)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct addrvec vec, read;
    put_large_year(&vec);
    addrvec_init(&read);
    redis_do(&redis, "SETRANGE darkcount:{sensor-0}:addresses:year:2024:1 77 xxxx");
    cr_assert_eq(read_year(STORE_ADDRESSES, &read, errmsg), ERR_STALE);
    cr_assert(strstr(errmsg, "sensor-0"), "%s", errmsg);
    redis_do(&redis, "DEL darkcount:{sensor-0}:addresses:year:2024:2");
    cr_assert_eq(read_year(STORE_ADDRESSES, &read, errmsg), ERR_STALE);
    addrvec_close(&vec);
}

Test(store_pieces, a_log_entry_in_chunks_is_put_together)
{
    char errmsg[ERRMSG_SIZE] = "", key[SCHEMA_KEY_MAX];
    struct telescope_sensor *sensor = &telescope.sensors[0];
    struct record *last = &sensor->records[sensor->count - 1];
    struct addrvec read;
    struct buf form;
    uint64_t state = 1;
    addrvec_close(&last->addresses);
    tables_close(&last->tables);
    last->packets = 0;
    for (uint32_t a = 0; a < 250000; a++) {
        uint64_t packets = 1 + random_below(&state, 1 << 20);
        addrvec_append4(&last->addresses, 0x0a000000 + a * 3, packets);
        last->packets += packets;
    }
    last->bytes = last->packets * 40;
    last->captured = last->packets + last->off_darknet + last->not_ip;
    last->tables.classes[CLASS_OTHER] = (struct sum){last->packets, last->bytes};
    table_append(&last->tables.protocols, 47, last->tables.classes[CLASS_OTHER]);
    hll_add(&last->hosts, "host", 4);
    telescope_write(&telescope, &redis, 1, 1);
    buf_init(&form);
    cr_assert_eq(record_seal(last, &form, errmsg), 0, "%s", errmsg);
    cr_assert_gt(chunk_count(form.size), 1);
    schema_key_log(key, sensor->name, sensor->count);
    put_chunks(key, &form);
    buf_close(&form);
    addrvec_init(&read);
    cr_assert_eq(read_year(STORE_ADDRESSES | STORE_TABLES | STORE_HOSTS, &read, errmsg), 0, "%s",
                 errmsg);
    cr_assert_geq(addrvec_active(&read), 250000);
    addrvec_close(&read);
}

/* --- merged minutes ---------------------------------------------------------------------------- */

static int keep_merged(void *user, const struct store_piece *piece, struct store_counts *counts,
                       char *errmsg)
{
    (void)errmsg;
    ((bool *)user)[piece->tag] = counts->merged;
    return 0;
}

/* Of a sensor whose first quarter of an hour of the day is merged: where a bound cuts it that is said. */
Test(store_pieces, minutes_that_have_a_share_of_a_merged_record_say_so)
{
    static const struct {
        int from, to; /* minutes */
        bool merged;
    } cases[] = {{0, 15, false}, {5, 6, true}, {0, 1, true}, {10, 20, true}, {15, 16, false}};
    enum { COUNT = sizeof cases / sizeof *cases };
    static struct course course;
    char errmsg[ERRMSG_SIZE] = "", key[SCHEMA_KEY_MAX];
    const struct period day = calendar_date(LEVEL_DAY, 2024, 1, 1);
    struct store_piece pieces[COUNT];
    struct store *store;
    struct buf form;
    bool merged[COUNT];
    const struct store_pieces_reader reader = {merged, keep_merged};
    for (int i = 0; i < 20; i++)
        course.observed_ns[i] = UINT64_C(60000000000);
    for (int i = 0; i < 15; i++)
        course.merged[i] = 1;
    telescope_write(&telescope, &redis, 0, 0);
    buf_init(&form);
    cr_assert_eq(course_encode(&course, telescope.sensors[0].count, &form), 0);
    schema_key_course(key, "sensor-0", &day);
    redis_do(&redis, "SET %s %b", key, form.bytes, form.size);
    buf_close(&form);
    for (size_t i = 0; i < COUNT; i++)
        pieces[i] = (struct store_piece){.minutes = true,
                                         .period = day,
                                         .start_s = DAY + 60 * cases[i].from,
                                         .end_s = DAY + 60 * cases[i].to,
                                         .tag = i};
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    cr_assert_eq(store_read_pieces(store, 0, pieces, COUNT, &reader, errmsg), 0, "%s", errmsg);
    store_close(store);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect_eq(merged[i], cases[i].merged, "minutes %d to %d", cases[i].from, cases[i].to);
}

/* --- damage ----------------------------------------------------------------------------------- */

struct damage {
    char command[120];
    int code;
    char names[60]; /* must stand in the message */
};

ParameterizedTestParameters(store_pieces, damage)
{
    static struct damage cases[] = {
        {"SET darkcount:{sensor-0}:addresses:year:2024 x", ERR_DAMAGED, "addresses:year:2024"},
        {"DEL darkcount:{sensor-0}:addresses:year:2024", ERR_DAMAGED, "addresses:year:2024"},
        {"SET darkcount:{sensor-0}:tables:year:2024 x", ERR_DAMAGED, "tables:year:2024"},
        {"DEL darkcount:{sensor-0}:tables:year:2024", ERR_DAMAGED, "tables:year:2024"},
        {"SET darkcount:{sensor-0}:hosts:year:2024 x", ERR_DAMAGED, "hosts:year:2024"},
        {"LPUSH darkcount:{sensor-0}:tables:year:2024 x", ERR_DAMAGED, "wrong type"},
        {"HSET darkcount:{sensor-0}:years 2024 x", ERR_DAMAGED, "darkcount:{sensor-0}:years"},
        {"HSET darkcount:{sensor-0}:head folded x", ERR_DAMAGED, "darkcount:{sensor-0}:head"},
        {"HSET darkcount:{sensor-0}:head folded 99", ERR_DAMAGED, "darkcount:{sensor-0}:head"},
        {"HSET darkcount:{sensor-0}:head n 99999", ERR_DAMAGED, "darkcount:{sensor-0}:head"},
        {"HSET darkcount:{sensor-0}:minutes @ x", ERR_DAMAGED, "darkcount:{sensor-0}:minutes"},
        {"SET darkcount:{sensor-0}:log:@ x", ERR_DAMAGED, "darkcount:{sensor-0}:log:"},
        /* An entry that is gone was folded by then; for one that never is, that is said. */
        {"DEL darkcount:{sensor-0}:log:@", ERR_STALE, "sensor-0"},
    };
    return cr_make_param_array(struct damage, cases, sizeof cases / sizeof *cases);
}

/* `command` with @ as the number of the last call. */
static void damage_by(const char *command)
{
    char text[160], *words = text, *word[4] = {0};
    const char *at = strchr(command, '@');
    int count = 0;
    if (at)
        snprintf(text, sizeof text, "%.*s%zu%s", (int)(at - command), command,
                 telescope.sensors[0].count, at + 1);
    else
        snprintf(text, sizeof text, "%s", command);
    while (count < 4 && (word[count] = strsep(&words, " ")))
        count++;
    if (strcmp(word[0], "LPUSH") == 0)
        redis_do(&redis, "DEL %s", word[1]);
    if (count == 4)
        redis_do(&redis, "%s %s %s %s", word[0], word[1], word[2], word[3]);
    else if (count == 3)
        redis_do(&redis, "%s %s %s", word[0], word[1], word[2]);
    else
        redis_do(&redis, "%s %s", word[0], word[1]);
}

ParameterizedTest(struct damage *param, store_pieces, damage)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct addrvec read;
    addrvec_init(&read);
    telescope_write(&telescope, &redis, 3, 3);
    cr_assert_eq(read_year(STORE_ADDRESSES | STORE_TABLES | STORE_HOSTS, &read, errmsg), 0, "%s",
                 errmsg);
    addrvec_close(&read);
    damage_by(param->command);
    int rc = read_year(STORE_ADDRESSES | STORE_TABLES | STORE_HOSTS, &read, errmsg);
    cr_assert_eq(rc, param->code, "%s: %d %s", param->command, rc, errmsg);
    cr_assert(strstr(errmsg, param->names), "%s: %s", param->command, errmsg);
    cr_assert_null(strchr(errmsg, '\n'));
}

/* Takes the tables of what is read. */
static int take_tables(void *user, const struct store_piece *piece, struct store_counts *counts,
                       char *errmsg)
{
    (void)piece, (void)errmsg;
    if (user)
        cr_assert_eq(tables_add(user, &counts->tables), 0);
    return 0;
}

/* The classes of the year, or with STORE_TABLES all of its tables. */
static int read_tables(unsigned wants, struct tables *tables, char *errmsg)
{
    struct store *store;
    const struct store_pieces_reader reader = {tables, take_tables};
    struct period year = calendar_date(LEVEL_YEAR, 2024, 1, 1);
    const struct store_piece piece = {
        .period = year, .start_s = year.start_s, .end_s = year.end_s, .wants = wants};
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    int rc = store_read_pieces(store, 0, &piece, 1, &reader, errmsg);
    store_close(store);
    return rc;
}

static int read_classes(char *errmsg)
{
    return read_tables(STORE_CLASSES, NULL, errmsg);
}

/* Puts the tables of the year, all of whose calls are folded, into the form that they had before. */
static void make_old(const struct tables *tables)
{
    struct buf form;
    buf_init(&form);
    old_tables_encode(tables, telescope.sensors[0].count, &form);
    redis_do(&redis, "SET darkcount:{sensor-0}:tables:year:2024 %b", form.bytes, form.size);
    buf_close(&form);
}

Test(store_pieces, classes_are_read_alone_and_from_tables_of_old)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct tables all = {0}, classes = {0}, old = {0};
    telescope_write(&telescope, &redis, 0, 0);
    cr_assert_eq(read_tables(STORE_TABLES, &all, errmsg), 0, "%s", errmsg);
    cr_assert_eq(read_tables(STORE_CLASSES, &classes, errmsg), 0, "%s", errmsg);
    make_old(&all);
    cr_assert_eq(read_tables(STORE_CLASSES, &old, errmsg), 0, "%s", errmsg);
    cr_expect_arr_eq(classes.classes, all.classes, sizeof all.classes);
    cr_expect_arr_eq(classes.class_witnesses, all.class_witnesses, sizeof all.class_witnesses);
    cr_expect_arr_eq(old.classes, all.classes, sizeof all.classes);
    cr_expect_gt(all.tcp_ports.count, 0);
    cr_expect_eq(classes.tcp_ports.count, 0);
    tables_close(&all);
    tables_close(&classes);
    tables_close(&old);
}

Test(store_pieces, classes_that_are_damaged_or_disagree_are_told)
{
    char errmsg[ERRMSG_SIZE] = "";
    telescope_write(&telescope, &redis, 3, 3);
    cr_assert_eq(read_classes(errmsg), 0, "%s", errmsg);
    redis_do(&redis, "DEL darkcount:{sensor-0}:tables:year:2024");
    cr_assert_eq(read_classes(errmsg), ERR_DAMAGED);
    cr_assert(strstr(errmsg, "tables:year:2024") && strstr(errmsg, "its classes do not sum"), "%s",
              errmsg);
    redis_do(&redis, "SET darkcount:{sensor-0}:tables:year:2024 x");
    cr_assert_eq(read_classes(errmsg), ERR_DAMAGED);
    cr_assert(strstr(errmsg, "tables:year:2024"), "%s", errmsg);
}

/* --- revisions -------------------------------------------------------------------------------- */

static void put_revision(unsigned sensor, uint64_t k, int64_t when_s, uint64_t records,
                         uint64_t packets)
{
    char text[REVISION_TEXT_MAX];
    const struct revision revision = {.when_s = when_s, .records = records, .packets = packets};
    revision_format(&revision, text);
    redis_do(&redis, "HSET darkcount:{sensor-%u}:revisions 2024:%llu %s", sensor,
             (unsigned long long)k, text);
}

Test(store_pieces, revisions_are_numbered_by_when_they_came)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct query_revisions revisions;
    uint64_t packets = 0, records = 0;
    telescope_write(&telescope, &redis, 0, 0);
    put_revision(0, 1, 2000000300, 1, 30);
    put_revision(1, 1, 2000000100, 2, 20);
    put_revision(1, 2, 2000000300, 1, 10);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    cr_assert_eq(query_revisions(store, 0, &revisions, errmsg), 0, "%s", errmsg);
    for (int s = 0; s < TELESCOPE_SENSORS; s++)
        for (size_t i = 0; i < telescope.sensors[s].count; i++, records++)
            packets += telescope.sensors[s].records[i].packets;
    cr_assert_eq(revisions.count, 4);
    const struct query_revision *row = revisions.rows;
    cr_assert(row[0].year == 2024 && row[0].revision == 0 && !row[0].sensor);
    cr_assert(row[0].packets == packets - 60 && row[0].records == records - 4);
    cr_assert(row[1].revision == 1 && strcmp(row[1].sensor, "sensor-1") == 0);
    cr_assert(row[1].when_s == 2000000100 && row[1].records == 2 && row[1].packets_added == 20);
    cr_assert_eq(row[1].packets, packets - 40);
    cr_assert(row[2].revision == 2 && strcmp(row[2].sensor, "sensor-0") == 0);
    cr_assert(row[3].revision == 3 && row[3].packets == packets && row[3].packets_added == 10);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(row[i].reason, QUERY_REASON_RECORDS);
    query_revisions_close(&revisions);
    cr_assert_eq(query_revisions(store, 2023, &revisions, errmsg), 0, "%s", errmsg);
    cr_assert_eq(revisions.count, 0);
    query_revisions_close(&revisions);
    put_revision(1, 3, 2000000300, 1, packets);
    cr_assert_eq(query_revisions(store, 0, &revisions, errmsg), ERR_DAMAGED);
    cr_assert(strstr(errmsg, "2024"), "%s", errmsg);
    store_close(store);
}

static void put_change(unsigned sensor, const char *field, int64_t when_s)
{
    char text[INVENTORY_RESTATED_MAX];
    inventory_restated_format(text, when_s);
    redis_do(&redis, "HSET darkcount:{sensor-%u}:inventory %s %b", sensor, field, text,
             strlen(text));
}

/* Between the records' in time; not of a year without data, of which there was no figure. */
Test(store_pieces, changes_of_an_inventory_are_revisions_that_add_nothing)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct query_revisions revisions;
    struct query_annual annual;
    telescope_write(&telescope, &redis, 0, 0);
    put_revision(0, 1, 2000000300, 1, 30);
    redis_do(&redis, "HSET darkcount:{sensor-0}:head restated:2024 1");
    put_change(1, "restated:2024:1", 2000000200);
    put_change(1, "restated:2024:2", 2000000400);
    put_change(1, "restated:2019:1", 2000000200);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    cr_assert_eq(query_revisions(store, 0, &revisions, errmsg), 0, "%s", errmsg);
    cr_assert_eq(revisions.count, 4);
    const struct query_revision *row = revisions.rows;
    cr_assert(row[1].reason == QUERY_REASON_INVENTORY && strcmp(row[1].sensor, "sensor-1") == 0);
    cr_assert(row[1].when_s == 2000000200 && row[1].records == 0 && row[1].packets_added == 0);
    cr_assert_eq(row[1].packets, row[0].packets);
    cr_assert_eq(row[2].reason, QUERY_REASON_RECORDS);
    cr_assert_eq(row[2].packets, row[0].packets + 30);
    cr_assert(row[3].revision == 3 && row[3].reason == QUERY_REASON_INVENTORY);
    query_revisions_close(&revisions);
    cr_assert_eq(query_annual(store, METHOD_DAILY, 2024, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.years[0].revision, 3, "the last of them");
    query_annual_close(&annual);
    store_close(store);
}

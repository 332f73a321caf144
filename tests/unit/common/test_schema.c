#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/schema.h"
#include "tests/unit/common/random.h"

/* --- keys ------------------------------------------------------------------------------------- */

Test(schema, keys_are_as_documented)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    cr_assert_eq(calendar_init("Asia/Tokyo", NULL), 0);
    struct period hour = calendar_period(LEVEL_HOUR, 1795321063);
    struct period day = calendar_period(LEVEL_DAY, 1795321063);
    struct period month = calendar_period(LEVEL_MONTH, 1795321063);
    struct period year = calendar_period(LEVEL_YEAR, 1795321063);
    schema_key_head(key, "campus-1");
    cr_expect_str_eq(key, "darkcount:{campus-1}:head");
    schema_key_log(key, "campus-1", UINT64_MAX);
    cr_expect_str_eq(key, "darkcount:{campus-1}:log:18446744073709551615");
    schema_key_minutes(key, "campus-1");
    cr_expect_str_eq(key, "darkcount:{campus-1}:minutes");
    schema_key_revisions(key, "campus-1");
    cr_expect_str_eq(key, "darkcount:{campus-1}:revisions");
    schema_key_course(key, "campus-1", &day);
    cr_expect_str_eq(key, "darkcount:{campus-1}:course:2026-11-22");
    schema_key_hosts(key, "campus-1", &month);
    cr_expect_str_eq(key, "darkcount:{campus-1}:hosts:month:2026-11");
    schema_key_addresses(key, "campus-1", &hour);
    cr_expect_str_eq(key, "darkcount:{campus-1}:addresses:hour:1795320000");
    schema_key_tables(key, "campus-1", &day);
    cr_expect_str_eq(key, "darkcount:{campus-1}:tables:day:2026-11-22");
    schema_key_chunk(field, key, 0);
    cr_expect_str_eq(field, key);
    schema_key_chunk(field, key, 12);
    cr_expect_str_eq(field, "darkcount:{campus-1}:tables:day:2026-11-22:12");
    schema_key_totals(key, field, "campus-1", &hour);
    cr_expect_str_eq(key, "darkcount:{campus-1}:hours:2026-11-22");
    cr_expect_str_eq(field, "1795320000");
    schema_key_totals(key, field, "campus-1", &day);
    cr_expect_str_eq(key, "darkcount:{campus-1}:days:2026");
    cr_expect_str_eq(field, "11-22");
    schema_key_totals(key, field, "campus-1", &month);
    cr_expect_str_eq(key, "darkcount:{campus-1}:months:2026");
    cr_expect_str_eq(field, "11");
    schema_key_totals(key, field, "campus-1", &year);
    cr_expect_str_eq(key, "darkcount:{campus-1}:years");
    cr_expect_str_eq(field, "2026");
}

Test(schema, the_longest_sensor_name_has_room)
{
    char name[SENSOR_NAME_MAX + 1], key[SCHEMA_KEY_MAX];
    memset(name, 'n', SENSOR_NAME_MAX);
    name[SENSOR_NAME_MAX] = '\0';
    cr_assert_eq(calendar_init("UTC", NULL), 0);
    struct period hour = calendar_period(LEVEL_HOUR, CALENDAR_MAX_S - 1);
    schema_key_addresses(key, name, &hour);
    cr_expect_str_eq(strrchr(key, ':'), ":7258114800");
    schema_key_log(key, name, UINT64_MAX);
    cr_expect_str_eq(strrchr(key, ':'), ":18446744073709551615");
}

/* --- totals ----------------------------------------------------------------------------------- */

Test(schema, totals_come_back_field_by_field)
{
    char text[TOTALS_TEXT_MAX];
    struct totals back, totals = {.packets = 1,
                                  .bytes = 2,
                                  .active = 3,
                                  .records = 4,
                                  .observed_ns = 5,
                                  .kernel_dropped = 6,
                                  .interface_dropped = 7,
                                  .off_darknet = 8,
                                  .not_ip = 9,
                                  .undecodable = 10,
                                  .late = 11,
                                  .refused = 12};
    totals_format(&totals, text);
    cr_expect_str_eq(text, "1 1 2 3 4 5 6 7 8 9 10 11 12");
    cr_assert_eq(totals_parse(&back, text, strlen(text)), 0);
    cr_expect(memcmp(&back, &totals, sizeof back) == 0);

    memset(&totals, 0xff, sizeof totals);
    totals_format(&totals, text);
    cr_expect_lt(strlen(text), TOTALS_TEXT_MAX - 1, "the widest text has room");
    cr_assert_eq(totals_parse(&back, text, strlen(text)), 0);
    cr_expect(memcmp(&back, &totals, sizeof back) == 0);
}

Test(schema, totals_add_adds_every_field)
{
    uint64_t fields[12], seed = 16;
    struct totals sum = {0}, part;
    cr_assert_eq(sizeof part, sizeof fields);
    uint64_t model[12] = {0};
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 12; i++)
            model[i] += fields[i] = random_below(&seed, UINT64_C(1) << 40);
        memcpy(&part, fields, sizeof part);
        totals_add(&sum, &part);
    }
    cr_expect(memcmp(&sum, model, sizeof sum) == 0);
}

Test(schema, totals_of_another_form_are_refused)
{
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        {"1 1 2 3 4 5 6 7 8 9 10 11 12", 0},
        {"2 1 2 3 4 5 6 7 8 9 10 11 12", ERR_VERSION},
        {"11 1 2 3 4 5 6 7 8 9 10 11 12", ERR_VERSION},
        {"", ERR_DAMAGED},
        {"1", ERR_DAMAGED},
        {"1 ", ERR_DAMAGED},
        {"x", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 ", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 12 ", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 12 13", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 12\n", ERR_DAMAGED},
        {" 1 1 2 3 4 5 6 7 8 9 10 11 12", ERR_DAMAGED},
        {"1  1 2 3 4 5 6 7 8 9 10 11 12", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 -12", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 +12", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 18446744073709551616", ERR_DAMAGED},
        {"1 1 2 3 4 5 6 7 8 9 10 11 99999999999999999999", ERR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct totals totals;
        char *exact = strdup(table[i].text);
        size_t size = strlen(exact);
        exact = realloc(exact, size ? size : 1); /* no NUL: a value of Redis has none */
        cr_expect_eq(totals_parse(&totals, exact, size), table[i].rc, "'%s'", table[i].text);
        free(exact);
    }
}

/* --- revisions -------------------------------------------------------------------------------- */

Test(schema, a_revision_comes_back)
{
    struct revision back, revision = {.when_s = 1795321063, .records = 7, .packets = UINT64_MAX};
    char text[REVISION_TEXT_MAX];
    memset(revision.epoch, 0xab, EPOCH_SIZE);
    revision_format(&revision, text);
    cr_expect_str_eq(text,
                     "1 1795321063 abababab-abab-abab-abab-abababababab 7 18446744073709551615");
    cr_assert_eq(revision_parse(&back, text, strlen(text)), 0);
    cr_expect_eq(back.when_s, revision.when_s);
    cr_expect_arr_eq(back.epoch, revision.epoch, EPOCH_SIZE);
    cr_expect_eq(back.records, 7);
    cr_expect_eq(back.packets, UINT64_MAX);
    revision.when_s = INT64_MAX;
    revision.records = UINT64_MAX;
    revision_format(&revision, text);
    cr_expect_lt(strlen(text), REVISION_TEXT_MAX - 1, "the widest text has room");
    for (size_t size = 0; size < strlen(text) - 20; size++)
        cr_assert_eq(revision_parse(&back, text, size), ERR_DAMAGED, "%zu", size);
}

Test(schema, a_revision_of_another_form_is_refused)
{
#define EPOCH_TEXT "abababab-abab-abab-abab-abababababab"
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        {"1 5 " EPOCH_TEXT " 7 9", 0},
        {"2 5 " EPOCH_TEXT " 7 9", ERR_VERSION},
        {"1 -5 " EPOCH_TEXT " 7 9", ERR_DAMAGED},
        {"1 9223372036854775808 " EPOCH_TEXT " 7 9", ERR_DAMAGED},
        {"1 5 xbababab-abab-abab-abab-abababababab 7 9", ERR_DAMAGED},
        {"1 5 " EPOCH_TEXT "7 9", ERR_DAMAGED},
        {"1 5 " EPOCH_TEXT " 7", ERR_DAMAGED},
        {"1 5 " EPOCH_TEXT " 7 9 ", ERR_DAMAGED},
        {"1 5 " EPOCH_TEXT " 7 9 1", ERR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct revision revision;
        cr_expect_eq(revision_parse(&revision, table[i].text, strlen(table[i].text)), table[i].rc,
                     "'%s'", table[i].text);
    }
}

Test(schema, revisions_are_numbered_by_year)
{
    static const char *const others[] = {"",       "2026",    "2026:",   ":1",      "2026:0",
                                         "2026:x", "2026:01", "026:1",   "02026:1", "2026:1 ",
                                         "2026 1", "-026:1",  "2026:-1", "20261"};
    char field[REVISION_FIELD_MAX];
    int year;
    uint64_t k;
    revision_field(field, 2026, 12);
    cr_expect_str_eq(field, "2026:12");
    cr_assert_eq(revision_field_parse(field, &year, &k), 0);
    cr_expect(year == 2026 && k == 12);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_expect_eq(revision_field_parse(others[i], &year, &k), ERR_DAMAGED, "'%s'", others[i]);
}

/* --- epochs: against a time line of 40 moments ------------------------------------------------ */

#define MOMENTS 40

static struct span random_span(uint64_t *seed)
{
    int64_t a = (int64_t)random_below(seed, MOMENTS), b = a + (int64_t)random_below(seed, 6);
    return (struct span){a, b < MOMENTS ? b : MOMENTS - 1};
}

/* The spans that a line of observed moments makes. */
static size_t runs(const bool line[MOMENTS], struct span spans[MOMENTS])
{
    size_t count = 0;
    for (int i = 0; i < MOMENTS; i++) {
        if (!line[i])
            continue;
        if (i > 0 && line[i - 1])
            spans[count - 1].last_ns = i;
        else
            spans[count++] = (struct span){i, i};
    }
    return count;
}

static void expect_spans(const struct epoch_state *state, const bool line[MOMENTS])
{
    struct span spans[MOMENTS];
    size_t count = runs(line, spans);
    cr_assert_eq(state->count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert(state->spans[i].first_ns == spans[i].first_ns &&
                  state->spans[i].last_ns == spans[i].last_ns);
}

/* By the rule's words: more than one moment in common, or one, and a span of that moment alone. */
static bool naive_overlap(struct span a, struct span b)
{
    int common = 0;
    for (int64_t t = 0; t < MOMENTS; t++)
        common += a.first_ns <= t && t <= a.last_ns && b.first_ns <= t && t <= b.last_ns;
    return common > 1 || (common == 1 && (a.first_ns == a.last_ns || b.first_ns == b.last_ns));
}

Test(epoch_state, spans_are_what_a_time_line_says)
{
    uint64_t seed = 18;
    for (int round = 0; round < 2000; round++) {
        bool line[MOMENTS] = {false};
        struct epoch_state state;
        epoch_state_init(&state);
        for (int i = 0; i < 12; i++) {
            struct span span = random_span(&seed);
            cr_assert_eq(epoch_state_add(&state, span), 0);
            for (int64_t t = span.first_ns; t <= span.last_ns; t++)
                line[t] = true;
            expect_spans(&state, line);
        }
        epoch_state_close(&state);
    }
}

Test(epoch_state, overlap_is_what_the_rule_says)
{
    uint64_t seed = 19;
    for (int round = 0; round < 3000; round++) {
        struct epoch_state state;
        struct span span = random_span(&seed);
        epoch_state_init(&state);
        for (int i = 0; i < 5; i++)
            epoch_state_add(&state, random_span(&seed));
        const struct span *first = NULL;
        for (size_t i = 0; i < state.count; i++) {
            bool overlap = naive_overlap(state.spans[i], span);
            cr_assert_eq(span_overlap(state.spans[i], span), overlap);
            cr_assert_eq(span_overlap(span, state.spans[i]), overlap);
            if (overlap && !first)
                first = &state.spans[i];
        }
        cr_assert_eq(epoch_state_overlap(&state, span), first);
        epoch_state_close(&state);
    }
}

Test(epoch_state, text_comes_back)
{
    uint64_t seed = 20;
    for (int round = 0; round < 200; round++) {
        struct epoch_state state, back;
        struct buf out;
        epoch_state_init(&state);
        epoch_state_init(&back);
        buf_init(&out);
        state.seq = random_next(&seed);
        state.replay = random_below(&seed, 2);
        for (uint64_t i = random_below(&seed, 8); i > 0; i--) {
            int64_t first = (int64_t)random_below(&seed, INT64_MAX);
            epoch_state_add(&state, (struct span){first, i % 2 ? first : INT64_MAX - 1});
        }
        cr_assert_eq(epoch_state_format(&state, &out), 0);
        cr_assert_eq(epoch_state_parse(&back, (char *)out.bytes, out.size), 0);
        cr_assert(back.seq == state.seq && back.replay == state.replay &&
                  back.count == state.count);
        cr_assert(state.count == 0 ||
                  memcmp(back.spans, state.spans, state.count * sizeof *state.spans) == 0);
        buf_close(&out);
        epoch_state_close(&state);
        epoch_state_close(&back);
    }
}

Test(epoch_state, text_of_another_form_is_refused)
{
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        {"5 0", 0},
        {"18446744073709551615 1 0-0 2-9223372036854775807", 0},
        {"", ERR_DAMAGED},
        {"5", ERR_DAMAGED},
        {"5 ", ERR_DAMAGED},
        {"5 2", ERR_DAMAGED},
        {"5 0 ", ERR_DAMAGED},
        {"5 0 1", ERR_DAMAGED},
        {"5 0 1-", ERR_DAMAGED},
        {"5 0 -1", ERR_DAMAGED},
        {"5 0 1--2", ERR_DAMAGED},
        {"5 0 1 -2", ERR_DAMAGED},
        {"5 0 1- 2", ERR_DAMAGED},
        {"5 0 2-1", ERR_DAMAGED},
        {"5 0 1-2 ", ERR_DAMAGED},
        {"5 0 1-2 2-3", ERR_DAMAGED},
        {"5 0 1-2 3-4", ERR_DAMAGED}, /* adjacent: would have been written as one */
        {"5 0 1-2 4-5", 0},
        {"5 0 4-5 1-2", ERR_DAMAGED},
        {"5 0 0-9223372036854775808", ERR_DAMAGED},
        {"5 0 1-2,4-5", ERR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct epoch_state state;
        char *exact = strdup(table[i].text);
        size_t size = strlen(exact);
        exact = realloc(exact, size ? size : 1);
        epoch_state_init(&state);
        int rc = epoch_state_parse(&state, exact, size);
        cr_expect_eq(rc, table[i].rc, "'%s'", table[i].text);
        cr_expect(rc == 0 || (state.count == 0 && state.spans == NULL), "nothing is left behind");
        epoch_state_close(&state);
        free(exact);
    }
}

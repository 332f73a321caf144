#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/enrol.h"
#include "common/err.h"
#include "tests/unit/aggregator/box.h"

#define NOW_S   INT64_C(1800000000)
#define DARKNET "198.51.100.0/24,2001:db8::/32"

static struct box box;
static struct enrol enrol;
static char errmsg[ERRMSG_SIZE];

static void open_all(void)
{
    box_open(&box);
    cr_assert_eq(enrol_open(&enrol, box.dir, NOW_S, errmsg), 0, "%s", errmsg);
}

static void close_all(void)
{
    enrol_close(&enrol);
    box_close(&box);
}

TestSuite(enrol, .init = open_all, .fini = close_all);

static struct token added(const char *name, const char *darknet)
{
    struct token token;
    int rc = enrol_add(&enrol, name, darknet, 1000, NOW_S, &token, errmsg);
    cr_assert_eq(rc, 0, "%s", errmsg);
    return token;
}

/* What a sensor with the token gets at `now_s`: 0 with the facts of its certificate. */
static int ask(const struct token *token, int64_t now_s, struct cert_facts *facts,
               struct frame_refuse *why)
{
    struct frame frame = {.type = FRAME_CERTIFICATE};
    char *key = cert_key(errmsg);
    struct frame_join join = {.secret_given = true, .request = cert_request(key, errmsg)};
    memcpy(join.secret, token->secret, sizeof join.secret);
    int rc = enrol_answer(&enrol, NULL, &join, now_s, &frame.certificate, why);
    if (rc == 0) {
        cr_assert_eq(cert_read(frame.certificate.certificate, facts, errmsg), 0);
        cr_assert_str_eq(frame.certificate.authority, enrol.ca.certificate);
        frame_close(&frame);
    }
    free(join.request);
    free(key);
    return rc;
}

static struct cert_facts joined(const char *name, const char *darknet)
{
    struct token token = added(name, darknet);
    struct cert_facts facts;
    struct frame_refuse why;
    cr_assert_eq(ask(&token, NOW_S + 1, &facts, &why), 0, "%s", why.text);
    return facts;
}

static struct cert_facts renewed(const struct cert_facts *facts)
{
    struct frame frame = {.type = FRAME_CERTIFICATE};
    struct frame_refuse why;
    struct cert_facts next;
    char *key = cert_key(errmsg);
    struct frame_join join = {.request = cert_request(key, errmsg)};
    int rc = enrol_answer(&enrol, facts, &join, NOW_S + 100, &frame.certificate, &why);
    cr_assert_eq(rc, 0, "%s", why.text);
    cr_assert_eq(cert_read(frame.certificate.certificate, &next, errmsg), 0);
    frame_close(&frame);
    free(join.request);
    free(key);
    return next;
}

static bool admitted(const struct cert_facts *facts, const char *words)
{
    struct frame_refuse why = {0};
    bool good = registry_admits(box.dir, facts, &why);
    if (!good) {
        cr_assert_eq(why.code, REFUSE_CERTIFICATE);
        cr_assert_not(why.final, "records must wait, not be given up");
        cr_assert(strstr(why.text, words), "%s", why.text);
    }
    return good;
}

Test(enrol, a_token_gives_a_certificate_once)
{
    struct token token = added("tokyo", DARKNET);
    struct cert_facts facts, none;
    struct frame_refuse why;
    cr_assert_eq(ask(&token, NOW_S + REGISTRY_TOKEN_S - 1, &facts, &why), 0, "%s", why.text);
    cr_assert_str_eq(facts.name, "tokyo");
    cr_assert_eq(facts.until_s, NOW_S + REGISTRY_TOKEN_S - 1 + CA_SENSOR_S);
    cr_assert(admitted(&facts, ""));
    cr_assert_eq(ask(&token, NOW_S + 1, &none, &why), ERR_REFUSED);
    cr_assert(strstr(why.text, "it was used"));
    cr_assert(admitted(&facts, ""));
}

Test(enrol, a_token_ends)
{
    struct token token = added("tokyo", DARKNET);
    struct cert_facts facts;
    struct frame_refuse why;
    cr_assert_eq(ask(&token, NOW_S + REGISTRY_TOKEN_S, &facts, &why), ERR_REFUSED);
    cr_assert(strstr(why.text, "expired"));
}

Test(enrol, a_secret_is_not_kept_readable)
{
    struct token token = added("tokyo", DARKNET);
    char path[128], text[4096] = "", hash[TOKEN_HASH_SIZE + 1], secret[2 * TOKEN_SECRET_SIZE + 1];
    struct stat info;
    snprintf(path, sizeof path, "%s/sensors/tokyo.conf", box.dir);
    FILE *file = fopen(path, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    for (size_t i = 0; i < TOKEN_SECRET_SIZE; i++)
        snprintf(secret + 2 * i, 3, "%02x", token.secret[i]);
    token_hash(token.secret, hash);
    cr_assert(strstr(text, hash));
    cr_assert_not(strstr(text, secret));
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
}

Test(enrol, a_request_that_proves_nothing_uses_up_no_token)
{
    struct token token = added("tokyo", DARKNET);
    struct frame_join join = {.secret_given = true, .request = (char[]){"nothing"}};
    struct frame_certificate out;
    struct frame_refuse why;
    struct cert_facts facts;
    memcpy(join.secret, token.secret, sizeof join.secret);
    cr_assert_eq(enrol_answer(&enrol, NULL, &join, NOW_S, &out, &why), ERR_REFUSED);
    cr_assert(strstr(why.text, "signing request"));
    cr_assert_eq(ask(&token, NOW_S, &facts, &why), 0);
}

Test(enrol, revoking_ends_certificate_and_token)
{
    struct cert_facts facts = joined("tokyo", DARKNET), again;
    struct frame_refuse why;
    struct token token;
    cr_assert_eq(enrol_replace(&enrol, "tokyo", NOW_S, &token, errmsg), 0);
    cr_assert(admitted(&facts, ""));
    cr_assert_eq(enrol_revoke(&enrol, "tokyo", NOW_S, errmsg), 0);
    cr_assert_not(admitted(&facts, "revoked"));
    cr_assert_eq(ask(&token, NOW_S, &again, &why), ERR_REFUSED);
    cr_assert_eq(enrol_replace(&enrol, "tokyo", NOW_S, &token, errmsg), 0);
    cr_assert_not(admitted(&facts, "revoked"));
    cr_assert_eq(ask(&token, NOW_S, &again, &why), 0);
    cr_assert(admitted(&again, ""));
    cr_assert_not(admitted(&facts, "took the place"));
}

Test(enrol, a_renewed_certificate_ends_the_one_before_when_it_is_seen)
{
    struct cert_facts first = joined("tokyo", DARKNET), lost = renewed(&first),
                      next = renewed(&first);
    cr_assert(admitted(&first, ""));
    cr_assert(admitted(&next, ""));
    cr_assert_not(admitted(&lost, "took the place"));
    cr_assert_eq(enrol_seen(&enrol, &first, errmsg), 0);
    cr_assert(admitted(&next, ""));
    cr_assert_eq(enrol_seen(&enrol, &next, errmsg), 0);
    cr_assert(admitted(&next, ""));
    cr_assert_not(admitted(&first, "took the place"));
}

Test(enrol, a_sensor_opens_what_is_its_own)
{
    static const struct {
        const char *sensor, *darknet, *words;
    } cases[] = {
        {"tokyo", DARKNET, NULL},
        {"osaka", DARKNET, "delivers as osaka"},
        {"tokyo", "198.51.100.0/24", "is enrolled for the darknet"},
        {"tokyo", DARKNET ",203.0.113.0/24", "is enrolled for the darknet"},
    };
    struct cert_facts facts = joined("tokyo", DARKNET);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame_open open = {.darknet = (char *)cases[i].darknet};
        struct frame_refuse why;
        strcpy(open.sensor, cases[i].sensor);
        bool opens = registry_opens(box.dir, &facts, &open, &why);
        cr_assert_eq(opens, !cases[i].words, "case %zu", i);
        if (opens) {
            cr_assert_str_eq(open.inventory, "960=" DARKNET); /* cut to the minute */
            free(open.inventory);
        } else {
            cr_assert_eq(why.code, REFUSE_IDENTITY);
            cr_assert(strstr(why.text, cases[i].words), "%s", why.text);
        }
    }
}

Test(enrol, names_and_darknets_are_taken_once)
{
    struct token token;
    struct enrolment *list;
    size_t count;
    added("tokyo", DARKNET);
    added("osaka", "203.0.113.0/24");
    cr_assert_eq(enrol_revoke(&enrol, "tokyo", NOW_S, errmsg), 0);
    cr_assert_eq(enrol_add(&enrol, "tokyo", "192.0.2.0/24", 0, NOW_S, &token, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, "enrolled already"));
    cr_assert_eq(enrol_add(&enrol, "c", "2001:db8:1::/48", 0, NOW_S, &token, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, "tokyo"));
    cr_assert_eq(enrol_replace(&enrol, "c", NOW_S, &token, errmsg), ERR_UNKNOWN);
    cr_assert_eq(enrol_revoke(&enrol, "../ca", NOW_S, errmsg), ERR_UNKNOWN);
    cr_assert_eq(registry_list(box.dir, &list, &count, errmsg), 0);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(list[0].name, "osaka");
    cr_assert_str_eq(list[1].name, "tokyo");
    cr_assert_str_eq(enrolment_darknet(&list[1], NOW_S), DARKNET);
    registry_list_free(list, count);
}

Test(enrol, a_long_darknet_comes_back)
{
    static char darknet[20000];
    struct enrolment read;
    for (unsigned i = 0; i < 1000; i++)
        sprintf(darknet + strlen(darknet), "%s10.%u.%u.0/25", i ? "," : "", i / 200, i % 200);
    added("wide", darknet);
    cr_assert_eq(registry_read(box.dir, "wide", &read, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(enrolment_darknet(&read, NOW_S), darknet);
    enrolment_close(&read);
}

/* --- inventories ------------------------------------------------------------------------------ */

#define CHANGE_S INT64_C(1577836800) /* 2020 */

static void expect_inventory(const char *name, const char *wanted)
{
    char *text = registry_inventory(box.dir, name);
    cr_assert_not_null(text);
    cr_expect_str_eq(text, wanted);
    free(text);
}

Test(enrol, an_inventory_changes_from_a_time_on)
{
    added("tokyo", DARKNET);
    cr_assert_eq(enrol_change(&enrol, "tokyo", CHANGE_S, "203.0.113.0/24", "2001:db8::/32", errmsg),
                 0, "%s", errmsg);
    cr_assert_eq(enrol_change(&enrol, "tokyo", CHANGE_S + 60, NULL,
                              "198.51.100.0/24,203.0.113.0/24", errmsg),
                 0, "%s", errmsg);
    expect_inventory("tokyo",
                     "960=" DARKNET " 1577836800=198.51.100.0/24,203.0.113.0/24 1577836860=-");
}

Test(enrol, a_change_that_cannot_be_is_refused)
{
    static const struct {
        const char *name;
        int64_t from_s;
        const char *plus, *minus;
        int rc;
        const char *words;
    } cases[] = {
        {"kobe", CHANGE_S, "192.0.2.0/24", NULL, ERR_UNKNOWN, "not enrolled"},
        {"tokyo", CHANGE_S + 1, "192.0.2.0/24", NULL, ERR_INVALID, "whole minute"},
        {"tokyo", CHANGE_S, "198.51.100.7", NULL, ERR_INVALID, "so already"},
        {"tokyo", CHANGE_S, "198.51.100.7/24", NULL, ERR_INVALID, "198.51.100.0/24"},
        {"tokyo", CHANGE_S, "203.0.113.128/25", NULL, ERR_REFUSED, "of sensor osaka"},
        {"tokyo", 960, NULL, DARKNET, ERR_REFUSED, "ever"},
    };
    added("tokyo", DARKNET);
    added("osaka", "203.0.113.0/24");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = enrol_change(&enrol, cases[i].name, cases[i].from_s, cases[i].plus, cases[i].minus,
                              errmsg);
        cr_expect_eq(rc, cases[i].rc, "case %zu", i);
        cr_expect(strstr(errmsg, cases[i].words), "case %zu: %s", i, errmsg);
    }
    expect_inventory("tokyo", "960=" DARKNET);
}

Test(enrol, space_passes_from_one_sensor_to_another_at_a_time)
{
    struct token token;
    added("tokyo", DARKNET);
    cr_assert_eq(enrol_change(&enrol, "tokyo", CHANGE_S, NULL, "198.51.100.0/25", errmsg), 0);
    cr_expect_eq(
        enrol_add(&enrol, "osaka", "198.51.100.0/25", CHANGE_S - 60, NOW_S, &token, errmsg),
        ERR_REFUSED);
    cr_expect(
        strstr(errmsg, "2019-12-31T23:59:00Z on 198.51.100.0/25 is in the darknet of sensor tokyo"),
        "%s", errmsg);
    cr_expect_eq(enrol_add(&enrol, "osaka", "198.51.100.0/25", CHANGE_S, NOW_S, &token, errmsg), 0,
                 "%s", errmsg);
    cr_expect_eq(enrol_change(&enrol, "tokyo", CHANGE_S + 60, "198.51.100.0/25", NULL, errmsg),
                 ERR_REFUSED);
}

/* What an epoch of before still has to deliver comes with the darknet of then. */
Test(enrol, a_sensor_opens_every_darknet_that_it_had)
{
    static const struct {
        const char *darknet;
        bool opens;
    } cases[] = {{DARKNET, true}, {"198.51.100.0/24", true}, {"2001:db8::/32", false}};
    struct cert_facts facts = joined("tokyo", DARKNET);
    cr_assert_eq(enrol_change(&enrol, "tokyo", CHANGE_S, NULL, "2001:db8::/32", errmsg), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame_open open = {.sensor = "tokyo", .darknet = (char *)cases[i].darknet};
        struct frame_refuse why = {0};
        cr_expect_eq(registry_opens(box.dir, &facts, &open, &why), cases[i].opens, "case %zu", i);
        cr_expect(cases[i].opens || strstr(why.text, "enrolled for the darknet 198.51.100.0/24"),
                  "%s", why.text);
        free(open.inventory);
    }
}

Test(enrol, the_registry_is_locked_while_it_is_changed)
{
    struct token token = added("tokyo", DARKNET);
    struct cert_facts facts;
    struct frame_refuse why;
    int lock = registry_lock(box.dir, 0, errmsg);
    cr_assert_geq(lock, 0);
    cr_assert_eq(registry_lock(box.dir, 0, errmsg), ERR_STALE);
    cr_assert_eq(ask(&token, NOW_S, &facts, &why), ERR_REFUSED);
    cr_assert_eq(why.code, REFUSE_STORE);
    close(lock);
    cr_assert_eq(ask(&token, NOW_S, &facts, &why), 0);
}

Test(enrol, the_authority_stays_and_is_not_made_anew_over_a_damaged_one)
{
    struct enrol again;
    char path[128];
    struct stat info;
    cr_assert_eq(enrol_open(&again, box.dir, NOW_S + 5, errmsg), 0);
    cr_assert_arr_eq(again.ca.pin, enrol.ca.pin, CERT_PIN_SIZE);
    enrol_close(&again);
    snprintf(path, sizeof path, "%s/ca.pem", box.dir);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
    cr_assert_eq(truncate(path, 300), 0);
    cr_assert_eq(enrol_open(&again, box.dir, NOW_S, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "restore it"));
}

/* --- what is expected ------------------------------------------------------------------------- */

static void expects(const char *name, const char *wanted)
{
    struct enrolment enrolment;
    cr_assert_eq(registry_read(box.dir, name, &enrolment, errmsg), 0, "%s", errmsg);
    char *text = enrolment_expected(&enrolment);
    cr_expect_str_eq(text, wanted, "%s", name);
    free(text);
    enrolment_close(&enrolment);
}

/* From its minute on; once it has joined again it was only down in between. */
Test(enrol, nothing_is_expected_of_who_is_revoked)
{
    struct token token;
    struct cert_facts facts = joined("tokyo", "198.51.100.0/24");
    struct frame_refuse why;
    expects("tokyo", "960=198.51.100.0/24");
    cr_assert_eq(enrol_revoke(&enrol, "tokyo", NOW_S + 61, errmsg), 0);
    expects("tokyo", "960=198.51.100.0/24 1800000060=-");
    cr_assert_eq(enrol_revoke(&enrol, "tokyo", NOW_S + 600, errmsg), 0);
    expects("tokyo", "960=198.51.100.0/24 1800000060=-");
    cr_assert_eq(enrol_replace(&enrol, "tokyo", NOW_S + 700, &token, errmsg), 0);
    expects("tokyo", "960=198.51.100.0/24 1800000060=-");
    cr_assert_eq(ask(&token, NOW_S + 800, &facts, &why), 0);
    expects("tokyo", "960=198.51.100.0/24");
}

Test(enrol, nothing_was_ever_expected_of_who_is_revoked_before_joining)
{
    added("osaka", "203.0.113.0/24");
    expects("osaka", "960=203.0.113.0/24");
    cr_assert_eq(enrol_revoke(&enrol, "osaka", NOW_S, errmsg), 0);
    expects("osaka", "");
}

#include "dashboards/store_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define DAYS_MAX 366

/* --- a year's days and hosts ------------------------------------------------------------------ */

struct year_reading {
    struct period year;
    const struct store_year_reader *reader;
    struct store_day days[DAYS_MAX];
    struct hll hosts;
};

static void days_key(char key[SCHEMA_KEY_MAX], const struct store_sensor *sensor, int year)
{
    char field[SCHEMA_KEY_MAX];
    const struct period day = {.level = LEVEL_DAY, .year = year, .month = 1, .day = 1};
    schema_key_totals(key, field, sensor->name, &day);
}

static int send_year(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct year_reading *reading = user;
    char days[SCHEMA_KEY_MAX], hosts[SCHEMA_KEY_MAX];
    days_key(days, &store->sensors[i], reading->year.year);
    schema_key_hosts(hosts, store->sensors[i].name, &reading->year);
    int rc = store_send(store, errmsg, "HGETALL %s", days);
    return rc ? rc : store_send(store, errmsg, "GET %s", hosts);
}

/* "MM-DD" of a date that `year` has. */
static bool parse_day(const redisReply *field, int year, struct store_day *day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (field->type != REDIS_REPLY_STRING || field->len != 5 || field->str[2] != '-' ||
        !store_parse_part(field->str, 2, 1, 12, &day->month))
        return false;
    int length = lengths[day->month - 1] + (day->month == 2 && leap);
    return store_parse_part(field->str + 3, 2, 1, length, &day->day);
}

/* `reply` is a hash as a list: field, value, field, value. */
static int take_days(const struct store *store, const char *key, const redisReply *reply,
                     struct year_reading *reading, char *errmsg)
{
    size_t count = reply->elements / 2;
    if (count > DAYS_MAX)
        return store_damaged(store, key, "it has more fields than a year has days", errmsg);
    for (size_t i = 0; i < count; i++) {
        const redisReply *value = reply->element[2 * i + 1];
        if (!parse_day(reply->element[2 * i], reading->year.year, &reading->days[i]))
            return store_damaged(store, key, "a field is not a day of that year", errmsg);
        int rc = value->type == REDIS_REPLY_STRING
                     ? totals_parse(&reading->days[i].totals, value->str, value->len)
                     : ERR_DAMAGED;
        if (rc)
            return store_bad_value(store, key, rc, errmsg);
    }
    return 0;
}

static int receive_days(struct store *store, size_t i, struct year_reading *reading, size_t *count,
                        char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    days_key(key, &store->sensors[i], reading->year.year);
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    *count = reply->elements / 2;
    rc = take_days(store, key, reply, reading, errmsg);
    freeReplyObject(reply);
    return rc;
}

/* `*hosts`: the sketch, or NULL when there is none. */
static int receive_hosts(struct store *store, size_t i, struct year_reading *reading,
                         const struct hll **hosts, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    schema_key_hosts(key, store->sensors[i].name, &reading->year);
    int rc = store_take(store, key, REDIS_REPLY_STRING, &reply, errmsg);
    if (rc)
        return rc;
    *hosts = NULL;
    if (reply->type == REDIS_REPLY_STRING) {
        rc = hll_from_redis(&reading->hosts, reply->str, reply->len);
        *hosts = &reading->hosts;
    }
    freeReplyObject(reply);
    return rc ? store_bad_value(store, key, rc, errmsg) : 0;
}

static int receive_year(struct store *store, size_t i, void *user, char *errmsg)
{
    struct year_reading *reading = user;
    size_t count;
    const struct hll *hosts;
    int rc = receive_days(store, i, reading, &count, errmsg);
    if (rc == 0)
        rc = receive_hosts(store, i, reading, &hosts, errmsg);
    if (rc)
        return rc;
    return reading->reader->on_year(reading->reader->user, i, reading->days, count, hosts, errmsg);
}

int store_read_year(struct store *store, int year, const struct store_year_reader *reader,
                    char *errmsg)
{
    struct year_reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    reading->year = calendar_date(LEVEL_YEAR, year, 1, 1);
    reading->reader = reader;
    const struct store_talk talk = {store->count, reading, send_year, receive_year};
    int rc = store_talk(store, &talk, errmsg);
    free(reading);
    return rc;
}

/* --- courses ---------------------------------------------------------------------------------- */

struct course_reading {
    const struct store_course *wanted;
    const struct store_course_reader *reader;
    struct course course;
};

static void course_key(char key[SCHEMA_KEY_MAX], const struct store *store,
                       const struct store_course *wanted)
{
    /* Only the label goes into the key: asking the calendar for the day's bounds would be dear. */
    struct period day = {.level = LEVEL_DAY};
    snprintf(day.label, sizeof day.label, "%04d-%02d-%02d", wanted->year, wanted->month,
             wanted->day);
    schema_key_course(key, store->sensors[wanted->sensor].name, &day);
}

static int send_course(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct course_reading *reading = user;
    char key[SCHEMA_KEY_MAX];
    course_key(key, store, &reading->wanted[i]);
    return store_send(store, errmsg, "GET %s", key);
}

static int receive_course(struct store *store, size_t i, void *user, char *errmsg)
{
    struct course_reading *reading = user;
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    course_key(key, store, &reading->wanted[i]);
    int rc = store_take(store, key, REDIS_REPLY_STRING, &reply, errmsg);
    if (rc)
        return rc;
    if (reply->type == REDIS_REPLY_STRING) {
        uint64_t folded;
        rc = course_decode(&reading->course, &folded, (const uint8_t *)reply->str, reply->len);
        if (rc)
            rc = store_bad_value(store, key, rc, errmsg);
    } else {
        rc = store_damaged(store, key, "it is missing, and the day has records", errmsg);
    }
    freeReplyObject(reply);
    if (rc == 0)
        reading->reader->on_course(reading->reader->user, &reading->wanted[i], &reading->course);
    return rc;
}

int store_read_courses(struct store *store, const struct store_course *wanted, size_t count,
                       const struct store_course_reader *reader, char *errmsg)
{
    struct course_reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    reading->wanted = wanted;
    reading->reader = reader;
    const struct store_talk talk = {count, reading, send_course, receive_course};
    int rc = store_talk(store, &talk, errmsg);
    free(reading);
    return rc;
}

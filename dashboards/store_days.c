#include "dashboards/store_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define DAYS_MAX 366

struct days_reading {
    int year;
    const struct store_days_reader *reader;
    struct store_day days[DAYS_MAX];
};

static void days_key(char key[SCHEMA_KEY_MAX], const struct store_sensor *sensor, int year)
{
    char field[SCHEMA_KEY_MAX];
    const struct period day = {.level = LEVEL_DAY, .year = year, .month = 1, .day = 1};
    schema_key_totals(key, field, sensor->name, &day);
}

static int send_days(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct days_reading *reading = user;
    char key[SCHEMA_KEY_MAX];
    days_key(key, &store->sensors[i], reading->year);
    return store_send(store, errmsg, "HGETALL %s", key);
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
                     struct days_reading *reading, char *errmsg)
{
    size_t count = reply->elements / 2;
    if (count > DAYS_MAX)
        return store_damaged(store, key, "it has more fields than a year has days", errmsg);
    for (size_t i = 0; i < count; i++) {
        const redisReply *value = reply->element[2 * i + 1];
        if (!parse_day(reply->element[2 * i], reading->year, &reading->days[i]))
            return store_damaged(store, key, "a field is not a day of that year", errmsg);
        int rc = value->type == REDIS_REPLY_STRING
                     ? totals_parse(&reading->days[i].totals, value->str, value->len)
                     : ERR_DAMAGED;
        if (rc)
            return store_bad_value(store, key, rc, errmsg);
    }
    return 0;
}

static int receive_days(struct store *store, size_t i, void *user, char *errmsg)
{
    struct days_reading *reading = user;
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    days_key(key, &store->sensors[i], reading->year);
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    size_t count = reply->elements / 2;
    rc = take_days(store, key, reply, reading, errmsg);
    freeReplyObject(reply);
    return rc ? rc
              : reading->reader->on_days(reading->reader->user, i, reading->days, count, errmsg);
}

int store_read_days(struct store *store, int year, const struct store_days_reader *reader,
                    char *errmsg)
{
    struct days_reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    reading->year = year;
    reading->reader = reader;
    const struct store_talk talk = {store->count, 0, reading, send_days, receive_days, true};
    int rc = store_talk(store, &talk, errmsg);
    free(reading);
    return rc;
}

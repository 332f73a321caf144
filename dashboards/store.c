#include "dashboards/store_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"

/* --- telescope and names ---------------------------------------------------------------------- */

static int set_timezone(struct store *store, const redisReply *value, char *errmsg)
{
    char cause[ERRMSG_SIZE];
    if (value->type != REDIS_REPLY_STRING || value->len > CALENDAR_ZONE_MAX)
        return store_damaged(store, SCHEMA_TELESCOPE, "it has no time zone", errmsg);
    memcpy(store->timezone, value->str, value->len);
    store->timezone[value->len] = '\0';
    if (strlen(store->timezone) != value->len || calendar_init(store->timezone, cause) != 0)
        return store_damaged(store, SCHEMA_TELESCOPE, cause, errmsg);
    return 0;
}

/* Reads schema and time zone; `*empty` when there is no telescope here yet. */
static int read_telescope(struct store *store, bool *empty, char *errmsg)
{
    redisReply *reply;
    int rc = store_at(store, SCHEMA_TELESCOPE, errmsg);
    if (rc == 0)
        rc = store_send(store, errmsg, "HMGET %s schema timezone", SCHEMA_TELESCOPE);
    if (rc == 0)
        rc = store_take(store, SCHEMA_TELESCOPE, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    const redisReply *schema = reply->elements == 2 ? reply->element[0] : NULL;
    uint64_t version;
    *empty = false;
    if (schema && schema->type == REDIS_REPLY_NIL)
        *empty = true;
    else if (!schema || !store_parse_u64(schema->str, schema->len, &version) || version == 0)
        rc = store_damaged(store, SCHEMA_TELESCOPE, "its schema is not a number", errmsg);
    else if (version > SCHEMA_VERSION)
        rc = store_newer(store, SCHEMA_TELESCOPE, errmsg);
    else if (version < SCHEMA_VERSION)
        rc = store_damaged(store, SCHEMA_TELESCOPE,
                           "its schema is that of an older darkcount, which this one does not read",
                           errmsg);
    else
        rc = set_timezone(store, reply->element[1], errmsg);
    freeReplyObject(reply);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct store_sensor *)a)->name, ((const struct store_sensor *)b)->name);
}

static int set_sensors(struct store *store, const redisReply *names, char *errmsg)
{
    size_t room = names->elements ? names->elements : 1;
    store->sensors = calloc(room, sizeof *store->sensors);
    store->heads = calloc(room, sizeof *store->heads);
    store->indexes = calloc(room, sizeof *store->indexes);
    if (!store->sensors || !store->heads || !store->indexes)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    for (size_t i = 0; i < names->elements; i++) {
        const redisReply *name = names->element[i];
        struct store_sensor *sensor = &store->sensors[store->count];
        if (name->type != REDIS_REPLY_STRING || name->len > SENSOR_NAME_MAX ||
            strlen(name->str) != name->len || !sensor_name_valid(name->str))
            return store_damaged(store, SCHEMA_SENSORS, "a member is not the name of a sensor",
                                 errmsg);
        memcpy(sensor->name, name->str, name->len);
        sensor->until_ns = -1;
        store->count++;
    }
    qsort(store->sensors, store->count, sizeof *store->sensors, compare_names);
    return 0;
}

static int read_names(struct store *store, bool empty, char *errmsg)
{
    redisReply *reply;
    int rc = store_at(store, SCHEMA_SENSORS, errmsg);
    if (rc == 0)
        rc = store_send(store, errmsg, "SMEMBERS %s", SCHEMA_SENSORS);
    if (rc == 0)
        rc = store_take(store, SCHEMA_SENSORS, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    if (empty && reply->elements > 0)
        rc = store_damaged(store, SCHEMA_TELESCOPE, "it is missing, and there are sensors", errmsg);
    else
        rc = set_sensors(store, reply, errmsg);
    freeReplyObject(reply);
    return rc;
}

/* --- years and heads of the sensors ----------------------------------------------------------- */

static void years_key(char key[SCHEMA_KEY_MAX], const struct store_sensor *sensor)
{
    char field[SCHEMA_KEY_MAX];
    const struct period year = {.level = LEVEL_YEAR, .year = STORE_YEAR_MIN};
    schema_key_totals(key, field, sensor->name, &year);
}

static int send_years(struct store *store, size_t i, void *user, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    (void)user;
    years_key(key, &store->sensors[i]);
    return store_send(store, errmsg, "HKEYS %s", key);
}

static int receive_years(struct store *store, size_t i, void *user, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    (void)user;
    years_key(key, &store->sensors[i]);
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    for (size_t k = 0; k < reply->elements && rc == 0; k++) {
        const redisReply *field = reply->element[k];
        int year;
        if (field->type != REDIS_REPLY_STRING || field->len != 4 ||
            !store_parse_part(field->str, 4, STORE_YEAR_MIN, STORE_YEAR_MAX, &year))
            rc = store_damaged(store, key, "a field is not a year", errmsg);
        else
            store->sensors[i].years[year - STORE_YEAR_MIN] = true;
    }
    freeReplyObject(reply);
    return rc;
}

#define HEAD_FIELDS 6 /* of send_head, before the years' restated:<YYYY> */

static int send_head(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct store_sensor *sensor = &store->sensors[i];
    char key[SCHEMA_KEY_MAX], restated[STORE_YEARS][sizeof "restated:YYYY"];
    const char *words[2 + HEAD_FIELDS + STORE_YEARS] = {"HMGET",   key,       "n",        "folded",
                                                        "darknet", "from_ns", "until_ns", "live"};
    int count = 2 + HEAD_FIELDS;
    (void)user;
    schema_key_head(key, sensor->name);
    for (int y = 0; y < STORE_YEARS; y++) {
        if (!sensor->years[y])
            continue;
        snprintf(restated[y], sizeof restated[y], "restated:%04u", (STORE_YEAR_MIN + y) % 10000u);
        words[count++] = restated[y];
    }
    if (redisAppendCommandArgv(store->redis, count, words, NULL) != REDIS_OK)
        return store_lost(store, errmsg);
    return 0;
}

static bool parse_ns(const redisReply *value, int64_t *ns)
{
    uint64_t number;
    if (value->type != REDIS_REPLY_STRING || !store_parse_u64(value->str, value->len, &number) ||
        number > INT64_MAX)
        return false;
    *ns = (int64_t)number;
    return true;
}

/* What a sensor that is not enrolled counts is its darknet from its first record on. */
static int set_darknet(struct store *store, struct store_sensor *sensor, const char *key,
                       const redisReply *value, char *errmsg)
{
    int rc = strlen(value->str) == value->len
                 ? inventory_implied(&sensor->inventory, value->str, sensor->from_ns,
                                     sensor->until_ns, sensor->live)
                 : ERR_INVALID;
    if (rc == ERR_NOMEM)
        return store_bad_value(store, key, rc, errmsg);
    return rc ? store_damaged(store, key, "the darknet is not a list of prefixes", errmsg) : 0;
}

static int set_head(struct store *store, struct store_sensor *sensor, const char *key,
                    redisReply *const *value, char *errmsg)
{
    const redisReply *const *restated = (const redisReply *const *)value + HEAD_FIELDS;
    bool counted = false;
    for (int y = 0; y < STORE_YEARS; y++) {
        if (!sensor->years[y])
            continue;
        counted = true;
        if ((*restated)->type == REDIS_REPLY_STRING &&
            !store_parse_u64((*restated)->str, (*restated)->len, &sensor->restated[y]))
            return store_damaged(store, key, "a restated:<year> is not a number", errmsg);
        restated++;
    }
    if (!counted)
        return 0; /* enrolled, and has delivered nothing yet */
    if (!store_parse_head(&store->heads[sensor - store->sensors], value[0], value[1]))
        return store_damaged(store, key, "n or folded is not a number of calls", errmsg);
    if (!parse_ns(value[3], &sensor->from_ns) || !parse_ns(value[4], &sensor->until_ns))
        return store_damaged(store, key, "from_ns or until_ns is missing or not a time", errmsg);
    if (value[2]->type != REDIS_REPLY_STRING)
        return store_damaged(store, key, "it has no darknet", errmsg);
    sensor->live = value[5]->type == REDIS_REPLY_STRING;
    return set_darknet(store, sensor, key, value[2], errmsg);
}

static int receive_head(struct store *store, size_t i, void *user, char *errmsg)
{
    struct store_sensor *sensor = &store->sensors[i];
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    size_t fields = HEAD_FIELDS;
    (void)user;
    schema_key_head(key, sensor->name);
    for (int y = 0; y < STORE_YEARS; y++)
        fields += sensor->years[y];
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    rc = reply->elements == fields ? set_head(store, sensor, key, reply->element, errmsg)
                                   : store_damaged(store, key, "fields are missing", errmsg);
    freeReplyObject(reply);
    return rc;
}

static void forget_sensors(struct store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        inventory_close(&store->sensors[i].inventory);
        free(store->sensors[i].changes);
        store_forget_index(&store->indexes[i]);
    }
    free(store->sensors);
    free(store->heads);
    free(store->indexes);
    store->sensors = NULL;
    store->heads = NULL;
    store->indexes = NULL;
    store->count = 0;
}

int store_refresh(struct store *store, char *errmsg)
{
    return store_refresh_at(store, time(NULL), errmsg);
}

int store_refresh_at(struct store *store, int64_t now_s, char *errmsg)
{
    bool empty;
    store->now_s = now_s;
    forget_sensors(store);
    snprintf(store->timezone, sizeof store->timezone, "UTC"); /* of a store without telescope */
    int rc = calendar_init(store->timezone, errmsg);
    if (rc == 0)
        rc = read_telescope(store, &empty, errmsg);
    if (rc == 0)
        rc = read_names(store, empty, errmsg);
    const struct store_talk years = {store->count, 0, NULL, send_years, receive_years, true};
    if (rc == 0)
        rc = store_talk(store, &years, errmsg);
    const struct store_talk heads = {store->count, 0, NULL, send_head, receive_head, true};
    if (rc == 0)
        rc = store_talk(store, &heads, errmsg);
    return rc ? rc : store_read_inventories(store, errmsg);
}

int store_open(struct store **store, const struct storeurl *url, char *errmsg)
{
    struct store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", url->shown, err_str(ERR_NOMEM));
    opened->url = *url;
    int rc = store_connect(opened, errmsg);
    if (rc == 0)
        rc = store_refresh(opened, errmsg);
    if (rc) {
        store_close(opened);
        return rc;
    }
    *store = opened;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_disconnect(store);
    forget_sensors(store);
    free(store);
}

const struct store_sensor *store_sensors(const struct store *store, size_t *count)
{
    *count = store->count;
    return store->sensors;
}

const char *store_timezone(const struct store *store)
{
    return store->timezone;
}

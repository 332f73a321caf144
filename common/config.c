#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"

#define KEYS_MAX  64
#define LINES_MAX 100000 /* more is no configuration, but a pipe or device without end */

struct reading {
    FILE *file;
    const char *path;
    const struct config_key *keys;
    bool
        seen[KEYS_MAX]; /* by position in keys: a key given twice is an error unless it is a list */
    int line;           /* the last one read */
    int rc;             /* the first key that was not taken; `errmsg` then says why */
    const char *refused; /* what is wrong with that line by itself; NULL: nothing */
    char *errmsg;
};

/* inih's reader: counts the lines (Debian's library does not tell them to its handler) and refuses
 * one that does not fit its buffer, which it would otherwise read as two, or is no text. */
static char *read_line(char *line, int size, void *user)
{
    struct reading *reading = user;
    if (reading->rc || !fgets(line, size, reading->file))
        return NULL;
    size_t length = strlen(line);
    bool whole = length > 0 && (line[length - 1] == '\n' || feof(reading->file));
    if (++reading->line > LINES_MAX)
        reading->refused = "more lines than a configuration has";
    else if (!whole)
        reading->refused = length == (size_t)size - 1
                               ? "longer than a line may be; give a list one a line"
                               : "has a byte 0: this is no text";
    return reading->refused ? NULL : line;
}

static const struct config_key *find(const struct config_key *keys, const char *section,
                                     const char *name)
{
    for (const struct config_key *key = keys; key->name; key++)
        if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

static int set_string(char **target, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        return ERR_NOMEM;
    free(*target);
    *target = copy;
    return 0;
}

static int append_list(char **target, const char *value)
{
    char *joined;
    if (asprintf(&joined, "%s,%s", *target, value) < 0)
        return ERR_NOMEM;
    free(*target);
    *target = joined;
    return 0;
}

static int set_bool(bool *target, const char *value, char *errmsg)
{
    static const char *const words[2][3] = {{"no", "false", "off"}, {"yes", "true", "on"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 3; i++) {
            if (strcasecmp(value, words[truth][i]) == 0) {
                *target = truth == 1;
                return 0;
            }
        }
    }
    return err_set(errmsg, ERR_INVALID, "'%.80s' is neither yes nor no", value);
}

static int set_uint(const struct config_key *key, const char *value, char *errmsg)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno || *value < '0' || *value > '9' || *end || number < key->min || number > key->max)
        return err_set(errmsg, ERR_INVALID,
                       "'%.80s' is no whole number from %" PRIu64 " to %" PRIu64, value, key->min,
                       key->max);
    *(uint64_t *)key->value = number;
    return 0;
}

static int set_value(const struct config_key *key, const char *value, bool again, char *errmsg)
{
    switch (key->type) {
    case CONFIG_STRING:
        return set_string(key->value, value);
    case CONFIG_LIST:
        return again ? append_list(key->value, value) : set_string(key->value, value);
    case CONFIG_UINT:
        return set_uint(key, value, errmsg);
    default:
        return set_bool(key->value, value, errmsg);
    }
}

static int take_key(struct reading *reading, const char *section, const char *name,
                    const char *value, char *cause)
{
    const struct config_key *key = find(reading->keys, section, name);
    if (!key)
        return err_set(cause, ERR_INVALID, "unknown key in section [%.60s]", section);
    size_t position = (size_t)(key - reading->keys);
    assert(position < KEYS_MAX);
    bool again = reading->seen[position];
    if (again && key->type != CONFIG_LIST)
        return err_set(cause, ERR_INVALID, "is given twice");
    reading->seen[position] = true;
    return set_value(key, value, again, cause);
}

/* inih's handler. Its own way to report an error would lose the cause: it is kept here, and
 * read_line ends the reading. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    char cause[ERRMSG_SIZE] = "out of memory";
    int rc = take_key(reading, section, name, value, cause);
    if (rc)
        reading->rc = err_set(reading->errmsg, rc, "%s:%d: '%.60s': %s", reading->path,
                              reading->line, name, cause);
    return 1;
}

int config_read(const char *path, const struct config_key *keys, char *errmsg)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(errmsg, err_from_errno(errno), "configuration %s: %s", path,
                       strerror(errno));
    struct reading reading = {.file = file, .path = path, .keys = keys, .errmsg = errmsg};
    int line = ini_parse_stream(read_line, &reading, on_key, &reading);
    bool broken = ferror(file);
    fclose(file);
    if (line > 0) /* before the line that ended the reading, if one did */
        return err_set(errmsg, ERR_INVALID, "%s:%d: not a line of the form 'key = value'", path,
                       line);
    if (reading.rc)
        return reading.rc;
    if (reading.refused)
        return err_set(errmsg, ERR_INVALID, "%s:%d: %s", path, reading.line, reading.refused);
    if (broken)
        return err_set(errmsg, ERR_IO, "configuration %s: cannot be read", path);
    if (line < 0)
        return err_set(errmsg, ERR_NOMEM, "configuration %s: %s", path, err_str(ERR_NOMEM));
    return 0;
}

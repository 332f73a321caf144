/*
 * Configuration files: INI through inih, with a schema. A key that the schema does not know, a
 * value of the wrong kind or out of range, a line that is no line: each is an error with file and
 * line.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_STRING, /* char * : strdup'd, the previous value freed */
    CONFIG_LIST,   /* char * : several lines of the key are joined with "," */
    CONFIG_UINT,   /* uint64_t, within min..max */
    CONFIG_BOOL,   /* bool: yes/no/true/false/on/off */
};

struct config_key {
    const char *section, *name;
    enum config_type type;
    void *value;
    uint64_t min, max; /* CONFIG_UINT */
};

/* Reads `path` into the values that `keys` (ended by a NULL name) point to; what the file does not
 * name keeps its value. ERR_INVALID or ERR_IO with "path:line: cause" in `errmsg`. */
int config_read(const char *path, const struct config_key *keys, char *errmsg);

#endif

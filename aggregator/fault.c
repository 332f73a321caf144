#include "aggregator/fault.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

static const struct row {
    const char *begins;
    enum fault fault;
    const char *text; /* NULL: Redis's own */
    const char *advice;
} rows[] = {
    {"OOM ", FAULT_STORE, "OOM: its memory is used up to maxmemory",
     "raise maxmemory (CONFIG SET maxmemory) or give the machine more"},
    {"READONLY ", FAULT_STORE, "READONLY: it is a replica",
     "name its primary as the store, or make it the primary (REPLICAOF NO ONE)"},
    {"NOPERM this user has no permissions to access", FAULT_KEY, NULL,
     "allow it (ACL SETUSER; 'darkcount-aggregator users' writes the rights that are needed)"},
    {"NOPERM ", FAULT_STORE, NULL,
     "allow it (ACL SETUSER; 'darkcount-aggregator users' writes the rights that are needed)"},
    {"ERR The user executing the script", FAULT_STORE,
     "NOPERM the user may not run all that darkcount_put runs",
     "allow it (ACL SETUSER; 'darkcount-aggregator users' writes the rights that are needed)"},
    {"NOAUTH ", FAULT_STORE, NULL, "see to user and password in the store's URL"},
    {"WRONGPASS ", FAULT_STORE, NULL, "see to user and password in the store's URL"},
    {"MISCONF ", FAULT_STORE, "MISCONF: it cannot write its files",
     "see to its disk; its log says what is wrong"},
    {"NOREPLICAS ", FAULT_STORE,
     "NOREPLICAS: it has fewer replicas than min-replicas-to-write asks for",
     "start them, or set min-replicas-to-write lower"},
    {"MASTERDOWN ", FAULT_STORE, "MASTERDOWN: it is a replica whose primary is gone",
     "start the primary, or make this one the primary (REPLICAOF NO ONE)"},
    {"ERR darkcount_", FAULT_KEY, NULL, "use aggregator and store of the same version"},
    {"ERR Function not found", FAULT_LATER, "its function library is gone", "it is loaded again"},
    {"ERR ", FAULT_LATER, NULL, "the function library is loaded again"},
};

/* What stands at the end of Redis's words without being part of them. */
static int size_of(const char *error)
{
    size_t size = strcspn(error, "\r\n");
    while (size > 0 && (error[size - 1] == '.' || error[size - 1] == ' '))
        size--;
    return (int)size;
}

/* darkcount_put names the key itself: "WRONGTYPE KEY is a list, not a string". */
static void wrong_type(const char *error, const char *key, char *text)
{
    char named[512] = "";
    if (!key && sscanf(error, "WRONGTYPE darkcount:%500s", named + strlen("darkcount:")) == 1)
        key = memcpy(named, "darkcount:", strlen("darkcount:"));
    err_set(text, 0,
            "%.500s has not the type that belongs there: somebody else wrote to it; rename it, "
            "and put back what it held, from a backup if need be",
            key ? key : "a key");
}

enum fault fault_read(const char *error, const char *key, char *text)
{
    if (strncmp(error, "WRONGTYPE", 9) == 0) {
        wrong_type(error, key, text);
        return FAULT_KEY;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        if (strncmp(error, row->begins, strlen(row->begins)) != 0)
            continue;
        const char *what = row->text ? row->text : error;
        err_set(text, 0, "%.*s; %s", row->text ? (int)strlen(what) : size_of(what), what,
                row->advice);
        return row->fault;
    }
    err_set(text, 0, "%.*s", size_of(error), error);
    return FAULT_LATER;
}

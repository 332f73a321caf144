#include <criterion/criterion.h>

#include <string.h>

#include "aggregator/fault.h"
#include "common/err.h"

/* What redis-server 7.0 answers, word for word. */
Test(fault, every_answer_is_somebodys_and_says_what_to_do)
{
    static const struct {
        const char *error, *key;
        enum fault fault;
        const char *begins, *says;
    } cases[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", NULL, FAULT_STORE,
         "OOM: ", "CONFIG SET maxmemory"},
        {"READONLY You can't write against a read only replica.", NULL, FAULT_STORE,
         "READONLY: ", "REPLICAOF NO ONE"},
        {"READONLY You can't write against a read only replica.", "k", FAULT_STORE,
         "READONLY: ", "REPLICAOF NO ONE"},
        {"NOPERM this user has no permissions to run the 'fcall' command", NULL, FAULT_STORE,
         "NOPERM this user", "'fcall' command; allow it"},
        {"NOPERM this user has no permissions to access one of the keys used as arguments", NULL,
         FAULT_KEY, "NOPERM this user", "ACL SETUSER"},
        {"NOPERM the user may not run UNLINK on the keys that it writes", NULL, FAULT_STORE,
         "NOPERM the user", "UNLINK"},
        {"ERR The user executing the script can't run this command or subcommand script: "
         "darkcount_put, on @user_function:2.",
         NULL, FAULT_STORE, "NOPERM ", "ACL SETUSER"},
        {"MISCONF Errors writing to the AOF file: No space left on device", NULL, FAULT_STORE,
         "MISCONF: ", "disk"},
        {"NOREPLICAS Not enough good replicas to write.", NULL, FAULT_STORE,
         "NOREPLICAS: ", "min-replicas-to-write"},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", NULL,
         FAULT_STORE, "MASTERDOWN: ", "REPLICAOF NO ONE"},
        {"NOAUTH Authentication required.", NULL, FAULT_STORE, "NOAUTH ", "password"},
        {"ERR Function not found", NULL, FAULT_LATER, "its function library", "loaded again"},
        {"ERR user_function:2: Script attempted to access nonexistent global variable 'put' "
         "script: darkcount_put, on @user_function:2.",
         NULL, FAULT_LATER, "ERR user_function", "loaded again"},
        {"ERR darkcount_put: too few keys", NULL, FAULT_KEY, "ERR darkcount_put", "same version"},
        {"LOADING Redis is loading the dataset in memory", NULL, FAULT_LATER, "LOADING ", "memory"},
        {"WRONGTYPE darkcount:{s}:years is a list, not a hash", NULL, FAULT_KEY,
         "darkcount:{s}:years has not the type", "put back"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", "darkcount:{s}:years",
         FAULT_KEY, "darkcount:{s}:years has not the type", "put back"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", NULL, FAULT_KEY,
         "a key has not the type", "put back"},
        {"", NULL, FAULT_LATER, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ERRMSG_SIZE] = "";
        cr_expect_eq(fault_read(cases[i].error, cases[i].key, text), cases[i].fault, "%s",
                     cases[i].error);
        cr_expect(strncmp(text, cases[i].begins, strlen(cases[i].begins)) == 0, "%s", text);
        cr_expect(strstr(text, cases[i].says), "%s", text);
    }
}

/* The function names the key, a plain command does not: it is one fault all the same. */
Test(fault, a_wrong_type_is_said_in_the_same_words_by_whomever_it_is_found)
{
    char written[ERRMSG_SIZE], read[ERRMSG_SIZE];
    fault_read("WRONGTYPE darkcount:{s}:head is a string, not a hash", NULL, written);
    fault_read("WRONGTYPE Operation against a key holding the wrong kind of value",
               "darkcount:{s}:head", read);
    cr_expect_str_eq(written, read);
}

Test(fault, words_without_end_are_cut)
{
    static char error[8192];
    char text[ERRMSG_SIZE];
    memset(error, 'x', sizeof error - 1);
    cr_expect_eq(fault_read(error, NULL, text), FAULT_LATER);
    cr_expect_eq(strlen(text), ERRMSG_SIZE - 1);
    memcpy(error, "WRONGTYPE darkcount:", 20);
    cr_expect_eq(fault_read(error, NULL, text), FAULT_KEY);
    cr_expect(strstr(text, "xxx has not the type"));
}

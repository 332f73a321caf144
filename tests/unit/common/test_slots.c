#include <criterion/criterion.h>

#include <string.h>

#include "common/slots.h"

/* Against CLUSTER KEYSLOT of redis-server 7.0.15; the first is the specification's own check value. */
Test(slots, keys_have_the_slots_that_redis_gives_them)
{
    static const struct {
        const char *key;
        unsigned slot;
    } table[] = {
        {"123456789", 12739},
        {"", 0},
        {"darkcount:telescope", 2697},
        {"darkcount:sensors", 8487},
        {"darkcount:{lab}:head", 6901},
        {"{lab}", 6901},
        {"lab", 6901},
        {"{}lab", 4223},
        {"{lab", 1695},
        {"a{lab}b{c}", 6901},
        {"{{lab}}", 1695},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(slots_of(table[i].key, strlen(table[i].key)), table[i].slot, "%s: %u",
                     table[i].key, slots_of(table[i].key, strlen(table[i].key)));
}

Test(slots, redirections_are_taken_apart)
{
    static const struct {
        const char *error;
        enum slots_answer answer;
        const char *host;
        unsigned port;
    } table[] = {
        {"MOVED 3999 127.0.0.1:6381", SLOTS_MOVED, "127.0.0.1", 6381},
        {"MOVED 3999 :6381", SLOTS_MOVED, "", 6381},
        {"MOVED 3999 2001:db8::1:6381", SLOTS_MOVED, "2001:db8::1", 6381},
        {"ASK 3999 db.example.org:1", SLOTS_ASK, "db.example.org", 1},
        {"MOVED 3999", SLOTS_STALE, NULL, 0},
        {"MOVED x 127.0.0.1:6381", SLOTS_STALE, NULL, 0},
        {"MOVED 1 127.0.0.1:0", SLOTS_STALE, NULL, 0},
        {"MOVED 1 127.0.0.1:65536", SLOTS_STALE, NULL, 0},
        {"ASK 1 127.0.0.1:12x", SLOTS_STALE, NULL, 0},
        {"TRYAGAIN Multiple keys request during rehashing of slot", SLOTS_AGAIN, NULL, 0},
        {"CLUSTERDOWN The cluster is down", SLOTS_AGAIN, NULL, 0},
        {"LOADING Redis is loading the dataset in memory", SLOTS_AGAIN, NULL, 0},
        {"READONLY You can't write against a read only replica.", SLOTS_STALE, NULL, 0},
        {"MOVEDX 1 127.0.0.1:1", SLOTS_OTHER, NULL, 0},
        {"ERR unknown command", SLOTS_OTHER, NULL, 0},
        {"", SLOTS_OTHER, NULL, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct storeurl_server server = {"", 0};
        cr_expect_eq(slots_answer(table[i].error, &server), table[i].answer, "%s", table[i].error);
        if (table[i].host) {
            cr_expect_str_eq(server.host, table[i].host, "%s", table[i].error);
            cr_expect_eq(server.port, table[i].port, "%s", table[i].error);
        }
    }
    char longest[400] = "MOVED 1 ";
    struct storeurl_server server;
    memset(longest + 8, 'h', 256);
    strcpy(longest + 8 + 256, ":1");
    cr_expect_eq(slots_answer(longest, &server), SLOTS_STALE, "a host that does not fit");
}

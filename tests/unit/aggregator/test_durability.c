#include <criterion/criterion.h>

#include <string.h>

#include "aggregator/durability.h"
#include "common/err.h"

Test(durability, is_what_was_stated)
{
    static const struct {
        const char *word;
        uint64_t asked;
        bool stated, fsync;
        uint64_t replicas;
    } cases[] = {
        {NULL, 0, false, false, 0},      {"fsync", 0, true, true, 0},
        {"replicas", 0, true, false, 1}, {"replicas", 3, true, false, 3},
        {"both", 0, true, true, 1},      {"both", 2, true, true, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct durability durability;
        char errmsg[ERRMSG_SIZE];
        cr_expect_eq(durability_parse(&durability, cases[i].word, cases[i].asked, 70, errmsg), 0);
        cr_expect_eq(durability.stated, cases[i].stated, "case %zu", i);
        cr_expect_eq(durability.fsync, cases[i].fsync, "case %zu", i);
        cr_expect_eq(durability.replicas, cases[i].replicas, "case %zu", i);
        cr_expect_eq(durability.wait_ms, 70);
    }
}

Test(durability, replicas_that_nobody_waits_for_are_an_error)
{
    struct durability durability;
    char errmsg[ERRMSG_SIZE] = "";
    cr_expect_eq(durability_parse(&durability, "disk", 0, 1000, errmsg), ERR_INVALID);
    cr_expect(strstr(errmsg, "'disk' is none of"));
    cr_expect_eq(durability_parse(&durability, "fsync", 1, 1000, errmsg), ERR_INVALID);
    cr_expect_eq(durability_parse(&durability, NULL, 1, 1000, errmsg), ERR_INVALID);
    cr_expect(strstr(errmsg, "durability = replicas or both"));
}

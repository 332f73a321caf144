#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/inventory.h"

static struct inventory parsed(const char *text)
{
    struct inventory inventory;
    char errmsg[ERRMSG_SIZE] = "";
    inventory_init(&inventory);
    cr_assert_eq(inventory_parse(&inventory, text, errmsg), 0, "%s: %s", text, errmsg);
    return inventory;
}

static void says(const struct inventory *inventory, const char *wanted)
{
    char *text = inventory_text(inventory);
    cr_expect_str_eq(text, wanted);
    free(text);
}

Test(inventory, its_text_is_canonical)
{
    static const struct {
        const char *text, *canonical;
    } table[] = {
        {"", ""},
        {"0=192.0.2.0/24", "0=192.0.2.0/24"},
        {"100=192.0.2.0/25,192.0.2.128/25 200=-", "100=192.0.2.0/24 200=-"},
        /* lines of a configuration, joined */
        {"100=192.0.2.0/25,100=192.0.2.128/25,200=2001:db8::/48,200=198.51.100.0/24",
         "100=192.0.2.0/24 200=198.51.100.0/24,2001:db8::/48"},
        /* what changes nothing is no version */
        {"50=- 100=192.0.2.0/24 200=192.0.2.0/24 300=-", "100=192.0.2.0/24 300=-"},
        {"9223372036854775807=192.0.2.1/32", "9223372036854775807=192.0.2.1/32"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct inventory inventory = parsed(table[i].text);
        says(&inventory, table[i].canonical);
        inventory_close(&inventory);
    }
}

Test(inventory, people_are_shown_times)
{
    struct inventory inventory = parsed("1546300800=198.51.100.0/24 1577836800=-");
    char *shown = inventory_shown(&inventory);
    cr_expect_str_eq(shown, "2019-01-01T00:00:00Z=198.51.100.0/24 2020-01-01T00:00:00Z=-");
    free(shown);
    inventory_close(&inventory);
}

Test(inventory, what_is_none_is_refused)
{
    static const char *const bad[] = {
        "192.0.2.0/24",
        "=192.0.2.0/24",
        "-1=192.0.2.0/24",
        "1x=192.0.2.0/24",
        "100=",
        "100=,200=192.0.2.0/24",
        "100=192.0.2.1/24",
        "100=--",
        "200=192.0.2.0/24 100=-",
        "100=192.0.2.0/24 200=- 100=192.0.2.0/24",
        "9223372036854775808=192.0.2.0/24",
        "100=192.0.2.0/24;200=-",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct inventory inventory;
        char errmsg[ERRMSG_SIZE] = "";
        inventory_init(&inventory);
        cr_expect_eq(inventory_parse(&inventory, bad[i], errmsg), ERR_INVALID, "%s", bad[i]);
        cr_expect_neq(errmsg[0], '\0', "%s", bad[i]);
        inventory_close(&inventory);
    }
}

Test(inventory, a_version_is_true_from_its_time_until_the_next)
{
    struct inventory inventory = parsed("100=192.0.2.0/24 200=192.0.2.0/25 300=-");
    int rc;
    cr_expect_null(inventory_at(&inventory, 99));
    cr_expect_str_eq(inventory_at(&inventory, 100)->list, "192.0.2.0/24");
    cr_expect_str_eq(inventory_at(&inventory, 199)->list, "192.0.2.0/24");
    cr_expect_str_eq(inventory_at(&inventory, 200)->list, "192.0.2.0/25");
    cr_expect_str_eq(inventory_at(&inventory, INT64_MAX)->list, "");
    cr_expect_eq(inventory_until(&inventory, inventory_at(&inventory, 150)), 200);
    cr_expect_eq(inventory_until(&inventory, inventory_at(&inventory, 300)), INT64_MAX);
    const uint32_t address = 0xc00002c8; /* 192.0.2.200 */
    cr_expect(prefixset_has4(inventory_addresses(&inventory, inventory_at(&inventory, 199), &rc),
                             address));
    cr_expect_not(prefixset_has4(
        inventory_addresses(&inventory, inventory_at(&inventory, 200), &rc), address));
    cr_expect(prefixset_has4(inventory_addresses(&inventory, inventory_at(&inventory, 199), &rc),
                             address));
    cr_expect_null(inventory_addresses(&inventory, inventory_at(&inventory, 300), &rc));
    cr_expect_eq(rc, 0);
    inventory_close(&inventory);
}

Test(inventory, a_change_is_true_for_all_time_from_its_own_on)
{
    static const struct {
        const char *before;
        int64_t from_s;
        const char *add, *remove, *after;
    } table[] = {
        {"", 100, "192.0.2.0/24", NULL, "100=192.0.2.0/24"},
        {"100=192.0.2.0/24", 200, NULL, "192.0.2.0/25", "100=192.0.2.0/24 200=192.0.2.128/25"},
        {"100=192.0.2.0/24", 100, NULL, "192.0.2.0/25", "100=192.0.2.128/25"},
        {"100=192.0.2.0/24", 200, NULL, "192.0.2.0/24", "100=192.0.2.0/24 200=-"},
        {"100=192.0.2.0/24 200=-", 200, "192.0.2.0/24", NULL, "100=192.0.2.0/24"},
        {"100=192.0.2.0/24 300=192.0.2.0/25", 200, "198.51.100.0/24", NULL,
         "100=192.0.2.0/24 200=192.0.2.0/24,198.51.100.0/24 300=192.0.2.0/25,198.51.100.0/24"},
        {"100=192.0.2.0/24", 50, "192.0.2.0/25", NULL, "50=192.0.2.0/25 100=192.0.2.0/24"},
        {"100=192.0.2.0/24", 200, "198.51.100.0/24", "192.0.2.0/24",
         "100=192.0.2.0/24 200=198.51.100.0/24"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct inventory inventory = parsed(table[i].before);
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(
            inventory_change(&inventory, table[i].from_s, table[i].add, table[i].remove, errmsg), 0,
            "row %zu: %s", i, errmsg);
        says(&inventory, table[i].after);
        inventory_close(&inventory);
    }
}

Test(inventory, a_change_that_changes_nothing_is_refused)
{
    static const struct {
        const char *add, *remove;
    } table[] = {{"192.0.2.0/25", NULL}, {NULL, "203.0.113.0/24"}, {"192.0.2.7", "192.0.2.7/24"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct inventory inventory = parsed("100=192.0.2.0/24");
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(inventory_change(&inventory, 150, table[i].add, table[i].remove, errmsg),
                     ERR_INVALID, "row %zu", i);
        cr_expect_neq(errmsg[0], '\0');
        inventory_close(&inventory);
    }
}

Test(inventory, a_set_is_not_that_of_before_a_change)
{
    struct inventory inventory = parsed("100=192.0.2.0/24");
    int rc;
    cr_assert_not_null(inventory_addresses(&inventory, inventory_at(&inventory, 100), &rc));
    cr_assert_eq(inventory_change(&inventory, 100, NULL, "192.0.2.0/25", NULL), 0);
    const struct prefixset *set =
        inventory_addresses(&inventory, inventory_at(&inventory, 100), &rc);
    cr_expect_not(prefixset_has4(set, 0xc0000201));
    inventory_close(&inventory);
}

Test(inventory, address_seconds_are_of_what_was_true)
{
    struct inventory inventory = parsed("100=192.0.2.0/24 200=192.0.2.0/25 300=- 400=192.0.2.1/32");
    static const struct {
        int64_t from_s, until_s;
        double wanted;
    } table[] = {
        {0, 100, 0},       {100, 100, 0},
        {100, 101, 256},   {0, 200, 25600},
        {150, 250, 19200}, {199, 201, 256 + 128},
        {300, 400, 0},     {0, 1000, 25600 + 12800 + 600},
        {250, 200, 0},     {500, 31536500, 31536000},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(inventory_address_seconds(&inventory, table[i].from_s, table[i].until_s),
                     table[i].wanted, "row %zu", i);
    inventory_close(&inventory);
}

Test(inventory, an_overlap_is_of_one_time)
{
    static const struct {
        const char *a, *b;
        int overlap;
        const char *where;
        int64_t at_s;
    } table[] = {
        {"100=192.0.2.0/24", "100=198.51.100.0/24", 0, "", 0},
        {"100=192.0.2.0/24", "50=192.0.2.128/25", 1, "192.0.2.128/25", 100},
        {"100=192.0.2.0/24 200=-", "200=192.0.2.0/24", 0, "", 0},
        {"100=192.0.2.0/24 200=-", "199=192.0.2.0/24", 1, "192.0.2.0/24", 199},
        {"100=192.0.2.0/24 200=192.0.2.0/25", "200=192.0.2.128/25", 0, "", 0},
        {"100=192.0.2.0/24 200=- 300=192.0.2.0/24", "200=192.0.2.0/24 300=-", 0, "", 0},
        {"100=192.0.2.0/24 200=- 300=192.0.2.0/24", "200=192.0.2.0/24 301=-", 1, "192.0.2.0/24",
         300},
        {"", "100=192.0.2.0/24", 0, "", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            struct inventory a = parsed(swapped ? table[i].b : table[i].a);
            struct inventory b = parsed(swapped ? table[i].a : table[i].b);
            char where[64] = "";
            int64_t at_s = 0;
            cr_expect_eq(inventory_overlap(&a, &b, where, &at_s), table[i].overlap, "row %zu", i);
            cr_expect_str_eq(where, table[i].where, "row %zu", i);
            cr_expect(!table[i].overlap || at_s == table[i].at_s, "row %zu", i);
            inventory_close(&a);
            inventory_close(&b);
        }
}

/* --- overlap, against every address at every time --------------------------------------------- */

#define TIMES     20
#define ADDRESSES 16 /* of each family */

static unsigned next_below(uint64_t *random, unsigned end)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*random >> 33) % end;
}

static struct inventory random_inventory(uint64_t *random)
{
    char text[512] = "";
    int used = 0;
    for (unsigned at = next_below(random, 6); at < TIMES; at += 1 + next_below(random, 8)) {
        bool six = next_below(random, 2);
        unsigned bits = next_below(random, 4);
        unsigned host = next_below(random, ADDRESSES) >> bits << bits;
        if (next_below(random, 3) == 0)
            used += sprintf(text + used, "%u=- ", at);
        else
            used += sprintf(text + used, six ? "%u=2001:db8::%x/%u " : "%u=192.0.2.%u/%u ", at,
                            host, (six ? 128 : 32) - bits);
    }
    return parsed(text);
}

static bool has(struct inventory *inventory, int64_t at_s, unsigned address)
{
    const struct inventory_version *version = inventory_at(inventory, at_s);
    uint8_t six[16] = {0x20, 1, 0x0d, 0xb8};
    int rc = 0;
    six[15] = (uint8_t)(address - ADDRESSES);
    const struct prefixset *set = version ? inventory_addresses(inventory, version, &rc) : NULL;
    if (!set)
        return false;
    return address < ADDRESSES ? prefixset_has4(set, UINT32_C(0xc0000200) + address)
                               : prefixset_has6(set, six);
}

/* The first time at which an address is in both; TIMES: there is none. */
static int64_t naive_overlap(struct inventory *a, struct inventory *b)
{
    for (int64_t at_s = 0; at_s < TIMES; at_s++)
        for (unsigned address = 0; address < 2 * ADDRESSES; address++)
            if (has(a, at_s, address) && has(b, at_s, address))
                return at_s;
    return TIMES;
}

Test(inventory, an_overlap_is_one_of_an_address_at_a_time)
{
    uint64_t random = 1;
    unsigned shared = 0;
    for (unsigned i = 0; i < 2000; i++) {
        struct inventory a = random_inventory(&random), b = random_inventory(&random);
        char where[64];
        int64_t at_s = TIMES;
        int overlap = inventory_overlap(&a, &b, where, &at_s);
        int64_t wanted_s = naive_overlap(&a, &b);
        cr_expect_eq(overlap, wanted_s < TIMES, "case %u", i);
        cr_expect(!overlap || at_s == wanted_s, "case %u", i);
        shared += overlap == 1;
        inventory_close(&a);
        inventory_close(&b);
    }
    cr_expect(shared > 200 && shared < 1800, "%u", shared);
}

Test(inventory, versions_are_bounded)
{
    char *text = malloc(32 * (INVENTORY_VERSIONS_MAX + 1)), *at = text;
    struct inventory inventory;
    inventory_init(&inventory);
    for (int i = 0; i <= INVENTORY_VERSIONS_MAX; i++)
        at += sprintf(at, "%d=192.0.2.%d ", i, i & 1);
    cr_expect_eq(inventory_parse(&inventory, text, NULL), ERR_FULL);
    inventory_close(&inventory);
    free(text);
}

Test(inventory, an_end_takes_what_would_have_come)
{
    static const struct {
        const char *text;
        int64_t at_s;
        const char *wanted;
    } table[] = {
        {"100=192.0.2.0/24", 200, "100=192.0.2.0/24 200=-"},
        {"100=192.0.2.0/24 200=192.0.2.0/25", 200, "100=192.0.2.0/24 200=-"},
        {"100=192.0.2.0/24 200=- 300=192.0.2.0/25", 250, "100=192.0.2.0/24 200=-"},
        {"100=192.0.2.0/24", 100, ""},
        {"100=192.0.2.0/24", 0, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct inventory inventory = parsed(table[i].text);
        cr_assert_eq(inventory_end(&inventory, table[i].at_s, NULL), 0);
        says(&inventory, table[i].wanted);
        inventory_close(&inventory);
    }
}

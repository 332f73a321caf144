/* Random claims, nested, touching, equal and apart, of both families, against every address one by one. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "aggregator/claims.h"
#include "common/err.h"
#include "tests/unit/aggregator/sensor.h"

#define HOLDERS 12
#define SPACES  3 /* of 256 addresses each */

static void put_prefix(char *list, size_t size, uint64_t *random)
{
    static const char *const bases[SPACES] = {"10.0.0.", "2001:db8::", "::ffff:10.0.0."};
    unsigned space = (unsigned)(sensor_random(random) % SPACES);
    unsigned bits = (unsigned)(sensor_random(random) % 9);
    unsigned host = (unsigned)(sensor_random(random) % 256) >> bits << bits;
    size_t used = strlen(list);
    snprintf(list + used, size - used, space == 1 ? "%s%s%x/%u" : "%s%s%u/%u", used ? "," : "",
             bases[space], host, (space == 0 ? 32 : 128) - bits);
}

static struct prefixset *random_set(uint64_t *random)
{
    static const char *const all[] = {"0.0.0.0/0", "::/0"};
    char list[512] = "";
    struct prefixset *set = prefixset_new();
    uint64_t kind = sensor_random(random) % 40;
    for (uint64_t count = 1 + sensor_random(random) % 4; count > 0; count--)
        put_prefix(list, sizeof list, random);
    cr_assert_eq(prefixset_add(set, kind < 2 ? all[kind] : list, NULL), 0, "%s", list);
    cr_assert_eq(prefixset_settle(set, NULL), 0);
    return set;
}

static bool has(const struct prefixset *set, unsigned space, unsigned host)
{
    uint8_t address[SPACES][16] = {
        {0}, {0x20, 1, 0x0d, 0xb8}, {[10] = 0xff, [11] = 0xff, [12] = 10}};
    address[space][15] = (uint8_t)host;
    return space == 0 ? prefixset_has4(set, UINT32_C(0x0a000000) + host)
                      : prefixset_has6(set, address[space]);
}

static bool naive_shares(const struct prefixset *a, const struct prefixset *b)
{
    for (unsigned space = 0; space < SPACES; space++)
        for (unsigned host = 0; host < 256; host++)
            if (has(a, space, host) && has(b, space, host))
                return true;
    return false;
}

struct world {
    struct claims claims;
    struct holder holders[HOLDERS];
    struct prefixset *sets[HOLDERS];
    bool claims_it[HOLDERS], visited[HOLDERS];
    unsigned visits, stop_after;
};

static bool visit(void *data, const struct holder *holder)
{
    struct world *world = data;
    world->visited[holder - world->holders] = true;
    return ++world->visits == world->stop_after;
}

static void toggle(struct world *world, size_t i, uint64_t *random)
{
    if (world->claims_it[i]) {
        claims_drop(&world->claims, &world->holders[i]);
        prefixset_free(world->sets[i]);
    } else {
        world->sets[i] = random_set(random);
        world->holders[i] = (struct holder){.sensor = "s", .addresses = world->sets[i]};
        cr_assert_eq(claims_add(&world->claims, &world->holders[i]), 0);
    }
    world->claims_it[i] = !world->claims_it[i];
}

static void expect_answer(struct world *world, const struct prefixset *asked)
{
    unsigned sharing = 0;
    memset(world->visited, 0, sizeof world->visited);
    world->stop_after = 0;
    cr_expect_not(claims_each(&world->claims, asked, visit, world));
    for (size_t i = 0; i < HOLDERS; i++) {
        bool shares = world->claims_it[i] && naive_shares(world->sets[i], asked);
        cr_assert_eq(world->visited[i], shares, "holder %zu: %d, not %d", i, world->visited[i],
                     shares);
        sharing += shares;
    }
    world->visits = 0;
    world->stop_after = 1;
    cr_assert_eq(claims_each(&world->claims, asked, visit, world), sharing > 0);
    cr_assert_eq(world->visits, sharing > 0);
}

Test(claims, finds_who_shares_an_address_and_nobody_else)
{
    uint64_t random = 2026;
    for (unsigned round = 0; round < 60; round++) {
        struct world world = {0};
        for (unsigned step = 0; step < 60; step++) {
            toggle(&world, sensor_random(&random) % HOLDERS, &random);
            struct prefixset *asked = random_set(&random);
            expect_answer(&world, asked);
            prefixset_free(asked);
        }
        for (size_t i = 0; i < HOLDERS; i++)
            if (world.claims_it[i])
                toggle(&world, i, &random);
        cr_assert_null(world.claims.root);
    }
}

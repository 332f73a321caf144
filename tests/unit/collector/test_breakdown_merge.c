/* What several states counted, merged, is what one counts that is given all packets: for every
 * kind, in rows and bytes of output. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/breakdown.h"
#include "common/err.h"

#define PACKETS 40000

static struct prefixset *set;
static struct breakdown_options options;

static void begin(void)
{
    set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "10.0.0.0/14,2001:db8::/32", NULL), 0);
    cr_assert_eq(prefixset_finish(set, NULL), 0);
    options = (struct breakdown_options){.darknet = set, .width_s = 60};
}

static void end(void)
{
    prefixset_free(set);
}

/* Numerical Recipes' generator: the low bits are poor, so the high ones are taken. */
static uint32_t next_random(void)
{
    static uint64_t state = 7;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static uint8_t src6[16], dst6[16] = {0x20, 0x01, 0x0d, 0xb8};

/* Its IPv6 addresses are there until the next is made. */
static struct packet make_packet(void)
{
    static const uint8_t protocols[] = {1, 6, 17, 33, 47, 58, 132};
    struct packet packet = {.bytes = 20 + next_random() % 1480,
                            .class = (enum packet_class)(next_random() % PACKET_CLASSES),
                            .family = next_random() % 4 ? 4 : 6};
    packet.protocol = protocols[next_random() % sizeof protocols];
    packet.has_ports = packet.has_icmp = next_random() % 8 != 0;
    packet.dst_port = (uint16_t)next_random();
    packet.icmp_type = (uint8_t)next_random();
    packet.icmp_code = (uint8_t)(next_random() % 3);
    packet.src4 = next_random() % 300000;
    packet.dst4 = 0x0a000000 + next_random() % (1 << 18);
    src6[15] = (uint8_t)next_random();
    dst6[15] = (uint8_t)next_random();
    packet.src6 = src6;
    packet.dst6 = dst6;
    return packet;
}

static char *printed(const struct breakdown_kind *kind, void *state)
{
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, ROWS_CSV, kind->columns);
    cr_assert(!kind->check || kind->check(state, NULL) == 0);
    kind->print(state, rows);
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    return output;
}

struct example {
    char kind[16];
    unsigned states;
};

ParameterizedTestParameters(breakdown_merge, merged_states_print_what_one_does)
{
    static struct example examples[] = {
        {"address", 2},  {"address", 5}, {"interval", 2}, {"interval", 5}, {"class", 3},
        {"protocol", 3}, {"port", 3},    {"icmp", 3},     {"source", 2},   {"source", 5},
    };
    return cr_make_param_array(struct example, examples, sizeof examples / sizeof examples[0]);
}

ParameterizedTest(struct example *example, breakdown_merge, merged_states_print_what_one_does,
                  .init = begin, .fini = end)
{
    const struct breakdown_kind *kind = breakdown_find(example->kind);
    struct breakdown_options shared = options;
    shared.states = example->states;
    void *alone = kind->open(&options), *states[5];
    for (unsigned i = 0; i < example->states; i++)
        states[i] = kind->open(&shared);
    for (int i = 0; i < PACKETS; i++) {
        struct packet packet = make_packet();
        /* The last state gets more and later ones; 1970 begins in the middle. */
        int64_t ts_ns = (int64_t)(i - PACKETS / 2) * 5000000;
        void *state = states[(next_random() % (i + 1)) * example->states / PACKETS];
        cr_assert_eq(kind->add(alone, &packet, ts_ns), TALLY_COUNTED);
        cr_assert_eq(kind->add(state, &packet, ts_ns), TALLY_COUNTED);
    }
    for (unsigned i = 1; i < example->states; i++) {
        cr_assert_eq(kind->merge(states[0], states[i]), 0);
        kind->close(states[i]);
    }
    char *one = printed(kind, alone), *merged = printed(kind, states[0]);
    /* Not cr_assert_str_eq: texts as long as these would be printed. */
    cr_assert(strcmp(merged, one) == 0, "--by %s with %u states: other rows", kind->name,
              example->states);
    free(one);
    free(merged);
    kind->close(alone);
    kind->close(states[0]);
}

/* Sources beyond a state's part of the bound, and within it but beyond the whole when merged. */
Test(breakdown_merge, states_share_the_bound_on_sources, .init = begin, .fini = end)
{
    options.states = 1 << 12; /* 1024 addresses each */
    void *state = breakdown_source.open(&options);
    struct packet packet = {.family = 4, .bytes = 40};
    for (packet.src4 = 0; packet.src4 < 1024; packet.src4++)
        cr_assert_eq(breakdown_source.add(state, &packet, 0), TALLY_COUNTED);
    cr_assert_eq(breakdown_source.add(state, &packet, 0), TALLY_REFUSED);
    breakdown_source.close(state);
}

Test(breakdown_merge, states_share_the_bound_on_sparse_addresses, .init = begin, .fini = end)
{
    options.states = 1 << 12;
    void *state = breakdown_address.open(&options);
    struct packet packet = {.family = 6, .bytes = 40, .src6 = src6, .dst6 = dst6};
    for (int i = 0; i < 1024; i++) {
        dst6[14] = (uint8_t)(i >> 8);
        dst6[15] = (uint8_t)i;
        cr_assert_eq(breakdown_address.add(state, &packet, 0), TALLY_COUNTED);
    }
    dst6[13] = 1;
    cr_assert_eq(breakdown_address.add(state, &packet, 0), TALLY_REFUSED);
    breakdown_address.close(state);
}

Test(breakdown_merge, sources_beyond_the_whole_bound_are_an_error, .init = begin, .fini = end)
{
    options.states = 2;
    void *states[2];
    struct packet packet = {.family = 4, .bytes = 40};
    for (int i = 0; i < 2; i++) {
        states[i] = breakdown_source.open(&options);
        for (uint32_t n = 0; n < 1 << 21; n++, packet.src4++)
            cr_assert_eq(breakdown_source.add(states[i], &packet, 0), TALLY_COUNTED);
    }
    cr_assert_eq(breakdown_source.merge(states[0], states[1]), 0); /* 2^22: just all */
    void *one_more = breakdown_source.open(&options);
    breakdown_source.add(one_more, &packet, 0);
    cr_assert_eq(breakdown_source.merge(states[0], one_more), ERR_FULL);
    breakdown_source.close(one_more);
    for (int i = 0; i < 2; i++)
        breakdown_source.close(states[i]);
}

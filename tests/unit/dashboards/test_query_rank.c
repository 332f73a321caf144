/* The rows of a breakdown: their order, what stands in none, what is left over. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/query_rank.h"

/* The rows of tables as text: "6/23:10 6/-:1 other:3". */
static void list(const struct tables *tables, enum query_by by, size_t top, char *out, size_t size)
{
    const struct query query = {.by = by, .top = top};
    struct query_period period = {
        .query = &query, .rows_known = true, .tables = tables, .all.packets = 1000};
    struct query_rank rank;
    struct query_rows rows;
    struct query_row row;
    size_t used = 0;
    query_rank_init(&rank, top);
    cr_assert_eq(query_rank_period(&rank, &period), 0);
    query_rows_begin(&rows, &period);
    out[0] = '\0';
    while (query_rows_next(&rows, &row)) {
        char key[32];
        if (row.key == QUERY_KEY_OTHER)
            snprintf(key, sizeof key, "other");
        else if (by == QUERY_CLASS)
            snprintf(key, sizeof key, "%s", packet_class_name(row.class));
        else if (row.key == QUERY_KEY_UNREADABLE)
            snprintf(key, sizeof key, "%u/-", row.protocol);
        else if (by == QUERY_PROTOCOL)
            snprintf(key, sizeof key, "%u", row.protocol);
        else if (by == QUERY_PORT)
            snprintf(key, sizeof key, "%u/%u", row.protocol, row.port);
        else
            snprintf(key, sizeof key, "%u/%u.%u", row.protocol, row.type, row.code);
        used += (size_t)snprintf(out + used, size - used, "%s%s:%lu", used ? " " : "", key,
                                 row.sum.packets);
        cr_assert_eq(row.share, (double)row.sum.packets / 1000);
    }
    query_rank_close(&rank);
}

static void put(struct table *table, uint16_t key, uint64_t packets)
{
    cr_assert_eq(table_append(table, key, (struct sum){packets, packets * 50}), 0);
}

static void fill(struct tables *tables)
{
    *tables = (struct tables){0};
    tables->classes[CLASS_TCP_SYN] = (struct sum){20, 1000};
    tables->classes[CLASS_UDP] = (struct sum){20, 1000};
    tables->classes[CLASS_ICMP_ECHO_REQUEST] = (struct sum){9, 450};
    tables->classes[CLASS_ICMP_OTHER] = (struct sum){6, 300};
    tables->classes[CLASS_OTHER] = (struct sum){12, 600};
    put(&tables->protocols, PROTOCOL_ICMP, 10);
    put(&tables->protocols, PROTOCOL_TCP, 20);
    put(&tables->protocols, PROTOCOL_UDP, 20);
    put(&tables->protocols, 47, 5);
    put(&tables->protocols, PROTOCOL_ICMPV6, 5);
    put(&tables->protocols, PROTOCOL_SCTP, 7);
    put(&tables->tcp_ports, 22, 4);
    put(&tables->tcp_ports, 80, 15);
    put(&tables->udp_ports, 53, 20);
    put(&tables->icmp4, 0x0300, 1);
    put(&tables->icmp4, 0x0800, 7);
    put(&tables->icmp6, 0x8000, 2);
}

struct rows_as {
    enum query_by by;
    size_t top;
    char text[160];
};

Test(query_rank, rows_come_as_count_prints_them_or_by_packets)
{
    static const struct rows_as cases[] = {
        {QUERY_CLASS, 0, "tcp-syn:20 udp:20 icmp-echo-request:9 icmp-other:6 other:12"},
        {QUERY_PROTOCOL, 0, "1:10 6:20 17:20 47:5 58:5 132:7"},
        {QUERY_PORT, 0, "6/22:4 6/80:15 6/-:1 17/53:20 132/-:7"},
        {QUERY_ICMP, 0, "1/3.0:1 1/8.0:7 1/-:2 58/128.0:2 58/-:3"},
        {QUERY_CLASS, 1, "tcp-syn:20 other:47"},
        {QUERY_CLASS, 100, "tcp-syn:20 udp:20 icmp-echo-request:9 icmp-other:6 other:12"},
        {QUERY_PROTOCOL, 1, "6:20 other:47"},
        {QUERY_PROTOCOL, 2, "6:20 17:20 other:27"},
        {QUERY_PROTOCOL, 5, "6:20 17:20 1:10 132:7 47:5 other:5"},
        {QUERY_PROTOCOL, 6, "6:20 17:20 1:10 132:7 47:5 58:5"},
        {QUERY_PORT, 2, "17/53:20 6/80:15 other:12"},
        {QUERY_ICMP, 3, "1/8.0:7 58/-:3 1/-:2 other:3"},
    };
    struct tables tables;
    char text[256];
    fill(&tables);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        list(&tables, cases[i].by, cases[i].top, text, sizeof text);
        cr_assert_str_eq(text, cases[i].text, "by %d, top %zu: %s", cases[i].by, cases[i].top,
                         text);
    }
    tables_close(&tables);
}

/* What the sources leave of the packets joins the others. */
static void list_places(enum query_by by, size_t top, uint64_t packets, char *out, size_t size)
{
    bool asn = by == QUERY_ASN;
    struct query_place of[] = {{.key = asn ? 64500 : geo_country_key("DE", 2), .packets = 3},
                               {.key = asn ? 64501 : geo_country_key("JP", 2), .packets = 9},
                               {.packets = 5}};
    const struct query_places places = {of, 3, 3};
    struct addrvec sources = {0};
    const struct query query = {.by = by, .top = top};
    struct query_period period = {.query = &query,
                                  .rows_known = true,
                                  .sources = &sources,
                                  .places = by == QUERY_SOURCE ? NULL : &places,
                                  .all.packets = packets};
    struct query_rank rank;
    struct query_rows rows;
    struct query_row row;
    size_t used = 0;
    addrvec_append4(&sources, 7, 12);
    addrvec_append4(&sources, 8, 5);
    query_rank_init(&rank, top);
    cr_assert_eq(query_rank_period(&rank, &period), 0);
    query_rows_begin(&rows, &period);
    out[0] = '\0';
    while (query_rows_next(&rows, &row)) {
        char key[16] = "other";
        if (row.key == QUERY_KEY_UNREADABLE)
            strcpy(key, "unknown");
        else if (row.key == QUERY_KEY_KNOWN && by == QUERY_SOURCE)
            snprintf(key, sizeof key, "%u", row.address[3]);
        else if (row.key == QUERY_KEY_KNOWN && by == QUERY_COUNTRY)
            strcpy(key, row.country);
        else if (row.key == QUERY_KEY_KNOWN)
            snprintf(key, sizeof key, "%u", row.asn);
        used += (size_t)snprintf(out + used, size - used, "%s%s:%lu", used ? " " : "", key,
                                 row.sum.packets);
        cr_assert_eq(row.share, (double)row.sum.packets / (double)packets);
    }
    query_rank_close(&rank);
    addrvec_close(&sources);
}

Test(query_rank, sources_and_their_places_sum_to_the_packets)
{
    static const struct {
        enum query_by by;
        size_t top;
        uint64_t packets;
        const char *text;
    } cases[] = {
        {QUERY_SOURCE, 0, 17, "7:12 8:5"},
        {QUERY_SOURCE, 0, 20, "7:12 8:5 other:3"},
        {QUERY_SOURCE, 1, 20, "7:12 other:8"},
        {QUERY_COUNTRY, 0, 17, "DE:3 JP:9 unknown:5"},
        {QUERY_COUNTRY, 0, 18, "DE:3 JP:9 unknown:5 other:1"},
        {QUERY_COUNTRY, 2, 18, "JP:9 unknown:5 other:4"},
        {QUERY_ASN, 1, 17, "64501:9 other:8"},
        {QUERY_ASN, 3, 17, "64501:9 unknown:5 64500:3"},
    };
    char text[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        list_places(cases[i].by, cases[i].top, cases[i].packets, text, sizeof text);
        cr_expect_str_eq(text, cases[i].text, "case %zu: %s", i, text);
    }
}

Test(query_rank, equal_addresses_stand_in_their_order_whichever_came_late)
{
    struct addrvec vec;
    addrvec_init(&vec);
    for (uint32_t a = 0; a < 100; a++)
        addrvec_append4(&vec, a, a % 3 ? 5 : 6);
    addrvec_append6(&vec, (const uint8_t[16]){1}, 6);
    for (size_t top = 1; top <= 101; top++) {
        const struct query query = {.by = QUERY_ADDRESS, .top = top};
        struct query_period period = {
            .query = &query, .rows_known = true, .addresses = &vec, .all.packets = 540};
        struct query_rank rank;
        query_rank_init(&rank, top);
        cr_assert_eq(query_rank_period(&rank, &period), 0);
        for (size_t i = 0; i < top; i++) {
            const struct query_row *row = &period.ranked[i];
            if (i < 34) /* 0, 3, 6, ... */
                cr_assert(row->family == 4 && row->address[3] == 3 * i && row->sum.packets == 6);
            else if (i == 34)
                cr_assert(row->family == 6 && row->sum.packets == 6);
            else /* 1, 2, 4, 5, ... */
                cr_assert_eq(row->address[3], (i - 35) / 2 * 3 + 1 + (i - 35) % 2);
        }
        cr_assert_eq(period.ranked_count, top + (top < 101));
        query_rank_close(&rank);
    }
    addrvec_close(&vec);
}

Test(query_rank, addresses_without_top_are_taken_as_they_are)
{
    struct addrvec vec;
    const struct query query = {.by = QUERY_ADDRESS};
    struct query_period period = {
        .query = &query, .rows_known = true, .addresses = &vec, .all.packets = 8};
    struct query_rank rank;
    struct query_rows rows;
    struct query_row row;
    addrvec_init(&vec);
    addrvec_append4(&vec, 0xc6336401, 6);
    addrvec_append6(&vec, (const uint8_t[16]){0x20, 1}, 2);
    query_rank_init(&rank, 0);
    cr_assert_eq(query_rank_period(&rank, &period), 0);
    query_rows_begin(&rows, &period);
    cr_assert(query_rows_next(&rows, &row));
    cr_assert(row.family == 4 && memcmp(row.address, "\xc6\x33\x64\x01", 4) == 0);
    cr_assert_eq(row.share, 0.75);
    cr_assert(query_rows_next(&rows, &row));
    cr_assert(row.family == 6 && row.address[0] == 0x20 && row.sum.packets == 2);
    cr_assert_not(query_rows_next(&rows, &row));
    query_rank_close(&rank);
    addrvec_close(&vec);
}

Test(query_rank, what_is_not_known_has_no_rows)
{
    const struct query query = {.by = QUERY_PORT, .top = 3};
    struct query_period period = {.query = &query};
    struct query_rank rank;
    struct query_rows rows;
    struct query_row row;
    query_rank_init(&rank, 3);
    cr_assert_eq(query_rank_period(&rank, &period), 0);
    query_rows_begin(&rows, &period);
    cr_assert_not(query_rows_next(&rows, &row));
    query_rank_close(&rank);
}

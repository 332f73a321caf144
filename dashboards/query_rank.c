#include "dashboards/query_rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

/* A row and its place in the order of the keys. */
struct query_ranked {
    struct query_row row;
    size_t place;
};

void query_rank_init(struct query_rank *rank, size_t top)
{
    *rank = (struct query_rank){.top = top};
}

void query_rank_close(struct query_rank *rank)
{
    free(rank->ranked);
    free(rank->rows);
    query_rank_init(rank, 0);
}

static struct sum plus(struct sum a, struct sum b)
{
    return (struct sum){a.packets + b.packets, a.bytes + b.bytes};
}

/* a - b, or 0 where b is more. */
static struct sum minus(struct sum a, struct sum b)
{
    return (struct sum){a.packets > b.packets ? a.packets - b.packets : 0,
                        a.bytes > b.bytes ? a.bytes - b.bytes : 0};
}

static struct sum sum_of(const struct table *table)
{
    struct sum sum = {0};
    for (size_t i = 0; i < table->count; i++)
        sum = plus(sum, table->sums[i]);
    return sum;
}

/* --- the top ---------------------------------------------------------------------------------- */

/* Whether `a` comes behind `b`: fewer packets, or as many and a later key. */
static bool behind(const struct query_ranked *a, const struct query_ranked *b)
{
    if (a->row.sum.packets != b->row.sum.packets)
        return a->row.sum.packets < b->row.sum.packets;
    return a->place > b->place;
}

static int compare(const void *a, const void *b)
{
    return behind(a, b) ? 1 : -1; /* no two are equal: places differ */
}

/* The heap has the row that comes last at its root. */
static void sift_down(struct query_ranked *heap, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && behind(&heap[child + 1], &heap[child]))
            child++;
        if (!behind(&heap[child], &heap[at]))
            return;
        struct query_ranked swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

static void sift_up(struct query_ranked *heap, size_t at)
{
    while (at > 0 && behind(&heap[at], &heap[(at - 1) / 2])) {
        struct query_ranked swap = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = swap;
        at = (at - 1) / 2;
    }
}

static int grow(struct query_rank *rank)
{
    if (rank->count < rank->room)
        return 0;
    size_t room = rank->room ? rank->room * 2 : 64;
    struct query_ranked *ranked = realloc(rank->ranked, room * sizeof *ranked);
    if (!ranked)
        return ERR_NOMEM;
    rank->ranked = ranked;
    struct query_row *rows = realloc(rank->rows, (room + 1) * sizeof *rows); /* 1: the others */
    if (!rows)
        return ERR_NOMEM;
    rank->rows = rows;
    rank->room = room;
    return 0;
}

/* Offers the next row in the order of the keys; one without packets is none. */
static int offer(struct query_rank *rank, const struct query_row *row)
{
    if (row->sum.packets == 0)
        return 0;
    struct query_ranked ranked = {*row, rank->seen++};
    if (rank->top == 0 || rank->count < rank->top) {
        if (grow(rank))
            return ERR_NOMEM;
        rank->ranked[rank->count++] = ranked;
        if (rank->top)
            sift_up(rank->ranked, rank->count - 1);
    } else if (behind(&rank->ranked[0], &ranked)) {
        rank->others = plus(rank->others, rank->ranked[0].row.sum);
        rank->ranked[0] = ranked;
        sift_down(rank->ranked, rank->count, 0);
    } else {
        rank->others = plus(rank->others, row->sum);
    }
    return 0;
}

/* --- the rows of the tables ------------------------------------------------------------------- */

/* With `top` the class "other" is a part of the others: two rows of that name would mean two things. */
static int offer_classes(struct query_rank *rank, const struct query_period *period)
{
    const struct tables *tables = period->tables;
    int rc = 0, last = rank->top ? CLASS_OTHER : PACKET_CLASSES;
    if (rank->top)
        rank->others = tables->classes[CLASS_OTHER];
    for (int class = 0; rc == 0 && class < last; class ++) {
        struct query_row row = {.class = (enum packet_class) class, .sum = tables->classes[class]};
        row.witnesses = tables->class_witnesses[class];
        row.sensors = period->class_sensors ? period->class_sensors[class] : 0;
        rc = offer(rank, &row);
    }
    return rc;
}

static int offer_protocols(struct query_rank *rank, const struct tables *tables)
{
    const struct table *table = &tables->protocols;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < table->count; i++) {
        struct query_row row = {.protocol = (uint8_t)table->keys[i],
                                .witnesses = table->witnesses[i],
                                .sum = table->sums[i]};
        rc = offer(rank, &row);
    }
    return rc;
}

/* The ports of a protocol (`ports` NULL: they are not stored), and what has none. */
static int offer_ports(struct query_rank *rank, const struct tables *tables, uint8_t protocol,
                       const struct table *ports)
{
    static const struct table none = {0};
    int rc = 0;
    ports = ports ? ports : &none;
    for (size_t i = 0; rc == 0 && i < ports->count; i++) {
        struct query_row row = {.protocol = protocol,
                                .port = ports->keys[i],
                                .witnesses = ports->witnesses[i],
                                .sum = ports->sums[i]};
        rc = offer(rank, &row);
    }
    struct query_row rest = {.key = QUERY_KEY_UNREADABLE,
                             .protocol = protocol,
                             .sum = minus(table_at(&tables->protocols, protocol), sum_of(ports))};
    return rc ? rc : offer(rank, &rest);
}

static int offer_all_ports(struct query_rank *rank, const struct tables *tables)
{
    static const uint8_t others[] = {PROTOCOL_DCCP, PROTOCOL_SCTP, PROTOCOL_UDPLITE};
    int rc = offer_ports(rank, tables, PROTOCOL_TCP, &tables->tcp_ports);
    if (rc == 0)
        rc = offer_ports(rank, tables, PROTOCOL_UDP, &tables->udp_ports);
    for (size_t i = 0; rc == 0 && i < sizeof others; i++)
        rc = offer_ports(rank, tables, others[i], NULL);
    return rc;
}

static int offer_types(struct query_rank *rank, uint8_t protocol, const struct table *types,
                       struct sum unreadable)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < types->count; i++) {
        struct query_row row = {.protocol = protocol,
                                .type = (uint8_t)(types->keys[i] >> 8),
                                .code = (uint8_t)types->keys[i],
                                .witnesses = types->witnesses[i],
                                .sum = types->sums[i]};
        rc = offer(rank, &row);
    }
    struct query_row rest = {.key = QUERY_KEY_UNREADABLE, .protocol = protocol, .sum = unreadable};
    return rc ? rc : offer(rank, &rest);
}

/* What could not be read is in the classes of ICMP and in no type. It is of ICMP as far as there is
 * ICMP without a type, else of ICMPv6; which is exact unless ICMP of one family came over the other
 * one, which is of the class "other". */
static int offer_icmp(struct query_rank *rank, const struct tables *tables)
{
    struct sum known4 = sum_of(&tables->icmp4), known6 = sum_of(&tables->icmp6), all = {0};
    for (int class = CLASS_ICMP_ECHO_REQUEST; class <= CLASS_ICMP_OTHER; class ++)
        all = plus(all, tables->classes[class]);
    struct sum unreadable = minus(all, plus(known4, known6));
    struct sum of4 = minus(table_at(&tables->protocols, PROTOCOL_ICMP), known4);
    if (of4.packets > unreadable.packets)
        of4 = unreadable;
    int rc = offer_types(rank, PROTOCOL_ICMP, &tables->icmp4, of4);
    return rc ? rc : offer_types(rank, PROTOCOL_ICMPV6, &tables->icmp6, minus(unreadable, of4));
}

/* --- addresses -------------------------------------------------------------------------------- */

static struct query_row address_row(const struct addrvec *vec, size_t i)
{
    struct query_row row = {.family = i < vec->count4 ? 4 : 6};
    if (row.family == 4) {
        for (int b = 0; b < 4; b++)
            row.address[b] = (uint8_t)(vec->address4[i] >> (24 - 8 * b));
        row.sum.packets = vec->packets4[i];
    } else {
        memcpy(row.address, vec->address6[i - vec->count4], 16);
        row.sum.packets = vec->packets6[i - vec->count4];
    }
    return row;
}

static int offer_addresses(struct query_rank *rank, const struct addrvec *vec)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < vec->count4 + vec->count6; i++) {
        struct query_row row = address_row(vec, i);
        rc = offer(rank, &row);
    }
    return rc;
}

/* --- sources ---------------------------------------------------------------------------------- */

/* What the sources that are kept leave is a part of the others. */
static int offer_sources(struct query_rank *rank, const struct query_period *period)
{
    rank->others.packets = period->all.packets - addrvec_packets(period->sources);
    return rank->top ? offer_addresses(rank, period->sources) : 0;
}

static int offer_places(struct query_rank *rank, const struct query_period *period)
{
    int rc = 0;
    rank->others.packets = period->all.packets - addrvec_packets(period->sources);
    for (size_t i = 0; rc == 0 && i < period->places->count; i++) {
        const struct query_place *place = &period->places->places[i];
        struct query_row row = {.key = place->key ? QUERY_KEY_KNOWN : QUERY_KEY_UNREADABLE,
                                .family = place->family,
                                .sources = place->sources,
                                .sum = {.packets = place->packets}};
        memcpy(row.address, place->address, sizeof row.address);
        if (place->key && period->query->by == QUERY_COUNTRY)
            geo_country_letters(place->key, row.country);
        else
            row.asn = place->key;
        rc = offer(rank, &row);
    }
    return rc;
}

/* --- periods ---------------------------------------------------------------------------------- */

static int offer_period(struct query_rank *rank, const struct query_period *period)
{
    switch (period->query->by) {
    case QUERY_ADDRESS:
        return rank->top ? offer_addresses(rank, period->addresses) : 0;
    case QUERY_CLASS:
        return offer_classes(rank, period);
    case QUERY_PROTOCOL:
        return offer_protocols(rank, period->tables);
    case QUERY_PORT:
        return offer_all_ports(rank, period->tables);
    case QUERY_ICMP:
        return offer_icmp(rank, period->tables);
    case QUERY_SOURCE:
        return offer_sources(rank, period);
    case QUERY_COUNTRY:
    case QUERY_ASN:
        return offer_places(rank, period);
    default:
        return 0;
    }
}

static double share_of(const struct query_period *period, uint64_t packets)
{
    return period->all.packets ? (double)packets / (double)period->all.packets : NAN;
}

int query_rank_period(struct query_rank *rank, struct query_period *period)
{
    rank->count = rank->seen = 0;
    rank->others = (struct sum){0};
    if (!period->rows_known)
        return 0;
    int rc = offer_period(rank, period);
    if (rc == 0)
        rc = grow(rank); /* there may be others and nothing else */
    if (rc)
        return rc;
    if (rank->top && rank->count)
        qsort(rank->ranked, rank->count, sizeof *rank->ranked, compare);
    for (size_t i = 0; i < rank->count; i++) {
        rank->rows[i] = rank->ranked[i].row;
        rank->rows[i].share = share_of(period, rank->rows[i].sum.packets);
    }
    period->ranked = rank->rows;
    period->ranked_count = rank->count;
    if (rank->others.packets == 0)
        return 0;
    rank->rows[period->ranked_count++] =
        (struct query_row){.key = QUERY_KEY_OTHER,
                           .sum = rank->others,
                           .share = share_of(period, rank->others.packets)};
    return 0;
}

/* Addresses that are told without a ranking, or NULL. */
static const struct addrvec *as_they_are(const struct query_period *period)
{
    if (period->query->top)
        return NULL;
    return period->query->by == QUERY_SOURCE ? period->sources : period->addresses;
}

void query_rows_begin(struct query_rows *rows, const struct query_period *period)
{
    *rows = (struct query_rows){.period = period};
}

bool query_rows_next(struct query_rows *rows, struct query_row *row)
{
    const struct query_period *period = rows->period;
    const struct addrvec *vec = as_they_are(period);
    size_t count = vec ? vec->count4 + vec->count6 : 0;
    if (rows->next < count) {
        *row = address_row(vec, rows->next++);
        row->share = share_of(period, row->sum.packets);
        return true;
    }
    if (rows->next - count >= period->ranked_count)
        return false;
    *row = period->ranked[rows->next++ - count];
    return true;
}

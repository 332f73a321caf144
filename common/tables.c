#include "common/tables.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define ROOM_MIN 16

const char *packet_class_name(enum packet_class class)
{
    static const char *const names[PACKET_CLASSES] = {
        [CLASS_TCP_SYN] = "tcp-syn",
        [CLASS_TCP_SYNACK] = "tcp-synack",
        [CLASS_TCP_RST] = "tcp-rst",
        [CLASS_TCP_OTHER] = "tcp-other",
        [CLASS_UDP] = "udp",
        [CLASS_ICMP_ECHO_REQUEST] = "icmp-echo-request",
        [CLASS_ICMP_BACKSCATTER] = "icmp-backscatter",
        [CLASS_ICMP_OTHER] = "icmp-other",
        [CLASS_OTHER] = "other",
    };
    return (unsigned)class < PACKET_CLASSES ? names[class] : "other";
}

/* --- one table -------------------------------------------------------------------------------- */

/* The rows that a table with `count` has room for: none, ROOM_MIN or a power of two beyond. */
static size_t room_for(size_t count)
{
    size_t room = count ? ROOM_MIN : 0;
    while (room < count)
        room *= 2;
    return room;
}

/* Makes room for one more row. */
static int grow(struct table *table)
{
    size_t room = room_for(table->count + 1);
    if (room == room_for(table->count))
        return 0;
    uint16_t *keys = realloc(table->keys, room * sizeof *keys);
    if (!keys)
        return ERR_NOMEM;
    table->keys = keys;
    struct sum *sums = realloc(table->sums, room * sizeof *sums);
    if (!sums)
        return ERR_NOMEM;
    table->sums = sums;
    return 0;
}

int table_append(struct table *table, uint16_t key, struct sum sum)
{
    assert(sum.packets > 0 && (table->count == 0 || table->keys[table->count - 1] < key));
    int rc = grow(table);
    if (rc)
        return rc;
    table->keys[table->count] = key;
    table->sums[table->count++] = sum;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const uint16_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

struct sum table_at(const struct table *table, uint16_t key)
{
    const uint16_t *found =
        table->count ? bsearch(&key, table->keys, table->count, sizeof key, by_key) : NULL;
    return found ? table->sums[found - table->keys] : (struct sum){0};
}

void table_close(struct table *table)
{
    free(table->keys);
    free(table->sums);
    *table = (struct table){0};
}

static struct sum sum_of_two(struct sum a, struct sum b)
{
    return (struct sum){a.packets + b.packets, a.bytes + b.bytes};
}

/* The rows of both into an empty table; what was appended stays on ERR_NOMEM. */
static int merge(struct table *out, const struct table *a, const struct table *b)
{
    int rc = 0;
    for (size_t i = 0, j = 0; rc == 0 && (i < a->count || j < b->count);) {
        bool left = j == b->count || (i < a->count && a->keys[i] <= b->keys[j]);
        bool right = i == a->count || (j < b->count && b->keys[j] <= a->keys[i]);
        uint16_t key = left ? a->keys[i] : b->keys[j];
        struct sum sum = {0};
        if (left)
            sum = sum_of_two(sum, a->sums[i++]);
        if (right)
            sum = sum_of_two(sum, b->sums[j++]);
        rc = table_append(out, key, sum);
    }
    return rc;
}

/* --- all of them ------------------------------------------------------------------------------ */

size_t tables_memory(const struct tables *tables)
{
    size_t rows = room_for(tables->protocols.count) + room_for(tables->tcp_ports.count) +
                  room_for(tables->udp_ports.count) + room_for(tables->icmp4.count) +
                  room_for(tables->icmp6.count);
    return rows * (sizeof(uint16_t) + sizeof(struct sum));
}

void tables_close(struct tables *tables)
{
    table_close(&tables->protocols);
    table_close(&tables->tcp_ports);
    table_close(&tables->udp_ports);
    table_close(&tables->icmp4);
    table_close(&tables->icmp6);
    *tables = (struct tables){0};
}

int tables_add(struct tables *into, const struct tables *from)
{
    struct tables both = {0};
    int rc = merge(&both.protocols, &into->protocols, &from->protocols);
    if (rc == 0)
        rc = merge(&both.tcp_ports, &into->tcp_ports, &from->tcp_ports);
    if (rc == 0)
        rc = merge(&both.udp_ports, &into->udp_ports, &from->udp_ports);
    if (rc == 0)
        rc = merge(&both.icmp4, &into->icmp4, &from->icmp4);
    if (rc == 0)
        rc = merge(&both.icmp6, &into->icmp6, &from->icmp6);
    if (rc) {
        tables_close(&both);
        return rc;
    }
    for (int class = 0; class < PACKET_CLASSES; class ++)
        both.classes[class] = sum_of_two(into->classes[class], from->classes[class]);
    tables_close(into);
    *into = both;
    return 0;
}

/* --- the rules -------------------------------------------------------------------------------- */

/* sum += more; false beyond 64 bits. */
static bool add(struct sum *sum, struct sum more)
{
    return !__builtin_add_overflow(sum->packets, more.packets, &sum->packets) &&
           !__builtin_add_overflow(sum->bytes, more.bytes, &sum->bytes);
}

static bool sum_all(const struct sum *sums, size_t count, struct sum *sum)
{
    *sum = (struct sum){0};
    for (size_t i = 0; i < count; i++)
        if (!add(sum, sums[i]))
            return false;
    return true;
}

static bool equal(struct sum a, struct sum b)
{
    return a.packets == b.packets && a.bytes == b.bytes;
}

static bool at_most(struct sum a, struct sum b)
{
    return a.packets <= b.packets && a.bytes <= b.bytes;
}

static bool rows_valid(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->sums[i].packets == 0 || (i > 0 && table->keys[i - 1] >= table->keys[i]))
            return false;
    return true;
}

/* The classes from `first` to `last`; called when all of them are known to sum without overflow. */
static struct sum classes(const struct tables *tables, enum packet_class first,
                          enum packet_class last)
{
    struct sum sum;
    sum_all(tables->classes + first, last - first + 1, &sum);
    return sum;
}

/* Whether a table sums to at most `most`, and its sum. */
static bool within(const struct table *table, struct sum most, struct sum *sum)
{
    return rows_valid(table) && sum_all(table->sums, table->count, sum) && at_most(*sum, most);
}

static const char *broken_totals(const struct tables *tables, struct sum total)
{
    const struct table *protocols = &tables->protocols;
    struct sum sum;
    if (!sum_all(tables->classes, PACKET_CLASSES, &sum) || !equal(sum, total))
        return "its classes do not sum to its packets and bytes";
    if (!rows_valid(protocols) ||
        (protocols->count && protocols->keys[protocols->count - 1] >= PROTOCOLS))
        return "its protocols do not ascend to 255 or count nothing";
    if (!sum_all(protocols->sums, protocols->count, &sum) || !equal(sum, total))
        return "its protocols do not sum to its packets and bytes";
    return NULL;
}

static const char *broken_classes(const struct tables *tables)
{
    struct sum icmp = table_at(&tables->protocols, PROTOCOL_ICMP);
    add(&icmp, table_at(&tables->protocols, PROTOCOL_ICMPV6));
    if (!equal(classes(tables, CLASS_TCP_SYN, CLASS_TCP_OTHER),
               table_at(&tables->protocols, PROTOCOL_TCP)))
        return "its TCP classes do not sum to protocol 6";
    if (!equal(tables->classes[CLASS_UDP], table_at(&tables->protocols, PROTOCOL_UDP)))
        return "its class udp is not protocol 17";
    if (!at_most(classes(tables, CLASS_ICMP_ECHO_REQUEST, CLASS_ICMP_OTHER), icmp))
        return "its ICMP classes are more than protocols 1 and 58";
    return NULL;
}

static const char *broken_parts(const struct tables *tables)
{
    const struct table *protocols = &tables->protocols;
    struct sum icmp4, icmp6, ports;
    if (!within(&tables->tcp_ports, table_at(protocols, PROTOCOL_TCP), &ports))
        return "its TCP ports do not ascend, count nothing or are more than protocol 6";
    if (!within(&tables->udp_ports, table_at(protocols, PROTOCOL_UDP), &ports))
        return "its UDP ports do not ascend, count nothing or are more than protocol 17";
    if (!within(&tables->icmp4, table_at(protocols, PROTOCOL_ICMP), &icmp4))
        return "its ICMP types do not ascend, count nothing or are more than protocol 1";
    if (!within(&tables->icmp6, table_at(protocols, PROTOCOL_ICMPV6), &icmp6))
        return "its ICMPv6 types do not ascend, count nothing or are more than protocol 58";
    add(&icmp4, icmp6);
    if (!at_most(icmp4, classes(tables, CLASS_ICMP_ECHO_REQUEST, CLASS_ICMP_OTHER)))
        return "its ICMP types are more than its ICMP classes";
    return NULL;
}

const char *tables_broken(const struct tables *tables, uint64_t packets, uint64_t bytes)
{
    const char *broken = broken_totals(tables, (struct sum){packets, bytes});
    if (!broken)
        broken = broken_classes(tables);
    return broken ? broken : broken_parts(tables);
}

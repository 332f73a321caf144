#include "common/tables.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define ROOM_MIN 16
#define KEYS     65536

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

/* Makes room for so many rows. */
static int reserve(struct table *table, size_t count)
{
    size_t room = room_for(count);
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
    uint8_t *witnesses = realloc(table->witnesses, room);
    if (!witnesses)
        return ERR_NOMEM;
    table->witnesses = witnesses;
    return 0;
}

/* Whether there is no room for one more row, told without looking for the room that there is. */
static bool full(const struct table *table)
{
    size_t count = table->count;
    return count == 0 || (count >= ROOM_MIN && (count & (count - 1)) == 0);
}

int table_append(struct table *table, uint16_t key, struct sum sum)
{
    assert(sum.packets > 0 && (table->count == 0 || table->keys[table->count - 1] < key));
    int rc = full(table) ? reserve(table, table->count + 1) : 0;
    if (rc)
        return rc;
    table->keys[table->count] = key;
    table->witnesses[table->count] = 0;
    table->sums[table->count++] = sum;
    return 0;
}

int table_make(struct table *table, size_t count)
{
    int rc = reserve(table, count);
    if (rc || count == 0)
        return rc;
    memset(table->witnesses, 0, count);
    table->count = count;
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
    free(table->witnesses);
    *table = (struct table){0};
}

/* Where the keys of `from` are in `into`, and how many are not: those are not at their place. What is there
 * is otherwise anything. By key and not side by side, since of ports about as many come as do not, and
 * the processor guesses wrong half of the time. */
static size_t find_keys(const struct table *into, const struct table *from, uint16_t place[KEYS])
{
    size_t fresh = 0;
    if (into->count == 0)
        return from->count;
    for (size_t f = 0; f < from->count; f++)
        place[from->keys[f]] = 0;
    for (size_t i = 0; i < into->count; i++)
        place[into->keys[i]] = (uint16_t)i;
    for (size_t f = 0; f < from->count; f++)
        fresh += into->keys[place[from->keys[f]]] != from->keys[f];
    return fresh;
}

/* Makes room for the `fresh` rows of `from` whose keys are new, empty, from the back, so that no
 * second table is needed. There is memory for them. */
static void insert_keys(struct table *into, const struct table *from, size_t fresh)
{
    size_t i = into->count, f = from->count;
    for (size_t out = into->count += fresh; out > i;) {
        bool mine = i > 0 && (f == 0 || into->keys[i - 1] >= from->keys[f - 1]);
        bool both = mine && f > 0 && into->keys[i - 1] == from->keys[f - 1];
        into->keys[--out] = mine ? into->keys[i - 1] : from->keys[f - 1];
        into->sums[out] = mine ? into->sums[i - 1] : (struct sum){0};
        into->witnesses[out] = mine ? into->witnesses[i - 1] : 0;
        i -= mine;
        f -= !mine || both;
    }
}

/* Adds rows of which none is new. */
static void add_rows(struct table *into, const struct table *from, const uint16_t place[KEYS])
{
    for (size_t f = 0; f < from->count; f++) {
        size_t at = place[from->keys[f]];
        sum_join(&into->sums[at], from->sums[f]);
        into->witnesses[at] |= from->witnesses[f];
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

size_t tables_memory(const struct tables *tables)
{
    size_t rows = room_for(tables->protocols.count) + room_for(tables->tcp_ports.count) +
                  room_for(tables->udp_ports.count) + room_for(tables->icmp4.count) +
                  room_for(tables->icmp6.count);
    return rows * (sizeof(uint16_t) + sizeof(struct sum) + sizeof(uint8_t));
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

#define TABLES 5

static void list(struct tables *tables, struct table *all[TABLES])
{
    struct table *order[TABLES] = {&tables->protocols, &tables->tcp_ports, &tables->udp_ports,
                                   &tables->icmp4, &tables->icmp6};
    memcpy(all, order, sizeof order);
}

int tables_add(struct tables *into, const struct tables *from)
{
    struct table *to[TABLES], *more[TABLES];
    uint16_t place[KEYS];
    size_t fresh[TABLES];
    list(into, to);
    list((struct tables *)from, more);
    for (int t = 0; t < TABLES; t++) {
        fresh[t] = find_keys(to[t], more[t], place);
        int rc = reserve(to[t], to[t]->count + fresh[t]);
        if (rc)
            return rc;
    }
    for (int t = 0; t < TABLES; t++) {
        insert_keys(to[t], more[t], fresh[t]);
        find_keys(to[t], more[t], place);
        add_rows(to[t], more[t], place);
    }
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        sum_join(&into->classes[class], from->classes[class]);
        into->class_witnesses[class] |= from->class_witnesses[class];
    }
    return 0;
}

/* --- the rules -------------------------------------------------------------------------------- */

/* sum += more; false beyond 64 bits. */
static bool add(struct sum *sum, struct sum more)
{
    return !__builtin_add_overflow(sum->packets, more.packets, &sum->packets) &
           !__builtin_add_overflow(sum->bytes, more.bytes, &sum->bytes);
}

static bool sum_all(const struct sum *sums, size_t count, struct sum *sum)
{
    bool good = true;
    *sum = (struct sum){0};
    for (size_t i = 0; i < count; i++)
        good &= add(sum, sums[i]);
    return good;
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
    bool valid = table->count == 0 || table->sums[0].packets > 0;
    for (size_t i = 1; i < table->count; i++)
        valid &= (table->sums[i].packets > 0) & (table->keys[i - 1] < table->keys[i]);
    return valid;
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

/* A packet sets one bit. */
static bool witnessed(const struct sum *sums, const uint8_t *witnesses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sums[i].packets < 8 && (uint64_t)__builtin_popcount(witnesses[i]) > sums[i].packets)
            return false;
    return true;
}

const char *tables_classes_broken(const struct tables *tables, uint64_t packets, uint64_t bytes)
{
    const struct sum total = {packets, bytes};
    struct sum sum;
    if (!sum_all(tables->classes, PACKET_CLASSES, &sum) || !equal(sum, total))
        return "its classes do not sum to its packets and bytes";
    return witnessed(tables->classes, tables->class_witnesses, PACKET_CLASSES)
               ? NULL
               : "a class of it has more witnesses than packets";
}

static const char *broken_protocols(const struct tables *tables, struct sum total)
{
    const struct table *protocols = &tables->protocols;
    struct sum sum;
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

static const char *broken_witnesses(const struct tables *tables)
{
    struct table *all[TABLES];
    list((struct tables *)tables, all);
    for (int t = 0; t < TABLES; t++)
        if (!witnessed(all[t]->sums, all[t]->witnesses, all[t]->count))
            return "a row of its tables has more witnesses than packets";
    return NULL;
}

const char *tables_broken(const struct tables *tables, uint64_t packets, uint64_t bytes)
{
    const char *broken = tables_classes_broken(tables, packets, bytes);
    if (!broken)
        broken = broken_protocols(tables, (struct sum){packets, bytes});
    if (!broken)
        broken = broken_classes(tables);
    if (!broken)
        broken = broken_parts(tables);
    return broken ? broken : broken_witnesses(tables);
}

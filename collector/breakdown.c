#include "collector/breakdown.h"

#include <stdlib.h>
#include <string.h>

/* Kinds whose rows are known beforehand: class, protocol, port, icmp. The tables are taken zeroed
 * from the system, which gives memory only to the parts that are written. */

static const struct breakdown_kind *const kinds[] = {
    &breakdown_address, &breakdown_interval, &breakdown_class,  &breakdown_protocol,
    &breakdown_port,    &breakdown_icmp,     &breakdown_source,
};

const struct breakdown_kind *breakdown_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const char *breakdown_names(void)
{
    return "address, interval, class, protocol, port, icmp, source";
}

void breakdown_cells(struct rows *rows, const struct sum *sum)
{
    rows_u64(rows, sum->packets);
    rows_u64(rows, sum->bytes);
}

/* --- class and protocol ----------------------------------------------------------------------- */

struct list {
    bool zeros;
    struct sum sums[PROTOCOLS]; /* by class or protocol number */
};

static void *list_open(const struct breakdown_options *options)
{
    struct list *list = calloc(1, sizeof *list);
    if (list)
        list->zeros = options->zeros;
    return list;
}

static int list_merge(void *into, void *from)
{
    sum_merge(((struct list *)into)->sums, ((const struct list *)from)->sums, PROTOCOLS);
    return 0;
}

static enum tally_result class_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct list *list = state;
    (void)ts_ns;
    sum_add(&list->sums[packet->class], packet);
    return TALLY_COUNTED;
}

static void class_print(void *state, struct rows *rows)
{
    const struct list *list = state;
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        if (list->sums[class].packets == 0 && !list->zeros)
            continue;
        rows_text(rows, packet_class_name((enum packet_class) class));
        breakdown_cells(rows, &list->sums[class]);
    }
}

static enum tally_result protocol_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct list *list = state;
    (void)ts_ns;
    sum_add(&list->sums[packet->protocol], packet);
    return TALLY_COUNTED;
}

static void protocol_print(void *state, struct rows *rows)
{
    const struct list *list = state;
    for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
        if (list->sums[protocol].packets == 0 && !list->zeros)
            continue;
        rows_u64(rows, protocol);
        breakdown_cells(rows, &list->sums[protocol]);
    }
}

static const char *const class_columns[] = {"class", "packets", "bytes", NULL};
static const char *const protocol_columns[] = {"protocol", "packets", "bytes", NULL};

const struct breakdown_kind breakdown_class = {
    .name = "class",
    .columns = class_columns,
    .transport = true,
    .zeros = true,
    .open = list_open,
    .close = free,
    .add = class_add,
    .merge = list_merge,
    .print = class_print,
};

const struct breakdown_kind breakdown_protocol = {
    .name = "protocol",
    .columns = protocol_columns,
    .transport = true,
    .zeros = true,
    .open = list_open,
    .close = free,
    .add = protocol_add,
    .merge = list_merge,
    .print = protocol_print,
};

/* --- port ------------------------------------------------------------------------------------- */

#define PORTS 65536

/* The protocols that begin with a source and a destination port, ascending. */
static const uint8_t port_protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_DCCP, PROTOCOL_SCTP,
                                         PROTOCOL_UDPLITE};
#define PORT_PROTOCOLS (sizeof port_protocols)

struct ports {
    struct sum sums[PORT_PROTOCOLS][PORTS]; /* by destination port */
    struct sum unreadable[PORT_PROTOCOLS];  /* later fragments, packets cut short */
};

static size_t ports_memory(const struct breakdown_options *options)
{
    (void)options;
    return sizeof(struct ports);
}

static void *ports_open(const struct breakdown_options *options)
{
    (void)options;
    return calloc(1, sizeof(struct ports));
}

static enum tally_result ports_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct ports *ports = state;
    (void)ts_ns;
    const uint8_t *found = memchr(port_protocols, packet->protocol, PORT_PROTOCOLS);
    if (!found)
        return TALLY_COUNTED;
    size_t row = (size_t)(found - port_protocols);
    sum_add(packet->has_ports ? &ports->sums[row][packet->dst_port] : &ports->unreadable[row],
            packet);
    return TALLY_COUNTED;
}

static int ports_merge(void *into, void *from)
{
    struct ports *to = into;
    const struct ports *more = from;
    for (size_t row = 0; row < PORT_PROTOCOLS; row++)
        sum_merge(to->sums[row], more->sums[row], PORTS);
    sum_merge(to->unreadable, more->unreadable, PORT_PROTOCOLS);
    return 0;
}

/* A port that could not be read is missing, not 0. */
static void ports_print(void *state, struct rows *rows)
{
    const struct ports *ports = state;
    for (size_t row = 0; row < PORT_PROTOCOLS; row++) {
        for (unsigned port = 0; port < PORTS; port++) {
            if (ports->sums[row][port].packets == 0)
                continue;
            rows_u64(rows, port_protocols[row]);
            rows_u64(rows, port);
            breakdown_cells(rows, &ports->sums[row][port]);
        }
        if (ports->unreadable[row].packets == 0)
            continue;
        rows_u64(rows, port_protocols[row]);
        rows_missing(rows);
        breakdown_cells(rows, &ports->unreadable[row]);
    }
}

static const char *const port_columns[] = {"protocol", "port", "packets", "bytes", NULL};

const struct breakdown_kind breakdown_port = {
    .name = "port",
    .columns = port_columns,
    .transport = true,
    .memory = ports_memory,
    .open = ports_open,
    .close = free,
    .add = ports_add,
    .merge = ports_merge,
    .print = ports_print,
};

/* --- icmp ------------------------------------------------------------------------------------- */

/* ICMP and ICMPv6 give different meanings to the same type, so their rows are apart: first those of
 * ICMP, then those of ICMPv6. */
struct icmp {
    struct sum sums[2][256][256]; /* family, type, code */
    struct sum unreadable[2];
};

static size_t icmp_memory(const struct breakdown_options *options)
{
    (void)options;
    return sizeof(struct icmp);
}

static void *icmp_open(const struct breakdown_options *options)
{
    (void)options;
    return calloc(1, sizeof(struct icmp));
}

static enum tally_result icmp_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct icmp *icmp = state;
    (void)ts_ns;
    int family = packet->family == 6;
    if (packet->protocol != (family ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
        return TALLY_COUNTED;
    sum_add(packet->has_icmp ? &icmp->sums[family][packet->icmp_type][packet->icmp_code]
                             : &icmp->unreadable[family],
            packet);
    return TALLY_COUNTED;
}

static int icmp_merge(void *into, void *from)
{
    struct icmp *to = into;
    const struct icmp *more = from;
    for (int family = 0; family < 2; family++)
        for (int type = 0; type < 256; type++)
            sum_merge(to->sums[family][type], more->sums[family][type], 256);
    sum_merge(to->unreadable, more->unreadable, 2);
    return 0;
}

static void icmp_print_family(const struct icmp *icmp, int family, struct rows *rows)
{
    for (unsigned kind = 0; kind < 256 * 256; kind++) {
        const struct sum *sum = &icmp->sums[family][kind >> 8][kind & 255];
        if (sum->packets == 0)
            continue;
        rows_u64(rows, kind >> 8);
        rows_u64(rows, kind & 255);
        breakdown_cells(rows, sum);
    }
    if (icmp->unreadable[family].packets == 0)
        return;
    rows_missing(rows);
    rows_missing(rows);
    breakdown_cells(rows, &icmp->unreadable[family]);
}

static void icmp_print(void *state, struct rows *rows)
{
    icmp_print_family(state, 0, rows);
    icmp_print_family(state, 1, rows);
}

static const char *const icmp_columns[] = {"type", "code", "packets", "bytes", NULL};

const struct breakdown_kind breakdown_icmp = {
    .name = "icmp",
    .columns = icmp_columns,
    .transport = true,
    .memory = icmp_memory,
    .open = icmp_open,
    .close = free,
    .add = icmp_add,
    .merge = icmp_merge,
    .print = icmp_print,
};

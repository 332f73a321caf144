/*
 * Tables: what the packets of an interval were, by class, by IP protocol, by destination port and
 * by ICMP type. The collector appends rows in ascending order and puts the tables into a record; the
 * aggregator adds up those of many records. tables_broken states the rules; record_open lets
 * nothing pass that breaks one. Pure.
 */
#ifndef COMMON_TABLES_H
#define COMMON_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* What a packet is to a darknet; PACKET_CLASSES is their number. The numbers are those of the
 * record: they stay, new ones come at the end. */
enum packet_class {
    CLASS_TCP_SYN,    /* SYN without ACK or RST */
    CLASS_TCP_SYNACK, /* SYN and ACK without RST: backscatter of a SYN flood */
    CLASS_TCP_RST,    /* RST with whatever else */
    CLASS_TCP_OTHER,  /* every other TCP packet, also when its flags cannot be read */
    CLASS_UDP,
    CLASS_ICMP_ECHO_REQUEST,
    CLASS_ICMP_BACKSCATTER, /* replies and errors: what a victim of forged sources sends */
    CLASS_ICMP_OTHER,       /* every other ICMP packet, also when its type cannot be read */
    CLASS_OTHER,
    PACKET_CLASSES
};

/* "tcp-syn", "tcp-synack", ...: the static name of a class. */
const char *packet_class_name(enum packet_class class);

/* IP protocol numbers, as IANA assigns them. */
#define PROTOCOL_ICMP    1
#define PROTOCOL_TCP     6
#define PROTOCOL_UDP     17
#define PROTOCOL_DCCP    33
#define PROTOCOL_ICMPV6  58
#define PROTOCOL_SCTP    132
#define PROTOCOL_UDPLITE 136
#define PROTOCOLS        256

/* Packets and their bytes (IP total length). */
struct sum {
    uint64_t packets, bytes;
};

/* into += more, which wraps at 64 bits. */
static inline void sum_join(struct sum *into, struct sum more)
{
    into->packets += more.packets;
    into->bytes += more.bytes;
}

/* Rows with packets, ascending by key. All zero is an empty table. */
struct table {
    size_t count;
    uint16_t *keys;
    struct sum *sums; /* packets > 0 */
    /* Of the row's sources: each sets one of eight bits (hll_witness), so as many bits as are set, so many
     * sources there were at the least. 0: nothing is known of them. At most as many as packets. */
    uint8_t *witnesses;
};

/* Appends a row: a key greater than every one before it, with packets, and without witnesses, which the
 * caller may set. ERR_NOMEM leaves the table as it was. */
int table_append(struct table *table, uint16_t key, struct sum sum);
/* Makes an empty table one of `count` rows without witnesses, whose keys and sums the caller then fills.
 * ERR_NOMEM. */
int table_make(struct table *table, size_t count);
/* The sum of the row of that key; zero when there is none. */
struct sum table_at(const struct table *table, uint16_t key);
/* Frees the rows and leaves the table empty. */
void table_close(struct table *table);

/* All zero is empty. A packet is in exactly one class and one protocol; it is in a table of ports or
 * ICMP types when its header could be read, which in later fragments and packets cut short it
 * cannot. */
struct tables {
    struct sum classes[PACKET_CLASSES];
    uint8_t class_witnesses[PACKET_CLASSES]; /* as those of a table */
    struct table protocols; /* IPv4 protocol; IPv6: the one behind the extension headers; 0..255 */
    struct table tcp_ports; /* destination ports */
    struct table udp_ports;
    struct table icmp4; /* type << 8 | code of ICMP over IPv4 */
    struct table icmp6; /* the same of ICMPv6 over IPv6 */
};

/* Bytes that the rows take in memory. */
size_t tables_memory(const struct tables *tables);
/* Frees the rows and leaves everything zero. */
void tables_close(struct tables *tables);

/* into += from, witnesses united. ERR_NOMEM leaves `into` as it was. Sums wrap at 64 bits, which the bounds of a record
 * leave out of reach. */
int tables_add(struct tables *into, const struct tables *from);

/* The first broken rule in words ("its ... "), static; NULL when the tables are those of `packets`
 * packets with `bytes` bytes:
 * - keys ascend, protocols are 0..255, every row has packets, no sum exceeds 64 bits;
 * - classes and protocols each sum to `packets` and `bytes`;
 * - the TCP classes sum to protocol 6, the class udp is protocol 17, and the ICMP classes are at most
 *   protocols 1 and 58 together (ICMP in the other family of IP is of the class "other");
 * - no row and no class has more witnesses than packets;
 * - tcp_ports, udp_ports, icmp4 and icmp6 sum to at most protocol 6, 17, 1 and 58, and the last two
 *   together to at most the ICMP classes. */
const char *tables_broken(const struct tables *tables, uint64_t packets, uint64_t bytes);
/* The same when only the classes are known. */
const char *tables_classes_broken(const struct tables *tables, uint64_t packets, uint64_t bytes);

#endif

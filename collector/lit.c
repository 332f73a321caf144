#include "collector/lit.h"

#include <stdlib.h>
#include <string.h>

#include "collector/addrhash.h"

#define ROOM_MIN 16

struct lit {
    const struct prefixset *darknet;
    struct addrhash hash;
    struct lit_evidence *list; /* in order of arrival */
    uint32_t *slots;           /* index into list plus 1; 0 is free */
    uint32_t count, room;      /* of list; there are 2 x room slots */
    uint32_t max;
    uint64_t refused;
};

struct lit *lit_new(const struct prefixset *darknet, uint32_t max)
{
    struct lit *lit = calloc(1, sizeof *lit);
    if (!lit)
        return NULL;
    lit->darknet = darknet;
    lit->max = max;
    addrhash_init(&lit->hash);
    return lit;
}

static void forget(struct lit *lit)
{
    free(lit->list);
    free(lit->slots);
    lit->list = NULL;
    lit->slots = NULL;
    lit->count = lit->room = 0;
    lit->refused = 0;
}

void lit_free(struct lit *lit)
{
    if (!lit)
        return;
    forget(lit);
    free(lit);
}

/* --- the table -------------------------------------------------------------------------------- */

/* The slot that holds the address, or the free one where it belongs. */
static uint32_t *find(const struct lit *lit, uint8_t family, const uint8_t address[16])
{
    uint32_t mask = 2 * lit->room - 1;
    uint32_t slot = (uint32_t)addrhash(&lit->hash, address) & mask;
    while (lit->slots[slot]) {
        const struct lit_evidence *held = &lit->list[lit->slots[slot] - 1];
        if (held->family == family && memcmp(held->address, address, 16) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return &lit->slots[slot];
}

static bool grow(struct lit *lit)
{
    uint32_t room = lit->room ? 2 * lit->room : ROOM_MIN;
    uint32_t *slots = calloc(2 * (size_t)room, sizeof *slots);
    struct lit_evidence *list = slots ? realloc(lit->list, room * sizeof *list) : NULL;
    if (!list) {
        free(slots);
        return false;
    }
    free(lit->slots);
    lit->slots = slots;
    lit->list = list;
    lit->room = room;
    for (uint32_t i = 0; i < lit->count; i++)
        *find(lit, list[i].family, list[i].address) = i + 1;
    return true;
}

/* The evidence of an address, empty when it is a new one; NULL when there is no room for it. */
static struct lit_evidence *place(struct lit *lit, uint8_t family, const uint8_t address[16])
{
    uint32_t *slot = lit->room ? find(lit, family, address) : NULL;
    if (slot && *slot)
        return &lit->list[*slot - 1];
    if (lit->count == lit->max || (lit->count == lit->room && !grow(lit)))
        return NULL;
    struct lit_evidence *made = &lit->list[lit->count];
    *made = (struct lit_evidence){.family = family};
    memcpy(made->address, address, 16);
    *find(lit, family, address) = ++lit->count;
    return made;
}

/* --- evidence --------------------------------------------------------------------------------- */

static void note_time(struct lit_evidence *evidence, int64_t ts_ns)
{
    if (evidence->packets == 0 || ts_ns < evidence->first_ns)
        evidence->first_ns = ts_ns;
    if (evidence->packets == 0 || ts_ns > evidence->last_ns)
        evidence->last_ns = ts_ns;
}

static void note_link_source(struct lit_evidence *evidence, int linktype,
                             const struct capture_packet *frame)
{
    uint8_t mac[SENDER_MAC_SIZE];
    if (!sender_mac(linktype, frame->data, frame->caplen, mac))
        return;
    if (evidence->has_link_source && memcmp(evidence->link_source, mac, sizeof mac) != 0)
        evidence->more_link_sources = true;
    evidence->has_link_source = true;
    memcpy(evidence->link_source, mac, sizeof mac);
}

/* The evidence of a frame's sender with all that IP and ARP have in common; NULL without room. */
static struct lit_evidence *note(struct lit *lit, uint8_t family, const uint8_t address[16],
                                 int linktype, const struct capture_packet *frame)
{
    struct lit_evidence *evidence = place(lit, family, address);
    if (!evidence) {
        lit->refused++;
        return NULL;
    }
    note_time(evidence, frame->ts_ns);
    note_link_source(evidence, linktype, frame);
    evidence->packets++;
    return evidence;
}

static void put_address4(uint8_t out[16], uint32_t address)
{
    memset(out, 0, 16);
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(address >> (24 - 8 * i));
}

static void note_packet(struct lit *lit, const struct packet *packet, int linktype,
                        const struct capture_packet *frame)
{
    struct packet whole = *packet;
    uint8_t address[16];
    if (packet->family == 4)
        put_address4(address, packet->src4);
    else
        memcpy(address, packet->src6, 16);
    struct lit_evidence *evidence = note(lit, packet->family, address, linktype, frame);
    if (!evidence)
        return;
    decode_transport(&whole); /* finds the protocol behind IPv6 extension headers */
    evidence->bytes += whole.bytes;
    evidence->protocols[whole.protocol / 64] |= UINT64_C(1) << (whole.protocol % 64);
}

/* Next to no source is in the darknet, and such a packet costs the look-up alone. */
void lit_packet(struct lit *lit, const struct packet *packet, int linktype,
                const struct capture_packet *frame)
{
    if (packet->family == 4 ? prefixset_has4(lit->darknet, packet->src4)
                            : prefixset_has6(lit->darknet, packet->src6))
        note_packet(lit, packet, linktype, frame);
}

void lit_arp(struct lit *lit, int linktype, const struct capture_packet *frame)
{
    uint32_t sender;
    uint8_t address[16];
    if (!sender_arp(linktype, frame->data, frame->caplen, &sender) ||
        !prefixset_has4(lit->darknet, sender))
        return;
    put_address4(address, sender);
    struct lit_evidence *evidence = note(lit, 4, address, linktype, frame);
    if (evidence)
        evidence->arp = true;
}

/* --- reading ---------------------------------------------------------------------------------- */

uint32_t lit_count(const struct lit *lit)
{
    return lit->count;
}

uint64_t lit_refused(const struct lit *lit)
{
    return lit->refused;
}

static int compare(const void *a, const void *b)
{
    const struct lit_evidence *left = a, *right = b;
    int family = left->family - right->family;
    return family ? family : memcmp(left->address, right->address, 16);
}

void lit_take(struct lit *lit, lit_handler handler, void *user)
{
    if (lit->count)
        qsort(lit->list, lit->count, sizeof *lit->list, compare);
    for (uint32_t i = 0; i < lit->count; i++)
        handler(user, &lit->list[i]);
    forget(lit);
}

#include "collector/sender.h"

#include <string.h>

/* DLT_ values of pcap-linktype(7). */
enum linktype {
    LINK_ETHERNET = 1,
    LINK_LINUX_SLL = 113,
    LINK_LINUX_SLL2 = 276,
};

enum ethertype {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_VLAN = 0x8100, /* IEEE 802.1Q */
    ETHERTYPE_QINQ = 0x88a8, /* IEEE 802.1ad */
    ETHERTYPE_QINQ_OLD = 0x9100,
};

/* Where a link header keeps what. */
struct link {
    uint32_t size;
    uint32_t type_at;
    uint32_t source_at;
    uint32_t source_size; /* 1 or 2: bytes before the source that hold its length; 0: always 6 */
};

#define TAGS_MAX 16 /* more is no honest frame */

static uint16_t be16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* NULL for a link type without senders, or a header that is cut. */
static const struct link *find_link(int linktype, uint32_t caplen)
{
    static const struct link ethernet = {14, 12, 6, 0};
    static const struct link cooked1 = {16, 14, 6, 2};
    static const struct link cooked2 = {20, 0, 12, 1};
    const struct link *link = linktype == LINK_ETHERNET     ? &ethernet
                              : linktype == LINK_LINUX_SLL  ? &cooked1
                              : linktype == LINK_LINUX_SLL2 ? &cooked2
                                                            : NULL;
    return link && caplen >= link->size ? link : NULL;
}

bool sender_mac(int linktype, const uint8_t *data, uint32_t caplen, uint8_t mac[SENDER_MAC_SIZE])
{
    const struct link *link = find_link(linktype, caplen);
    if (!link)
        return false;
    const uint8_t *source = data + link->source_at;
    if ((link->source_size == 2 && be16(source - 2) != SENDER_MAC_SIZE) ||
        (link->source_size == 1 && source[-1] != SENDER_MAC_SIZE))
        return false;
    memcpy(mac, source, SENDER_MAC_SIZE);
    return true;
}

static bool is_tag(uint16_t type)
{
    return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD;
}

/* What follows the link header and its tags, if it is ARP; NULL otherwise. A tag is 2 bytes of tag
 * control and the type of what follows. */
static const uint8_t *find_arp(const struct link *link, const uint8_t *data, uint32_t caplen,
                               uint32_t *size)
{
    uint16_t type = be16(data + link->type_at);
    uint32_t at = link->size;
    for (int tags = 0; is_tag(type) && tags < TAGS_MAX && caplen - at >= 4; tags++) {
        type = be16(data + at + 2);
        at += 4;
    }
    *size = caplen - at;
    return type == ETHERTYPE_ARP ? data + at : NULL;
}

/* RFC 826: hardware type, protocol type, their addresses' lengths, operation, then the sender's
 * hardware address and protocol address. */
bool sender_arp(int linktype, const uint8_t *data, uint32_t caplen, uint32_t *address)
{
    uint32_t size;
    const struct link *link = find_link(linktype, caplen);
    const uint8_t *arp = link ? find_arp(link, data, caplen, &size) : NULL;
    if (!arp || size < 8 || be16(arp + 2) != ETHERTYPE_IPV4 || arp[5] != 4)
        return false;
    uint32_t at = 8 + (uint32_t)arp[4];
    if (size < at + 4)
        return false;
    *address = (uint32_t)be16(arp + at) << 16 | be16(arp + at + 2);
    return *address != 0;
}

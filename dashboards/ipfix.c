#include "dashboards/ipfix.h"

#include <string.h>

enum {
    VERSION = 10,
    HEADER = 16,
    SET_HEADER = 4,
    SET_TEMPLATES = 2,         /* RFC 7011 section 3.3.2 */
    SET_OPTIONS_TEMPLATES = 3, /* the same */
    TEMPLATE4 = 256,
    TEMPLATE6 = 257,
    TEMPLATE_ANONYMIZATION = 258,
    DOMAIN = 1, /* observation domain */
    RECORD4 = 8 + 8 + 4 + 8,
    RECORD6 = 8 + 8 + 16 + 8,
};

/* Information elements: IANA's registry. */
enum {
    DESTINATION_IPV4_ADDRESS = 12,
    DESTINATION_IPV6_ADDRESS = 28,
    PACKET_DELTA_COUNT = 2,
    FLOW_START_MILLISECONDS = 152,
    FLOW_END_MILLISECONDS = 153,
    TEMPLATE_ID = 145,
    INFORMATION_ELEMENT_ID = 303,
    ANONYMIZATION_FLAGS = 285,
    ANONYMIZATION_TECHNIQUE = 286,
};

/* RFC 6235 sections 5.3 and 6.2: pseudonyms stay the same from export to export (as long as the key
 * does), and keep the structure of prefixes. */
enum { STABLE = 3, STRUCTURED_PERMUTATION = 6 };

static void put_be(struct ipfix *ipfix, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ipfix->message[ipfix->size++] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static void set_u16(struct ipfix *ipfix, size_t at, size_t value)
{
    ipfix->message[at] = (uint8_t)(value >> 8);
    ipfix->message[at + 1] = (uint8_t)value;
}

static void open_message(struct ipfix *ipfix)
{
    ipfix->size = 0;
    ipfix->records = 0;
    ipfix->set = 0;
    put_be(ipfix, VERSION, 2);
    put_be(ipfix, 0, 2); /* length: when it is known */
    put_be(ipfix, ipfix->time_s, 4);
    put_be(ipfix, ipfix->sequence, 4);
    put_be(ipfix, DOMAIN, 4);
}

static void close_set(struct ipfix *ipfix)
{
    if (ipfix->set)
        set_u16(ipfix, ipfix->set_at + 2, ipfix->size - ipfix->set_at);
    ipfix->set = 0;
}

static void open_set(struct ipfix *ipfix, uint16_t set)
{
    close_set(ipfix);
    ipfix->set = set;
    ipfix->set_at = ipfix->size;
    put_be(ipfix, set, 2);
    put_be(ipfix, 0, 2);
}

/* Writes the message, unless it holds nothing, and begins the next. */
static void next_message(struct ipfix *ipfix)
{
    close_set(ipfix);
    if (ipfix->size > HEADER) {
        set_u16(ipfix, 2, ipfix->size);
        textout_put(ipfix->out, ipfix->message, ipfix->size);
        ipfix->sequence += ipfix->records;
    }
    open_message(ipfix);
}

static void put_field(struct ipfix *ipfix, uint16_t element, uint16_t size)
{
    put_be(ipfix, element, 2);
    put_be(ipfix, size, 2);
}

static void put_template(struct ipfix *ipfix, uint16_t id, uint16_t address, uint16_t size)
{
    put_be(ipfix, id, 2);
    put_be(ipfix, 4, 2); /* fields */
    put_field(ipfix, FLOW_START_MILLISECONDS, 8);
    put_field(ipfix, FLOW_END_MILLISECONDS, 8);
    put_field(ipfix, address, size);
    put_field(ipfix, PACKET_DELTA_COUNT, 8);
}

static void put_anonymization(struct ipfix *ipfix, uint16_t template, uint16_t element)
{
    put_be(ipfix, template, 2);
    put_be(ipfix, element, 2);
    put_be(ipfix, STABLE, 2);
    put_be(ipfix, STRUCTURED_PERMUTATION, 2);
    ipfix->records++;
}

static void put_anonymizations(struct ipfix *ipfix)
{
    open_set(ipfix, SET_OPTIONS_TEMPLATES);
    put_be(ipfix, TEMPLATE_ANONYMIZATION, 2);
    put_be(ipfix, 4, 2); /* fields */
    put_be(ipfix, 2, 2); /* of them scope */
    put_field(ipfix, TEMPLATE_ID, 2);
    put_field(ipfix, INFORMATION_ELEMENT_ID, 2);
    put_field(ipfix, ANONYMIZATION_FLAGS, 2);
    put_field(ipfix, ANONYMIZATION_TECHNIQUE, 2);
    open_set(ipfix, TEMPLATE_ANONYMIZATION);
    put_anonymization(ipfix, TEMPLATE4, DESTINATION_IPV4_ADDRESS);
    put_anonymization(ipfix, TEMPLATE6, DESTINATION_IPV6_ADDRESS);
}

void ipfix_begin(struct ipfix *ipfix, struct textout *out, bool anonymized, int64_t time_s)
{
    ipfix->out = out;
    ipfix->sequence = 0;
    ipfix->time_s = (uint32_t)time_s; /* modulo 2^32, after 2106 */
    open_message(ipfix);
    open_set(ipfix, SET_TEMPLATES);
    put_template(ipfix, TEMPLATE4, DESTINATION_IPV4_ADDRESS, 4);
    put_template(ipfix, TEMPLATE6, DESTINATION_IPV6_ADDRESS, 16);
    if (anonymized)
        put_anonymizations(ipfix);
    next_message(ipfix);
}

void ipfix_period(struct ipfix *ipfix, int64_t start_s, int64_t end_s)
{
    ipfix->time_s = (uint32_t)end_s;
    ipfix->start_ms = (uint64_t)start_s * 1000;
    ipfix->last_ms = (uint64_t)end_s * 1000 - 1;
    next_message(ipfix);
}

/* Begins a record of `size` bytes in a set of that template. */
static void begin_record(struct ipfix *ipfix, uint16_t template, size_t size)
{
    size_t needed = size + (ipfix->set == template ? 0 : SET_HEADER);
    if (IPFIX_MESSAGE_MAX - ipfix->size < needed)
        next_message(ipfix);
    if (ipfix->set != template)
        open_set(ipfix, template);
    ipfix->records++;
    put_be(ipfix, ipfix->start_ms, 8);
    put_be(ipfix, ipfix->last_ms, 8);
}

void ipfix_add4(struct ipfix *ipfix, uint32_t address, uint64_t packets)
{
    begin_record(ipfix, TEMPLATE4, RECORD4);
    put_be(ipfix, address, 4);
    put_be(ipfix, packets, 8);
}

void ipfix_add6(struct ipfix *ipfix, const uint8_t address[16], uint64_t packets)
{
    begin_record(ipfix, TEMPLATE6, RECORD6);
    memcpy(ipfix->message + ipfix->size, address, 16);
    ipfix->size += 16;
    put_be(ipfix, packets, 8);
}

void ipfix_end(struct ipfix *ipfix)
{
    next_message(ipfix);
}

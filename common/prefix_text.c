#include "common/prefix_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"

static const unsigned family_bits[FAMILIES] = {[V4] = 32, [V6] = 128};

static number host_mask(unsigned bits)
{
    return bits == 128 ? ~(number)0 : ((number)1 << bits) - 1;
}

static void number_format(enum family family, number value, char out[INET6_ADDRSTRLEN])
{
    uint8_t bytes[16];
    unsigned size = family_bits[family] / 8;
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    inet_ntop(family == V4 ? AF_INET : AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int parse_address(const char *text, enum family *family, number *value)
{
    uint8_t bytes[16];
    *family = strchr(text, ':') ? V6 : V4;
    if (inet_pton(*family == V4 ? AF_INET : AF_INET6, text, bytes) != 1)
        return ERR_INVALID;
    *value = 0;
    for (unsigned i = 0; i < family_bits[*family] / 8; i++)
        *value = *value << 8 | bytes[i];
    return 0;
}

/* Decimal digits only: strtoul would take signs and blanks. */
static int parse_length(const char *text, unsigned max, unsigned *length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits])
        return ERR_INVALID;
    *length = (unsigned)atoi(text);
    return *length <= max ? 0 : ERR_INVALID;
}

/* The prefix `text`, cut at its slash meanwhile, as a range. */
static int parse_prefix(char *text, enum family *family, struct range *range, char *errmsg)
{
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    int result = parse_address(text, family, &range->first);
    if (slash)
        *slash = '/';
    if (result)
        return err_set(
            errmsg, ERR_INVALID,
            "prefix \"%s\": not an IPv4 or IPv6 address; write 192.0.2.0/24 or 2001:db8::/32",
            text);
    unsigned bits = family_bits[*family], length = bits;
    if (slash && parse_length(slash + 1, bits, &length))
        return err_set(errmsg, ERR_INVALID, "prefix \"%s\": the length must be 0 to %u", text,
                       bits);
    number hosts = host_mask(bits - length);
    if (range->first & hosts) {
        char meant[INET6_ADDRSTRLEN];
        number_format(*family, range->first & ~hosts, meant);
        return err_set(errmsg, ERR_INVALID, "prefix \"%s\": host bits are set; did you mean %s/%u?",
                       text, meant, length);
    }
    range->last = range->first | hosts;
    return 0;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1]))
        text[--size] = '\0';
    return text;
}

/* Appends every prefix of `list`, which is taken apart in place. */
static int parse_list(struct ranges ranges[FAMILIES], char *list, char *errmsg)
{
    char *text;
    while ((text = strsep(&list, ","))) {
        enum family family;
        struct range range = {0};
        text = trim(text);
        if (!*text)
            return err_set(errmsg, ERR_INVALID,
                           "prefix list: an empty prefix; separate prefixes by one comma");
        int result = parse_prefix(text, &family, &range, errmsg);
        if (result == 0 && prefix_ranges_append(&ranges[family], range))
            result = err_set(errmsg, ERR_NOMEM, "prefix list: out of memory");
        if (result)
            return result;
    }
    return 0;
}

static int read_list(struct ranges ranges[FAMILIES], const char *list, char *errmsg)
{
    size_t before[FAMILIES] = {ranges[V4].count, ranges[V6].count};
    char *copy = strdup(list);
    if (!copy)
        return err_set(errmsg, ERR_NOMEM, "prefix list: out of memory");
    int result = parse_list(ranges, copy, errmsg);
    free(copy);
    if (result) {
        ranges[V4].count = before[V4];
        ranges[V6].count = before[V6];
    }
    return result;
}

int prefixset_add(struct prefixset *set, const char *list, char *errmsg)
{
    return read_list(set->in, list, errmsg);
}

int prefixset_exclude(struct prefixset *set, const char *list, char *errmsg)
{
    return read_list(set->out, list, errmsg);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The host bits of the largest prefix that begins at range.first and ends within the range. */
static unsigned largest_prefix(enum family family, struct range range)
{
    unsigned bits = 0;
    while (bits < family_bits[family] && (range.first & host_mask(bits + 1)) == 0 &&
           range.last - range.first >= host_mask(bits + 1))
        bits++;
    return bits;
}

static void prefix_format(enum family family, number first, unsigned host_bits,
                          char out[PREFIX_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    number_format(family, first, address);
    snprintf(out, PREFIX_TEXT_MAX, "%s/%u", address, family_bits[family] - host_bits);
}

void prefix_format_first(enum family family, struct range range, char out[PREFIX_TEXT_MAX])
{
    prefix_format(family, range.first, largest_prefix(family, range), out);
}

static void put_range(struct buf *text, enum family family, struct range range)
{
    for (;;) {
        char prefix[PREFIX_TEXT_MAX];
        unsigned bits = largest_prefix(family, range);
        prefix_format(family, range.first, bits, prefix);
        if (text->size)
            buf_put(text, ",", 1);
        buf_put(text, prefix, strlen(prefix));
        if (range.last - range.first == host_mask(bits))
            return;
        range.first += host_mask(bits) + 1;
    }
}

char *prefixset_text(const struct prefixset *set)
{
    struct buf text;
    buf_init(&text);
    for (int family = 0; family < FAMILIES; family++)
        for (size_t i = 0; i < set->in[family].count; i++)
            put_range(&text, (enum family)family, set->in[family].list[i]);
    buf_put(&text, "", 1);
    char *copy = text.failed ? NULL : strdup((const char *)text.bytes);
    buf_close(&text);
    return copy;
}

#include "common/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

static int parse_unix(struct address *address, const char *path, char *errmsg)
{
    if (path[0] != '/')
        return err_set(errmsg, ERR_INVALID, "'unix://%.100s': write unix:///path", path);
    if (strlen(path) >= sizeof address->path)
        return err_set(
            errmsg, ERR_INVALID,
            "'unix://%.100s...': longer than the %zu bytes that a socket's path may have", path,
            sizeof address->path - 1);
    address->kind = ADDRESS_UNIX;
    strcpy(address->path, path);
    return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number < 1 || number > 65535)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* Takes HOST:PORT apart; an IPv6 address has brackets. */
static bool split(struct address *address, const char *text, bool *brackets)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    if (size == 0 || !parse_port(colon + 1, &address->port))
        return false;
    *brackets = text[0] == '[' && text[size - 1] == ']' && size > 2;
    size -= *brackets ? 2 : 0;
    if (size > ADDRESS_HOST_MAX)
        return false;
    memcpy(address->host, text + *brackets, size);
    address->host[size] = '\0';
    return true;
}

bool address_loopback(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    if (!address->literal)
        return false;
    return address->socket.ss_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
                                                : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Fills `socket` when the host is a number. */
static void take_literal(struct address *address, bool brackets)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;
    if (!brackets && inet_pton(AF_INET, address->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        address->literal = true;
    } else if (brackets && inet_pton(AF_INET6, address->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address->port);
        address->literal = true;
    }
}

/* A host name: RFC 1123 section 2.1. One of digits and dots alone is an address that is wrong. */
static bool is_name(const char *host)
{
    bool letter = false;
    size_t label = 0;
    for (; *host; host++) {
        unsigned char c = (unsigned char)*host;
        if (c == '.' && label == 0)
            return false;
        if (c != '.' && !isalnum(c) && (c != '-' || label == 0))
            return false;
        letter |= isalpha(c) != 0;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return letter;
}

static int parse_tcp(struct address *address, const char *text, char *errmsg)
{
    bool brackets;
    bool sound = split(address, text, &brackets);
    if (sound && strcmp(address->host, "localhost") == 0)
        strcpy(address->host, "127.0.0.1");
    if (sound)
        take_literal(address, brackets);
    if (!sound || (!address->literal && (brackets || !is_name(address->host))))
        return err_set(errmsg, ERR_INVALID,
                       "'%.100s': write unix:///path, HOST:PORT or [IPv6]:PORT", address->shown);
    if (address->kind == ADDRESS_PLAIN && !address_loopback(address))
        return err_set(errmsg, ERR_REFUSED,
                       "'%.100s': connections in the clear are for loopback addresses alone; "
                       "without plain:// they are encrypted",
                       address->shown);
    return 0;
}

int address_parse(struct address *address, const char *text, char *errmsg)
{
    *address = (struct address){.kind = ADDRESS_TLS};
    snprintf(address->shown, sizeof address->shown, "%s", text);
    if (strncmp(text, "unix://", 7) == 0)
        return parse_unix(address, text + 7, errmsg);
    if (strncmp(text, "plain://", 8) != 0)
        return parse_tcp(address, text, errmsg);
    address->kind = ADDRESS_PLAIN;
    return parse_tcp(address, text + 8, errmsg);
}

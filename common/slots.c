#include "common/slots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* CRC-16/XMODEM: polynomial 0x1021, nothing reflected, starting from 0. */
static uint16_t crc16(const char *bytes, size_t size)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint16_t)((uint8_t)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t slots_of(const char *key, size_t size)
{
    const char *open = memchr(key, '{', size);
    if (open) {
        const char *tag = open + 1;
        const char *close = memchr(tag, '}', size - (size_t)(tag - key));
        if (close && close > tag)
            return crc16(tag, (size_t)(close - tag)) % SLOTS;
    }
    return crc16(key, size) % SLOTS;
}

/* "host:port" up to the end; an IPv6 address is not in brackets there. */
static bool parse_server(const char *text, struct storeurl_server *server)
{
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof server->host)
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port == 0 || port > 65535)
        return false;
    memcpy(server->host, text, (size_t)(colon - text));
    server->host[colon - text] = '\0';
    server->port = (uint16_t)port;
    return true;
}

/* Behind "MOVED " and "ASK ": the slot, a blank, the server. */
static bool parse_redirection(const char *text, struct storeurl_server *server)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == ' ' && parse_server(text + digits + 1, server);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum slots_answer slots_answer(const char *error, struct storeurl_server *server)
{
    if (begins(error, "MOVED "))
        return parse_redirection(error + 6, server) ? SLOTS_MOVED : SLOTS_STALE;
    if (begins(error, "ASK "))
        return parse_redirection(error + 4, server) ? SLOTS_ASK : SLOTS_STALE;
    if (begins(error, "TRYAGAIN") || begins(error, "CLUSTERDOWN") || begins(error, "LOADING"))
        return SLOTS_AGAIN;
    if (begins(error, "READONLY") || begins(error, "MASTERDOWN"))
        return SLOTS_STALE;
    return SLOTS_OTHER;
}

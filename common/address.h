/*
 * Where an aggregator is, as people write it: `unix:///path`, `HOST:PORT` or `[IPv6]:PORT` for TLS
 * over TCP, and `plain://HOST:PORT` for TCP in the clear, which is for the loopback interface alone
 * (the end of a tunnel, a test). The sensor connects to it, the aggregator listens on it. Pure.
 */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_HOST_MAX 253 /* a name: RFC 1035 section 2.3.4, without the last dot */

enum address_kind { ADDRESS_UNIX, ADDRESS_PLAIN, ADDRESS_TLS };

struct address {
    enum address_kind kind;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* ADDRESS_UNIX */
    char host[ADDRESS_HOST_MAX + 1];                      /* otherwise; without brackets */
    uint16_t port;                                        /* host byte order, not 0 */
    bool literal;                                         /* the host is a number: `socket` holds */
    struct sockaddr_storage socket;
    char shown[ADDRESS_HOST_MAX + 32]; /* as it was written */
};

/* ERR_INVALID, or ERR_REFUSED for one in the clear that is not on the loopback interface, with the
 * cause in `errmsg`, which names the text. `localhost` is 127.0.0.1. */
int address_parse(struct address *address, const char *text, char *errmsg);

/* Whether the host is a number of the loopback interface's. */
bool address_loopback(const struct address *address);

#endif

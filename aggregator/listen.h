/*
 * Where the aggregator listens: an address (common/address.h) whose host is a number.
 */
#ifndef AGGREGATOR_LISTEN_H
#define AGGREGATOR_LISTEN_H

#include "common/address.h"

/* As address_parse, and ERR_INVALID for the name of a host. */
int listen_parse(struct address *address, const char *text, char *errmsg);

/* A socket that is bound to the address and does not block. A socket file that nobody answers on is
 * taken over. ERR_IO with the cause in `errmsg`. */
int listen_bind(const struct address *address, char *errmsg);

#endif

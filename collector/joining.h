/*
 * Joining: a sensor's first conversation with its aggregator, on a libuv loop of its own. It comes
 * without a certificate, trusts the authority whose key the token pins, gets a certificate for a key
 * that never leaves this machine, and comes again with that to see that it is let in.
 *
 *   joining_ask -> [the caller writes what it got] -> joining_prove
 */
#ifndef COLLECTOR_JOINING_H
#define COLLECTOR_JOINING_H

#include "common/address.h"
#include "common/frame.h"
#include "common/token.h"

#define JOINING_MS 30000 /* for either of the two */

/* Gets a certificate for the private key `key` (PEM); `answer` is to be closed by frame_close.
 * ERR_REFUSED when the aggregator does not want to, ERR_UNREACHABLE, with the cause in `errmsg`. */
int joining_ask(const struct address *address, const struct token *token, const char *key,
                struct frame *answer, char *errmsg);

/* Opens an epoch without records as the sensor whose `identity` (PEM) and darknet these are: 0 when
 * the aggregator, and its store, took it. Errors as joining_ask. */
int joining_prove(const struct address *address, const char *identity, const char *sensor,
                  char *darknet, char *errmsg);

#endif

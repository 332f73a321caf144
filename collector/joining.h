/*
 * Joining: a sensor's first conversations with its aggregator, each on a libuv loop of its own and
 * bounded by JOINING_MS. It comes without a certificate, trusts the authority whose key the token
 * pins, gets a certificate for a key that never leaves this machine, and comes again with that: it is
 * let in, and a test record of its own is written to the aggregator's store and read back. `check`
 * comes with the certificate alone, or, where there is none, only has itself greeted.
 *
 *   joining_ask -> [the caller writes what it got] -> joining_prove
 *   joining_greet
 */
#ifndef COLLECTOR_JOINING_H
#define COLLECTOR_JOINING_H

#include "common/address.h"
#include "common/frame.h"
#include "common/token.h"

#define JOINING_MS 30000 /* for each of them */

/* Gets a certificate for the private key `key` (PEM); `answer` is to be closed by frame_close.
 * ERR_REFUSED when the aggregator does not want to, ERR_UNREACHABLE, with the cause in `errmsg`: how
 * far it came and what did not come any more. */
int joining_ask(const struct address *address, const struct token *token, const char *key,
                struct frame *answer, char *errmsg);

/* Opens an epoch without records as the sensor whose `identity` (PEM) and darknet these are, and has
 * a random number written and read back: 0 when that way is whole. It adds to no figure. Errors as
 * joining_ask; ERR_FULL when it is refused for the moment only; ERR_DAMAGED when another number came
 * back. */
int joining_prove(const struct address *address, const char *identity, const char *sensor,
                  char *darknet, char *errmsg);

/* Connects in the clear and waits for HELLO. Errors as joining_ask, and ERR_VERSION for another
 * protocol. */
int joining_greet(const struct address *address, char *errmsg);

#endif

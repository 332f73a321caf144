/*
 * What serve makes of a request before it asks the store: whether it was meant for this server, and
 * its parameters, which are the command line's options by the same names, read by the same functions.
 * Pure. Everything here comes from whoever asks.
 *
 *   serve_request_refused -> serve_request_path -> serve_request_host, then
 *   serve_request_begin -> serve_request_parameter ... -> the endpoint's check
 */
#ifndef DASHBOARDS_SERVE_REQUEST_H
#define DASHBOARDS_SERVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "dashboards/options.h"

#define SERVE_HOST_SIZE      256 /* of a host with its port and NUL */
#define SERVE_PARAMETERS_MAX 32  /* more than any endpoint takes */

/* Why a request's target, as it arrived, is not taken: a NUL in its path, which would end it early,
 * or more than SERVE_PARAMETERS_MAX parameters. NULL: it is. The text is static. */
const char *serve_request_refused(const char *target);

/* The path in a target without its query: the target, or what is behind the host of the absolute form
 * (RFC 9112 section 3.2.2), which then stands in `host`; it counts instead of the header, and one that
 * is too long is left empty. `*absolute` tells which. */
const char *serve_request_path(const char *target, char host[SERVE_HOST_SIZE], bool *absolute);

/* Whether the value of a Host header (NULL: there is none) is one that a page of somebody else's
 * cannot have led a browser here by: a number, `localhost`, or one of `names`, which are separated by
 * commas (NULL: none); each with or without a port. A name that anyone can point at a loopback
 * address is refused: DNS rebinding. */
bool serve_request_host(const char *host, const char *names);

/* Begins the options of a request: what the command line has without any, in JSON. */
void serve_request_begin(struct options *options);

/* Takes one parameter into the options that an endpoint takes. Strings are borrowed. ERR_INVALID with
 * the cause in `errmsg`, which names the parameter: not one of them, given twice, no value, a value
 * with a NUL, or what the option of that name does not take. */
int serve_request_parameter(struct options *options, uint64_t takes, const char *name,
                            size_t name_size, const char *value, size_t value_size, char *errmsg);

/* Turns a message for the command line into one for who asks by HTTP: "--step 'x'" is "step 'x'". */
void serve_request_message(char *errmsg);

#endif

/*
 * HTTP for serve, by libmicrohttpd, in the caller's thread: connections, requests and the headers of
 * answers; what is answered is in serve_answer.h and serve_files.h. GET and HEAD alone, no bodies.
 * Everything is bounded: connections in all and from one address, a request's head in bytes, and both
 * the time for sending a request and the time for taking its answer.
 *
 *   serve_http_start -> wait for serve_http_descriptor, at most serve_http_wait_ms -> serve_http_turn
 *       ... -> serve_http_stop
 */
#ifndef DASHBOARDS_SERVE_HTTP_H
#define DASHBOARDS_SERVE_HTTP_H

#include "dashboards/serve_answer.h"

#define SERVE_CONNECTIONS 64
#define SERVE_PER_ADDRESS 32
#define SERVE_HEAD_MAX    8192 /* bytes of a request's head, and of an answer's */
#define SERVE_REQUEST_S   10   /* from connecting, or the answer before, to a whole request */
#define SERVE_TRANSFER_S  60   /* to take an answer */

struct serve_http;

/* Serves on a listening descriptor, which it takes over. ERR_NOMEM, ERR_IO with the cause in
 * `errmsg`; the descriptor is then closed. */
int serve_http_start(struct serve_http **http, int listening, struct serve_site *site,
                     char *errmsg);
/* Ends all connections. */
void serve_http_stop(struct serve_http *http);

/* Readable when there is something to do. */
int serve_http_descriptor(const struct serve_http *http);
/* After how many milliseconds there may be something to do without that; -1: never. */
int serve_http_wait_ms(struct serve_http *http);
/* Does what there is to do, without waiting but for the store. */
void serve_http_turn(struct serve_http *http);

#endif

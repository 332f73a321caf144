/*
 * `darkcount serve`: the web page, the HTTP API, /metrics and /healthz, until SIGTERM or SIGINT. One
 * thread: libmicrohttpd's turns, and the store's answers in between.
 */
#ifndef DASHBOARDS_SERVE_H
#define DASHBOARDS_SERVE_H

#include "dashboards/options.h"

#define SERVE_LISTEN "127.0.0.1:8280"

/* Whether --listen is an address and a port, and --host names. */
int serve_check(struct options *options, char *errmsg);
/* The whole command. The store need not be there. */
int serve_run(const struct options *options, char *errmsg);

#endif

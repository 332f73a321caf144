/*
 * HTTP for one page, /metrics, on a libuv loop: what the collector's ship process and the aggregator
 * tell a Prometheus server. libmicrohttpd speaks HTTP; its epoll descriptor is watched by the loop.
 * Connections are accepted here, so that running out of descriptors pauses it instead of keeping the
 * loop busy.
 *
 *   httpd_listen -> httpd_start -> [page] ... -> httpd_stop
 *
 * httpd_listen opens the socket alone, for a process that gives up its rights in between. GET and HEAD
 * are answered; at most HTTPD_CONNECTIONS at a time, each for HTTPD_IDLE_S without a byte.
 */
#ifndef COMMON_HTTPD_H
#define COMMON_HTTPD_H

#include <stdbool.h>
#include <uv.h>

#include "common/buf.h"

#define HTTPD_CONNECTIONS 16
#define HTTPD_IDLE_S      5

struct httpd;

/* Appends the page as it is now. */
typedef void httpd_page_fn(void *data, struct buf *text);

/* Listens on ADDRESS:PORT, which is on the loopback interface unless `anywhere`. A descriptor;
 * ERR_INVALID, ERR_REFUSED, ERR_IO with the cause in `errmsg`. */
int httpd_listen(const char *address, bool anywhere, char *errmsg);

/* Serves on that descriptor, which stays the caller's. ERR_NOMEM, ERR_IO with the cause in `errmsg`. */
int httpd_start(struct httpd **httpd, uv_loop_t *loop, int descriptor, httpd_page_fn *page,
                void *data, char *errmsg);
/* Ends all connections; frees when the loop has closed its handles. NULL is allowed. */
void httpd_stop(struct httpd *httpd);

#endif

/*
 * The answers of serve: for a path and its parameters the bytes to send. Figures come from the query
 * layer and are printed as the commands of darkcount print them. Knows nothing of connections:
 * serve_http.c asks here, one request after the other.
 *
 *   serve_site_init -> (serve_find -> parameters -> serve_answer -> serve_reply_close) ...
 *       -> serve_site_close
 */
#ifndef DASHBOARDS_SERVE_ANSWER_H
#define DASHBOARDS_SERVE_ANSWER_H

#include <stdio.h>

#include "dashboards/capped.h"
#include "dashboards/options.h"
#include "dashboards/serve_store.h"

#define SERVE_ANSWER_MAX  ((size_t)16 << 20) /* bytes of one answer */
#define SERVE_ANSWER_S    10                 /* for making it */
#define SERVE_PERIODS_MAX 5000
/* Periods of one sensor that are read for an answer, so that others wait a second or two and no longer:
 * of totals, sensors and classes, and of the other breakdowns, whose tables are large. */
#define SERVE_READS_MAX      50000
#define SERVE_ROWS_READS_MAX 1500

/* What serve was told when it was started, and its store. */
struct serve_site {
    bool real_addresses;
    const char *hosts;     /* names it answers to, beside localhost; borrowed */
    const char *geo_db[2]; /* as in struct options; borrowed */
    struct serve_store store;
};

void serve_site_init(struct serve_site *site, const struct options *options,
                     const struct storeurl *url);
void serve_site_close(struct serve_site *site);

/* What there is under a path. */
struct serve_endpoint {
    const char *path;
    uint64_t takes; /* OPTION_BIT of its parameters */
    const char *type;
    /* Whether the parameters go with each other, before the store is asked; or NULL. */
    int (*check)(struct options *options, char *errmsg);
    /* Prints the answer. ERR_INVALID, ERR_UNKNOWN: what was asked cannot be; otherwise the store's. */
    int (*print)(FILE *out, struct store *store, const struct options *options, char *errmsg);
};

extern const struct serve_endpoint serve_endpoints[];
extern const size_t serve_endpoint_count;

/* NULL: there is nothing. */
const struct serve_endpoint *serve_find(const char *path);

struct serve_reply {
    unsigned status; /* HTTP's */
    const char *type;
    struct buf body; /* to be closed, or taken over by who leaves it empty */
};

/* Answers with what the endpoint prints, or with the error that it could not: 400 what was asked, 403
 * addresses, 503 the store. */
void serve_answer(struct serve_site *site, const struct serve_endpoint *endpoint,
                  struct options *options, struct serve_reply *reply);

/* An error as JSON: {"error": message}. */
void serve_answer_error(struct serve_reply *reply, unsigned status, const char *message);
void serve_reply_close(struct serve_reply *reply);

#endif

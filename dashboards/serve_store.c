#include "dashboards/serve_store.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"

void serve_store_init(struct serve_store *at, const struct storeurl *url)
{
    *at = (struct serve_store){.url = *url};
}

void serve_store_close(struct serve_store *at)
{
    serve_store_drop(at);
}

void serve_store_drop(struct serve_store *at)
{
    store_close(at->store);
    at->store = NULL;
}

static int failed(struct serve_store *at, int rc, const char *errmsg)
{
    if (at->error == 0)
        log_warn("%s", errmsg);
    at->error = rc;
    at->failed_ms = monotonic_ms();
    snprintf(at->cause, sizeof at->cause, "%s", errmsg);
    return rc;
}

/* A connection that was left alone may have been closed by the other side: that is no failure yet. */
static int refresh(struct serve_store *at, char *errmsg)
{
    int rc = at->store ? store_refresh(at->store, errmsg) : ERR_UNREACHABLE;
    if (rc == 0)
        return 0;
    serve_store_drop(at);
    return store_open(&at->store, &at->url, errmsg);
}

int serve_store_take(struct serve_store *at, struct store **store, char *errmsg)
{
    if (at->error && monotonic_ms() - at->failed_ms < SERVE_STORE_PAUSE_MS)
        return err_set(errmsg, at->error, "%s", at->cause);
    int rc = refresh(at, errmsg);
    if (rc)
        return failed(at, rc, errmsg);
    if (at->error)
        log_info("store %s: it is there again", at->url.shown);
    at->error = 0;
    *store = at->store;
    return 0;
}

#include "aggregator/look.h"

#include "aggregator/store.h"
#include "common/calendar.h"
#include "common/schema.h"

/* look() -> on_up -> on_fetched -> end(); what goes wrong, and the time that is over, ends there, too. */
struct looking {
    uv_loop_t loop;
    uv_timer_t patience;
    struct store store;
    struct fetch *fetch;
    bool ended;
    int rc;
    char *errmsg;
};

static void end(struct looking *looking, int rc, const char *why)
{
    if (looking->ended)
        return;
    looking->ended = true;
    looking->rc = rc;
    if (rc)
        err_set(looking->errmsg, rc, "store %s: %s", looking->store.url.shown, why);
    uv_close((uv_handle_t *)&looking->patience, NULL);
    store_close(&looking->store, NULL);
}

static void on_patience(uv_timer_t *timer)
{
    end(timer->data, ERR_UNREACHABLE, "does not answer");
}

static void on_fetched(void *data, int code, const char *why)
{
    end(data, code, why);
}

static void on_up(void *data)
{
    struct looking *looking = data;
    int rc =
        looking->store.storage.fetch(&looking->store.storage, looking->fetch, on_fetched, looking);
    if (rc)
        end(looking, rc, err_str(rc));
}

static void on_down(void *data, int code, const char *why)
{
    end(data, code, why);
}

int look(const struct storeurl *url, struct fetch *fetch, char *errmsg)
{
    static const struct store_events events = {on_up, on_down};
    struct looking looking = {.fetch = fetch, .errmsg = errmsg};
    uv_loop_init(&looking.loop);
    uv_timer_init(&looking.loop, &looking.patience);
    looking.patience.data = &looking;
    uv_timer_start(&looking.patience, on_patience, LOOK_MS, 0);
    store_init(&looking.store, &looking.loop, url, "UTC", &events, &looking);
    store_set_looking(&looking.store);
    store_open(&looking.store);
    uv_run(&looking.loop, UV_RUN_DEFAULT);
    uv_loop_close(&looking.loop);
    return looking.rc;
}

int look_zone(const struct storeurl *url, char *errmsg)
{
    struct fetch fetch;
    fetch_init(&fetch);
    fetch_ask(&fetch, FETCH_FIELD, SCHEMA_TELESCOPE, "timezone");
    int rc = look(url, &fetch, errmsg);
    const struct fetch_value *zone = rc ? NULL : fetch_value(&fetch, 0);
    if (zone)
        rc = calendar_init(zone->bytes, errmsg);
    fetch_close(&fetch);
    return rc;
}

#include "aggregator/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    struct storage *store;
    char sensor[SENSOR_NAME_MAX + 1];
    char value[2 * FRAME_NONCE_SIZE + 1]; /* the nonce in hexadecimal */
    struct fetch fetch;
    unsigned tries;
    probe_done_fn *done; /* NULL: forgotten */
    void *data;
};

static int ask_n(struct probe *probe);

static void end(struct probe *probe, const struct frame_refuse *why)
{
    probe_done_fn *done = probe->done;
    void *data = probe->data;
    fetch_close(&probe->fetch);
    free(probe);
    if (done)
        done(data, why);
}

static void finish(struct probe *probe, int code, const char *text)
{
    struct frame_refuse why = {.code = REFUSE_STORE};
    snprintf(why.text, sizeof why.text, "the store cannot take it now: %.400s", text);
    end(probe, code ? &why : NULL);
}

/* An archive of this sensor is being delivered, whose records leave no moment for it. */
static void give_way(struct probe *probe)
{
    struct frame_refuse why = {.code = REFUSE_BUSY, .retry_s = PROBE_RETRY_S};
    snprintf(why.text, sizeof why.text,
             "records of this sensor are being stored too fast for a test record to come between");
    end(probe, &why);
}

/* Asks for one value; `answered` gets it in probe->fetch. */
static int ask(struct probe *probe, enum fetch_kind kind, const char *key, const char *field,
               storage_done_fn *answered)
{
    fetch_close(&probe->fetch);
    fetch_init(&probe->fetch);
    fetch_ask(&probe->fetch, kind, key, field);
    return probe->store->fetch(probe->store, &probe->fetch, answered, probe);
}

/* --- reading back ----------------------------------------------------------------------------- */

static void read_back(void *data, int code, const char *why)
{
    struct probe *probe = data;
    const struct fetch_value *value = code ? NULL : fetch_value(&probe->fetch, 0);
    if (code)
        finish(probe, code, why);
    else if (value && strcmp(value->bytes, probe->value) == 0)
        finish(probe, 0, "");
    else
        finish(probe, ERR_DAMAGED, "what was written there does not come back");
}

static void written(void *data, int code, const char *why)
{
    struct probe *probe = data;
    char key[SCHEMA_KEY_MAX];
    int rc = code;
    schema_key_probe(key, probe->sensor);
    if (code == 0)
        rc = ask(probe, FETCH_STRING, key, NULL, read_back);
    else if (code == ERR_STALE && ++probe->tries < PROBE_TRIES)
        rc = ask_n(probe);
    if (rc == ERR_STALE)
        give_way(probe);
    else if (rc)
        finish(probe, rc, rc == code ? why : err_str(rc));
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_at(struct probe *probe, uint64_t n)
{
    char key[SCHEMA_KEY_MAX];
    struct put put;
    put_init(&put);
    schema_key_head(key, probe->sensor);
    put_begin_beside(&put, key, n);
    schema_key_probe(key, probe->sensor);
    put_set(&put, key, probe->value, strlen(probe->value));
    int rc = put_failed(&put) ? ERR_NOMEM : probe->store->put(probe->store, &put, written, probe);
    put_close(&put);
    return rc;
}

static void n_answered(void *data, int code, const char *why)
{
    struct probe *probe = data;
    const struct fetch_value *value = code ? NULL : fetch_value(&probe->fetch, 0);
    int rc = code ? code : write_at(probe, value ? strtoull(value->bytes, NULL, 10) : 0);
    if (rc)
        finish(probe, rc, code ? why : err_str(rc));
}

static int ask_n(struct probe *probe)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, probe->sensor);
    return ask(probe, FETCH_FIELD, key, "n", n_answered);
}

struct probe *probe_begin(struct storage *store, const char *sensor,
                          const uint8_t nonce[FRAME_NONCE_SIZE], probe_done_fn *done, void *data,
                          struct frame_refuse *why)
{
    struct probe *probe = calloc(1, sizeof *probe);
    int rc = probe ? 0 : ERR_NOMEM;
    if (probe) {
        probe->store = store;
        probe->done = done;
        probe->data = data;
        fetch_init(&probe->fetch);
        snprintf(probe->sensor, sizeof probe->sensor, "%s", sensor);
        for (int i = 0; i < FRAME_NONCE_SIZE; i++)
            sprintf(probe->value + 2 * i, "%02x", nonce[i]);
        rc = ask_n(probe);
    }
    if (rc == 0)
        return probe;
    *why = (struct frame_refuse){.code = REFUSE_STORE};
    snprintf(why->text, sizeof why->text, "the store cannot take it now: %s", err_str(rc));
    if (probe)
        fetch_close(&probe->fetch);
    free(probe);
    return NULL;
}

void probe_forget(struct probe *probe)
{
    if (probe)
        probe->done = NULL;
}

/*
 * darkcount-aggregator: takes the records of sensors over the network and keeps their counts in
 * Redis. This file puts the parts together, and is the only one that decides to exit.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/check.h"
#include "aggregator/options.h"
#include "aggregator/private_redis.h"
#include "aggregator/sensor_command.h"
#include "aggregator/server.h"
#include "aggregator/state.h"
#include "aggregator/users.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"

#define PRIVATE_READY_MS 120000 /* a large file is read in before redis-server answers */

struct program {
    uv_loop_t loop;
    struct options options;
    struct storeurl url;
    bool private; /* the store is our own */
    struct private_redis redis;
    struct server server;
    uv_signal_t term, interrupt;
    uv_timer_t patience; /* for the private store to answer the first time */
    bool ready;          /* it served once */
    bool ending;
    int status; /* to exit with */
};

/* --- the end ---------------------------------------------------------------------------------- */

static void stop(struct program *program, int status)
{
    if (program->ending)
        return;
    program->ending = true;
    program->status = status;
    uv_close((uv_handle_t *)&program->term, NULL);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    /* A second signal must not cut the ending short, which is bounded: the private store would be left
     * behind. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    uv_close((uv_handle_t *)&program->patience, NULL);
    server_stop(&program->server);
}

static void on_signal(uv_signal_t *handle, int sig)
{
    struct program *program = handle->data;
    log_info("%s: finishing", sig == SIGTERM ? "SIGTERM" : "SIGINT");
    stop(program, 0);
}

static void on_ended(void *data)
{
    struct program *program = data;
    if (program->private)
        private_redis_stop(&program->redis, NULL, NULL);
}

/* --- the store -------------------------------------------------------------------------------- */

static void on_patience(uv_timer_t *timer)
{
    struct program *program = timer->data;
    log_error("private redis-server does not answer; %s/redis.log may say why",
              program->options.state);
    stop(program, 1);
}

static void begin_service(struct program *program)
{
    char errmsg[ERRMSG_SIZE];
    if (server_serve(&program->server, errmsg)) {
        log_error("%s", errmsg);
        stop(program, 1);
        return;
    }
    program->ready = true;
    uv_timer_stop(&program->patience);
    store_set_patient(&program->server.store, false);
    log_info("listening on %s, store %s, time zone %s", program->options.listen, program->url.shown,
             program->options.timezone);
}

static void on_up(void *data)
{
    struct program *program = data;
    if (program->ending)
        return;
    if (program->ready)
        log_info("store %s: reachable again", program->url.shown);
    else
        begin_service(program);
}

static void on_down(void *data, int code, const char *why)
{
    struct program *program = data;
    if (program->ending)
        return;
    if (!program->ready) {
        log_error("store %s: %s: %s%s", program->url.shown,
                  code == ERR_UNREACHABLE ? "cannot be reached" : "cannot be used", why,
                  code == ERR_UNREACHABLE ? "; is Redis running there?" : "");
        stop(program, 1);
        return;
    }
    log_warn("store %s: %s: %s; sensors are turned away until it is back", program->url.shown,
             code == ERR_UNREACHABLE ? "lost" : "cannot be used", why);
}

/* --- the start -------------------------------------------------------------------------------- */

static int listen_on(struct program *program, char *errmsg)
{
    char *list = strdup(program->options.listen), *rest = list;
    int rc = list ? 0 : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    for (char *address; rc == 0 && (address = strsep(&rest, ",")) != NULL;) {
        address += strspn(address, " \t");
        address[strcspn(address, " \t")] = '\0';
        rc = server_listen(&program->server, address, errmsg);
    }
    free(list);
    return rc;
}

static void init_handles(struct program *program)
{
    uv_loop_t *loop = &program->loop;
    uv_signal_init(loop, &program->term);
    uv_signal_init(loop, &program->interrupt);
    uv_timer_init(loop, &program->patience);
    program->term.data = program->interrupt.data = program->patience.data = program;
}

/* Not before the store is started: waiting for an orphan blocks, and a signal may end us there. */
static void watch_signals(struct program *program)
{
    uv_signal_start(&program->term, on_signal, SIGTERM);
    uv_signal_start(&program->interrupt, on_signal, SIGINT);
}

static int prepare_store(struct program *program, char *errmsg)
{
    program->private = *program->options.store == '\0';
    if (!program->private)
        return storeurl_parse(&program->url, program->options.store, errmsg);
    int rc = private_redis_init(&program->redis, &program->loop, program->options.state, errmsg);
    if (rc == 0)
        private_redis_locate(program->options.state, &program->url);
    return rc;
}

static int start_store(struct program *program, char *errmsg)
{
    if (program->private) {
        int rc = private_redis_start(&program->redis, errmsg);
        if (rc)
            return rc;
        store_set_patient(&program->server.store, true);
        program->server.store.retry_most_ms = STORE_RETRY_OWN_MS;
        uv_timer_start(&program->patience, on_patience, PRIVATE_READY_MS, 0);
    }
    server_start(&program->server);
    return 0;
}

/* Runs until everything is closed. What fails from here on still goes through stop(). */
static int serve(struct program *program)
{
    static const struct server_events events = {on_up, on_down, on_ended};
    char errmsg[ERRMSG_SIZE];
    if (server_init(&program->server, &program->loop, program->options.state, &program->url,
                    program->options.timezone, &events, program)) {
        log_error("start: %s", err_str(ERR_NOMEM));
        return 1;
    }
    program->server.lanes.keep = program->options.keep;
    program->server.store.durability = program->options.durability;
    init_handles(program);
    int rc = listen_on(program, errmsg);
    if (rc == 0 && program->options.metrics && *program->options.metrics)
        rc = server_metrics(&program->server, program->options.metrics,
                            program->options.metrics_anywhere, errmsg);
    if (rc == 0)
        rc = start_store(program, errmsg);
    if (!program->ending) /* a store that refuses at once has ended us already */
        watch_signals(program);
    if (rc) {
        log_error("%s", errmsg);
        stop(program, 1);
    }
    uv_run(&program->loop, UV_RUN_DEFAULT);
    server_close(&program->server);
    if (uv_loop_close(&program->loop) != 0) {
        log_error("stop: a handle of the event loop was left open");
        return 1;
    }
    return program->status;
}

/* Each connection takes a descriptor; the soft limit is often low. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct program *program)
{
    char errmsg[ERRMSG_SIZE];
    if (calendar_init(program->options.timezone, errmsg)) {
        log_error("%s", errmsg);
        return 1;
    }
    int lock = state_hold(program->options.state, errmsg);
    if (lock < 0) {
        log_error("%s", errmsg);
        return 1;
    }
    uv_loop_init(&program->loop);
    int status = 1;
    if (prepare_store(program, errmsg))
        log_error("%s", errmsg);
    else
        status = serve(program);
    close(lock);
    return status;
}

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE];
    static struct program program;
    log_init("darkcount-aggregator");
    output_init();
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    if (argc > 1 && strcmp(argv[1], "sensor") == 0)
        return sensor_command(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "users") == 0)
        return users_command(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "check") == 0)
        return check_command(argc - 1, argv + 1);
    raise_limit();
    int status = 0;
    switch (options_read(&program.options, argc, argv, errmsg)) {
    case OPTIONS_RUN:
        status = run(&program);
        break;
    case OPTIONS_DONE:
        status = output_finish();
        break;
    case OPTIONS_USAGE:
        log_error("%s", errmsg);
        status = 2;
        break;
    case OPTIONS_FAILED:
        log_error("%s", errmsg);
        status = 1;
        break;
    }
    options_close(&program.options);
    return status;
}

#include "common/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/address.h"
#include "common/err.h"

#define BACKLOG     16
#define REQUEST_MAX 4096 /* bytes of a connection's memory: its request's head and the answer's */
#define PAUSE_MS    1000 /* after no descriptor was to be had */

/*
 * Happy path: on_connection -> MHD_add_connection -> turn -> on_request -> page. libmicrohttpd tells
 * when it wants to be called again: turn() sets the timer by it.
 */

struct httpd {
    struct MHD_Daemon *daemon;
    int listening;
    uv_poll_t listener, connections;
    uv_timer_t timer, pause;
    int handles; /* not yet closed */
    bool stopping;
    httpd_page_fn *page;
    void *data;
};

/* --- listening -------------------------------------------------------------------------------- */

static int bind_to(const struct address *address, char *errmsg)
{
    const int on = 1;
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    socklen_t size =
        name->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, name, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    err_set(errmsg, ERR_IO, "metrics: listen on %s: %s", address->shown, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ERR_IO;
}

int httpd_listen(const char *text, bool anywhere, char *errmsg)
{
    struct address address;
    int rc = address_parse(&address, text, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "metrics: listen");
    if (address.kind != ADDRESS_TLS || !address.literal)
        return err_set(errmsg, ERR_INVALID, "metrics: listen '%.100s': write ADDRESS:PORT", text);
    if (!anywhere && !address_loopback(&address))
        return err_set(errmsg, ERR_REFUSED,
                       "metrics: listen %s: that is no loopback address, and metrics are neither "
                       "encrypted nor protected; 'anywhere = yes' in [metrics] allows it",
                       address.shown);
    return bind_to(&address, errmsg);
}

/* --- answering -------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct buf *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->size, text->bytes, MHD_RESPMEM_MUST_COPY);
    buf_close(text);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status,
                                    const char *words)
{
    struct buf text;
    buf_init(&text);
    buf_put(&text, words, strlen(words));
    return answer(connection, status, "text/plain; charset=utf-8", &text);
}

static enum MHD_Result answer_page(const struct httpd *httpd, struct MHD_Connection *connection)
{
    struct buf text;
    buf_init(&text);
    httpd->page(httpd->data, &text);
    if (text.failed) {
        buf_close(&text);
        return MHD_NO;
    }
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &text);
}

/* Called for a request's head, and again for its body, which is of no use, and its end. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **seen)
{
    static char known;
    (void)version, (void)body;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    if (!*seen || *body_size > 0) {
        *seen = &known;
        *body_size = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") != 0)
        return answer_words(connection, MHD_HTTP_NOT_FOUND, "there is /metrics\n");
    return answer_page(data, connection);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void turn(struct httpd *httpd);

static void on_timer(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_activity(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    turn(poll->data);
}

/* Does what the connections want done. */
static void turn(struct httpd *httpd)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(httpd->daemon);
    if (MHD_get_timeout(httpd->daemon, &wait_ms) == MHD_YES)
        uv_timer_start(&httpd->timer, on_timer, wait_ms, 0);
    else
        uv_timer_stop(&httpd->timer);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct httpd *httpd = poll->data;
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    (void)status, (void)events;
    int fd =
        accept4(httpd->listening, (struct sockaddr *)&name, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        MHD_add_connection(httpd->daemon, fd, (struct sockaddr *)&name, size); /* or closes it */
        turn(httpd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        uv_poll_stop(poll);
        uv_timer_again(&httpd->pause);
    }
}

static void on_pause(uv_timer_t *timer)
{
    struct httpd *httpd = timer->data;
    uv_timer_stop(timer);
    uv_poll_start(&httpd->listener, UV_READABLE, on_connection);
}

/* --- start and end ---------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    struct httpd *httpd = handle->data;
    if (--httpd->handles == 0)
        free(httpd);
}

static void close_handle(struct httpd *httpd, uv_handle_t *handle)
{
    handle->data = httpd;
    httpd->handles++;
    uv_close(handle, handle_closed);
}

void httpd_stop(struct httpd *httpd)
{
    if (!httpd || httpd->stopping)
        return;
    httpd->stopping = true;
    close_handle(httpd, (uv_handle_t *)&httpd->listener);
    close_handle(httpd, (uv_handle_t *)&httpd->connections);
    close_handle(httpd, (uv_handle_t *)&httpd->timer);
    close_handle(httpd, (uv_handle_t *)&httpd->pause);
    MHD_stop_daemon(httpd->daemon);
}

static int watch(struct httpd *httpd, uv_loop_t *loop, int connections)
{
    int rc = uv_poll_init(loop, &httpd->listener, httpd->listening);
    if (rc)
        return rc;
    rc = uv_poll_init(loop, &httpd->connections, connections);
    if (rc) {
        uv_close((uv_handle_t *)&httpd->listener, NULL);
        return rc;
    }
    uv_timer_init(loop, &httpd->timer);
    uv_timer_init(loop, &httpd->pause);
    httpd->listener.data = httpd->connections.data = httpd;
    httpd->timer.data = httpd->pause.data = httpd;
    uv_timer_start(&httpd->pause, on_pause, 0, PAUSE_MS); /* its first end begins the accepting */
    return uv_poll_start(&httpd->connections, UV_READABLE, on_activity);
}

int httpd_start(struct httpd **out, uv_loop_t *loop, int descriptor, httpd_page_fn *page,
                void *data, char *errmsg)
{
    struct httpd *httpd = calloc(1, sizeof *httpd);
    if (!httpd)
        return err_set(errmsg, ERR_NOMEM, "metrics: %s", err_str(ERR_NOMEM));
    httpd->listening = descriptor;
    httpd->page = page;
    httpd->data = data;
    httpd->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, httpd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTPD_CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTPD_IDLE_S,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        httpd->daemon ? MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    int rc = info ? watch(httpd, loop, info->epoll_fd) : UV_ENOMEM;
    if (rc == 0) {
        *out = httpd;
        return 0;
    }
    if (httpd->daemon)
        MHD_stop_daemon(httpd->daemon);
    free(httpd);
    return err_set(errmsg, ERR_IO, "metrics: %s", uv_strerror(rc));
}

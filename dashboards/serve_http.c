#include "dashboards/serve_http.h"

#include <microhttpd.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "dashboards/serve_files.h"
#include "dashboards/serve_request.h"

#define ETAG_BYTES  16         /* of the SHA-256 of what is sent */
#define FRESH_FILE  "no-cache" /* kept, and asked for by its ETag: a new version shows at once */
#define FRESH_DATA  "private, max-age=5"
#define FRESH_ERROR "no-store"
#define RETRY_S     "2"
#define SWEEP_MS    1000

/*
 * Happy path: on_connection (begun) -> on_target -> on_request, which answers -> on_completed -> the
 * next request of the connection, or on_connection (closed). sweep() ends those that take too long at
 * any of it.
 */

struct peer {
    int descriptor;
    int64_t deadline_ms; /* monotonic; 0: nobody is here */
};

struct serve_http {
    struct MHD_Daemon *daemon;
    struct serve_site *site;
    struct peer peers[SERVE_CONNECTIONS];
    int descriptor;
};

/* --- sending ---------------------------------------------------------------------------------- */

static const char *const security_headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

struct sending {
    unsigned status;
    const char *type, *fresh; /* Cache-Control */
    const char *etag;         /* NULL: none */
};

/* Queues the response and gives it up. */
static enum MHD_Result send_response(struct MHD_Connection *connection,
                                     struct MHD_Response *response, const struct sending *sending)
{
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < sizeof security_headers / sizeof *security_headers; i++)
        MHD_add_response_header(response, security_headers[i][0], security_headers[i][1]);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, sending->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, sending->fresh);
    if (sending->etag)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, sending->etag);
    if (sending->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (sending->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_S);
    enum MHD_Result result = MHD_queue_response(connection, sending->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Sends the reply's body, which libmicrohttpd frees, and leaves the reply empty. */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct serve_reply *reply,
                                  const struct sending *sending)
{
    struct MHD_Response *response = NULL;
    if (!reply->body.failed)
        response = MHD_create_response_from_buffer(reply->body.size, reply->body.bytes,
                                                   MHD_RESPMEM_MUST_FREE);
    if (response)
        buf_init(&reply->body);
    serve_reply_close(reply);
    return send_response(connection, response, sending);
}

static enum MHD_Result send_error(struct MHD_Connection *connection, unsigned status,
                                  const char *message)
{
    struct serve_reply reply;
    serve_answer_error(&reply, status, message);
    const struct sending sending = {status, reply.type, FRESH_ERROR, NULL};
    return send_reply(connection, &reply, &sending);
}

static void make_etag(const void *bytes, size_t size, char etag[2 * ETAG_BYTES + 3])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256(bytes, size, sum);
    char *to = etag;
    *to++ = '"';
    for (size_t i = 0; i < ETAG_BYTES; i++) {
        *to++ = digits[sum[i] >> 4];
        *to++ = digits[sum[i] & 15];
    }
    memcpy(to, "\"", 2);
}

/* Whether the asker says that it has this already (RFC 9110 section 13.1.2). */
static bool has_already(struct MHD_Connection *connection, const char *etag)
{
    const char *have =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    return have && (strcmp(have, "*") == 0 || strstr(have, etag));
}

static enum MHD_Result send_not_modified(struct MHD_Connection *connection,
                                         const struct sending *of)
{
    const struct sending sending = {MHD_HTTP_NOT_MODIFIED, of->type, of->fresh, of->etag};
    return send_response(
        connection, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), &sending);
}

static enum MHD_Result send_file(struct MHD_Connection *connection, const struct serve_file *file)
{
    char etag[2 * ETAG_BYTES + 3];
    make_etag(file->bytes, file->size, etag);
    const struct sending sending = {MHD_HTTP_OK, file->type, FRESH_FILE, etag};
    if (has_already(connection, etag))
        return send_not_modified(connection, &sending);
    void *bytes = (void *)(uintptr_t)file->bytes; /* only read, with MHD_RESPMEM_PERSISTENT */
    return send_response(connection,
                         MHD_create_response_from_buffer(file->size, bytes, MHD_RESPMEM_PERSISTENT),
                         &sending);
}

/* --- requests --------------------------------------------------------------------------------- */

struct reading {
    struct options options;
    uint64_t takes;
    char errmsg[ERRMSG_SIZE];
};

static enum MHD_Result on_parameter(void *data, enum MHD_ValueKind kind, const char *name,
                                    size_t name_size, const char *value, size_t value_size)
{
    struct reading *reading = data;
    (void)kind;
    int rc = serve_request_parameter(&reading->options, reading->takes, name, name_size, value,
                                     value_size, reading->errmsg);
    return rc ? MHD_NO : MHD_YES;
}

static enum MHD_Result answer_endpoint(struct serve_http *http, struct MHD_Connection *connection,
                                       const struct serve_endpoint *endpoint)
{
    struct reading reading = {.takes = endpoint->takes};
    struct serve_reply reply;
    char etag[2 * ETAG_BYTES + 3];
    serve_request_begin(&reading.options);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, on_parameter, &reading);
    if (reading.errmsg[0])
        return send_error(connection, MHD_HTTP_BAD_REQUEST, reading.errmsg);
    serve_answer(http->site, endpoint, &reading.options, &reply);
    if (reply.status != MHD_HTTP_OK) {
        const struct sending sending = {reply.status, reply.type, FRESH_ERROR, NULL};
        return send_reply(connection, &reply, &sending);
    }
    make_etag(reply.body.bytes, reply.body.size, etag);
    const struct sending sending = {reply.status, reply.type, FRESH_DATA, etag};
    if (!has_already(connection, etag))
        return send_reply(connection, &reply, &sending);
    serve_reply_close(&reply);
    return send_not_modified(connection, &sending);
}

/* A body would have to be read before it could be thrown away. */
static bool has_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static enum MHD_Result count_host(void *data, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    int *count = data;
    (void)kind, (void)value;
    *count += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    return MHD_YES;
}

/* Several are refused (RFC 9112 section 3.2): a proxy before this may have gone by another one. */
static bool has_hosts(struct MHD_Connection *connection)
{
    int count = 0;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, count_host, &count);
    return count > 1;
}

static enum MHD_Result answer(struct serve_http *http, struct MHD_Connection *connection,
                              const char *path)
{
    const struct serve_endpoint *endpoint = serve_find(path);
    if (endpoint)
        return answer_endpoint(http, connection, endpoint);
    const struct serve_file *file = serve_files_find(path);
    return file ? send_file(connection, file)
                : send_error(connection, MHD_HTTP_NOT_FOUND,
                             "there is nothing here; /api/v1/openapi.json says what there is");
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void allow(struct peer *peer, int seconds)
{
    if (peer)
        peer->deadline_ms = monotonic_ms() + seconds * INT64_C(1000);
}

/* Whether the request goes by a name of this server. */
static bool is_ours(const struct serve_http *http, struct MHD_Connection *connection,
                    const char *named)
{
    const char *header =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    return serve_request_host(named ? named : header, http->site->hosts);
}

/* Comes before libmicrohttpd takes the target apart in the same bytes, which it ends at a NUL. It has
 * memory for so many parameters, and closes the connection without a word when they are more: of a
 * refused target it gets none. What is returned is `*seen` of on_request. */
static void *on_target(void *data, const char *target, struct MHD_Connection *connection)
{
    (void)data, (void)connection;
    const char *refused = serve_request_refused(target);
    char *query = refused ? strchr(target, '?') : NULL;
    if (query)
        query[1] = '\0';
    return (void *)(uintptr_t)refused;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **seen)
{
    static char head_seen;
    struct serve_http *http = data;
    char host[SERVE_HOST_SIZE];
    bool absolute;
    const char *path = serve_request_path(url, host, &absolute);
    (void)version, (void)body, (void)body_size;
    if (*seen && *seen != &head_seen)
        return send_error(connection, MHD_HTTP_BAD_REQUEST, *seen);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_error(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only");
    if (has_hosts(connection))
        return send_error(connection, MHD_HTTP_BAD_REQUEST, "a request has one Host");
    if (!is_ours(http, connection, absolute ? host : NULL))
        return send_error(connection, MHD_HTTP_MISDIRECTED_REQUEST,
                          "this server does not go by the name in Host; darkcount serve --host "
                          "NAME allows it");
    if (has_body(connection))
        return send_error(connection, MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
    if (!*seen) {
        *seen = &head_seen; /* an answer before the second call would end the connection */
        return MHD_YES;
    }
    enum MHD_Result result = answer(http, connection, path);
    allow(peer_of(connection), SERVE_TRANSFER_S);
    return result;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **seen,
                         enum MHD_RequestTerminationCode how)
{
    (void)data, (void)seen, (void)how;
    allow(peer_of(connection), SERVE_REQUEST_S);
}

/* --- connections ------------------------------------------------------------------------------ */

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct serve_http *http = data;
    struct peer *peer = *context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (peer)
            peer->deadline_ms = 0;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; info && i < SERVE_CONNECTIONS; i++) {
        if (http->peers[i].deadline_ms)
            continue;
        http->peers[i].descriptor = info->connect_fd;
        allow(&http->peers[i], SERVE_REQUEST_S);
        *context = &http->peers[i];
        return;
    }
}

/* Ends the connections that are over their time: libmicrohttpd closes what is shut down. Its own
 * time-out begins anew with every byte. */
static void sweep(struct serve_http *http)
{
    int64_t now_ms = monotonic_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS; i++)
        if (http->peers[i].deadline_ms && http->peers[i].deadline_ms < now_ms)
            shutdown(http->peers[i].descriptor, SHUT_RDWR);
}

void serve_http_turn(struct serve_http *http)
{
    sweep(http);
    MHD_run(http->daemon);
}

int serve_http_wait_ms(struct serve_http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES && wait_ms < SWEEP_MS)
        return (int)wait_ms;
    return info && info->num_connections > 0 ? SWEEP_MS : -1;
}

int serve_http_descriptor(const struct serve_http *http)
{
    return http->descriptor;
}

/* --- start and end ---------------------------------------------------------------------------- */

int serve_http_start(struct serve_http **out, int listening, struct serve_site *site, char *errmsg)
{
    struct serve_http *http = calloc(1, sizeof *http);
    if (!http) {
        close(listening);
        return err_set(errmsg, ERR_NOMEM, "serve: %s", err_str(ERR_NOMEM));
    }
    http->site = site;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, listening,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)SERVE_PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVE_TRANSFER_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVE_HEAD_MAX, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info) {
        http->descriptor = info->epoll_fd;
        *out = http;
        return 0;
    }
    if (!http->daemon)
        close(listening);
    serve_http_stop(http);
    return err_set(errmsg, ERR_IO, "serve: the HTTP server does not start");
}

void serve_http_stop(struct serve_http *http)
{
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    free(http);
}

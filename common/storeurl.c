#include "common/storeurl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/err.h"

/* The longest path that the system takes for a socket; hiredis would cut a longer one. */
#define PATH_MOST (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

/* Percent-decodes text[0..size) into `out`; false when it does not fit, an escape is broken, or a
 * control character comes out. */
static bool decode(char out[STOREURL_PART_MAX], const char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= size || !isxdigit((unsigned char)text[i + 1]) ||
                !isxdigit((unsigned char)text[i + 2]))
                return false;
            char hex[3] = {text[i + 1], text[i + 2], '\0'};
            c = (char)strtol(hex, NULL, 16);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || used + 1 >= STOREURL_PART_MAX)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static bool parse_number(const char *text, size_t size, unsigned long max, unsigned long *value)
{
    *value = 0;
    if (size == 0 || size > 9)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        *value = *value * 10 + (unsigned long)(text[i] - '0');
    }
    return *value <= max;
}

static bool parse_userinfo(struct storeurl *url, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    size_t user = colon ? (size_t)(colon - text) : size;
    return colon && decode(url->user, text, user) &&
           decode(url->password, colon + 1, size - user - 1);
}

/* host:port, [v6]:port, or without the port: one more server. */
static bool parse_server(struct storeurl *url, const char *text, size_t size)
{
    const char *host = text, *end = text + size, *port = NULL;
    size_t host_size;
    if (url->server_count == STOREURL_SERVERS_MAX)
        return false;
    struct storeurl_server *server = &url->servers[url->server_count++];
    if (size && text[0] == '[') {
        const char *close = memchr(text, ']', size);
        if (!close)
            return false;
        host = text + 1;
        host_size = (size_t)(close - host);
        if (close + 1 < end && close[1] != ':')
            return false;
        port = close + 1 < end ? close + 2 : NULL;
    } else {
        const char *colon = memchr(text, ':', size);
        host_size = colon ? (size_t)(colon - text) : size;
        port = colon ? colon + 1 : NULL;
    }
    unsigned long number = 6379;
    if (port && (!parse_number(port, (size_t)(end - port), 65535, &number) || number == 0))
        return false;
    server->port = (uint16_t)number;
    return host_size > 0 && decode(server->host, host, host_size);
}

static bool parse_servers(struct storeurl *url, const char *text, size_t size)
{
    const char *end = text + size, *comma;
    while ((comma = memchr(text, ',', (size_t)(end - text))) != NULL) {
        if (!parse_server(url, text, (size_t)(comma - text)))
            return false;
        text = comma + 1;
    }
    return parse_server(url, text, (size_t)(end - text));
}

/* Appends the servers to what is shown, as many as there is room for. */
static void show_servers(struct storeurl *url)
{
    size_t used = strlen(url->shown);
    for (size_t i = 0; i < url->server_count && used < sizeof url->shown; i++) {
        const struct storeurl_server *server = &url->servers[i];
        bool v6 = strchr(server->host, ':') != NULL;
        int more =
            snprintf(url->shown + used, sizeof url->shown - used, "%s%s%s%s:%u", i ? "," : "",
                     v6 ? "[" : "", server->host, v6 ? "]" : "", (unsigned)server->port);
        used += (size_t)more;
    }
}

static bool parse_tcp(struct storeurl *url, const char *rest)
{
    size_t size = strcspn(rest, "/");
    const char *database = rest[size] ? rest + size + 1 : "";
    unsigned long db = 0;
    if (url->cluster && rest[size])
        return false; /* a cluster has one database */
    if (*database && !parse_number(database, strlen(database), 65535, &db))
        return false;
    url->db = (unsigned)db;
    const char *at = memrchr(rest, '@', size);
    if (at && !parse_userinfo(url, rest, (size_t)(at - rest)))
        return false;
    const char *host = at ? at + 1 : rest;
    size_t host_size = size - (size_t)(host - rest);
    if (!(url->cluster ? parse_servers : parse_server)(url, host, host_size))
        return false;
    snprintf(url->shown, sizeof url->shown, "%s", url->cluster ? "redis-cluster://" : "redis://");
    show_servers(url);
    if (!url->cluster)
        snprintf(url->shown + strlen(url->shown), sizeof url->shown - strlen(url->shown), "/%u",
                 url->db);
    return true;
}

static int parse_unix(struct storeurl *url, const char *path, char *errmsg)
{
    if (path[0] != '/' || !decode(url->path, path, strlen(path)))
        return err_set(errmsg, ERR_INVALID, "store: not a socket's URL; write unix:///path");
    if (strlen(url->path) > PATH_MOST)
        return err_set(errmsg, ERR_INVALID, "store: the socket's path is longer than %zu bytes",
                       PATH_MOST);
    snprintf(url->shown, sizeof url->shown, "unix://%s", url->path);
    return 0;
}

int storeurl_parse(struct storeurl *url, const char *text, char *errmsg)
{
    /* The text may hold a password, wherever it was put: no message repeats it. */
    *url = (struct storeurl){0};
    if (strncmp(text, "unix://", 7) == 0)
        return parse_unix(url, text + 7, errmsg);
    url->cluster = strncmp(text, "redis-cluster://", 16) == 0;
    if (url->cluster && parse_tcp(url, text + 16))
        return 0;
    if (!url->cluster && strncmp(text, "redis://", 8) == 0 && parse_tcp(url, text + 8))
        return 0;
    return err_set(
        errmsg, ERR_INVALID,
        "store: not a URL; write unix:///path, redis://[user:password@]host:port[/db] or "
        "redis-cluster://[user:password@]host:port[,host:port...]");
}

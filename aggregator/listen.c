#include "aggregator/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

static int parse_unix(struct listen_address *address, const char *path, char *errmsg)
{
    if (path[0] != '/')
        return err_set(errmsg, ERR_INVALID, "listen unix://%.100s: write unix:///path", path);
    if (strlen(path) >= sizeof address->path)
        return err_set(errmsg, ERR_INVALID,
                       "listen unix://%.100s...: longer than the %zu bytes that a "
                       "socket's path may have",
                       path, sizeof address->path - 1);
    strcpy(address->path, path);
    snprintf(address->shown, sizeof address->shown, "unix://%s", path);
    return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > 65535)
        return false;
    *port = htons((uint16_t)number);
    return true;
}

static bool parse_host(struct listen_address *address, const char *host, uint16_t port,
                       bool *loopback)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->tcp;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->tcp;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        *loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        *loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    return false;
}

/* Copies the host, without the brackets of an IPv6 address. */
static bool split(const char *text, char host[64], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    if (!colon || size == 0 || size >= 64 || !parse_port(colon + 1, port))
        return false;
    bool brackets = text[0] == '[' && text[size - 1] == ']';
    if (!brackets && memchr(text, ':', size))
        return false;
    memcpy(host, text + brackets, size - 2 * brackets);
    host[size - 2 * brackets] = '\0';
    return true;
}

int listen_parse(struct listen_address *address, const char *text, char *errmsg)
{
    char host[64];
    uint16_t port;
    bool loopback;
    *address = (struct listen_address){0};
    if (strncmp(text, "unix://", 7) == 0)
        return parse_unix(address, text + 7, errmsg);
    if (!split(text, host, &port) || !parse_host(address, host, port, &loopback))
        return err_set(errmsg, ERR_INVALID,
                       "listen '%.100s': write unix:///path, 127.0.0.1:PORT or [::1]:PORT", text);
    if (!loopback)
        return err_set(
            errmsg, ERR_REFUSED,
            "listen '%.100s': connections are not encrypted yet, so only loopback addresses "
            "are allowed; carry it to other machines through a tunnel",
            text);
    snprintf(address->shown, sizeof address->shown, "%s", text);
    return 0;
}

/* Whether a server answers on the socket file. */
static bool answered(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof *name) == 0;
    if (fd >= 0)
        close(fd);
    return answers;
}

static int clear_path(const char *path, char *errmsg)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat status;
    strcpy(name.sun_path, path);
    if (lstat(path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return err_set(errmsg, ERR_IO, "listen unix://%s: there is a file that is no socket", path);
    if (answered(&name))
        return err_set(errmsg, ERR_IO, "listen unix://%s: another program listens there", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(errmsg, ERR_IO, "listen unix://%s: remove the old socket: %s", path,
                       strerror(errno));
    return 0;
}

int listen_bind(uv_stream_t *stream, const struct listen_address *address, char *errmsg)
{
    int rc;
    if (*address->path) {
        rc = clear_path(address->path, errmsg);
        if (rc)
            return rc;
        rc = uv_pipe_bind((uv_pipe_t *)stream, address->path);
    } else {
        rc = uv_tcp_bind((uv_tcp_t *)stream, (const struct sockaddr *)&address->tcp, 0);
    }
    return rc ? err_set(errmsg, ERR_IO, "listen %s: %s", address->shown, uv_strerror(rc)) : 0;
}

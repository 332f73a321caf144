#include "aggregator/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

int listen_parse(struct address *address, const char *text, char *errmsg)
{
    int rc = address_parse(address, text, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "listen");
    if (address->kind != ADDRESS_UNIX && !address->literal)
        return err_set(errmsg, ERR_INVALID,
                       "listen '%.100s': write the address of an interface, or 0.0.0.0 or [::] for "
                       "all",
                       text);
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

int listen_bind(const struct address *address, char *errmsg)
{
    const int on = 1;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    socklen_t size =
        name->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (address->kind == ADDRESS_UNIX) {
        int rc = clear_path(address->path, errmsg);
        if (rc)
            return rc;
        strcpy(path.sun_path, address->path);
        name = (const struct sockaddr *)&path;
        size = sizeof path;
    }
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, name, size) == 0)
        return fd;
    err_set(errmsg, ERR_IO, "listen %s: %s", address->shown, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ERR_IO;
}

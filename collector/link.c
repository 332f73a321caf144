#include "collector/link.h"

#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void link_init(struct link *link, int fd, const char *name)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof bound;
    link->fd = fd;
    getsockname(fd, (struct sockaddr *)&bound, &size);
    link->index = (unsigned)bound.sll_ifindex;
    snprintf(link->name, sizeof link->name, "%s", name);
}

bool link_overlaps(const struct link *a, const struct link *b)
{
    return a->index == b->index || a->index == 0 || b->index == 0;
}

enum link_state link_read(struct link *link, bool *renamed)
{
    const int needed = IFF_UP | IFF_RUNNING;
    struct ifreq request = {.ifr_ifindex = (int)link->index};
    *renamed = false;
    if (link->index == 0)
        return LINK_UP;
    if (ioctl(link->fd, SIOCGIFNAME, &request) != 0)
        return LINK_GONE;
    if (strcmp(request.ifr_name, link->name) != 0) {
        *renamed = true;
        strcpy(link->name, request.ifr_name);
    }
    if (ioctl(link->fd, SIOCGIFFLAGS, &request) != 0)
        return LINK_GONE;
    return (request.ifr_flags & needed) == needed ? LINK_UP : LINK_DOWN;
}

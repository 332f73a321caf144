#include "collector/link.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

void link_init(struct link *link, int fd, const char *name)
{
    link->fd = fd;
    link->index = if_nametoindex(name);
    snprintf(link->name, sizeof link->name, "%s", name);
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

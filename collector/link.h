/*
 * Link: the state of the interface that a capture is bound to. link_init once, link_read now and
 * then. The interface is followed by its number, so that renaming it changes nothing. Asks through
 * the capture's own socket (netdevice(7)): a sensor needs no other.
 */
#ifndef COLLECTOR_LINK_H
#define COLLECTOR_LINK_H

#include <net/if.h>
#include <stdbool.h>

enum link_state {
    LINK_UP,
    LINK_DOWN, /* set down, or without carrier: no packet can come; they do again when it is up */
    LINK_GONE, /* removed: one of the same name would be another, to be opened anew */
};

struct link {
    int fd;                 /* the capture's socket; borrowed */
    unsigned index;         /* of the interface; 0: all of them, which are always up */
    char name[IF_NAMESIZE]; /* as it is called now */
};

/* The interface that the packet socket `fd` is bound to, which was called `name` when it was opened.
 * Asks the socket, not the name: that may be another's by now. */
void link_init(struct link *link, int fd, const char *name);

/* Whether captures of both would get the same packets: the same interface under one name or two, or
 * all interfaces and one of them. */
bool link_overlaps(const struct link *a, const struct link *b);

/* `*renamed`: it has another name than at the last call. */
enum link_state link_read(struct link *link, bool *renamed);

#endif

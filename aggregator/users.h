/*
 * `darkcount-aggregator users`: the users of a store that others can reach, each with what it needs
 * and no more, as an ACL file for redis-server (acl(7) of Redis: "aclfile") and as the URLs to use.
 */
#ifndef AGGREGATOR_USERS_H
#define AGGREGATOR_USERS_H

#include "common/buf.h"

#define USERS_PASSWORD_SIZE 64 /* hexadecimal digits */

enum users { USERS_AGGREGATOR, USERS_READER, USERS_ADMIN, USERS };

struct users_passwords {
    char text[USERS][USERS_PASSWORD_SIZE + 1];
};

const char *users_name(enum users user);

/* Appends the ACL file: passwords as SHA-256, the default user switched off. ERR_NOMEM. */
int users_acl(const struct users_passwords *passwords, struct buf *out);

/* The command; the exit status. argv[0] is "users". */
int users_command(int argc, char **argv);

#endif

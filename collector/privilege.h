/*
 * Privilege: as whom the sensor runs after its capture handles are open. `run` calls
 * privilege_choose before it touches the spool and privilege_take_spool after it has made it; then
 * each process calls privilege_drop once, before it has started a thread and before it reads a
 * packet, a file of the spool or a byte from the network.
 *
 * Started as root, the capture process becomes an unprivileged user for good and the spool is made
 * that user's. The keeper and the ship process become the same user, except where the aggregator's
 * Unix socket is root's: only root may connect to that, so there they keep the user id 0, with the
 * group of the spool and, like every process, without any capability. Not started as root, the
 * user stays and the capabilities go.
 */
#ifndef COLLECTOR_PRIVILEGE_H
#define COLLECTOR_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

enum privilege_part {
    PRIVILEGE_CAPTURE,
    PRIVILEGE_REPLAY, /* keeps CAP_DAC_READ_SEARCH, or without that CAP_DAC_OVERRIDE, if it has it,
                         for captures that only root can read */
    PRIVILEGE_SHIP,
};

struct privilege {
    bool change; /* to this user; all else is meaningful only then */
    uid_t uid;
    gid_t gid;
    char user[64];  /* the name, or the number of one without a name */
    bool ship_root; /* keeper and ship process keep the user id 0 */
    int spool;      /* the directory; -1: none */
};

/* Chooses the user, and says which. `user`: a name; "none" to stay; NULL for the default, which is
 * the owner of the spool directory where that is there and is not root's, else `darkcount`, else
 * `nobody`. A process that is not root's stays what it is. Where the user namespace has no other
 * user, or, for the default, the capabilities to change are missing, it stays root and that is said.
 * ERR_REFUSED when `spool` is a directory of root's with other things in it; ERR_UNKNOWN: no such
 * user; ERR_IO. */
int privilege_choose(struct privilege *privilege, const char *user, const char *spool,
                     const char *aggregator, char *errmsg);

/* Opens the spool directory and makes root's files in it the user's, those of an earlier run as
 * root too: nothing behind a symbolic link and no file with a second name. ERR_IO. */
int privilege_take_spool(struct privilege *privilege, const char *spool, char *errmsg);

/* Gives up user, groups, capabilities, the way back (no-new-privileges, not dumpable) and writing
 * to anything but the spool (collector/landlock.h, where the kernel has it), for good.
 * `*spool` (borrowed) becomes "." where the new user can reach the directory only through the
 * descriptor: that is then the working directory. ERR_REFUSED when the spool cannot be written to,
 * ERR_IO when the kernel refuses. */
int privilege_drop(const struct privilege *privilege, enum privilege_part part, const char **spool,
                   char *errmsg);

#endif

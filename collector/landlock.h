/*
 * Landlock: confines what a process writes to one directory, whoever owns the other files. Called
 * once by each process of the sensor after privilege_drop, which sets no-new-privileges, and before
 * it starts a thread.
 */
#ifndef COLLECTOR_LANDLOCK_H
#define COLLECTOR_LANDLOCK_H

/* From now on files and directories are made, written to, renamed and deleted beneath the open
 * `directory` alone; links, sockets and devices are made nowhere and nothing is executed. Reading
 * and descriptors that are open stay as they were. ERR_UNKNOWN: the kernel has no Landlock (before
 * 5.13, or switched off); ERR_IO. */
int landlock_confine(int directory, char *errmsg);

#endif

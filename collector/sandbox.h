/*
 * Sandbox: the system calls that are left to each process of the collector, as seccomp filters.
 * Each process installs its own once, after privilege_drop and before it takes its first hostile
 * byte; threads, started before or after, have it too. None can execute a program, be traced or
 * trace, change what it is, or make memory executable; all can use files.
 *
 * A system call that is not allowed fails with EPERM and is logged by the kernel (audit record
 * "type=1326", in the journal). The environment variable DARKCOUNT_SANDBOX changes that: `kill`
 * ends the process with SIGSYS instead, for tests; `off` installs no filter, for debugging. Under
 * AddressSanitizer and ThreadSanitizer the filters also allow what the sanitizers' run times need:
 * processes that share the memory, ptrace and prctl.
 */
#ifndef COLLECTOR_SANDBOX_H
#define COLLECTOR_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Whether DARKCOUNT_SANDBOX has a value that is known (ERR_INVALID); warns of `off`. */
int sandbox_check(char *errmsg);

/* Packets and files, no network: what reads captures, from interfaces or files. No new socket; the
 * packet sockets `taps` (`count` of them, 0 for files) can be read and asked, not written to,
 * which would send. ERR_IO when the kernel refuses. */
int sandbox_capture(const int *taps, size_t count, char *errmsg);

/* The ship process and what it does besides: forks and waits. */
int sandbox_keeper(bool names, int listening, char *errmsg);

/* Files, and connections that it opens itself: Unix and TCP sockets, none for packets. `names`: the
 * aggregator's address is a host name, and what finds that is allowed, too. `listening`: the socket
 * whose connections it takes, 0 for none; it can open no other. */
int sandbox_ship(bool names, int listening, char *errmsg);

#endif

/*
 * Power cuts for tests: counts the system calls with which this process changes files and, behind the
 * n-th of them, writes what a power cut would have left of one directory into another, and ends the
 * process. The calls of the C library are taken over by this program's own of the same name; while
 * nothing is armed they only pass on.
 *
 * What is left: a file's content as of its last fsync, and the directory's entries as of its own last
 * fsync; or more of either, since a system may write earlier than it is asked to.
 */
#ifndef TESTS_UNIT_COLLECTOR_POWERCUT_H
#define TESTS_UNIT_COLLECTOR_POWERCUT_H

enum powercut_mode {
    POWERCUT_SYNCED,  /* nothing but what was synced */
    POWERCUT_ENTRIES, /* all entries, synced content */
    POWERCUT_CONTENT, /* synced entries, all content */
    POWERCUT_TORN,    /* all entries; of what was written since, a half, and zeros */
    POWERCUT_ALL,     /* everything: the process was killed */
    POWERCUT_MODES
};

/* Cuts behind the call `n` (from 1) of those that follow; the exit status is then POWERCUT_EXIT.
 * `parent`/`name` is the directory, which need not be there yet; `left`/`name` is made where it is
 * left. */
#define POWERCUT_EXIT 77
/* So many of the next fdatasyncs fail with EIO; the last byte of the file is lost by that, as a system
 * may drop what it could not write. */
extern unsigned powercut_failing_syncs;
void powercut_arm(const char *parent, const char *name, const char *left, unsigned n,
                  enum powercut_mode mode);

#endif

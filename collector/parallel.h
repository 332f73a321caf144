/*
 * Parallel: counts capture files on several threads, a file on one, with the same result as one
 * thread: same sums, same messages in the order of the files. Used by count: parallel_count. Each
 * thread takes the next file of the list and has a counting of its own (collector/counting.h); at
 * the end these are merged, whose order changes nothing. The caller's thread prints messages and a
 * progress bar (collector/progress.h) meanwhile.
 *
 * What a bounded table refuses depends on which packets came to it first, and so would depend on
 * the threads: as soon as one refuses anything, all is counted again by one thread.
 */
#ifndef COLLECTOR_PARALLEL_H
#define COLLECTOR_PARALLEL_H

#include "collector/breakdown.h"
#include "collector/capture.h"
#include "collector/counting.h"

#define PARALLEL_MAX 256

/* How many threads to take: `wanted`, 0 for as many as there are cores for us, but not more than
 * there are files nor than memory allows, and one where a file cannot be read twice (standard
 * input, a pipe). At least 1. */
unsigned parallel_threads(const struct capture_list *files, const struct breakdown_kind *kind,
                          const struct breakdown_options *options, unsigned wanted);

/* Counts the files with up to `threads` threads into `counting`, which is to be closed. Messages
 * about files are logged. `options` is borrowed as by counting_open; its `states` is set here.
 * ERR_NOMEM: nothing to close. */
int parallel_count(struct counting *counting, const struct capture_list *files,
                   const struct breakdown_kind *kind, struct breakdown_options *options,
                   unsigned threads);

#endif

/*
 * Progress: a bar on standard error for somebody who waits at a terminal: what part of the files is
 * read, packets, packets a second and the time left; where the size of the input is not known, only
 * packets and rate. Used by parallel: progress_begin, progress_show now and then, progress_hide
 * before anything else is written to the terminal. It is a line of plain text without colour or
 * escape sequences, so that NO_COLOR finds nothing to take away and any terminal will do; where
 * standard error is no terminal nothing is ever written.
 */
#ifndef COLLECTOR_PROGRESS_H
#define COLLECTOR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_PERIOD_MS 200 /* between two updates */
#define PROGRESS_LINE_SIZE 256

struct progress {
    uint64_t total_bytes; /* 0: not known */
    int64_t began_ns;     /* monotonic */
    int64_t drawn_ns;
    bool shows;   /* standard error is a terminal */
    size_t shown; /* characters on the line now */
};

void progress_begin(struct progress *progress, uint64_t total_bytes);
/* Draws the bar anew, unless that was done less than PROGRESS_PERIOD_MS ago. */
void progress_show(struct progress *progress, uint64_t bytes, uint64_t packets);
/* Clears the line, if anything is on it. */
void progress_hide(struct progress *progress);

/* The bar as text of at most `columns` characters: after `elapsed_ms`, `bytes` of `total_bytes` are
 * read. Pure. */
void progress_line(char line[PROGRESS_LINE_SIZE], size_t columns, uint64_t bytes,
                   uint64_t total_bytes, uint64_t packets, uint64_t elapsed_ms);

#endif

/*
 * What the two halves of the kernel filter share: kernelfilter.c decides which ranges the program
 * tells apart, kernelfilter_program.c writes it.
 */
#ifndef COLLECTOR_KERNELFILTER_PRIVATE_H
#define COLLECTOR_KERNELFILTER_PRIVATE_H

#include "collector/kernelfilter.h"
#include "collector/rangelist.h"

/* Where packets may come from (the darknet) and go to (the tunnels, too), by family; merged. */
enum admitted_list { FROM4, TO4, FROM6, TO6, ADMITTED_LISTS };

struct admitted {
    struct rangelist lists[ADMITTED_LISTS];
};

/* Ranges in the longest of the lists. */
size_t admitted_most(const struct admitted *admitted);

/* Writes the program that lets through what is admitted; `extra` is left alone. ERR_UNKNOWN: not for
 * this link type; ERR_FULL: it has more than options->max (1 or more) instructions; ERR_NOMEM. */
int kernelfilter_write(struct kernelfilter *filter, const struct admitted *admitted,
                       const struct kernelfilter_options *options);

#endif

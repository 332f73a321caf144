/*
 * Programs of the kernel filter for its tests, each checked by libpcap's and the kernel's rules, and
 * what they let through when libpcap runs them. A program is freed with free().
 */
#ifndef TESTS_UNIT_COLLECTOR_FILTERED_H
#define TESTS_UNIT_COLLECTOR_FILTERED_H

#include <stdbool.h>

#include "collector/kernelfilter.h"
#include "tests/unit/collector/linkframe.h"

#define SNAPLEN 96 /* what the programs return */

/* The program of up to KERNELFILTER_MAX instructions, or up to `max`; of no tunnels with NULL. */
struct kernelfilter *filtered_make(const struct prefixset *darknet, int linktype);
struct kernelfilter *filtered_make_max(const struct prefixset *darknet,
                                       const struct prefixset *tunnels, int linktype, size_t max);
/* libpcap's and the kernel's rules: jumps forward and within the program, known instructions. */
void filtered_check(const struct kernelfilter *filter);

bool filtered_passes(const struct kernelfilter *filter, const struct linkframe *frame);
bool filtered_passes4(const struct kernelfilter *filter, int linktype, int tags, uint32_t src,
                      uint32_t dst);
/* Addresses in the gaps between the set's IPv4 ranges, packets to which (or from which) the program,
 * of Ethernet, lets through all the same; expects that it lets through those of the ranges. */
double filtered_extra(const struct kernelfilter *filter, const struct prefixset *set,
                      bool as_source);

#endif

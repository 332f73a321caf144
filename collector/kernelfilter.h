/*
 * Kernel filter: a classic BPF program, made from the inventory, that lets the kernel hand over what
 * is for the darknet and nothing else. capture makes one per interface, once the link type is known,
 * and gives it to libpcap. kernelfilter_make is pure; kernelfilter_make_accepted asks the kernel.
 *
 * Let through:
 *  - IPv4 and IPv6 to or from a darknet address (a darknet address that sends is news), and to an end
 *    point of the sensor's own tunnels;
 *  - ARP by a darknet address, for the same reason;
 *  - either of them behind one or two VLAN tags that are still in the frame (Linux takes the outer
 *    one out before a filter sees the frame, so that there may be three in all);
 *  - what only decode can look into: MPLS, PPPoE sessions, 802.3 lengths, further tags.
 * Everything else is rejected, and so is a frame that ends on the wire before its address: it can be
 * counted for no address. The snap length does not matter to this, the kernel filters whole frames.
 *
 * The program may let through more than that, never less: decode and the prefix set decide.
 */
#ifndef COLLECTOR_KERNELFILTER_H
#define COLLECTOR_KERNELFILTER_H

#include <stddef.h>
#include <stdint.h>

#include "common/prefix.h"

#define KERNELFILTER_MAX 4096 /* instructions that Linux takes: BPF_MAXINSNS */
#define KERNELFILTER_MIN 128  /* are enough for any inventory, with its gaps closed */

/* Laid out as struct bpf_insn and struct sock_filter. */
struct kernelfilter_insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct kernelfilter {
    size_t count;
    struct kernelfilter_insn insns[KERNELFILTER_MAX];
    /* Addresses outside of darknet and tunnels to which packets are let through all the same,
     * because gaps had to be closed for the program to fit. */
    double extra;
};

struct kernelfilter_options {
    const struct prefixset *darknet; /* finished, as is the next; borrowed during the call */
    const struct prefixset *tunnels; /* the sensor's own tunnel end points; NULL: none */
    int linktype;                    /* DLT_ value of Ethernet, raw IP, Linux cooked v1 or v2 */
    uint32_t snaplen;                /* what the program returns for a packet to take; not 0 */
    size_t max;                      /* instructions it may have, up to KERNELFILTER_MAX */
};

/* Makes the program. ERR_UNKNOWN: no program is known for this link type, capture without;
 * ERR_FULL: `max` is too small even with all gaps closed, which KERNELFILTER_MIN is not; ERR_NOMEM. */
int kernelfilter_make(struct kernelfilter *filter, const struct kernelfilter_options *options);

/* The same for the socket `fd`, on which it is tried and taken off again: where the kernel has no room for the
 * program, a smaller one is made. The room is net.core.optmem_max, 20 KiB before Linux 6.9, which
 * holds about 1,300 instructions. ERR_FULL: no room for the smallest; ERR_IO: the kernel refuses it
 * for another reason; errors as kernelfilter_make. */
int kernelfilter_make_accepted(struct kernelfilter *filter,
                               const struct kernelfilter_options *options, int fd);

#endif

#include "collector/kernelfilter.h"

#include <linux/filter.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "collector/kernelfilter_private.h"
#include "common/err.h"

/* --- what is admitted ------------------------------------------------------------------------- */

static void admitted_close(struct admitted *admitted)
{
    for (int i = 0; i < ADMITTED_LISTS; i++)
        rangelist_close(&admitted->lists[i]);
}

static int admitted_gather(struct admitted *admitted, const struct kernelfilter_options *options)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < ADMITTED_LISTS; i++) {
        int family = i == FROM4 || i == TO4 ? 4 : 6;
        rc = rangelist_add(&admitted->lists[i], options->darknet, family);
        if (rc == 0 && (i == TO4 || i == TO6))
            rc = rangelist_add(&admitted->lists[i], options->tunnels, family);
        rangelist_merge(&admitted->lists[i]);
    }
    return rc;
}

static int admitted_join(struct admitted *joined, const struct admitted *exact, size_t max)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < ADMITTED_LISTS; i++)
        rc = rangelist_join(&joined->lists[i], &exact->lists[i], max);
    return rc;
}

size_t admitted_most(const struct admitted *admitted)
{
    size_t most = 0;
    for (int i = 0; i < ADMITTED_LISTS; i++)
        if (admitted->lists[i].count > most)
            most = admitted->lists[i].count;
    return most;
}

/* Destinations in `joined` that are not in `exact`. */
static double admitted_extra(const struct admitted *joined, const struct admitted *exact)
{
    return rangelist_size(&joined->lists[TO4], 4) - rangelist_size(&exact->lists[TO4], 4) +
           rangelist_size(&joined->lists[TO6], 6) - rangelist_size(&exact->lists[TO6], 6);
}

/* --- as much of it as fits -------------------------------------------------------------------- */

/* The program of at most `ranges` ranges per list. ERR_FULL: it does not fit. */
static int write_joined(struct kernelfilter *filter, const struct admitted *exact,
                        const struct kernelfilter_options *options, size_t ranges)
{
    struct admitted joined = {0};
    int rc = admitted_join(&joined, exact, ranges);
    if (rc == 0) {
        rc = kernelfilter_write(filter, &joined, options);
        filter->extra = admitted_extra(&joined, exact);
    }
    admitted_close(&joined);
    return rc;
}

/* The exact program, or the one with the most ranges that fits. */
static int write_fitting(struct kernelfilter *filter, const struct admitted *exact,
                         const struct kernelfilter_options *options)
{
    size_t fits = 0, most = admitted_most(exact);
    if (most > options->max)
        most = options->max; /* a range takes an instruction at least */
    int rc = write_joined(filter, exact, options, most);
    if (rc != ERR_FULL)
        return rc;
    while (most - fits > 1) {
        size_t middle = fits + (most - fits) / 2;
        rc = write_joined(filter, exact, options, middle);
        if (rc == 0)
            fits = middle;
        else if (rc == ERR_FULL)
            most = middle;
        else
            return rc;
    }
    return fits ? write_joined(filter, exact, options, fits) : ERR_FULL;
}

int kernelfilter_make(struct kernelfilter *filter, const struct kernelfilter_options *options)
{
    struct admitted admitted = {0};
    if (options->max == 0)
        return ERR_FULL;
    int rc = admitted_gather(&admitted, options);
    if (rc == 0)
        rc = write_fitting(filter, &admitted, options);
    admitted_close(&admitted);
    return rc;
}

/* --- as much of it as the kernel takes -------------------------------------------------------- */

static int attach(int fd, const struct kernelfilter_insn *insns, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count,
                                 .filter = (struct sock_filter *)insns};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0)
        return 0;
    return errno == ENOMEM ? ERR_FULL : ERR_IO;
}

/* As libpcap is going to do it, in the place of a filter that rejects everything: while one is being
 * replaced the kernel needs room for both. */
static int try_on(int fd, const struct kernelfilter *filter)
{
    static const struct kernelfilter_insn nothing = {.code = BPF_RET | BPF_K};
    int ignored = 0;
    int rc = attach(fd, &nothing, 1);
    if (rc)
        return rc;
    rc = attach(fd, filter->insns, filter->count);
    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored);
    return rc;
}

int kernelfilter_make_accepted(struct kernelfilter *filter,
                               const struct kernelfilter_options *options, int fd)
{
    struct kernelfilter_options smaller = *options;
    int rc;
    do {
        rc = kernelfilter_make(filter, &smaller);
        if (rc == 0)
            rc = try_on(fd, filter);
        if (rc != ERR_FULL)
            return rc;
        smaller.max = filter->count * 15 / 16;
    } while (smaller.max >= KERNELFILTER_MIN);
    return ERR_FULL;
}

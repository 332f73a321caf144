#include <criterion/criterion.h>

#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/unit/collector/filtered.h"
#include "tests/unit/collector/prefixes.h"
#include "tests/unit/common/random.h"

static bool attach(int fd, const struct kernelfilter *filter)
{
    struct sock_fprog program = {.len = (unsigned short)filter->count,
                                 .filter = (struct sock_filter *)filter->insns};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

static struct kernelfilter *make_accepted(const struct prefixset *set, int fd)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options options = {
        .darknet = set, .linktype = ETHERNET, .snaplen = SNAPLEN, .max = KERNELFILTER_MAX};
    int rc = kernelfilter_make_accepted(filter, &options, fd);
    cr_assert_eq(rc, 0, "%s", err_str(rc));
    filtered_check(filter);
    return filter;
}

/* A socket pair's filter runs over the datagrams as a packet socket's does over frames, and needs
 * no right. */
Test(kernelfilter, the_kernel_filters_as_libpcap_does)
{
    uint64_t state = 6;
    static const size_t counts[] = {1, 100, 1500};
    for (size_t i = 0; i < 3; i++) {
        int fds[2], accepted = 0;
        struct prefixset *set = prefixes_random4(&state, counts[i], 24);
        size_t ranges = prefixes_ranges4(set);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        struct kernelfilter *filter = make_accepted(set, fds[1]);
        cr_assert(attach(fds[1], filter), "%zu instructions: %m", filter->count);
        for (int j = 0; j < 2000; j++) {
            struct linkframe frame = linkframe_ipv4(ETHERNET, (int)random_below(&state, 3),
                                                    prefixes_pick4(&state, set, ranges),
                                                    prefixes_pick4(&state, set, ranges));
            frame.size -= j % 50 == 0 ? (uint32_t)random_below(&state, 30) : 0;
            uint8_t got[SNAPLEN];
            cr_assert_eq(send(fds[0], frame.bytes, frame.size, 0), (ssize_t)frame.size);
            ssize_t size = recv(fds[1], got, sizeof got, 0);
            cr_assert_eq(size, filtered_passes(filter, &frame) ? (ssize_t)frame.size : -1);
            accepted += size > 0;
        }
        cr_assert(accepted > 0 && accepted < 2000);
        close(fds[0]);
        close(fds[1]);
        free(filter);
        prefixset_free(set);
    }
}

static long optmem_max(void)
{
    long bytes = 0;
    FILE *file = fopen("/proc/sys/net/core/optmem_max", "r");
    if (!file || fscanf(file, "%ld", &bytes) != 1)
        bytes = 0;
    if (file)
        fclose(file);
    return bytes;
}

/* A packet socket where one may be opened. */
Test(kernelfilter, the_kernel_takes_as_many_instructions_as_it_has_room_for)
{
    uint64_t state = 7;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) {
        cr_log_warn("no packet socket without CAP_NET_RAW: tried on another one");
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    struct prefixset *set = prefixes_random4(&state, 5000, 32);
    struct kernelfilter *filter = make_accepted(set, fd);
    cr_assert(attach(fd, filter), "%zu instructions: %m", filter->count);
    cr_assert(optmem_max() < 131072 || filter->count > 4000, "%zu instructions", filter->count);
    cr_assert_eq(filtered_extra(filter, set, false), filter->extra);
    close(fd);
    free(filter);
    prefixset_free(set);
}

Test(kernelfilter, a_socket_that_takes_no_filter_is_an_error)
{
    int fds[2];
    static struct kernelfilter filter;
    struct prefixset *set = prefixes_of("198.51.100.0/24");
    struct kernelfilter_options options = {
        .darknet = set, .linktype = ETHERNET, .snaplen = SNAPLEN, .max = KERNELFILTER_MAX};
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(kernelfilter_make_accepted(&filter, &options, fds[0]), ERR_IO);
    close(fds[0]);
    close(fds[1]);
    prefixset_free(set);
}

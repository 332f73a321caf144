#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/capture_private.h"
#include "collector/kernelfilter.h"
#include "common/err.h"

#define SNAPLEN_DEFAULT 128
#define RING_DEFAULT    (64u << 20)

/* --- opening ---------------------------------------------------------------------------------- */

static int live_error(const struct capture *cap, int status, char *errmsg)
{
    int code = ERR_IO;
    const char *todo = "";
    if (status == PCAP_ERROR_NO_SUCH_DEVICE) {
        code = ERR_UNKNOWN;
        todo = "; `ip link` lists the interfaces";
    } else if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED) {
        code = ERR_REFUSED;
        todo = "; run as root or with CAP_NET_RAW";
    } else if (status == PCAP_ERROR_IFACE_NOT_UP) {
        todo = "; set it up first: ip link set dev ... up";
    }
    const char *detail = pcap_geterr(cap->pcap);
    return err_set(errmsg, code, "opening interface %s: %s%s", cap->name,
                   *detail ? detail : pcap_statustostr(status), todo);
}

static int activate(struct capture *cap, const struct capture_options *options, char *errmsg)
{
    uint32_t ring = options->ring_bytes ? options->ring_bytes : RING_DEFAULT;
    if (ring > INT32_MAX)
        return err_set(errmsg, ERR_INVALID, "opening interface %s: the ring must be under 2 GiB",
                       cap->name);
    pcap_set_snaplen(cap->pcap, options->snaplen ? (int)options->snaplen : SNAPLEN_DEFAULT);
    pcap_set_buffer_size(cap->pcap, (int)ring);
    pcap_set_promisc(cap->pcap, options->promiscuous);
    pcap_set_timeout(cap->pcap, CAPTURE_BLOCK_MS);
    pcap_set_tstamp_precision(cap->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(cap->pcap);
    /* Warnings are positive: it captures, if not promiscuously. */
    return status < 0 ? live_error(cap, status, errmsg) : 0;
}

static int set_filter(struct capture *cap, const char *filter, char *errmsg)
{
    struct bpf_program program;
    if (pcap_compile(cap->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN))
        return err_set(errmsg, ERR_INVALID, "opening interface %s: filter: %s", cap->name,
                       pcap_geterr(cap->pcap));
    int status = pcap_setfilter(cap->pcap, &program);
    pcap_freecode(&program);
    return status ? live_error(cap, status, errmsg) : 0;
}

/* Gives libpcap the program in its own form. It moves the offsets where the kernel does not see the
 * link header ("any"), and filters by itself where the kernel does not. */
static int set_program(struct capture *cap, const struct kernelfilter *filter, char *errmsg)
{
    struct bpf_insn *insns = calloc(filter->count, sizeof *insns);
    if (!insns)
        return capture_no_memory(cap->name, errmsg);
    for (size_t i = 0; i < filter->count; i++) {
        const struct kernelfilter_insn *insn = &filter->insns[i];
        insns[i] = (struct bpf_insn){insn->code, insn->jt, insn->jf, insn->k};
    }
    struct bpf_program program = {.bf_len = (u_int)filter->count, .bf_insns = insns};
    int status = pcap_setfilter(cap->pcap, &program);
    free(insns);
    cap->filtered = status == 0;
    cap->filter_extra = filter->extra;
    return status ? live_error(cap, status, errmsg) : 0;
}

/* Without a program everything is handed over, which is no error. */
static int set_kernelfilter(struct capture *cap, const struct capture_options *options,
                            char *errmsg)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options wanted = {.darknet = options->darknet,
                                          .tunnels = options->tunnels,
                                          .linktype = cap->linktype,
                                          .snaplen = (uint32_t)pcap_snapshot(cap->pcap),
                                          .max = KERNELFILTER_MAX};
    int result =
        filter ? kernelfilter_make_accepted(filter, &wanted, pcap_fileno(cap->pcap)) : ERR_NOMEM;
    if (result == 0)
        result = set_program(cap, filter, errmsg);
    else if (result == ERR_NOMEM)
        capture_no_memory(cap->name, errmsg);
    else
        result = 0;
    free(filter);
    return result;
}

static void open_nicdrops(struct capture *cap)
{
    char dir[sizeof "/sys/class/net//statistics" + IF_NAMESIZE];
    int size = snprintf(dir, sizeof dir, "/sys/class/net/%s/statistics", cap->name);
    if (size < (int)sizeof dir)
        cap->nic = nicdrops_open(dir);
}

static int open_live(struct capture *cap, const struct capture_options *options, char *errmsg)
{
    char cause[PCAP_ERRBUF_SIZE];
    cap->live = true;
    cap->pcap = pcap_create(cap->name, cause);
    if (!cap->pcap)
        return err_set(errmsg, ERR_IO, "opening interface %s: %s", cap->name, cause);
    int result = activate(cap, options, errmsg);
    if (result)
        return result;
    cap->linktype = pcap_datalink(cap->pcap);
    result = capture_check_linktype(cap, "opening", errmsg);
    if (result == 0 && options->filter)
        result = set_filter(cap, options->filter, errmsg);
    else if (result == 0 && options->darknet)
        result = set_kernelfilter(cap, options, errmsg);
    if (result)
        return result;
    open_nicdrops(cap);
    if (!options->both_directions) /* where it cannot, a darknet sends nothing anyway */
        pcap_setdirection(cap->pcap, PCAP_D_IN);
    if (pcap_setnonblock(cap->pcap, 1, cause))
        return err_set(errmsg, ERR_IO, "opening interface %s: %s", cap->name, cause);
    return 0;
}

int capture_open_live(struct capture **cap, const char *iface,
                      const struct capture_options *options, char *errmsg)
{
    *cap = NULL;
    struct capture *made = capture_new(iface);
    if (!made)
        return capture_no_memory(iface, errmsg);
    int result = open_live(made, options, errmsg);
    if (result) {
        capture_close(made);
        return result;
    }
    *cap = made;
    return 0;
}

/* --- taking packets --------------------------------------------------------------------------- */

static void hand_over(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct capture *cap = (struct capture *)user;
    struct capture_packet packet;
    capture_set_packet(cap, &packet, header, data);
    cap->handed++;
    cap->handler(cap->user, &packet);
}

/* libpcap asks by name whether an interface that was down is still there: one that was renamed
 * meanwhile has disappeared for it, until packets come. The socket knows better. */
static bool was_renamed(const struct capture *cap)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof bound;
    return strstr(pcap_geterr(cap->pcap), "disappeared") &&
           getsockname(pcap_fileno(cap->pcap), (struct sockaddr *)&bound, &size) == 0 &&
           bound.sll_ifindex > 0;
}

int capture_dispatch_live(struct capture *cap, int max, capture_handler handler, void *user,
                          char *errmsg)
{
    cap->handler = handler;
    cap->user = user;
    cap->handed = 0;
    if (pcap_dispatch(cap->pcap, max, hand_over, (u_char *)cap) < 0 && !was_renamed(cap))
        return err_set(errmsg, ERR_IO, "reading interface %s: %s", cap->name,
                       pcap_geterr(cap->pcap));
    return cap->handed;
}

/* --- asking ----------------------------------------------------------------------------------- */

bool capture_filtered(const struct capture *cap, double *extra)
{
    *extra = cap->filter_extra;
    return cap->filtered;
}

int capture_stats(struct capture *cap, uint64_t *kernel_dropped, uint64_t *interface_dropped)
{
    struct pcap_stat stat;
    int result = 0;
    if (cap->live && pcap_stats(cap->pcap, &stat) != 0)
        result = ERR_IO;
    if (cap->live && result == 0) {
        result = dropcount_read(&cap->kernel, stat.ps_drop) ? 0 : ERR_DAMAGED;
    }
    if (!nicdrops_read(cap->nic, interface_dropped) && result == 0)
        result = ERR_DAMAGED;
    *kernel_dropped = cap->kernel.total;
    return result;
}

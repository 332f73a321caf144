#include "tests/unit/collector/filtered.h"

#include <criterion/criterion.h>
#include <pcap.h>
#include <stdlib.h>

#include "common/err.h"
#include "tests/unit/collector/prefixes.h"

void filtered_check(const struct kernelfilter *filter)
{
    cr_assert_leq(filter->count, KERNELFILTER_MAX);
    cr_assert_eq(sizeof(struct kernelfilter_insn), sizeof(struct bpf_insn));
    cr_assert(bpf_validate((const struct bpf_insn *)filter->insns, (int)filter->count));
}

struct kernelfilter *filtered_make_max(const struct prefixset *darknet,
                                       const struct prefixset *tunnels, int linktype, size_t max)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options options = {.darknet = darknet,
                                           .tunnels = tunnels,
                                           .linktype = linktype,
                                           .snaplen = SNAPLEN,
                                           .max = max};
    int rc = kernelfilter_make(filter, &options);
    cr_assert_eq(rc, 0, "%s", err_str(rc));
    filtered_check(filter);
    cr_assert_leq(filter->count, max);
    return filter;
}

struct kernelfilter *filtered_make(const struct prefixset *darknet, int linktype)
{
    return filtered_make_max(darknet, NULL, linktype, KERNELFILTER_MAX);
}

bool filtered_passes(const struct kernelfilter *filter, const struct linkframe *frame)
{
    unsigned verdict =
        bpf_filter((const struct bpf_insn *)filter->insns, frame->bytes, frame->size, frame->size);
    cr_assert(verdict == 0 || verdict == SNAPLEN, "verdict %u", verdict);
    return verdict != 0;
}

bool filtered_passes4(const struct kernelfilter *filter, int linktype, int tags, uint32_t src,
                      uint32_t dst)
{
    struct linkframe frame = linkframe_ipv4(linktype, tags, src, dst);
    return filtered_passes(filter, &frame);
}

/* Which gaps are closed, and what they hold, is found by asking for the first address of each. */
double filtered_extra(const struct kernelfilter *filter, const struct prefixset *set,
                      bool as_source)
{
    double extra = 0;
    uint32_t first, last, next_first, next_last;
    size_t ranges = prefixes_ranges4(set);
    prefixset_range4(set, 0, &first, &last);
    uint32_t outside = first - 1;
    cr_assert_not(prefixset_has4(set, outside));
    for (size_t i = 0; i < ranges; i++, last = next_last) {
        cr_assert(prefixset_range4(set, i, &first, &next_last));
        cr_assert(filtered_passes4(filter, ETHERNET, 0, outside, first));
        cr_assert(filtered_passes4(filter, ETHERNET, 0, first, outside));
        cr_assert(filtered_passes4(filter, ETHERNET, 0, outside, next_last));
        if (!prefixset_range4(set, i + 1, &next_first, &last))
            break;
        uint32_t gap = next_last + 1;
        if (filtered_passes4(filter, ETHERNET, 0, as_source ? gap : outside,
                             as_source ? outside : gap))
            extra += next_first - gap;
    }
    return extra;
}

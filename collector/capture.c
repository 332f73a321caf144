#include <stdlib.h>
#include <string.h>

#include "collector/capture_private.h"
#include "collector/decode.h"
#include "common/err.h"

int capture_no_memory(const char *name, char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "opening %s: out of memory", name);
}

struct capture *capture_new(const char *name)
{
    struct capture *cap = calloc(1, sizeof *cap);
    if (!cap)
        return NULL;
    cap->name = strdup(name);
    if (!cap->name) {
        free(cap);
        return NULL;
    }
    return cap;
}

void capture_close(struct capture *cap)
{
    if (!cap)
        return;
    if (cap->pcap)
        pcap_close(cap->pcap); /* closes the file */
    else if (cap->file)
        fclose(cap->file);
    nicdrops_close(cap->nic);
    pcapfile_free(cap->pcapfile);
    pcapng_free(cap->pcapng);
    stream_close(cap->stream);
    free(cap->name);
    free(cap);
}

int capture_check_linktype(const struct capture *cap, const char *doing, char *errmsg)
{
    if (decode_supported(cap->linktype))
        return 0;
    const char *name = pcap_datalink_val_to_name(cap->linktype);
    return err_set(errmsg, ERR_INVALID,
                   "%s %s: its link type %s (%d) is not supported; capture on an Ethernet or IP "
                   "interface",
                   doing, cap->name, name ? name : "without a name", cap->linktype);
}

int capture_dispatch(struct capture *cap, int max, capture_handler handler, void *user,
                     char *errmsg)
{
    return (cap->live ? capture_dispatch_live : capture_dispatch_file)(cap, max, handler, user,
                                                                       errmsg);
}

int capture_fd(const struct capture *cap)
{
    return cap->live ? pcap_get_selectable_fd(cap->pcap) : -1;
}

int capture_linktype(const struct capture *cap)
{
    return cap->linktype;
}

uint64_t capture_consumed(const struct capture *cap)
{
    return cap->stream ? stream_consumed(cap->stream) : 0;
}

const char *capture_name(const struct capture *cap)
{
    return cap->name;
}

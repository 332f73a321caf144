#include "collector/vitals.h"

#include <sys/mman.h>

struct vitals *vitals_new(void)
{
    void *page = mmap(NULL, sizeof(struct vitals), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

void vitals_free(struct vitals *vitals)
{
    if (vitals)
        munmap(vitals, sizeof *vitals);
}

/* Each number stands for itself, so no order between them is needed. */
static void add(_Atomic uint64_t *sum, uint64_t value)
{
    atomic_fetch_add_explicit(sum, value, memory_order_relaxed);
}

void vitals_spooled(struct vitals *vitals, const struct record *record, size_t size)
{
    if (!vitals)
        return;
    add(&vitals->captured, record->captured);
    add(&vitals->packets, record->packets);
    add(&vitals->off_darknet, record->off_darknet);
    add(&vitals->not_ip, record->not_ip);
    add(&vitals->undecodable, record->undecodable);
    add(&vitals->late, record->late);
    add(&vitals->refused, record->refused);
    add(&vitals->kernel_dropped, record->kernel_dropped);
    add(&vitals->interface_dropped, record->interface_dropped);
    add(&vitals->records, 1);
    add(&vitals->bytes, size);
}

void vitals_lost(struct vitals *vitals)
{
    if (vitals)
        add(&vitals->lost_intervals, 1);
}

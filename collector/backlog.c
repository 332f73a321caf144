#include "collector/backlog.h"

#include <stdlib.h>

#include "common/err.h"

struct backlog_entry {
    struct backlog_entry *next;
    size_t bytes;
    struct record record;
};

int backlog_push(struct backlog *backlog, struct record *record)
{
    size_t bytes = sizeof(struct backlog_entry) + record->addresses.room4 * 12 +
                   record->addresses.room6 * 24 + tables_memory(&record->tables);
    struct backlog_entry *entry =
        backlog->bytes + bytes <= BACKLOG_MAX_BYTES ? malloc(sizeof *entry) : NULL;
    if (!entry) {
        backlog->lost_packets += record->packets;
        backlog->lost_intervals++;
        return ERR_FULL;
    }
    entry->next = NULL;
    entry->bytes = bytes;
    entry->record = *record;
    record_init(record);
    if (backlog->last)
        backlog->last->next = entry;
    else
        backlog->first = entry;
    backlog->last = entry;
    backlog->bytes += bytes;
    return 0;
}

struct record *backlog_front(struct backlog *backlog)
{
    return backlog->first ? &backlog->first->record : NULL;
}

void backlog_pop(struct backlog *backlog)
{
    struct backlog_entry *entry = backlog->first;
    backlog->first = entry->next;
    if (!backlog->first)
        backlog->last = NULL;
    backlog->bytes -= entry->bytes;
    record_close(&entry->record);
    free(entry);
}

void backlog_close(struct backlog *backlog)
{
    while (backlog->first)
        backlog_pop(backlog);
}

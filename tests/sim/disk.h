/*
 * Disk: the files of one machine, in memory, as the spool's environment (collector/spool_env.h). It
 * tells what programs see from what would be there after a power cut: content as of a file's last
 * fsync, entries as of their directory's, and of what came after any part that a system may have
 * written by itself.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define DISK_FILES   96
#define DISK_ENTRIES 96
#define DISK_NAME    128
#define DISK_SPOOL   "/spool" /* is there from the beginning */

struct disk_write {
    size_t offset, size; /* size SIZE_MAX: the file was cut to `offset` */
    uint8_t *bytes;
};

struct disk_file {
    bool used, directory;
    struct buf now, synced;
    struct disk_write *writes; /* since the last sync that succeeded or failed */
    size_t write_count, write_room;
    size_t reserved; /* bytes set aside for it */
    int64_t written_s;
    unsigned opens;
    unsigned errors; /* syncs that failed: every descriptor of that time is told each once */
};

struct disk_entry {
    char path[DISK_NAME];
    int file;
};

struct disk_entries {
    struct disk_entry list[DISK_ENTRIES];
    size_t count;
};

/* A change of a directory that is not synced: `from` gone where it is not empty, `to` there. */
struct disk_change {
    char from[DISK_NAME], to[DISK_NAME];
    int file;
};

struct disk {
    struct disk_file files[DISK_FILES];
    struct disk_entries now, synced;
    struct disk_change *changes;
    size_t change_count, change_room;
    uint64_t capacity;   /* bytes */
    unsigned bad_syncs;  /* of the next syncs of files fail with EIO */
    uint64_t generation; /* grows with everything that changes what programs see */
    int64_t clock_s;     /* what its clock is ahead of the world's */
};

void disk_init(struct disk *disk, uint64_t capacity);
void disk_close(struct disk *disk);
/* The machine has lost its power. */
void disk_power_cut(struct disk *disk);
uint64_t disk_used(const struct disk *disk);
/* The machine's time of day. */
int64_t disk_wall_s(const struct disk *disk);
/* Calls `each` with every segment's path and bytes, in the order of their names within a directory. */
void disk_segments(const struct disk *disk,
                   void (*each)(void *user, const char *path, const struct buf *bytes), void *user);

/* Makes the disk of the running process what the spool works on. */
void disk_install(void);

#endif

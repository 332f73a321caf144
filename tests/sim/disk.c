#include "tests/sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/spool_env.h"
#include "tests/sim/world.h"

#define BLOCK       512
#define DESCRIPTORS 256

/* Descriptors of all machines; a process that dies leaves its own open, which costs nothing. */
static struct {
    struct disk *disk; /* NULL: free */
    int file;
    unsigned told; /* errors of the file that it was told */
} descriptors[DESCRIPTORS];

static struct disk *current(void)
{
    return world.running->disk;
}

static int fail(int code)
{
    errno = code;
    return -1;
}

/* Whether the running process may do one more thing; its last words come to nothing. */
static bool acts(void)
{
    if (process_acts())
        return true;
    errno = EIO;
    return false;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* "/a/b/.." is "/a". */
static void plain(const char *path, char out[DISK_NAME])
{
    size_t size = strlen(path);
    if (size >= DISK_NAME)
        abort();
    strcpy(out, path);
    if (size > 3 && strcmp(path + size - 3, "/..") == 0) {
        out[size - 3] = '\0';
        *strrchr(out, '/') = '\0';
    }
    if (!*out)
        strcpy(out, "/");
}

static struct disk_entry *find(struct disk_entries *entries, const char *path)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->list[i].path, path) == 0)
            return &entries->list[i];
    return NULL;
}

static void put_entry(struct disk_entries *entries, const char *path, int file)
{
    struct disk_entry *entry = find(entries, path);
    if (!entry) {
        if (entries->count == DISK_ENTRIES)
            abort();
        entry = &entries->list[entries->count++];
        strcpy(entry->path, path);
    }
    entry->file = file;
}

static void drop_entry(struct disk_entries *entries, const char *path)
{
    struct disk_entry *entry = find(entries, path);
    if (entry)
        *entry = entries->list[--entries->count];
}

static bool in_directory(const char *path, const char *directory)
{
    const char *slash = strrchr(path, '/');
    size_t size = (size_t)(slash - path);
    return strcmp(directory, "/") == 0 ? size == 0
                                       : strncmp(path, directory, size) == 0 && !directory[size];
}

static void apply(struct disk_entries *entries, const struct disk_change *change)
{
    if (*change->from)
        drop_entry(entries, change->from);
    if (*change->to)
        put_entry(entries, change->to, change->file);
}

static void change(struct disk *disk, const char *from, const char *to, int file)
{
    if (disk->change_count == disk->change_room) {
        disk->change_room = disk->change_room ? disk->change_room * 2 : 32;
        disk->changes = realloc(disk->changes, disk->change_room * sizeof *disk->changes);
        if (!disk->changes)
            abort();
    }
    struct disk_change *made = &disk->changes[disk->change_count++];
    made->file = file;
    strcpy(made->from, from);
    strcpy(made->to, to);
    apply(&disk->now, made);
    disk->generation++;
}

/* Those of one directory, up to `most` of them, in their order, are on disk. */
static void sync_directory(struct disk *disk, const char *directory, size_t most)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        const struct disk_change *made = &disk->changes[i];
        if (most > 0 && in_directory(*made->to ? made->to : made->from, directory)) {
            apply(&disk->synced, made);
            most--;
        } else {
            disk->changes[kept++] = *made;
        }
    }
    disk->change_count = kept;
}

/* --- files ------------------------------------------------------------------------------------ */

static void forget_writes(struct disk_file *file)
{
    for (size_t i = 0; i < file->write_count; i++)
        free(file->writes[i].bytes);
    file->write_count = 0;
}

static void free_file(struct disk_file *file)
{
    forget_writes(file);
    free(file->writes);
    buf_close(&file->now);
    buf_close(&file->synced);
    *file = (struct disk_file){0};
}

static bool has_name(const struct disk *disk, int file)
{
    for (size_t i = 0; i < disk->now.count; i++)
        if (disk->now.list[i].file == file)
            return true;
    for (size_t i = 0; i < disk->synced.count; i++)
        if (disk->synced.list[i].file == file)
            return true;
    for (size_t i = 0; i < disk->change_count; i++)
        if (disk->changes[i].file == file)
            return true;
    return false;
}

/* A free file; those that nobody can come to any more are freed when there is none. */
static int new_file(struct disk *disk, bool directory)
{
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < DISK_FILES; i++)
            if (!disk->files[i].used) {
                disk->files[i] = (struct disk_file){.used = true, .directory = directory};
                disk->files[i].written_s = disk_wall_s(disk);
                return i;
            }
        for (int i = 0; i < DISK_FILES; i++)
            if (disk->files[i].opens == 0 && !has_name(disk, i))
                free_file(&disk->files[i]);
    }
    abort();
}

static void overwrite(struct buf *buf, const struct disk_write *write)
{
    size_t end = write->size == SIZE_MAX ? write->offset : write->offset + write->size;
    if (end > buf->size) {
        size_t more = end - buf->size;
        memset(buf_extend(buf, more), 0, more);
    }
    if (write->size == SIZE_MAX)
        buf->size = write->offset;
    else if (write->size > 0)
        memcpy(buf->bytes + write->offset, write->bytes, write->size);
}

static void write_file(struct disk *disk, struct disk_file *file, size_t offset, const void *bytes,
                       size_t size)
{
    if (file->write_count == file->write_room) {
        file->write_room = file->write_room ? file->write_room * 2 : 8;
        file->writes = realloc(file->writes, file->write_room * sizeof *file->writes);
        if (!file->writes)
            abort();
    }
    struct disk_write write = {.offset = offset, .size = size};
    if (size != SIZE_MAX && size > 0) {
        write.bytes = malloc(size);
        memcpy(write.bytes, bytes, size);
    }
    file->writes[file->write_count++] = write;
    overwrite(&file->now, &write);
    file->written_s = disk_wall_s(disk);
    disk->generation++;
}

static void sync_file(struct disk_file *file)
{
    for (size_t i = 0; i < file->write_count; i++)
        overwrite(&file->synced, &file->writes[i]);
    forget_writes(file);
}

/* The system gives up what it could not write and calls it clean; it may still show it, or not. */
static void lose_writes(struct disk *disk, struct disk_file *file)
{
    if (world_chance(500)) {
        size_t from = file->synced.size < file->now.size ? file->synced.size : file->now.size;
        if (file->now.size > from)
            memset(file->now.bytes + from, 0, file->now.size - from);
        disk->generation++;
    }
    forget_writes(file);
}

static uint64_t blocks(const struct disk_file *file)
{
    size_t size = file->now.size > file->reserved ? file->now.size : file->reserved;
    return (size + BLOCK - 1) / BLOCK;
}

uint64_t disk_used(const struct disk *disk)
{
    bool there[DISK_FILES] = {0};
    uint64_t sum = 0;
    for (size_t i = 0; i < disk->now.count; i++)
        there[disk->now.list[i].file] = true;
    for (int i = 0; i < DISK_FILES; i++)
        if (disk->files[i].used && (there[i] || disk->files[i].opens > 0))
            sum += blocks(&disk->files[i]) * BLOCK;
    return sum;
}

/* Whether the file may take `size` bytes in all. */
static bool room_for(const struct disk *disk, const struct disk_file *file, size_t size)
{
    uint64_t has = blocks(file) * BLOCK;
    return size <= has ||
           disk_used(disk) - has + (size + BLOCK - 1) / BLOCK * BLOCK <= disk->capacity;
}

int64_t disk_wall_s(const struct disk *disk)
{
    return WALL_S + (int64_t)(world.now_us / SECOND) + disk->clock_s;
}

/* --- the calls -------------------------------------------------------------------------------- */

static int new_descriptor(struct disk *disk, int file)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (!descriptors[fd].disk) {
            descriptors[fd].disk = disk;
            descriptors[fd].file = file;
            descriptors[fd].told = disk->files[file].errors;
            disk->files[file].opens++;
            return fd;
        }
    abort();
}

static int sim_open(const char *path, int flags, mode_t mode)
{
    char name[DISK_NAME];
    struct disk *disk = current();
    (void)mode;
    if (!acts())
        return -1;
    plain(path, name);
    struct disk_entry *entry = find(&disk->now, name);
    if (!entry && !(flags & O_CREAT))
        return fail(ENOENT);
    if (!entry) {
        if (disk_used(disk) + BLOCK > disk->capacity)
            return fail(ENOSPC);
        int file = new_file(disk, false);
        change(disk, "", name, file);
        return new_descriptor(disk, file);
    }
    if (flags & O_TRUNC)
        write_file(disk, &disk->files[entry->file], 0, NULL, SIZE_MAX);
    return new_descriptor(disk, entry->file);
}

static struct disk_file *file_of(int fd)
{
    if (fd < 0 || fd >= DESCRIPTORS || descriptors[fd].disk != current())
        abort();
    return &current()->files[descriptors[fd].file];
}

static int sim_close(int fd)
{
    file_of(fd)->opens--;
    descriptors[fd].disk = NULL;
    return 0;
}

static ssize_t sim_pread(int fd, void *bytes, size_t size, off_t offset)
{
    const struct buf *now = &file_of(fd)->now;
    if (world.running->dead)
        return fail(EIO);
    if ((size_t)offset >= now->size)
        return 0;
    if (size > now->size - (size_t)offset)
        size = now->size - (size_t)offset;
    memcpy(bytes, now->bytes + offset, size);
    return (ssize_t)size;
}

static ssize_t sim_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    struct disk *disk = current();
    struct disk_file *file = file_of(fd);
    size_t end = (size_t)offset + size;
    if (world.running->fuse == 1 && size > 1) /* killed in the midst of a write */
        write_file(disk, file, (size_t)offset, bytes, world_below(size));
    if (!acts())
        return -1;
    if (room_for(disk, file, end)) {
        write_file(disk, file, (size_t)offset, bytes, size);
        return (ssize_t)size;
    }
    size_t part = world_below(size);
    if (part == 0 || !room_for(disk, file, (size_t)offset + part))
        return fail(ENOSPC);
    write_file(disk, file, (size_t)offset, bytes, part);
    return (ssize_t)part;
}

static int sim_ftruncate(int fd, off_t size)
{
    struct disk_file *file = file_of(fd);
    if (!acts())
        return -1;
    if (file->now.size != (size_t)size)
        write_file(current(), file, (size_t)size, NULL, SIZE_MAX);
    file->reserved = 0;
    return 0;
}

static int sim_fallocate(int fd, int mode, off_t offset, off_t size)
{
    struct disk_file *file = file_of(fd);
    if (!acts())
        return -1;
    if (mode != FALLOC_FL_KEEP_SIZE || offset != 0)
        abort();
    if (!room_for(current(), file, (size_t)size))
        return fail(ENOSPC);
    if (file->reserved < (size_t)size)
        file->reserved = (size_t)size;
    return 0;
}

static int sim_fsync(int fd)
{
    struct disk *disk = current();
    struct disk_file *file = file_of(fd);
    if (!acts())
        return -1;
    if (file->directory) {
        for (size_t i = 0; i < disk->now.count; i++)
            if (disk->now.list[i].file == descriptors[fd].file)
                sync_directory(disk, disk->now.list[i].path, SIZE_MAX);
        return 0;
    }
    if (disk->bad_syncs > 0 && file->write_count > 0) {
        disk->bad_syncs--;
        file->errors++;
        world_say("a sync fails");
        lose_writes(disk, file);
    }
    sync_file(file);
    bool told = descriptors[fd].told == file->errors;
    descriptors[fd].told = file->errors;
    return told ? 0 : fail(EIO);
}

static void describe(const struct disk_file *file, struct stat *info)
{
    *info = (struct stat){.st_mode = file->directory ? S_IFDIR : S_IFREG,
                          .st_size = (off_t)file->now.size,
                          .st_blocks = (blkcnt_t)blocks(file),
                          .st_mtime = file->written_s};
}

static int sim_fstat(int fd, struct stat *info)
{
    describe(file_of(fd), info);
    return 0;
}

static int sim_stat(const char *path, struct stat *info)
{
    struct disk_entry *entry = find(&current()->now, path);
    if (!entry)
        return fail(ENOENT);
    describe(&current()->files[entry->file], info);
    return 0;
}

static int sim_statvfs(const char *path, struct statvfs *info)
{
    const struct disk *disk = current();
    uint64_t used = disk_used(disk);
    (void)path;
    *info = (struct statvfs){
        .f_frsize = BLOCK, .f_bavail = used < disk->capacity ? (disk->capacity - used) / BLOCK : 0};
    return 0;
}

static int sim_mkdir(const char *path, mode_t mode)
{
    struct disk *disk = current();
    (void)mode;
    if (!acts())
        return -1;
    if (find(&disk->now, path))
        return fail(EEXIST);
    change(disk, "", path, new_file(disk, true));
    return 0;
}

static int sim_rename(const char *from, const char *to)
{
    struct disk *disk = current();
    if (!acts())
        return -1;
    struct disk_entry *entry = find(&disk->now, from);
    if (!entry)
        return fail(ENOENT);
    change(disk, from, to, entry->file);
    return 0;
}

static int sim_link(const char *from, const char *to)
{
    struct disk *disk = current();
    if (!acts())
        return -1;
    struct disk_entry *entry = find(&disk->now, from);
    if (!entry || find(&disk->now, to))
        return fail(entry ? EEXIST : ENOENT);
    change(disk, "", to, entry->file);
    return 0;
}

static int sim_unlink(const char *path)
{
    struct disk *disk = current();
    if (!acts())
        return -1;
    struct disk_entry *entry = find(&disk->now, path);
    if (!entry)
        return fail(ENOENT);
    change(disk, path, "", entry->file);
    return 0;
}

static int sim_list(const char *path, int (*each)(void *user, const char *name), void *user)
{
    struct disk *disk = current();
    int rc = 0;
    if (strcmp(path, "/") != 0 && !find(&disk->now, path))
        return fail(ENOENT);
    for (size_t i = 0; i < disk->now.count && rc == 0; i++)
        if (in_directory(disk->now.list[i].path, path))
            rc = each(user, strrchr(disk->now.list[i].path, '/') + 1);
    return rc;
}

static ssize_t sim_getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)world_random();
    return (ssize_t)size;
}

void disk_install(void)
{
    static const struct spool_env env = {
        .open = sim_open,
        .close = sim_close,
        .pread = sim_pread,
        .pwrite = sim_pwrite,
        .ftruncate = sim_ftruncate,
        .fallocate = sim_fallocate,
        .fsync = sim_fsync,
        .fdatasync = sim_fsync,
        .fstat = sim_fstat,
        .stat = sim_stat,
        .statvfs = sim_statvfs,
        .mkdir = sim_mkdir,
        .rename = sim_rename,
        .link = sim_link,
        .unlink = sim_unlink,
        .list = sim_list,
        .getrandom = sim_getrandom,
    };
    spool_env = &env;
}

/* --- the machine ------------------------------------------------------------------------------ */

void disk_init(struct disk *disk, uint64_t capacity)
{
    memset(disk, 0, sizeof *disk);
    disk->capacity = capacity;
    int root = new_file(disk, true);
    put_entry(&disk->now, "/", root);
    put_entry(&disk->synced, "/", root);
    int spool = new_file(disk, true);
    put_entry(&disk->now, DISK_SPOOL, spool);
    put_entry(&disk->synced, DISK_SPOOL, spool);
}

void disk_close(struct disk *disk)
{
    for (int i = 0; i < DISK_FILES; i++)
        free_file(&disk->files[i]);
    free(disk->changes);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (descriptors[fd].disk == disk)
            descriptors[fd].disk = NULL;
}

enum left { LEFT_SYNCED, LEFT_ALL, LEFT_FIRST, LEFT_ANY, LEFT_TORN, LEFT_KINDS };

/* What was written and not synced: nothing of it is left, all, the first writes, any of them, or the
 * first and a part of the next. */
static void cut_file(struct disk_file *file, enum left left)
{
    size_t first = world_below(file->write_count + 1);
    for (size_t i = 0; i < file->write_count; i++) {
        struct disk_write write = file->writes[i];
        bool kept = left == LEFT_ALL || (left == LEFT_ANY && world_chance(500)) ||
                    ((left == LEFT_FIRST || left == LEFT_TORN) && i < first);
        if (left == LEFT_TORN && i == first && write.size != SIZE_MAX && write.size > 0) {
            write.size = world_below(write.size);
            kept = true;
        }
        if (kept)
            overwrite(&file->synced, &write);
    }
    forget_writes(file);
    file->now.size = 0;
    buf_put(&file->now, file->synced.bytes, file->synced.size);
    file->reserved = 0;
    file->opens = 0;
}

static bool reachable(const struct disk_entries *entries, const char *path)
{
    char parent[DISK_NAME];
    strcpy(parent, path);
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        return true;
    *slash = '\0';
    return find((struct disk_entries *)entries, parent) != NULL;
}

void disk_power_cut(struct disk *disk)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (descriptors[fd].disk == disk)
            descriptors[fd].disk = NULL;
    for (size_t i = 0; i < disk->now.count; i++)
        if (disk->files[disk->now.list[i].file].directory)
            sync_directory(disk, disk->now.list[i].path, world_below(5));
    disk->change_count = 0;
    for (size_t i = disk->synced.count; i-- > 0;) /* what was made in a directory that is gone */
        if (!reachable(&disk->synced, disk->synced.list[i].path))
            disk->synced.list[i] = disk->synced.list[--disk->synced.count];
    disk->now = disk->synced;
    for (int i = 0; i < DISK_FILES; i++)
        if (disk->files[i].used && !disk->files[i].directory)
            cut_file(&disk->files[i], (enum left)world_below(LEFT_KINDS));
    disk->generation++;
}

static bool ends_with(const char *path, const char *end)
{
    size_t size = strlen(path), of = strlen(end);
    return size > of && strcmp(path + size - of, end) == 0;
}

/* What replaces segments counts from the moment on at which it has its name, which is not "/.merge". */
static bool is_segment(const char *path)
{
    return ends_with(path, ".segment") ||
           (ends_with(path, ".merge") && !ends_with(path, "/.merge"));
}

void disk_segments(const struct disk *disk,
                   void (*each)(void *user, const char *path, const struct buf *bytes), void *user)
{
    for (size_t i = 0; i < disk->now.count; i++)
        if (is_segment(disk->now.list[i].path))
            each(user, disk->now.list[i].path, &disk->files[disk->now.list[i].file].now);
}

#include "collector/spool_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

#define SEGMENT_SUFFIX ".segment"
/* A segment ends with the record that passes SPOOL_SEGMENT_MAX, or is one record. */
#define SEGMENT_TAIL_MAX (SPOOL_SEGMENT_MAX + RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX)

void segment_path(char out[PATH_MAX], const char *path, uint64_t first)
{
    snprintf(out, PATH_MAX, "%.4000s/%020" PRIu64 SEGMENT_SUFFIX, path, first);
}

/* The first sequence in a segment's file name, 0 when the name is none. */
static uint64_t segment_first(const char *name)
{
    if (strlen(name) != 20 + strlen(SEGMENT_SUFFIX) || strspn(name, "0123456789") != 20 ||
        strcmp(name + 20, SEGMENT_SUFFIX) != 0)
        return 0;
    return strtoull(name, NULL, 10);
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int segments_list(const char *path, uint64_t **firsts, size_t *count)
{
    *firsts = NULL;
    *count = 0;
    size_t room = 0;
    DIR *directory = opendir(path);
    if (!directory)
        return err_from_errno(errno);
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(directory));) {
        uint64_t first = segment_first(entry->d_name);
        if (first == 0)
            continue;
        if (*count == room) {
            room = room ? room * 2 : 16;
            uint64_t *more = realloc(*firsts, room * sizeof *more);
            if (!more) {
                rc = ERR_NOMEM;
                break;
            }
            *firsts = more;
        }
        (*firsts)[(*count)++] = first;
    }
    closedir(directory);
    if (*count)
        qsort(*firsts, *count, sizeof **firsts, compare_u64);
    return rc;
}

/* Reads one whole record at `offset` into `buf`; 0, or 1 when there is none that is sound. */
static int read_sound(int fd, off_t offset, struct buf *buf)
{
    uint8_t head[RECORD_HEADER_SIZE];
    struct record_header header;
    if (pread(fd, head, sizeof head, offset) != (ssize_t)sizeof head ||
        record_peek(head, sizeof head, &header) != 0)
        return 1;
    struct stat info;
    if (fstat(fd, &info) != 0 || (uint64_t)info.st_size < (uint64_t)offset + header.size)
        return 1;
    buf->size = 0;
    uint8_t *room = buf_extend(buf, header.size);
    if (!room)
        return ERR_NOMEM;
    if (pread(fd, room, header.size, offset) != (ssize_t)header.size)
        return 1;
    return record_check(room, header.size) == 0 ? 0 : 1;
}

int segment_walk(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t first, uint64_t *seq,
                 size_t *size)
{
    struct buf buf;
    buf_init(&buf);
    *seq = first - 1;
    *size = 0;
    int rc;
    while ((rc = read_sound(fd, (off_t)*size, &buf)) == 0) {
        struct record_header header;
        if (record_peek(buf.bytes, buf.size, &header) != 0 || header.seq != *seq + 1 ||
            memcmp(header.epoch, epoch, EPOCH_SIZE) != 0)
            break;
        *seq = header.seq;
        *size += header.size;
    }
    buf_close(&buf);
    return rc < 0 ? rc : 0;
}

/* The next place in [at, end) where a record could begin, or NULL. */
static const uint8_t *find_magic(const uint8_t *at, const uint8_t *end)
{
    return memmem(at, (size_t)(end - at), "DCR1", 4);
}

int segment_goes_on(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t seq, size_t size)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return err_from_errno(errno);
    size_t left = (size_t)info.st_size > size ? (size_t)info.st_size - size : 0;
    if (left > SEGMENT_TAIL_MAX)
        left = SEGMENT_TAIL_MAX;
    uint8_t *tail = malloc(left + 1);
    if (!tail)
        return ERR_NOMEM;
    ssize_t got = pread(fd, tail, left, (off_t)size);
    int rc = got < 0 ? err_from_errno(errno) : 0;
    const uint8_t *end = tail + (got < 0 ? 0 : got);
    for (const uint8_t *at = tail; rc == 0 && (at = find_magic(at, end)); at++) {
        struct record_header header;
        rc = record_peek(at, (size_t)(end - at), &header) == 0 && header.seq > seq &&
             memcmp(header.epoch, epoch, EPOCH_SIZE) == 0 && header.size <= (size_t)(end - at) &&
             record_check(at, header.size) == 0;
    }
    free(tail);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

int directory_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd), saved = errno;
    close(fd);
    errno = saved;
    return rc;
}

int file_replace(const char *path, const char *name, const char *text, bool durable, char *errmsg)
{
    char temporary[PATH_MAX], target[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%.4000s/.%s", path, name);
    snprintf(target, sizeof target, "%.4000s/%s", path, name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return err_set(errmsg, err_from_errno(errno), "writing %s: %s", target, strerror(errno));
    int failed = write_all(fd, text, strlen(text)) != 0 || (durable && fsync(fd) != 0);
    int saved = errno;
    close(fd);
    if (!failed && (rename(temporary, target) != 0 || (durable && directory_sync(path) != 0))) {
        failed = 1;
        saved = errno;
    }
    if (!failed)
        return 0;
    unlink(temporary);
    return err_set(errmsg, err_from_errno(saved), "writing %s: %s", target, strerror(saved));
}

/* The value of "name value\n" in `text`, to be freed; NULL when the line is not there. */
static char *line_value(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, size) == 0 && line[size] == ' ')
            return strndup(line + size + 1, strcspn(line + size + 1, "\n"));
    }
    return NULL;
}

static bool line_number(const char *text, const char *name, int64_t *number)
{
    char *value = line_value(text, name), *end = NULL;
    if (!value)
        return false;
    errno = 0;
    *number = strtoll(value, &end, 10);
    bool sound = errno == 0 && end != value && *end == '\0' && *number >= 0;
    free(value);
    return sound;
}

static int identity_parse(const char *text, struct spool_identity *identity)
{
    int64_t replay = 0;
    char *epoch = line_value(text, "epoch"), *sensor = line_value(text, "sensor");
    identity->darknet = line_value(text, "darknet");
    bool sound = epoch && sensor && identity->darknet && epoch_parse(epoch, identity->epoch) == 0 &&
                 sensor_name_valid(sensor) && line_number(text, "replay", &replay) && replay <= 1 &&
                 line_number(text, "first_ns", &identity->first_ns) &&
                 line_number(text, "last_ns", &identity->last_ns);
    if (sound)
        strcpy(identity->sensor, sensor);
    identity->replay = replay == 1;
    free(epoch);
    free(sensor);
    if (sound)
        return 0;
    free(identity->darknet);
    identity->darknet = NULL;
    return ERR_DAMAGED;
}

int identity_read(const char *path, struct spool_identity *identity)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.4000s/identity", path);
    FILE *file = fopen(name, "re");
    if (!file)
        return errno == ENOENT || errno == ENOTDIR ? ERR_UNKNOWN : err_from_errno(errno);
    char *text = NULL;
    size_t room = 0;
    ssize_t size = getdelim(&text, &room, '\0', file);
    fclose(file);
    int rc = size < 0 ? ERR_DAMAGED : identity_parse(text, identity);
    free(text);
    return rc;
}

bool epoch_refused(const char *path)
{
    char name[PATH_MAX];
    struct stat info;
    snprintf(name, sizeof name, "%.4000s/refused", path);
    return stat(name, &info) == 0;
}

int identity_write(const char *path, const struct spool_identity *identity, char *errmsg)
{
    char epoch[37], *text;
    epoch_format(identity->epoch, epoch);
    if (asprintf(&text,
                 "epoch %s\nsensor %s\ndarknet %s\nreplay %d\nfirst_ns %" PRId64
                 "\nlast_ns %" PRId64 "\n",
                 epoch, identity->sensor, identity->darknet, identity->replay, identity->first_ns,
                 identity->last_ns) < 0)
        return ERR_NOMEM;
    int rc = file_replace(path, "identity", text, true, errmsg);
    free(text);
    return rc;
}

#include "collector/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/crc32c.h"
#include "common/err.h"
#include "common/frame.h"

#define MARK_SIZE    12
#define IDENTITY_MAX (2 * FRAME_CONTROL_MAX) /* its darknet goes into a frame */

/* --- files ------------------------------------------------------------------------------------ */

int file_write(int fd, const void *bytes, size_t size, size_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t wrote = spool_env->pwrite(fd, (const uint8_t *)bytes + done, size - done,
                                          (off_t)(offset + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        done += (size_t)wrote;
    }
    return 0;
}

int directory_sync(const char *path)
{
    int fd = spool_env->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int rc = spool_env->fsync(fd), saved = errno;
    spool_env->close(fd);
    errno = saved;
    return rc;
}

int file_replace(const char *path, const char *name, const char *text, bool durable, char *errmsg)
{
    char temporary[PATH_MAX], target[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%.4000s/.%s", path, name);
    snprintf(target, sizeof target, "%.4000s/%s", path, name);
    int fd =
        spool_env->open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return err_set(errmsg, err_from_errno(errno), "writing %s: %s", target, strerror(errno));
    int failed =
        file_write(fd, text, strlen(text), 0) != 0 || (durable && spool_env->fsync(fd) != 0);
    int saved = errno;
    spool_env->close(fd);
    if (!failed &&
        (spool_env->rename(temporary, target) != 0 || (durable && directory_sync(path) != 0))) {
        failed = 1;
        saved = errno;
    }
    if (!failed)
        return 0;
    spool_env->unlink(temporary);
    return err_set(errmsg, err_from_errno(saved), "writing %s: %s", target, strerror(saved));
}

/* --- identity --------------------------------------------------------------------------------- */

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

/* The first line is the checksum of the others; before there was one it was that of the epoch. */
static bool identity_whole(const char *text)
{
    if (strncmp(text, "epoch ", 6) == 0)
        return text[strlen(text) - 1] == '\n';
    char want[32];
    const char *rest = text + strcspn(text, "\n");
    rest += *rest == '\n';
    int size = snprintf(want, sizeof want, "crc %08" PRIx32 "\n", crc32c(0, rest, strlen(rest)));
    return strncmp(text, want, (size_t)size) == 0;
}

/* The whole file with a NUL behind it; one that cannot be read or is too long is damaged. */
static int read_text(int fd, struct buf *text)
{
    struct stat info;
    if (spool_env->fstat(fd, &info) != 0 || info.st_size <= 0 || info.st_size > IDENTITY_MAX)
        return ERR_DAMAGED;
    size_t size = (size_t)info.st_size;
    uint8_t *room = buf_extend(text, size + 1);
    if (!room)
        return ERR_NOMEM;
    room[size] = '\0';
    return spool_env->pread(fd, room, size, 0) == (ssize_t)size ? 0 : ERR_DAMAGED;
}

static int identity_read_from(const char *path, const char *file_name,
                              struct spool_identity *identity)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.4000s/%s", path, file_name);
    int fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_UNKNOWN : err_from_errno(errno);
    struct buf text;
    buf_init(&text);
    int rc = read_text(fd, &text);
    spool_env->close(fd);
    if (rc == 0 && !identity_whole((const char *)text.bytes))
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = identity_parse((const char *)text.bytes, identity);
    buf_close(&text);
    return rc;
}

bool identity_sound(const char *path, const char *name)
{
    struct spool_identity identity = {0};
    int rc = identity_read_from(path, name, &identity);
    free(identity.darknet);
    return rc == 0;
}

int identity_read(const char *path, struct spool_identity *identity)
{
    int rc = identity_read_from(path, "identity", identity);
    if (rc != ERR_DAMAGED && rc != ERR_IO)
        return rc;
    int copied = identity_read_from(path, "identity.copy", identity);
    return copied == ERR_UNKNOWN ? rc : copied;
}

/* The copy first: an epoch with an identity has both. */
int identity_write(const char *path, const struct spool_identity *identity, char *errmsg)
{
    char epoch[37], *text, *whole;
    epoch_format(identity->epoch, epoch);
    if (asprintf(&text,
                 "epoch %s\nsensor %s\ndarknet %s\nreplay %d\nfirst_ns %" PRId64
                 "\nlast_ns %" PRId64 "\n",
                 epoch, identity->sensor, identity->darknet, identity->replay, identity->first_ns,
                 identity->last_ns) < 0)
        return ERR_NOMEM;
    int size = asprintf(&whole, "crc %08" PRIx32 "\n%s", crc32c(0, text, strlen(text)), text);
    free(text);
    if (size < 0)
        return ERR_NOMEM;
    int rc = file_replace(path, "identity.copy", whole, true, errmsg);
    if (rc == 0)
        rc = file_replace(path, "identity", whole, true, errmsg);
    free(whole);
    return rc;
}

bool epoch_refused(const char *path)
{
    char name[PATH_MAX];
    struct stat info;
    snprintf(name, sizeof name, "%.4000s/refused", path);
    return spool_env->stat(name, &info) == 0;
}

/* --- how far it is ---------------------------------------------------------------------------- */

/* A note of one epoch is none of another's. */
static uint32_t note_crc(const uint8_t epoch[EPOCH_SIZE], uint64_t seq)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seq >> (56 - 8 * i));
    return crc32c(crc32c(0, epoch, EPOCH_SIZE), bytes, sizeof bytes);
}

static bool epoch_of(const char *path, uint8_t epoch[EPOCH_SIZE])
{
    const char *slash = strrchr(path, '/');
    return epoch_parse(slash ? slash + 1 : path, epoch) == 0;
}

#define ACKED_SIZE 48

static void acked_format(const uint8_t epoch[EPOCH_SIZE], uint64_t seq, char text[ACKED_SIZE])
{
    snprintf(text, ACKED_SIZE, "%" PRIu64 " %08" PRIx32 "\n", seq, note_crc(epoch, seq));
}

int spool_acknowledge(const char *path, uint64_t seq, char *errmsg)
{
    char text[ACKED_SIZE];
    uint8_t epoch[EPOCH_SIZE];
    if (!epoch_of(path, epoch))
        return err_set(errmsg, ERR_INVALID, "spool %s: no epoch", path);
    acked_format(epoch, seq, text);
    return file_replace(path, "acked", text, false, errmsg);
}

uint64_t acked_read(const char *path, const uint8_t epoch[EPOCH_SIZE])
{
    char name[PATH_MAX], text[ACKED_SIZE] = "", want[ACKED_SIZE];
    snprintf(name, sizeof name, "%.4000s/acked", path);
    int fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ssize_t got = spool_env->pread(fd, text, sizeof text - 1, 0);
    spool_env->close(fd);
    uint64_t seq = strtoull(text, NULL, 10);
    acked_format(epoch, seq, want);
    return got > 0 && strcmp(text, want) == 0 ? seq : 0;
}

int64_t acked_time(const char *path)
{
    char name[PATH_MAX];
    struct stat info;
    snprintf(name, sizeof name, "%.4000s/acked", path);
    return spool_env->stat(name, &info) == 0 ? (int64_t)info.st_mtime : 0;
}

int spool_refuse(const char *path, const char *reason, char *errmsg)
{
    char text[ERRMSG_SIZE];
    snprintf(text, sizeof text, "%.1000s\n", reason);
    return file_replace(path, "refused", text, true, errmsg);
}

/* A sequence as mark_write leaves it in path/name; UINT64_MAX: there is none, or a damaged one. */
static uint64_t sequence_read(const char *path, const char *file, const uint8_t epoch[EPOCH_SIZE])
{
    char name[PATH_MAX];
    uint8_t bytes[MARK_SIZE];
    snprintf(name, sizeof name, "%.4000s/%s", path, file);
    int fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return UINT64_MAX;
    ssize_t got = spool_env->pread(fd, bytes, sizeof bytes, 0);
    spool_env->close(fd);
    if (got != (ssize_t)sizeof bytes)
        return UINT64_MAX;
    struct cursor in = cursor_over(bytes, sizeof bytes);
    uint64_t seq = cursor_u64_be(&in);
    return cursor_u32_be(&in) == note_crc(epoch, seq) ? seq : UINT64_MAX;
}

uint64_t mark_read(const char *path, const uint8_t epoch[EPOCH_SIZE])
{
    uint64_t seq = sequence_read(path, "mark", epoch);
    return seq == UINT64_MAX ? 0 : seq;
}

uint64_t mark_known(const char *path, const uint8_t epoch[EPOCH_SIZE])
{
    char name[PATH_MAX];
    struct stat info;
    uint64_t seq = mark_read(path, epoch);
    snprintf(name, sizeof name, "%.4000s/mark", path);
    bool fresh = seq == 0 && spool_env->stat(name, &info) == 0 && info.st_size == 0;
    return seq > 0 || fresh ? seq : UINT64_MAX;
}

int mark_open(const char *path)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.4000s/mark", path);
    return spool_env->open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
}

int mark_write(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t seq)
{
    uint8_t bytes[MARK_SIZE];
    uint32_t crc = note_crc(epoch, seq);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seq >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        bytes[8 + i] = (uint8_t)(crc >> (24 - 8 * i));
    ssize_t wrote = spool_env->pwrite(fd, bytes, sizeof bytes, 0);
    if (wrote != (ssize_t)sizeof bytes)
        return wrote < 0 ? err_from_errno(errno) : ERR_FULL;
    return spool_env->fdatasync(fd) == 0 ? 0 : err_from_errno(errno);
}

/* --- what was offered ------------------------------------------------------------------------- */

#define OFFERED "offered"

uint64_t spool_offered(const char *path)
{
    uint8_t epoch[EPOCH_SIZE];
    const char *slash = strrchr(path, '/');
    return epoch_parse(slash ? slash + 1 : path, epoch) == 0 ? sequence_read(path, OFFERED, epoch)
                                                             : UINT64_MAX;
}

/* Writes it over in place, which needs no free space; a new file's name is to be on disk as well. */
static int offered_write(const char *path, const char *name, uint64_t seq)
{
    uint8_t epoch[EPOCH_SIZE];
    const char *slash = strrchr(path, '/');
    bool fresh = spool_offered(path) == UINT64_MAX;
    int fd = spool_env->open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return err_from_errno(errno);
    int rc = epoch_parse(slash ? slash + 1 : path, epoch);
    if (rc == 0)
        rc = mark_write(fd, epoch, seq);
    spool_env->close(fd);
    if (rc == 0 && fresh && directory_sync(path) != 0)
        rc = err_from_errno(errno);
    return rc;
}

int spool_offer(const char *path, uint64_t seq, char *errmsg)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.4000s/" OFFERED, path);
    int rc = offered_write(path, name, seq);
    if (rc == 0)
        return 0;
    err_set(errmsg, rc, "spool %s: cannot note what was offered: %s", name, err_str(rc));
    spool_env->unlink(name); /* without it everything may have been */
    directory_sync(path);
    return rc;
}

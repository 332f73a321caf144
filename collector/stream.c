#include "collector/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "common/err.h"

enum compression { PLAIN, GZIP, ZSTANDARD };

struct stream {
    int fd;
    enum compression compression;
    bool in_ended; /* the file, not the stream */
    bool io_failed;
    bool between;       /* compressed: no member or frame is open */
    const char *damage; /* static or in `cause` */
    uint64_t position;  /* uncompressed bytes handed to stdio */
    size_t in_at, in_size;
    uint64_t consumed;         /* bytes of the file */
    size_t head_at, head_size; /* uncompressed bytes read ahead by stream_head */
    uint8_t head[STREAM_HEAD];
    z_stream gzip;
    ZSTD_DCtx *zstd;
    char cause[128];
    char stdio[STREAM_BLOCK];
    uint8_t in[STREAM_BLOCK];
};

/* --- input ------------------------------------------------------------------------------------ */

static ssize_t read_fd(struct stream *stream, void *out, size_t size)
{
    ssize_t got;
    do
        got = read(stream->fd, out, size);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        stream->in_ended = true;
    if (got > 0)
        stream->consumed += (uint64_t)got;
    if (got < 0) {
        stream->io_failed = true;
        stream->damage = strerror_r(errno, stream->cause, sizeof stream->cause);
    }
    return got;
}

/* Sees to it that in[in_at..in_size) is not empty, unless the file has ended; -1 on error. */
static int fill_in(struct stream *stream)
{
    if (stream->in_at < stream->in_size || stream->in_ended)
        return 0;
    ssize_t got = read_fd(stream, stream->in, sizeof stream->in);
    if (got < 0)
        return -1;
    stream->in_at = 0;
    stream->in_size = (size_t)got;
    return 0;
}

static ssize_t damaged(struct stream *stream, const char *why)
{
    stream->damage = why;
    return -1;
}

/* Each of these three puts at least one byte into `out`, or returns 0 at the end and -1 on damage. */

static ssize_t read_plain(struct stream *stream, uint8_t *out, size_t size)
{
    size_t held = stream->in_size - stream->in_at;
    if (held == 0)
        return stream->in_ended ? 0 : read_fd(stream, out, size);
    size = size < held ? size : held;
    memcpy(out, stream->in + stream->in_at, size);
    stream->in_at += size;
    return (ssize_t)size;
}

/* Between two gzip members: whether another begins. Zeros are padding, as on tapes (RFC 1952 says
 * nothing of them; gzip(1) passes over them). */
static bool next_member(struct stream *stream)
{
    while (fill_in(stream) == 0 && stream->in_at < stream->in_size) {
        if (stream->in[stream->in_at] != 0) {
            inflateReset(&stream->gzip);
            stream->between = false;
            return true;
        }
        stream->in_at++;
    }
    return false;
}

static ssize_t read_gzip(struct stream *stream, uint8_t *out, size_t size)
{
    z_stream *gzip = &stream->gzip;
    gzip->next_out = out;
    gzip->avail_out = (uInt)(size < STREAM_BLOCK ? size : STREAM_BLOCK);
    uInt room = gzip->avail_out;
    while (gzip->avail_out == room) {
        if (stream->between && !next_member(stream))
            return stream->damage ? -1 : 0;
        if (fill_in(stream))
            return -1;
        if (stream->in_at == stream->in_size)
            return damaged(stream, "the gzip data ends early");
        gzip->next_in = stream->in + stream->in_at;
        gzip->avail_in = (uInt)(stream->in_size - stream->in_at);
        int result = inflate(gzip, Z_NO_FLUSH);
        stream->in_at = stream->in_size - gzip->avail_in;
        stream->between = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END) {
            stream->damage = "the gzip data is damaged";
            return gzip->avail_out < room ? (ssize_t)(room - gzip->avail_out) : -1;
        }
    }
    return (ssize_t)(room - gzip->avail_out);
}

static ssize_t read_zstd(struct stream *stream, uint8_t *out, size_t size)
{
    ZSTD_outBuffer to = {.dst = out, .size = size};
    while (to.pos == 0) {
        if (fill_in(stream))
            return -1;
        ZSTD_inBuffer from = {.src = stream->in, .size = stream->in_size, .pos = stream->in_at};
        size_t result = ZSTD_decompressStream(stream->zstd, &to, &from);
        bool moved = from.pos > stream->in_at || to.pos > 0;
        stream->in_at = from.pos;
        if (ZSTD_isError(result)) {
            stream->damage = "the zstd data is damaged";
            return to.pos ? (ssize_t)to.pos : -1;
        }
        if (moved)
            stream->between = result == 0;
        else if (stream->in_ended)
            return stream->between ? 0 : damaged(stream, "the zstd data ends early");
    }
    return (ssize_t)to.pos;
}

static ssize_t read_any(struct stream *stream, uint8_t *out, size_t size)
{
    if (stream->damage)
        return -1;
    switch (stream->compression) {
    case GZIP:
        return read_gzip(stream, out, size);
    case ZSTANDARD:
        return read_zstd(stream, out, size);
    default:
        return read_plain(stream, out, size);
    }
}

/* --- the stream ------------------------------------------------------------------------------- */

static void read_head(struct stream *stream)
{
    while (stream->head_size < sizeof stream->head) {
        ssize_t got = read_any(stream, stream->head + stream->head_size,
                               sizeof stream->head - stream->head_size);
        if (got <= 0)
            break;
        stream->head_size += (size_t)got;
    }
}

const uint8_t *stream_head(struct stream *stream, size_t *size)
{
    if (stream->compression == PLAIN) { /* sniff() has read it */
        *size = stream->in_size < STREAM_HEAD ? stream->in_size : STREAM_HEAD;
        return stream->in;
    }
    read_head(stream);
    *size = stream->head_size;
    return stream->head;
}

ssize_t stream_read(struct stream *stream, void *out, size_t size)
{
    size_t ahead = stream->head_size - stream->head_at;
    if (ahead == 0)
        return read_any(stream, out, size);
    size = size < ahead ? size : ahead;
    memcpy(out, stream->head + stream->head_at, size);
    stream->head_at += size;
    return (ssize_t)size;
}

/* --- the FILE --------------------------------------------------------------------------------- */

static ssize_t file_read(void *cookie, char *out, size_t size)
{
    struct stream *stream = cookie;
    ssize_t got = stream_read(stream, out, size);
    if (got > 0)
        stream->position += (uint64_t)got;
    else if (got < 0)
        errno = EIO;
    return got;
}

/* Only enough for ftello: where are we? */
static int file_seek(void *cookie, off64_t *offset, int whence)
{
    const struct stream *stream = cookie;
    if (whence != SEEK_CUR || *offset != 0) {
        errno = ESPIPE;
        return -1;
    }
    *offset = (off64_t)stream->position;
    return 0;
}

/* A plain file that can be sought gets a FILE of its own: glibc takes small pieces out of a cookie
 * FILE byte by byte, which costs a fifth of all the time that counting takes. */
static FILE *make_file(struct stream *stream)
{
    static const cookie_io_functions_t functions = {.read = file_read, .seek = file_seek};
    if (stream->compression != PLAIN || lseek(stream->fd, 0, SEEK_SET) != 0)
        return fopencookie(stream, "r", functions);
    FILE *file = fdopen(stream->fd, "r");
    if (file)
        stream->fd = -1; /* the FILE's now */
    return file;
}

FILE *stream_file(struct stream *stream)
{
    FILE *file = make_file(stream);
    if (file)
        setvbuf(file, stream->stdio, _IOFBF, sizeof stream->stdio);
    return file;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Reads until there is enough to tell the compression and for stream_head; a pipe may give single
 * bytes. */
static int sniff(struct stream *stream)
{
    static const uint8_t gzip[2] = {0x1f, 0x8b}, zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    while (stream->in_size < STREAM_HEAD && !stream->in_ended) {
        ssize_t got =
            read_fd(stream, stream->in + stream->in_size, sizeof stream->in - stream->in_size);
        if (got < 0)
            return ERR_IO;
        stream->in_size += (size_t)got;
    }
    if (stream->in_size >= 2 && memcmp(stream->in, gzip, 2) == 0) {
        if (inflateInit2(&stream->gzip, 15 + 16) != Z_OK) /* largest window, gzip header */
            return ERR_NOMEM;
        stream->compression = GZIP;
    } else if (stream->in_size >= 4 && memcmp(stream->in, zstd, 4) == 0) {
        stream->zstd = ZSTD_createDCtx();
        if (!stream->zstd)
            return ERR_NOMEM;
        stream->compression = ZSTANDARD;
    }
    return 0;
}

static int open_fd(const char *path, char *errmsg)
{
    if (strcmp(path, "-") == 0)
        return STDIN_FILENO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(errmsg, errno == ENOENT ? ERR_UNKNOWN : err_from_errno(errno),
                       "reading %s: %s", path, strerror(errno));
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return fd;
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->compression == GZIP)
        inflateEnd(&stream->gzip);
    ZSTD_freeDCtx(stream->zstd);
    if (stream->fd > STDIN_FILENO)
        close(stream->fd);
    free(stream);
}

int stream_open(struct stream **stream, const char *path, char *errmsg)
{
    int fd = open_fd(path, errmsg);
    if (fd < 0)
        return fd;
    struct stream *made = calloc(1, sizeof *made);
    if (!made) {
        if (fd > STDIN_FILENO)
            close(fd);
        return err_set(errmsg, ERR_NOMEM, "reading %s: out of memory", path);
    }
    made->fd = fd;
    made->between = true;
    int result = sniff(made);
    if (result) {
        err_set(errmsg, result, "reading %s: %s", path,
                made->damage ? made->damage : err_str(result));
        stream_close(made);
        return result;
    }
    *stream = made;
    return 0;
}

uint64_t stream_consumed(const struct stream *stream)
{
    return stream->consumed;
}

const char *stream_compression(const struct stream *stream)
{
    switch (stream->compression) {
    case GZIP:
        return "gzip";
    case ZSTANDARD:
        return "zstd";
    default:
        return NULL;
    }
}

const char *stream_damage(const struct stream *stream, bool *io)
{
    if (io)
        *io = stream->io_failed;
    return stream->damage;
}

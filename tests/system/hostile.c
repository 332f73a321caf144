/*
 * Whoever means ill, for the test of that name:
 *
 *   hostile crowd PORT COUNT ADDRESSES   so many connections to 127.0.0.1:PORT from so many loopback
 *                                        addresses; says "here" and keeps them until its input ends
 *   hostile zeros | length | record | bomb BYTES
 *                                        prints frames: endless empty ones; one of 2^32-1 bytes; a record
 *                                        before an OPEN; an OPEN and a record of that many zero bytes
 *   hostile give SOCKET                  sends its input there and waits for the other side to close
 *   hostile deaf SOCKET                  opens an epoch, sends its first record without end and reads
 *                                        nothing; says how many bytes were taken from it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zstd.h>

#include "common/crc32c.h"
#include "common/frame.h"

#define ENDLESS     ((size_t)64 << 20) /* bytes, if nobody stops it */
#define SEND_WAIT_S 10                 /* for somebody who does not read either */

static void die(const char *what)
{
    fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- many ------------------------------------------------------------------------------------- */

static void connect_from(uint32_t from, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) != 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
}

static int crowd(uint16_t port, unsigned count, unsigned addresses)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned i = 0; i < count; i++)
        connect_from(UINT32_C(0x7f000101) + i % addresses, port);
    puts("here");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static const uint8_t epoch[EPOCH_SIZE] = "hostile-hostile";

static void put_open(struct buf *out)
{
    static char darknet[] = "203.0.113.0/24";
    struct frame_open open = {.sensor = "hostile", .darknet = darknet};
    memcpy(open.epoch, epoch, EPOCH_SIZE);
    frame_put_open(out, &open);
}

/* A frame with a record whose header is right and whose payload is `size` zeros under zstd. */
static void put_bomb(struct buf *out, size_t size)
{
    struct buf sealed, header;
    uint8_t *zeros = calloc(size, 1), *small = malloc(ZSTD_compressBound(size));
    size_t packed =
        zeros && small ? ZSTD_compress(small, ZSTD_compressBound(size), zeros, size, 1) : 0;
    buf_init(&sealed);
    buf_init(&header);
    buf_put_u32_be(&header, (uint32_t)packed);
    buf_put_u64_be(&header, 1);
    buf_put(&header, epoch, EPOCH_SIZE);
    uint32_t crc = crc32c(crc32c(0, header.bytes, header.size), small, packed);
    buf_put(&sealed, "DCR1", 4);
    buf_put(&sealed, header.bytes, header.size);
    buf_put_u32_be(&sealed, crc);
    buf_put(&sealed, small, packed);
    frame_put_record(out, sealed.bytes, sealed.size);
    buf_close(&sealed);
    buf_close(&header);
    free(zeros);
    free(small);
}

/* Prints them again and again, until there is enough of them or the other side has had enough. */
static int print(struct buf *bytes, size_t least)
{
    for (size_t done = 0; done < least; done += bytes->size)
        if (fwrite(bytes->bytes, 1, bytes->size, stdout) != bytes->size)
            break;
    buf_close(bytes);
    return 0;
}

static int frames(const char *kind, size_t size)
{
    struct buf out;
    buf_init(&out);
    if (strcmp(kind, "zeros") == 0) {
        buf_put(&out, (uint8_t[FRAME_HEADER_SIZE]){0}, FRAME_HEADER_SIZE);
        return print(&out, ENDLESS);
    }
    if (strcmp(kind, "length") == 0) {
        buf_put_u32_be(&out, UINT32_MAX);
        buf_put_u8(&out, FRAME_JOIN);
    } else {
        if (strcmp(kind, "bomb") == 0)
            put_open(&out);
        put_bomb(&out, size);
    }
    return print(&out, 1);
}

/* --- deaf ------------------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
    const struct timeval wait = {.tv_sec = SEND_WAIT_S};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%.100s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) != 0)
        die("connect");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return fd;
}

static int give(const char *path)
{
    uint8_t bytes[65536];
    size_t size;
    int fd = connect_to(path);
    while ((size = fread(bytes, 1, sizeof bytes, stdin)) > 0)
        if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
            break;
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
    return 0;
}

/* A record of a quiet minute, which is a small one, and the same each time. */
static void put_quiet(struct buf *out)
{
    struct record record;
    struct buf sealed;
    buf_init(&sealed);
    record_init(&record);
    memcpy(record.epoch, epoch, EPOCH_SIZE);
    strcpy(record.sensor, "hostile");
    record.seq = 1;
    record.start_s = 1600000020;
    record.width_s = 60;
    record.first_ns = record.start_s * INT64_C(1000000000);
    record.last_ns = record.first_ns + 1;
    if (record_seal(&record, &sealed, NULL) != 0)
        die("record");
    frame_put_record(out, sealed.bytes, sealed.size);
    buf_close(&sealed);
}

static int deaf(const char *path)
{
    struct buf out;
    int fd = connect_to(path);
    size_t taken = 0;
    buf_init(&out);
    put_open(&out);
    if (send(fd, out.bytes, out.size, MSG_NOSIGNAL) < 0)
        die("send");
    out.size = 0;
    put_quiet(&out);
    while (taken < ENDLESS && send(fd, out.bytes, out.size, MSG_NOSIGNAL) == (ssize_t)out.size)
        taken += out.size;
    printf("%zu %s\n", taken, errno == EPIPE || errno == ECONNRESET ? "cut" : "not cut");
    buf_close(&out);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && strcmp(argv[1], "crowd") == 0)
        return crowd((uint16_t)atoi(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
    if (argc == 3 && strcmp(argv[1], "give") == 0)
        return give(argv[2]);
    if (argc == 3 && strcmp(argv[1], "deaf") == 0)
        return deaf(argv[2]);
    if (argc == 2 || argc == 3)
        return frames(argv[1], argc == 3 ? strtoul(argv[2], NULL, 10) : 1);
    return 2;
}

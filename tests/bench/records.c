/*
 * Prints what the records in segment files of a spool say: `records FILE...` gives a line for each:
 * packets, kernel_dropped, captured, off_darknet, not_ip, undecodable, late, refused, flags, start in
 * seconds, the nanoseconds from there to its first and last moment, the number of sources kept and their
 * packets, and the late packets as START:PACKETS of each interval.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/record.h"

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    if (bytes && fread(bytes, 1, *size, file) != *size)
        *size = 0;
    fclose(file);
    return bytes;
}

static void print(const struct record *record)
{
    int64_t start_ns = record->start_s * 1000000000;
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
           " %" PRIu64 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64,
           record->packets, record->kernel_dropped, record->captured, record->off_darknet,
           record->not_ip, record->undecodable, record->late, record->refused, record->flags,
           record->start_s, record->first_ns - start_ns, record->last_ns - start_ns,
           addrvec_active(&record->sources), addrvec_packets(&record->sources));
    for (size_t i = 0; i < record->late_count; i++)
        printf(" %" PRId64 ":%" PRIu64, record->late_by[i].start_s, record->late_by[i].packets);
    putchar('\n');
}

int main(int argc, char **argv)
{
    static struct record record;
    char errmsg[ERRMSG_SIZE];
    struct record_header header;
    for (int i = 1; i < argc; i++) {
        size_t size = 0, at = 0;
        uint8_t *bytes = read_file(argv[i], &size);
        for (; bytes && record_peek(bytes + at, size - at, &header) == 0; at += header.size) {
            record_init(&record);
            if (record_open(&record, bytes + at, header.size, errmsg) != 0) {
                fprintf(stderr, "%s: %s\n", argv[i], errmsg);
                return 1;
            }
            print(&record);
            record_close(&record);
        }
        free(bytes);
    }
    return 0;
}

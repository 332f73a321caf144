#include "tests/unit/collector/handmade.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/common/tables_of.h"

#define NS_PER_S INT64_C(1000000000)

const uint8_t handmade_epoch[EPOCH_SIZE] = {0xbb, 1, 2,  3,  4,  5,  0x46, 7,
                                            0x88, 9, 10, 11, 12, 13, 14,   15};

void handmade_record(struct buf *out, uint64_t seq, int64_t gap_ns)
{
    char errmsg[ERRMSG_SIZE];
    struct record record;
    record_init(&record);
    memcpy(record.epoch, handmade_epoch, EPOCH_SIZE);
    record.seq = seq;
    strcpy(record.sensor, "tester");
    record.start_s = HANDMADE_BASE_S + 60 * (int64_t)seq;
    record.width_s = RECORD_WIDTH_S;
    record.first_ns = record.start_s * NS_PER_S + gap_ns;
    record.last_ns = (record.start_s + 60) * NS_PER_S - 1;
    record.packets = record.captured = seq;
    record.bytes = seq * 40;
    addrvec_append4(&record.addresses, 0xc6336401, seq);
    hll_add(&record.hosts, "x", 1);
    tables_of(&record.tables, record.packets, record.bytes);
    cr_assert_eq(record_seal(&record, out, errmsg), 0, "%s", errmsg);
    record_close(&record);
}

void handmade_segment(const char *path, uint64_t first, uint64_t last, uint64_t late)
{
    char file[PATH_MAX];
    struct buf out;
    buf_init(&out);
    for (uint64_t seq = first; seq <= last; seq++)
        handmade_record(&out, seq, seq == late ? NS_PER_S : 0);
    segment_path(file, path, first);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, out.bytes, out.size), (ssize_t)out.size);
    cr_assert_eq(fsync(fd), 0);
    close(fd);
    buf_close(&out);
}

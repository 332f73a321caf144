/* record_open: the bytes once as they come, once behind a header with a right checksum, so that the
 * fuzzer gets past it. What opens can be sealed, and opens again as the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/crc32c.h"
#include "common/err.h"
#include "common/record.h"

static void open_and_seal(const uint8_t *bytes, size_t size)
{
    struct record record, again;
    struct buf sealed;
    char errmsg[ERRMSG_SIZE];
    record_init(&record);
    record_init(&again);
    buf_init(&sealed);
    if (record_open(&record, bytes, size, errmsg) == 0) {
        fuzz_require(record_seal(&record, &sealed, errmsg) == 0);
        fuzz_require(record_open(&again, sealed.bytes, sealed.size, errmsg) == 0);
        fuzz_require(again.seq == record.seq && again.packets == record.packets);
        fuzz_require(addrvec_packets(&again.addresses) == record.packets);
        fuzz_require(memcmp(&again.hosts, &record.hosts, sizeof again.hosts) == 0);
        fuzz_require(again.flags == record.flags && again.late_count == record.late_count);
        fuzz_require(memcmp(again.late_by, record.late_by, sizeof again.late_by) == 0);
        fuzz_require(again.alarm_count == record.alarm_count);
        fuzz_require(memcmp(again.alarms, record.alarms, sizeof again.alarms) == 0);
    }
    record_close(&record);
    record_close(&again);
    buf_close(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buf made;
    buf_init(&made);
    open_and_seal(bytes, size);
    size_t header = size < RECORD_HEADER_SIZE ? size : RECORD_HEADER_SIZE;
    buf_put(&made, "DCR1", 4);
    buf_put_u32_be(&made, (uint32_t)(size - header));
    buf_put_u64_be(&made, 1);
    buf_put(&made, "0123456789abcdef", EPOCH_SIZE);
    buf_put_u32_be(&made, crc32c(crc32c(0, made.bytes + 4, 28), bytes + header, size - header));
    buf_put(&made, bytes + header, size - header);
    open_and_seal(made.bytes, made.size);
    buf_close(&made);
    return 0;
}

/* frame_read over a stream of frames, as the session and the shipper read them. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/err.h"
#include "common/frame.h"

static void check(const struct frame *frame)
{
    if (frame->type == FRAME_OPEN)
        fuzz_require(sensor_name_valid(frame->open.sensor) && frame->open.darknet);
    if (frame->type == FRAME_LOST)
        fuzz_require(frame->lost.first > 0 && frame->lost.first <= frame->lost.last);
    if (frame->type == FRAME_JOIN)
        fuzz_require(frame->join.request);
    if (frame->type == FRAME_CERTIFICATE)
        fuzz_require(sensor_name_valid(frame->certificate.sensor) && frame->certificate.darknet &&
                     frame->certificate.certificate && frame->certificate.authority);
    if (frame->type == FRAME_REFUSE) {
        fuzz_require(frame->refuse.code <= REFUSE_CERTIFICATE);
        for (const char *c = frame->refuse.text; *c; c++)
            fuzz_require((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (;;) {
        struct frame frame;
        size_t need;
        char errmsg[ERRMSG_SIZE];
        int64_t whole = frame_read(bytes, size, &frame, &need, errmsg);
        if (whole == 0)
            fuzz_require(need > size);
        if (whole <= 0)
            return 0;
        fuzz_require((size_t)whole <= size);
        check(&frame);
        frame_close(&frame);
        bytes += whole;
        size -= (size_t)whole;
    }
}

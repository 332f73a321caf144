/*
 * How long records are: `wiresize` seals made-up minutes of a /16 and of a /24, with every address and with
 * one in ten active, and prints the bytes of a record by active address and against 8-byte counters.
 */
#include <stdio.h>

#include "common/err.h"
#include "tests/bench/minute.h"

#define RECORDS 20

static void measure(const char *name, const struct minute_plan *plan)
{
    char errmsg[ERRMSG_SIZE];
    uint64_t random = 4711, bytes = 0, active = 0;
    for (int i = 0; i < RECORDS; i++) {
        static struct record record;
        struct buf sealed;
        record_init(&record);
        buf_init(&sealed);
        minute_fill(&record, plan, "bench", (uint64_t)i + 1, 1600000020 + i * 60, &random);
        if (record_seal(&record, &sealed, errmsg) != 0)
            fprintf(stderr, "wiresize: %s\n", errmsg);
        bytes += sealed.size;
        active += addrvec_active(&record.addresses);
        record_close(&record);
        buf_close(&sealed);
    }
    printf("%s_bytes %.2f bytes/address\n", name, (double)bytes / (double)active);
    printf("%s %.3f ratio\n", name, (double)bytes / (8.0 * (double)active));
}

int main(void)
{
    measure("wire_16", &(struct minute_plan){0x0a140000, 65536, 1, 20000, 2000});
    measure("wire_16_tenth", &(struct minute_plan){0x0a140000, 65536, 10, 5000, 500});
    measure("wire_24", &(struct minute_plan){0x0a140000, 256, 1, 60, 10});
    return 0;
}

/* What comes from a command line or the environment: store URLs, times, zones, epochs. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/record.h"
#include "common/storeurl.h"

static void times(const char *text, char *errmsg)
{
    int64_t at, again;
    char form[32];
    if (calendar_parse(text, &at, errmsg) != 0 || at < CALENDAR_MIN_S || at >= CALENDAR_MAX_S)
        return;
    calendar_rfc3339(at, form);
    fuzz_require(calendar_parse(form, &again, errmsg) == 0 && again == at);
    for (int level = LEVEL_HOUR; level < LEVELS; level++) {
        struct period period = calendar_period((enum level)level, at);
        fuzz_require(period.start_s <= at && at < period.end_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char errmsg[ERRMSG_SIZE];
    struct storeurl url;
    uint8_t epoch[EPOCH_SIZE];
    char *text = malloc(size + 1);
    fuzz_require(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    fuzz_require(calendar_init("America/St_Johns", errmsg) == 0);
    times(text, errmsg);
    if (storeurl_parse(&url, text, errmsg) == 0)
        fuzz_require(
            (url.path[0] == '/') !=
            (url.server_count > 0 && url.servers[0].host[0] != '\0' && url.servers[0].port > 0));
    epoch_parse(text, epoch);
    sensor_name_valid(text);
    free(text);
    return 0;
}

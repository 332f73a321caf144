#include "common/checks.h"

#include <stdarg.h>
#include <sys/timex.h>
#include <time.h>

#include "common/calendar.h"
#include "common/cert.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"

#define DAY_S 86400

void checks_say(struct checks *checks, enum verdict verdict, const char *what, const char *format,
                ...)
{
    static const char *const words[] = {
        [CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAIL] = "FAIL"};
    char text[2 * ERRMSG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    fprintf(checks->out, "%-4s  %s: %s\n", words[verdict], what, text);
    checks->failed += verdict == CHECK_FAIL;
}

int checks_finish(const struct checks *checks)
{
    int status = output_finish();
    if (status == 0 && checks->failed) {
        log_error("check: %u of these failed", checks->failed);
        status = 1;
    }
    return status;
}

void checks_clock(struct checks *checks)
{
    struct timex timex = {.modes = 0};
    int state = adjtimex(&timex);
    if (state < 0)
        checks_say(checks, CHECK_WARN, "clock",
                   "the system does not tell whether it is synchronised; see that it is");
    else if (state == TIME_ERROR || timex.status & STA_UNSYNC)
        checks_say(checks, CHECK_WARN, "clock",
                   "is not synchronised, and packets are counted by its time; run chrony or "
                   "systemd-timesyncd");
    else
        checks_say(checks, CHECK_OK, "clock", "is synchronised, to within %.3f s",
                   (double)timex.maxerror / 1e6);
}

void checks_certificate(struct checks *checks, const char *what, const struct cert_facts *facts,
                        int64_t warn_s, const char *advice)
{
    int64_t now_s = time(NULL);
    char from[32], until[32];
    calendar_rfc3339(facts->from_s, from);
    calendar_rfc3339(facts->until_s, until);
    if (now_s < facts->from_s)
        checks_say(checks, CHECK_FAIL, what, "of %s is not good before %s; is the clock right?",
                   facts->name, from);
    else if (now_s >= facts->until_s)
        checks_say(checks, CHECK_FAIL, what, "of %s has expired, on %s; %s", facts->name, until,
                   advice);
    else if (facts->until_s - now_s < warn_s)
        checks_say(checks, CHECK_WARN, what, "of %s ends in %lld days, on %s; %s", facts->name,
                   (long long)(facts->until_s - now_s) / DAY_S, until, advice);
    else
        checks_say(checks, CHECK_OK, what, "of %s is good until %s", facts->name, until);
}

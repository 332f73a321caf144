#include "aggregator/notice.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "common/log.h"

static struct {
    time_t begun_s;
    unsigned written, held_back;
} window;

static struct {
    uint64_t hash;
    time_t written_s;
} known[NOTICE_KNOWN];

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

/* Whether the line was written a short time ago; if not, it is noted. */
static bool repeated(const char *text, time_t now_s)
{
    uint64_t hash = hash_of(text);
    size_t oldest = 0;
    for (size_t i = 0; i < NOTICE_KNOWN; i++) {
        bool recent = known[i].written_s > 0 && now_s - known[i].written_s < NOTICE_AGAIN_S;
        if (recent && known[i].hash == hash)
            return true;
        if (known[i].written_s < known[oldest].written_s)
            oldest = i;
    }
    known[oldest].hash = hash;
    known[oldest].written_s = now_s + 1; /* never 0, which is: none */
    return false;
}

static void begin_window(time_t now_s)
{
    if (window.held_back > 0)
        log_info("%u more messages of this kind were held back", window.held_back);
    window.begun_s = now_s;
    window.written = window.held_back = 0;
}

void notice(const char *format, ...)
{
    struct timespec now;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (window.written == 0 || now.tv_sec - window.begun_s >= NOTICE_WINDOW_S)
        begin_window(now.tv_sec);
    if (window.written >= NOTICE_BURST) {
        window.held_back++;
        return;
    }
    if (repeated(text, now.tv_sec))
        return;
    window.written++;
    log_warn("%s", text);
}

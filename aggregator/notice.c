#include "aggregator/notice.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "common/log.h"

static struct {
    time_t begun_s;
    unsigned written, held_back;
} window;

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
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (window.written == 0 || now.tv_sec - window.begun_s >= NOTICE_WINDOW_S)
        begin_window(now.tv_sec);
    if (window.written >= NOTICE_BURST) {
        window.held_back++;
        return;
    }
    window.written++;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_warn("%s", text);
}

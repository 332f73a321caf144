#include "collector/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BAR_MAX         30 /* cells */
#define BAR_MIN         8  /* fewer tell nothing: no bar */
#define COLUMNS_DEFAULT 80
#define FIELD_SIZE      24

/* --- the text --------------------------------------------------------------------------------- */

/* Three digits with a prefix for powers of 1000, and the unit: "7", "13.4 k", "2.01 GB", "7 B". */
static void put_amount(char field[FIELD_SIZE], double amount, const char *unit)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t power = 0;
    for (; amount >= 999.5 && power + 1 < sizeof prefixes / sizeof prefixes[0]; power++)
        amount /= 1000;
    int decimals = power == 0 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
    snprintf(field, FIELD_SIZE, "%.*f%s%s%s", decimals, amount, power || *unit ? " " : "",
             prefixes[power], unit);
}

/* "0:07", "12:34", "3:12:34". */
static void put_time(char field[FIELD_SIZE], double seconds)
{
    uint64_t s =
        seconds < 3.6e8 ? (uint64_t)(seconds + 0.5) : 360000000; /* a hundred thousand hours */
    if (s < 3600)
        snprintf(field, FIELD_SIZE, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    else
        snprintf(field, FIELD_SIZE, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
                 s % 60);
}

static void put_rate(char *text, size_t size, uint64_t packets, double seconds)
{
    char sum[FIELD_SIZE], rate[FIELD_SIZE];
    put_amount(sum, (double)packets, "");
    put_amount(rate, seconds > 0 ? (double)packets / seconds : 0, "");
    snprintf(text, size, "%s packets, %s/s", sum, rate);
}

static void put_left(char *text, size_t size, double share, double seconds)
{
    char left[FIELD_SIZE];
    put_time(left, share > 0 ? seconds * (1 - share) / share : 0);
    snprintf(text, size, ", %s left", share > 0 ? left : "-:--");
}

/* "[####    ] " of what the columns leave, or nothing. */
static void put_bar(char *text, size_t size, double share, size_t room)
{
    size_t cells = room < BAR_MAX + 3 ? room - 3 : BAR_MAX;
    text[0] = '\0';
    if (room < BAR_MIN + 3)
        return;
    char bar[BAR_MAX + 1];
    memset(bar, ' ', cells);
    memset(bar, '#', (size_t)((double)cells * share));
    snprintf(text, size, "[%.*s] ", (int)cells, bar);
}

static void put_share(char line[PROGRESS_LINE_SIZE], size_t columns, uint64_t bytes,
                      uint64_t total_bytes, const char *rate, double seconds)
{
    double share = bytes < total_bytes ? (double)bytes / (double)total_bytes : 1;
    char done[FIELD_SIZE], total[FIELD_SIZE], left[FIELD_SIZE + 8], text[PROGRESS_LINE_SIZE - 40];
    char bar[BAR_MAX + 4];
    put_amount(done, (double)bytes, "B");
    put_amount(total, (double)total_bytes, "B");
    put_left(left, sizeof left, share, seconds);
    snprintf(text, sizeof text, "%d %%, %s of %s, %s%s", (int)(share * 100), done, total, rate,
             left);
    put_bar(bar, sizeof bar, share, columns > strlen(text) ? columns - strlen(text) : 0);
    snprintf(line, PROGRESS_LINE_SIZE, "%s%s", bar, text);
}

void progress_line(char line[PROGRESS_LINE_SIZE], size_t columns, uint64_t bytes,
                   uint64_t total_bytes, uint64_t packets, uint64_t elapsed_ms)
{
    char rate[2 * FIELD_SIZE + 16];
    double seconds = (double)elapsed_ms / 1000;
    put_rate(rate, sizeof rate, packets, seconds);
    if (total_bytes)
        put_share(line, columns, bytes, total_bytes, rate, seconds);
    else
        snprintf(line, PROGRESS_LINE_SIZE, "%s", rate);
    if (strlen(line) > columns)
        line[columns] = '\0';
}

/* --- the terminal ----------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Those of a line that does not wrap. */
static size_t terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
        return COLUMNS_DEFAULT - 1;
    return size.ws_col - 1u;
}

void progress_begin(struct progress *progress, uint64_t total_bytes)
{
    *progress = (struct progress){
        .total_bytes = total_bytes, .began_ns = now_ns(), .shows = isatty(STDERR_FILENO)};
}

/* Blanks cover what a longer line has left behind. */
static void draw(struct progress *progress, const char *line)
{
    size_t size = strlen(line);
    int blanks = progress->shown > size ? (int)(progress->shown - size) : 0;
    fprintf(stderr, "\r%s%*s", line, blanks, "");
    progress->shown = size;
}

void progress_show(struct progress *progress, uint64_t bytes, uint64_t packets)
{
    char line[PROGRESS_LINE_SIZE];
    int64_t now = now_ns();
    if (!progress->shows ||
        (progress->drawn_ns && now - progress->drawn_ns < PROGRESS_PERIOD_MS * 1000000))
        return;
    progress->drawn_ns = now;
    progress_line(line, terminal_columns(), bytes, progress->total_bytes, packets,
                  (uint64_t)(now - progress->began_ns) / 1000000);
    draw(progress, line);
    fflush(stderr);
}

void progress_hide(struct progress *progress)
{
    if (progress->shown == 0)
        return;
    draw(progress, "");
    fputs("\r", stderr);
    fflush(stderr);
}

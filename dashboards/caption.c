#include "dashboards/caption.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define DATE_MAX 40

void caption_share(double share, char out[CAPTION_SHARE_MAX])
{
    if (isnan(share))
        snprintf(out, CAPTION_SHARE_MAX, "?");
    else if (share >= 1)
        snprintf(out, CAPTION_SHARE_MAX, "100 %%");
    else if (share > 0 && share < 0.001)
        snprintf(out, CAPTION_SHARE_MAX, "<0.1 %%");
    else
        snprintf(out, CAPTION_SHARE_MAX, "%.1f %%", floor(share * 1000) / 10);
}

/* --- period ----------------------------------------------------------------------------------- */

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* The first `parts` of year, month, day. */
static void format_date(enum language language, struct caption_date date, int parts,
                        char out[DATE_MAX])
{
    if (parts == 1)
        snprintf(out, DATE_MAX, language ? "%d年" : "%04d", date.year);
    else if (parts == 2)
        snprintf(out, DATE_MAX, language ? "%d年%d月" : "%04d-%02d", date.year, date.month);
    else
        snprintf(out, DATE_MAX, language ? "%d年%d月%d日" : "%04d-%02d-%02d", date.year, date.month,
                 date.day);
}

/* Whether the ends of the period are those of whole years or months: how many parts of their dates
 * have to be said. */
static int parts_needed(const struct caption *caption)
{
    const struct caption_date *first = &caption->first, *last = &caption->last;
    if (first->day != 1 || last->day != month_days(last->year, last->month))
        return 3;
    return first->month == 1 && last->month == 12 ? 1 : 2;
}

void caption_period(const struct caption *caption, char out[LABELS_MAX])
{
    const struct caption_date *first = &caption->first, *last = &caption->last;
    char from[DATE_MAX], to[DATE_MAX];
    int parts = parts_needed(caption);
    format_date(caption->language, *first, parts, from);
    format_date(caption->language, *last, parts, to);
    bool one = first->year == last->year && (parts < 2 || first->month == last->month) &&
               (parts < 3 || first->day == last->day);
    if (one)
        snprintf(out, LABELS_MAX, "%s", from);
    else
        snprintf(out, LABELS_MAX, caption->language == LANGUAGE_JA ? "%s～%s" : "%s to %s", from,
                 to);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void write_source(const struct caption *caption, const char *period, char out[LABELS_MAX])
{
    if (caption->language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX,
                 "出典：当観測網（darkcountで計数、センサー%zu台）。期間：%.200s、日の区切りは%s。",
                 caption->sensors, period, caption->timezone);
    else
        snprintf(
            out, LABELS_MAX,
            "Source: this telescope, counted by darkcount (%zu %s). Period: %.200s, days in the "
            "time zone %s.",
            caption->sensors, caption->sensors == 1 ? "sensor" : "sensors", period,
            caption->timezone);
}

static void write_coverage(const struct caption *caption, char out[LABELS_MAX])
{
    char share[CAPTION_SHARE_MAX];
    bool whole = caption->coverage >= 1;
    caption_share(caption->coverage, share);
    if (caption->language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "観測率：対象とするIPアドレスと時間の%s%s。", share,
                 whole ? "" : "（観測できなかった分は値に含まれない）");
    else
        snprintf(out, LABELS_MAX, "Coverage: %s of the inventory's address time was observed%s.",
                 share, whole ? "" : "; what was not is in no figure");
}

static void write_revision(const struct caption *caption, char out[LABELS_MAX])
{
    if (caption->language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "改訂（年の終了後に値が変更された回数）：%" PRIu64 "。",
                 caption->revision);
    else
        snprintf(out, LABELS_MAX,
                 "Revision: %" PRIu64
                 " (how often figures were changed after their year had ended).",
                 caption->revision);
}

void caption_put(const struct caption *caption, const char *title, const char *method,
                 struct caption_notes *notes, struct sheet *sheet)
{
    char period[LABELS_MAX];
    caption_period(caption, period);
    snprintf(notes->title, LABELS_MAX,
             caption->language == LANGUAGE_JA ? "%s（%.200s）" : "%s, %.200s", title, period);
    write_source(caption, period, notes->source);
    write_coverage(caption, notes->coverage);
    write_revision(caption, notes->revision);
    sheet->title = notes->title;
    sheet_note(sheet, notes->source);
    sheet_note(sheet, method);
    sheet_note(sheet, notes->coverage);
    sheet_note(sheet, notes->revision);
}

/*
 * Notices: log lines whose number others decide (a sensor that is refused again and again, a
 * stranger who knocks). The same line is written once in NOTICE_AGAIN_S seconds, so that a reason is
 * logged and not each attempt; at most NOTICE_BURST are written in NOTICE_WINDOW_S seconds, and the
 * rest is counted and told.
 */
#ifndef AGGREGATOR_NOTICE_H
#define AGGREGATOR_NOTICE_H

#define NOTICE_BURST    20
#define NOTICE_WINDOW_S 10
#define NOTICE_AGAIN_S  3600
#define NOTICE_KNOWN    256 /* lines that are remembered; the oldest gives way */

void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

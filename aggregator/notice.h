/*
 * Notices: log lines whose number others decide (a sensor that is refused again and again, a
 * stranger who knocks). At most NOTICE_BURST are written in NOTICE_WINDOW_S seconds; the rest is
 * counted and told.
 */
#ifndef AGGREGATOR_NOTICE_H
#define AGGREGATOR_NOTICE_H

#define NOTICE_BURST    20
#define NOTICE_WINDOW_S 10

void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

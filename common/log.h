/*
 * Messages for people and journals, one line each on standard error: "darkcount-collector: text",
 * control characters escaped. Under systemd (JOURNAL_STREAM set) the line begins with
 * its syslog level "<4>".
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/* The name before every line; borrowed. */
void log_init(const char *program);
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/*
 * Checks: what `check` of both programs prints, a line for each thing that it looked at:
 *
 *   ok    spool: /var/spool/darkcount, 41.0 GB are free
 *   warn  clock: is not synchronised; run chrony or systemd-timesyncd
 *   FAIL  store: redis://...: cannot be reached; is Redis running there?
 *
 * what: detail; what to do. A check has no side effects.
 */
#ifndef COMMON_CHECKS_H
#define COMMON_CHECKS_H

#include <stdint.h>
#include <stdio.h>

struct cert_facts;

enum verdict { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct checks {
    FILE *out;
    unsigned failed;
};

/* One line; what stands in its text as a control character is written as '?'. */
void checks_say(struct checks *checks, enum verdict verdict, const char *what, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

/* The end of a command that printed its checks on standard output: the program's exit status, and on
 * standard error how many failed, or that the output was not taken. */
int checks_finish(const struct checks *checks);

/* Whether the system's clock is synchronised, by adjtimex(2): counts are kept by its time. */
void checks_clock(struct checks *checks);
/* Whether a certificate is good now and for longer: it fails when its time is over or has not come,
 * and warns from `warn_s` before its end on; `advice` says what to do then. */
void checks_certificate(struct checks *checks, const char *what, const struct cert_facts *facts,
                        int64_t warn_s, const char *advice);

#endif

/*
 * What the files of survey share: survey.c reads the command line, survey_watch.c looks at packets
 * (survey_files or survey_interfaces), survey_report.c prints what they gave (survey_print).
 */
#ifndef COLLECTOR_SURVEY_PRIVATE_H
#define COLLECTOR_SURVEY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/capture.h"
#include "collector/lit.h"
#include "common/prefix.h"
#include "common/rows.h"

#define SURVEY_INTERFACES_MAX 16
#define SURVEY_FOR_MAX_S      (UINT64_C(366) * 86400)

struct survey {
    const struct prefixset *darknet;
    struct lit *lit;
    uint64_t captured, undecodable;
    uint64_t observed_ns;
    bool live;
    uint64_t kernel_dropped, interface_dropped; /* live */
    bool failed;                                /* something was said about it */
};

/* "30s", "10m", "1h" or "2d" as seconds, 1 .. SURVEY_FOR_MAX_S. ERR_INVALID with `errmsg`. */
int survey_duration(const char *text, uint64_t *seconds, char *errmsg);

/* Looks at all packets of the files. What cannot be read is told, and `failed`; the rest is looked
 * at. Observed is the time between first and last packet of each file, common time once. */
void survey_files(struct survey *survey, const struct capture_list *files);

/* Looks at all packets of the interfaces, in both directions, for so many seconds or until SIGINT
 * or SIGTERM. What goes wrong is told, and `failed`; false when nothing was observed at all. */
bool survey_interfaces(struct survey *survey, const char *const *names, size_t count,
                       uint64_t seconds);

/* Time covered by `count` spans [first, last], which are sorted: common time counts once. */
struct survey_span {
    int64_t first_ns, last_ns;
};
uint64_t survey_covered(struct survey_span *spans, size_t count);

enum survey_format { SURVEY_ROWS, SURVEY_EXCLUDE };

/* Prints the evidence on standard output, as rows or as the shortest list of prefixes that covers
 * exactly the lit addresses, and what was observed on standard error. Takes the evidence. */
void survey_print(struct survey *survey, enum survey_format format, enum rows_format rows_format);

#endif

#include "collector/alarms.h"

#include <stdlib.h>

#include "collector/skew.h"
#include "common/alarm.h"

struct alarms {
    struct skew *skew; /* NULL: switched off */
    struct alarm_log log;
};

struct alarms *alarms_new(const struct prefixset *darknet, bool skew)
{
    struct alarms *alarms = calloc(1, sizeof *alarms);
    if (alarms && (!skew || (alarms->skew = skew_new(darknet))))
        return alarms;
    alarms_free(alarms);
    return NULL;
}

void alarms_free(struct alarms *alarms)
{
    if (!alarms)
        return;
    skew_free(alarms->skew);
    free(alarms);
}

void alarms_record(struct alarms *alarms, struct record *record)
{
    if (alarms->skew)
        skew_record(alarms->skew, record);
    alarm_write(&alarms->log, record, "", record->start_s);
}

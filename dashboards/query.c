#include "dashboards/query.h"

#include <string.h>

#include "common/err.h"

static const char *const step_names[QUERY_STEPS] = {
    [QUERY_WHOLE] = "",  [QUERY_MINUTE] = "minute", [QUERY_HOUR] = "hour",
    [QUERY_DAY] = "day", [QUERY_MONTH] = "month",   [QUERY_YEAR] = "year",
};

static const char *const by_names[QUERY_BYS] = {
    [QUERY_TOTAL] = "total", [QUERY_SENSOR] = "sensor",     [QUERY_ADDRESS] = "address",
    [QUERY_CLASS] = "class", [QUERY_PROTOCOL] = "protocol", [QUERY_PORT] = "port",
    [QUERY_ICMP] = "icmp",
};

int query_step_parse(const char *text, enum query_step *step)
{
    for (int i = QUERY_MINUTE; i < QUERY_STEPS; i++)
        if (strcmp(text, step_names[i]) == 0) {
            *step = (enum query_step)i;
            return 0;
        }
    return ERR_INVALID;
}

int query_by_parse(const char *text, enum query_by *by)
{
    for (int i = 0; i < QUERY_BYS; i++)
        if (strcmp(text, by_names[i]) == 0) {
            *by = (enum query_by)i;
            return 0;
        }
    return ERR_INVALID;
}

const char *query_by_name(enum query_by by)
{
    return by_names[by];
}

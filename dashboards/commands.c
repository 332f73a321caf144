#include "dashboards/commands.h"

#include "dashboards/annual.h"
#include "dashboards/chart.h"
#include "dashboards/export.h"
#include "dashboards/query_command.h"
#include "dashboards/verify.h"

#define BIT OPTION_BIT

const struct command commands[] = {
    {
        .name = "annual",
        .summary = "packets per darknet address, year by year",
        .usage = "[--method METHOD | --revisions] [--year YYYY] [--format FORMAT]",
        .takes = BIT(OPTION_METHOD) | BIT(OPTION_REVISIONS) | BIT(OPTION_YEAR) | BIT(OPTION_FORMAT),
        .check = annual_check,
        .run = annual_run,
    },
    {
        .name = "query",
        .summary = "what was counted in any range of time, period by period",
        .usage = "[--from TIME] [--to TIME] [--step STEP] [--by WHAT] [--top N]\n"
                 "    [--sensor NAME] [--format FORMAT]",
        .takes = BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) | BIT(OPTION_BY) |
                 BIT(OPTION_TOP) | BIT(OPTION_SENSOR) | BIT(OPTION_FORMAT),
        .check = query_command_check,
        .run = query_command_run,
    },
    {
        .name = "verify",
        .summary = "whether the store agrees with itself, down to the last address",
        .usage = "[--year YYYY] [--sensor NAME] [--format FORMAT]",
        .takes = BIT(OPTION_YEAR) | BIT(OPTION_SENSOR) | BIT(OPTION_FORMAT),
        .check = verify_check,
        .run = verify_run,
    },
    {
        .name = "chart annual",
        .summary = "the same as a chart for print",
        .usage = "-o FILE.svg|.png|.pdf [--method METHOD] [--year YYYY] [--reference nict]\n"
                 "    [--lang en|ja]",
        .takes = BIT(OPTION_OUTPUT) | BIT(OPTION_METHOD) | BIT(OPTION_YEAR) |
                 BIT(OPTION_REFERENCE) | BIT(OPTION_LANG),
        .check = chart_check,
        .run = chart_annual_run,
    },
    {
        .name = "export",
        .summary = "bulk data for other programs",
        .usage = "[--format csv|json|prometheus|flowtuple|ipfix] [--from TIME] [--to TIME]\n"
                 "    [--step STEP] [--by WHAT] [--top N] [--sensor NAME] [--key FILE]\n"
                 "    [--real-addresses] [--ranks] [--withhold K] [-o FILE]\n"
                 "       darkcount export --make-key FILE",
        .takes = BIT(OPTION_FORMAT) | BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) |
                 BIT(OPTION_BY) | BIT(OPTION_TOP) | BIT(OPTION_SENSOR) | BIT(OPTION_KEY) |
                 BIT(OPTION_REAL_ADDRESSES) | BIT(OPTION_MAKE_KEY) | BIT(OPTION_WITHHOLD) |
                 BIT(OPTION_RANKS) | BIT(OPTION_OUTPUT),
        .check = export_check,
        .run = export_run,
    },
};

const size_t command_count = sizeof commands / sizeof *commands;

#include "dashboards/commands.h"

#include "dashboards/annual.h"
#include "dashboards/chart.h"

#define BIT OPTION_BIT

const struct command commands[] = {
    {
        .name = "annual",
        .summary = "packets per darknet address, year by year",
        .usage = "[--method METHOD] [--year YYYY] [--format FORMAT]",
        .takes = BIT(OPTION_METHOD) | BIT(OPTION_YEAR) | BIT(OPTION_FORMAT),
        .check = options_check_format,
        .run = annual_run,
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
};

const size_t command_count = sizeof commands / sizeof *commands;

#include "dashboards/commands.h"

#include "dashboards/annual.h"
#include "dashboards/chart.h"
#include "dashboards/doctor.h"
#include "dashboards/export.h"
#include "dashboards/query_command.h"
#include "dashboards/report.h"
#include "dashboards/serve.h"
#include "dashboards/states.h"
#include "dashboards/verify.h"

#define BIT OPTION_BIT

/* Of the charts of a range of time. */
#define CHART_USAGE                                                                                \
    "-o FILE.svg|.png|.pdf [--year YYYY | --from TIME --to TIME]\n"                                \
    "    [--lang en|ja]"
#define CHART_TAKES                                                                                \
    (BIT(OPTION_OUTPUT) | BIT(OPTION_YEAR) | BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_LANG))

const struct command commands[] = {
    {
        .name = "annual",
        .summary = "packets per darknet address, year by year",
        .usage =
            "[--method METHOD | --revisions | --compare FILE] [--year YYYY]\n    [--format FORMAT]",
        .takes = BIT(OPTION_METHOD) | BIT(OPTION_REVISIONS) | BIT(OPTION_COMPARE) |
                 BIT(OPTION_YEAR) | BIT(OPTION_FORMAT),
        .check = annual_check,
        .run = annual_run,
    },
    {
        .name = "query",
        .summary = "what was counted in any range of time, period by period",
        .usage = "[--from TIME] [--to TIME] [--step STEP] [--by WHAT] [--top N]\n"
                 "    [--sensor NAME] [--country-db FILE] [--asn-db FILE] [--format FORMAT]",
        .takes = BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) | BIT(OPTION_BY) |
                 BIT(OPTION_TOP) | BIT(OPTION_SENSOR) | BIT(OPTION_COUNTRY_DB) |
                 BIT(OPTION_ASN_DB) | BIT(OPTION_FORMAT),
        .check = query_command_check,
        .run = query_command_run,
    },
    {
        .name = "states",
        .summary = "whether an address was counted, a true zero, down or not in the inventory",
        .usage = "--address ADDRESS --from TIME --to TIME [--step STEP] [--format FORMAT]",
        .takes = BIT(OPTION_ADDRESS) | BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) |
                 BIT(OPTION_FORMAT),
        .check = states_check,
        .run = states_run,
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
        .name = "doctor",
        .summary = "whether everything is well: a line for each check, and what to do",
        .usage = "",
        .takes = 0,
        .check = NULL,
        .run = doctor_run,
    },
    {
        .name = "chart annual",
        .summary = "packets per darknet address year by year, as bars",
        .usage = "-o FILE.svg|.png|.pdf [--method METHOD] [--year YYYY] [--reference nict]\n"
                 "    [--growth] [--lang en|ja]",
        .takes = BIT(OPTION_OUTPUT) | BIT(OPTION_METHOD) | BIT(OPTION_YEAR) |
                 BIT(OPTION_REFERENCE) | BIT(OPTION_GROWTH) | BIT(OPTION_LANG),
        .check = chart_check,
        .run = chart_annual_run,
    },
    {
        .name = "chart daily",
        .summary = "packets and unique hosts day by day",
        .usage = CHART_USAGE,
        .takes = CHART_TAKES,
        .check = chart_check,
        .run = chart_daily_run,
    },
    {
        .name = "chart classes",
        .summary = "packets by class, stacked, by day or month",
        .usage = CHART_USAGE " [--withhold K]",
        .takes = CHART_TAKES | BIT(OPTION_WITHHOLD),
        .check = chart_check,
        .run = chart_classes_run,
    },
    {
        .name = "chart ports",
        .summary = "the ten destination ports with most packets",
        .usage = CHART_USAGE " [--withhold K]",
        .takes = CHART_TAKES | BIT(OPTION_WITHHOLD),
        .check = chart_check,
        .run = chart_ports_run,
    },
    {
        .name = "chart coverage",
        .summary = "when each sensor observed, day by day",
        .usage = CHART_USAGE,
        .takes = CHART_TAKES,
        .check = chart_check,
        .run = chart_coverage_run,
    },
    {
        .name = "chart map",
        .summary = "the darknet address by address, along a Hilbert curve",
        .usage = CHART_USAGE " [--real-addresses]",
        .takes = CHART_TAKES | BIT(OPTION_REAL_ADDRESSES),
        .check = chart_check,
        .run = chart_map_run,
    },
    {
        .name = "chart countries",
        .summary = "the ten countries from which most packets came",
        .usage = CHART_USAGE " [--withhold K] [--country-db FILE]",
        .takes = CHART_TAKES | BIT(OPTION_COUNTRY_DB) | BIT(OPTION_WITHHOLD),
        .check = chart_check,
        .run = chart_countries_run,
    },
    {
        .name = "report",
        .summary = "the yearly report: a page, its charts, tables and figures",
        .usage = "--year YYYY -o DIR [--lang en|ja] [--pdf auto|no|CONVERTER]\n"
                 "    [--withhold K] [--country-db FILE]",
        .takes = BIT(OPTION_YEAR) | BIT(OPTION_OUTPUT) | BIT(OPTION_LANG) | BIT(OPTION_PDF) |
                 BIT(OPTION_COUNTRY_DB) | BIT(OPTION_WITHHOLD),
        .check = report_check,
        .run = report_run,
    },
    {
        .name = "export",
        .summary = "bulk data for other programs",
        .usage = "[--format csv|json|prometheus|flowtuple|ipfix] [--from TIME] [--to TIME]\n"
                 "    [--step STEP] [--by WHAT] [--top N] [--sensor NAME] [--key FILE]\n"
                 "    [--real-addresses] [--ranks] [--withhold K] [-o FILE]\n"
                 "       darkcount export --make-key FILE",
        .formats = "csv (default), json, prometheus, flowtuple or ipfix",
        .takes = BIT(OPTION_FORMAT) | BIT(OPTION_FROM) | BIT(OPTION_TO) | BIT(OPTION_STEP) |
                 BIT(OPTION_BY) | BIT(OPTION_TOP) | BIT(OPTION_SENSOR) | BIT(OPTION_KEY) |
                 BIT(OPTION_REAL_ADDRESSES) | BIT(OPTION_MAKE_KEY) | BIT(OPTION_WITHHOLD) |
                 BIT(OPTION_RANKS) | BIT(OPTION_OUTPUT),
        .check = export_check,
        .run = export_run,
    },
    {
        .name = "serve",
        .summary = "a web page, an HTTP API and metrics, until it is told to stop",
        .usage = "[--listen ADDRESS:PORT] [--host NAME,...] [--real-addresses]\n"
                 "    [--country-db FILE] [--asn-db FILE]",
        .takes = BIT(OPTION_LISTEN) | BIT(OPTION_HOST) | BIT(OPTION_REAL_ADDRESSES) |
                 BIT(OPTION_COUNTRY_DB) | BIT(OPTION_ASN_DB),
        .check = serve_check,
        .run = serve_run,
    },
};

const size_t command_count = sizeof commands / sizeof *commands;

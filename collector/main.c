#include <stdio.h>
#include <string.h>

#include "collector/check.h"
#include "collector/count.h"
#include "collector/join.h"
#include "collector/run.h"
#include "collector/spoolcmd.h"
#include "collector/survey.h"
#include "common/log.h"
#include "common/output.h"

/* The subcommands: one line each. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"count", count_main, "count the packets of captures that went to a darknet"},
    {"run", run_main, "the sensor: capture or replay, and deliver to the aggregator"},
    {"check", check_main, "whether all that a sensor needs is there"},
    {"join", join_main, "become an enrolled sensor of an aggregator"},
    {"spool", spoolcmd_main, "what a sensor's spool holds, and whether it is sound"},
    {"survey", survey_main, "find the addresses of a darknet that are in use"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void usage(void)
{
    fputs("Usage: darkcount-collector COMMAND [OPTION]...\n"
          "The sensor of a darknet telescope.\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`darkcount-collector COMMAND --help` tells more; --version prints the version.\n",
          stdout);
}

int main(int argc, char **argv)
{
    log_init("darkcount-collector");
    output_init();
    if (argc < 2) {
        log_error("no command; darkcount-collector --help lists them");
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage();
        return output_finish();
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("darkcount-collector " DARKCOUNT_VERSION);
        return output_finish();
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    log_error("%s: no such command; darkcount-collector --help lists them", argv[1]);
    return 2;
}

/*
 * darkcount: reads the store and shows figures. Parses the command line, runs the command, turns
 * its result into an exit status.
 */
#include <signal.h>
#include <stdio.h>

#include "common/err.h"
#include "common/log.h"
#include "dashboards/annual.h"
#include "dashboards/chart.h"
#include "dashboards/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_DONE;
    log_error("writing to standard output failed");
    return EXIT_FAILED;
}

static int run(const struct options *options, char *errmsg)
{
    return options->command == COMMAND_ANNUAL ? annual_run(options, errmsg)
                                              : chart_annual_run(options, errmsg);
}

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct options options;
    log_init("darkcount");
    signal(SIGPIPE, SIG_IGN); /* a write then fails, and is reported as any other */
    if (options_parse(&options, argc, argv, errmsg) != 0) {
        log_error("%s; see darkcount --help", errmsg);
        return EXIT_USAGE;
    }
    if (options.command == COMMAND_HELP)
        return print(options_help());
    if (options.command == COMMAND_VERSION)
        return print("darkcount " DARKCOUNT_VERSION "\n");
    int rc = run(&options, errmsg);
    if (rc == 0)
        return EXIT_DONE;
    log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    return EXIT_FAILED;
}

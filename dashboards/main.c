/*
 * darkcount: reads the store and shows figures. Parses the command line, runs the command, turns
 * its result into an exit status.
 */
#include <signal.h>
#include <stdio.h>

#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "dashboards/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int print(const struct options *options)
{
    if (options->help)
        options_print_help(options, stdout);
    else
        fputs("darkcount " DARKCOUNT_VERSION "\n", stdout);
    return output_finish();
}

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct options options;
    log_init("darkcount");
    output_init();
    signal(SIGPIPE, SIG_IGN); /* a write then fails, and is reported as any other */
    if (options_parse(&options, argc, argv, errmsg) != 0) {
        log_error("%s; see darkcount --help", errmsg);
        return EXIT_USAGE;
    }
    if (options.help || options.version)
        return print(&options);
    int rc = options.command->run(&options, errmsg);
    if (rc == 0)
        return EXIT_DONE;
    if (rc == ERR_IO)
        output_end_unread();
    log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    return EXIT_FAILED;
}

#include "collector/survey.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/sandbox.h"
#include "collector/survey_private.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *interfaces[SURVEY_INTERFACES_MAX];
    size_t interface_count;
    const char **paths;
    size_t path_count;
    struct prefixset *darknet;
    bool has_darknet;
    uint64_t for_s; /* 0: not given */
    enum survey_format format;
    enum rows_format rows_format;
    bool help;
};

static const char help[] =
    "Usage: darkcount-collector survey -i IFACE... --darknet PREFIX --for DURATION [OPTION]...\n"
    "       darkcount-collector survey -r FILE... --darknet PREFIX [OPTION]...\n"
    "Find the addresses of a darknet that are lit: that send packets, and so are in use.\n"
    "\n"
    "  -i, --interface IFACE  watch an interface, both directions; may be given several times\n"
    "  -r, --read FILE...     look at captures: pcap or pcapng, plain or compressed with gzip\n"
    "                         or zstd; - is standard input, a directory the files in it\n"
    "      --darknet PREFIX   addresses to look for, as CIDR; several, or separated by commas\n"
    "      --exclude PREFIX   addresses of the darknet that need no survey\n"
    "      --for DURATION     how long to watch interfaces: 30s, 10m, 1h, 2d; SIGINT and\n"
    "                         SIGTERM end it early\n"
    "      --format FORMAT    table (default on a terminal), csv (elsewhere), json, or\n"
    "                         exclude: the lit addresses as a list for --exclude\n"
    "  -h, --help             this text\n"
    "\n"
    "An address is lit when a packet has it as its source, or an ARP packet as its sender.\n"
    "Sources can be forged: link_source is the link-layer address that the last packet came\n"
    "from, with a + where there were others. Packets from outside come from the router's.\n"
    "\n"
    "Exit status: 0 done, whether addresses are lit or not; 1 something could not be read,\n"
    "kept or written (what was seen is printed); 2 wrong usage.\n";

/* --- the command line ------------------------------------------------------------------------- */

static uint64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

int survey_duration(const char *text, uint64_t *seconds, char *errmsg)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t unit = digits ? unit_seconds(text[digits]) : 0;
    if (unit == 0 || text[digits + 1])
        return err_set(errmsg, ERR_INVALID,
                       "duration \"%s\": write a number and its unit: 30s, 10m, 1h or 2d", text);
    uint64_t value = digits <= 9 ? strtoull(text, NULL, 10) : UINT32_MAX;
    if (value < 1 || value * unit > SURVEY_FOR_MAX_S)
        return err_set(errmsg, ERR_INVALID, "duration \"%s\": must be 1s to 366d", text);
    *seconds = value * unit;
    return 0;
}

static int parse_interface(struct arguments *arguments, const char *name, char *errmsg)
{
    if (arguments->interface_count == SURVEY_INTERFACES_MAX)
        return err_set(errmsg, ERR_INVALID, "-i %s: at most %d interfaces", name,
                       SURVEY_INTERFACES_MAX);
    arguments->interfaces[arguments->interface_count++] = name;
    return 0;
}

/* Every argument behind -r that is no option is a file. */
static void parse_files(struct arguments *arguments, int argc, char **argv)
{
    arguments->paths[arguments->path_count++] = optarg;
    while (optind < argc && (argv[optind][0] != '-' || argv[optind][1] == '\0'))
        arguments->paths[arguments->path_count++] = argv[optind++];
}

static int parse_format(struct arguments *arguments, const char *value, char *errmsg)
{
    if (strcmp(value, "exclude") == 0) {
        arguments->format = SURVEY_EXCLUDE;
        return 0;
    }
    arguments->format = SURVEY_ROWS;
    return rows_format_parse(value, &arguments->rows_format)
               ? err_set(errmsg, ERR_INVALID, "--format %s: must be table, csv, json or exclude",
                         value)
               : 0;
}

enum { OPTION_DARKNET = 256, OPTION_EXCLUDE, OPTION_FOR, OPTION_FORMAT };

static int parse_option(struct arguments *arguments, int option, int argc, char **argv,
                        char *errmsg)
{
    switch (option) {
    case 'i':
        return parse_interface(arguments, optarg, errmsg);
    case 'r':
        parse_files(arguments, argc, argv);
        return 0;
    case OPTION_DARKNET:
        arguments->has_darknet = true;
        return prefixset_add(arguments->darknet, optarg, errmsg);
    case OPTION_EXCLUDE:
        return prefixset_exclude(arguments->darknet, optarg, errmsg);
    case OPTION_FOR:
        return survey_duration(optarg, &arguments->for_s, errmsg);
    case OPTION_FORMAT:
        return parse_format(arguments, optarg, errmsg);
    case 'h':
        arguments->help = true;
        return 0;
    case ':':
        return err_set(errmsg, ERR_INVALID, "%s: a value is missing", argv[optind - 1]);
    default:
        return err_set(errmsg, ERR_INVALID, "%s: no such option", argv[optind - 1]);
    }
}

static int parse_options(struct arguments *arguments, int argc, char **argv, char *errmsg)
{
    static const struct option options[] = {
        {"interface", required_argument, NULL, 'i'},
        {"read", required_argument, NULL, 'r'},
        {"darknet", required_argument, NULL, OPTION_DARKNET},
        {"exclude", required_argument, NULL, OPTION_EXCLUDE},
        {"for", required_argument, NULL, OPTION_FOR},
        {"format", required_argument, NULL, OPTION_FORMAT},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, result = 0;
    opterr = 0;
    while (result == 0 && !arguments->help &&
           (option = getopt_long(argc, argv, "+:i:r:h", options, NULL)) != -1)
        result = parse_option(arguments, option, argc, argv, errmsg);
    if (result == 0 && !arguments->help && optind < argc)
        result = err_set(errmsg, ERR_INVALID, "%s: files follow -r", argv[optind]);
    return result;
}

/* What can only be seen when all options are known. */
static int check_arguments(struct arguments *arguments, char *errmsg)
{
    bool live = arguments->interface_count > 0;
    if (live == (arguments->path_count > 0))
        return err_set(errmsg, ERR_INVALID,
                       "name either interfaces with -i IFACE or captures with -r FILE...");
    if (!arguments->has_darknet)
        return err_set(errmsg, ERR_INVALID, "name the darknet with --darknet PREFIX");
    if (live != (arguments->for_s > 0))
        return err_set(errmsg, ERR_INVALID,
                       live ? "say how long to watch with --for DURATION, such as 1h"
                            : "--for: goes with -i; captures are read to their end");
    int result = prefixset_finish(arguments->darknet, errmsg);
    if (result == 0 && prefixset_missed(arguments->darknet, errmsg))
        log_warn("%s", errmsg);
    return result;
}

static int parse_arguments(struct arguments *arguments, int argc, char **argv, char *errmsg)
{
    arguments->paths = calloc((size_t)argc, sizeof *arguments->paths);
    arguments->darknet = prefixset_new();
    if (!arguments->paths || !arguments->darknet)
        return err_set(errmsg, ERR_NOMEM, "out of memory");
    arguments->rows_format = rows_format_default(stdout);
    int result = parse_options(arguments, argc, argv, errmsg);
    return result || arguments->help ? result : check_arguments(arguments, errmsg);
}

/* --- surveying -------------------------------------------------------------------------------- */

/* False when there is nothing to print. */
static bool watch(struct survey *survey, const struct arguments *arguments)
{
    char errmsg[ERRMSG_SIZE];
    struct capture_list files = {0};
    if (arguments->interface_count)
        return survey_interfaces(survey, arguments->interfaces, arguments->interface_count,
                                 arguments->for_s);
    bool expanded = sandbox_check(errmsg) == 0 && sandbox_capture(NULL, 0, errmsg) == 0 &&
                    capture_expand(&files, arguments->paths, arguments->path_count, errmsg) == 0;
    if (expanded)
        survey_files(survey, &files);
    else
        log_error("%s", errmsg);
    capture_list_close(&files);
    return expanded;
}

static int run(const struct arguments *arguments)
{
    struct survey survey = {.darknet = arguments->darknet};
    survey.lit = lit_new(arguments->darknet, LIT_MAX);
    if (!survey.lit) {
        log_error("survey: out of memory");
        return EXIT_FAILED;
    }
    bool watched = watch(&survey, arguments);
    if (watched)
        survey_print(&survey, arguments->format, arguments->rows_format);
    lit_free(survey.lit);
    return watched && !survey.failed ? EXIT_DONE : EXIT_FAILED;
}

static int print_help(void)
{
    fputs(help, stdout);
    return output_finish();
}

int survey_main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE];
    struct arguments arguments = {0};
    int code;
    if (parse_arguments(&arguments, argc, argv, errmsg)) {
        log_error("survey: %s (survey --help tells more)", errmsg);
        code = EXIT_USAGE;
    } else {
        code = arguments.help ? print_help() : run(&arguments);
    }
    free(arguments.paths);
    prefixset_free(arguments.darknet);
    return code;
}

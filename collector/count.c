#include "collector/count.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/breakdown.h"
#include "collector/capture.h"
#include "collector/parallel.h"
#include "collector/sandbox.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/prefix.h"
#include "common/rows.h"

#define WIDTH_DEFAULT_S 60
#define WIDTH_MAX_S     31622400 /* a leap year */

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char **paths;
    size_t path_count;
    struct prefixset *darknet, *tunnels;
    bool has_darknet;
    const struct breakdown_kind *kind;
    struct breakdown_options options;
    enum rows_format format;
    uint32_t threads; /* 0: as many as there are cores */
    bool help;
};

static const char help[] =
    "Usage: darkcount-collector count -r FILE... --darknet PREFIX [OPTION]...\n"
    "Count the packets of captures that went to a darknet.\n"
    "\n"
    "  -r FILE...          pcap or pcapng, plain or compressed with gzip or zstd;\n"
    "                      - is standard input, a directory the files in it\n"
    "  --darknet PREFIX    addresses to count, as CIDR; several, or separated by commas\n"
    "  --exclude PREFIX    addresses of the darknet not to count\n"
    "  --tunnel ADDRESS    the sensor's own addresses where tunnels end (GRE, ERSPAN,\n"
    "                      IP in IP, VXLAN): packets inside of these are counted\n"
    "  --by WHAT           address (default), interval, class, protocol, port, icmp\n"
    "                      or source\n"
    "  --width SECONDS     of an interval (default 60)\n"
    "  --format FORMAT     table (default on a terminal), csv (elsewhere) or json\n"
    "  --threads N         files to count at the same time (default: as many as there are\n"
    "                      cores; never more than memory allows); changes no result\n"
    "  --zeros             also addresses, intervals, classes or protocols without\n"
    "                      packets\n"
    "\n"
    "Protocols are numbers as IANA assigns them. A port, or ICMP type and code, that\n"
    "could not be read (later fragments, packets cut short) is left empty. By icmp, rows\n"
    "of ICMP come before those of ICMPv6. unique_hosts is exact up to 65536 and an\n"
    "estimate beyond. On a terminal a progress bar is shown meanwhile.\n"
    "\n"
    "Exit status: 0 done; 1 a file is missing, or a directory without any (nothing is\n"
    "counted), a file is damaged (what could be read is counted), or the result could not\n"
    "be written; 2 wrong usage. Where no file can be opened nothing is printed.\n";

/* --- the command line ------------------------------------------------------------------------- */

/* The value of option argv[*i], after "=" or in the next argument; NULL when there is none. */
static const char *option_value(int argc, char **argv, int *i)
{
    const char *equals = strchr(argv[*i], '=');
    if (equals)
        return equals + 1;
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool option_is(const char *argument, const char *name)
{
    size_t size = strlen(name);
    return strncmp(argument, name, size) == 0 && (argument[size] == '\0' || argument[size] == '=');
}

/* A number from 1 to `max`, of which `unit` says what it counts. */
static int parse_number(const char *option, const char *text, uint32_t max, const char *unit,
                        uint32_t *number, char *errmsg)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || value < 1 || value > max)
        return err_set(errmsg, ERR_INVALID, "%s %s: must be 1 to %" PRIu32 " %s", option, text, max,
                       unit);
    *number = (uint32_t)value;
    return 0;
}

static int parse_by(struct arguments *arguments, const char *value, char *errmsg)
{
    arguments->kind = breakdown_find(value);
    return arguments->kind ? 0
                           : err_set(errmsg, ERR_INVALID, "--by %s: must be one of %s", value,
                                     breakdown_names());
}

static int parse_tunnel(struct arguments *arguments, const char *value, char *errmsg)
{
    if (!arguments->tunnels)
        arguments->tunnels = prefixset_new();
    return arguments->tunnels ? prefixset_add(arguments->tunnels, value, errmsg)
                              : err_set(errmsg, ERR_NOMEM, "out of memory");
}

/* An option that takes a value. */
static int parse_valued(struct arguments *arguments, const char *option, const char *value,
                        char *errmsg)
{
    if (!value)
        return err_set(errmsg, ERR_INVALID, "%s: a value is missing", option);
    if (option_is(option, "--darknet")) {
        arguments->has_darknet = true;
        return prefixset_add(arguments->darknet, value, errmsg);
    }
    if (option_is(option, "--exclude"))
        return prefixset_exclude(arguments->darknet, value, errmsg);
    if (option_is(option, "--tunnel"))
        return parse_tunnel(arguments, value, errmsg);
    if (option_is(option, "--by"))
        return parse_by(arguments, value, errmsg);
    if (option_is(option, "--width"))
        return parse_number("--width", value, WIDTH_MAX_S, "seconds", &arguments->options.width_s,
                            errmsg);
    if (option_is(option, "--threads"))
        return parse_number("--threads", value, PARALLEL_MAX, "threads", &arguments->threads,
                            errmsg);
    if (rows_format_parse(value, &arguments->format))
        return err_set(errmsg, ERR_INVALID, "--format %s: must be table, csv or json", value);
    return 0;
}

static bool takes_value(const char *argument)
{
    static const char *const names[] = {"--darknet", "--exclude", "--tunnel", "--by",
                                        "--width",   "--threads", "--format"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (option_is(argument, names[i]))
            return true;
    return false;
}

static bool is_path(const char *argument)
{
    return argument[0] != '-' || argument[1] == '\0';
}

/* The files after -r, up to the next option. */
static int parse_files(struct arguments *arguments, int argc, char **argv, int *i, char *errmsg)
{
    if (*i + 1 >= argc || !is_path(argv[*i + 1]))
        return err_set(errmsg, ERR_INVALID, "-r: a file is missing");
    while (*i + 1 < argc && is_path(argv[*i + 1]))
        arguments->paths[arguments->path_count++] = argv[++*i];
    return 0;
}

static int parse_option(struct arguments *arguments, int argc, char **argv, int *i, char *errmsg)
{
    const char *argument = argv[*i];
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
        arguments->help = true;
    else if (strcmp(argument, "--zeros") == 0)
        arguments->options.zeros = true;
    else if (strcmp(argument, "-r") == 0)
        return parse_files(arguments, argc, argv, i, errmsg);
    else if (takes_value(argument))
        return parse_valued(arguments, argument, option_value(argc, argv, i), errmsg);
    else
        return err_set(errmsg, ERR_INVALID, "%s: %s", argument,
                       is_path(argument) ? "files follow -r" : "no such option");
    return 0;
}

/* What can only be seen when all options are known. */
static int check_arguments(struct arguments *arguments, char *errmsg)
{
    if (arguments->path_count == 0)
        return err_set(errmsg, ERR_INVALID, "name the captures with -r FILE...");
    if (!arguments->has_darknet)
        return err_set(errmsg, ERR_INVALID, "name the darknet with --darknet PREFIX");
    if (arguments->options.zeros && !arguments->kind->zeros)
        return err_set(errmsg, ERR_INVALID,
                       "--zeros: goes with --by address, interval, class or protocol");
    arguments->options.tunnels = arguments->tunnels;
    int result = prefixset_finish(arguments->darknet, errmsg);
    if (result == 0 && arguments->tunnels)
        result = prefixset_finish(arguments->tunnels, errmsg);
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
    arguments->kind = &breakdown_address;
    arguments->options =
        (struct breakdown_options){.darknet = arguments->darknet, .width_s = WIDTH_DEFAULT_S};
    arguments->format = rows_format_default(stdout);
    for (int i = 1; i < argc; i++) {
        int result = parse_option(arguments, argc, argv, &i, errmsg);
        if (result || arguments->help)
            return result;
    }
    return check_arguments(arguments, errmsg);
}

/* --- the result ------------------------------------------------------------------------------- */

static void put_extras(const struct counting *counting, struct rows *rows)
{
    rows_extra_u64(rows, "captured", counting->captured);
    rows_extra_u64(rows, "darknet", counting->results[TALLY_COUNTED]);
    rows_extra_u64(rows, "off_darknet", counting->results[TALLY_OFF_DARKNET]);
    rows_extra_u64(rows, "not_ip", counting->not_ip);
    rows_extra_u64(rows, "undecodable", counting->undecodable);
    if (counting->results[TALLY_REFUSED])
        rows_extra_u64(rows, "refused", counting->results[TALLY_REFUSED]);
    rows_extra_u64(rows, "truncated_files", counting->truncated_files);
}

static int print(struct counting *counting, enum rows_format format, char *errmsg)
{
    int result = counting->kind->check ? counting->kind->check(counting->state, errmsg) : 0;
    if (result)
        return result;
    struct rows *rows = rows_begin(stdout, format, counting->kind->columns);
    if (!rows)
        return err_set(errmsg, ERR_NOMEM, "printing the result: out of memory");
    put_extras(counting, rows);
    counting->kind->print(counting->state, rows);
    result = rows_end(rows);
    return result ? err_set(errmsg, result, "writing the result: %s; make room and try again",
                            err_str(result))
                  : 0;
}

/* A refusal is told as a failure: the rows are then not the whole. */
static void report_refused(struct counting *counting)
{
    uint64_t refused = counting->results[TALLY_REFUSED];
    if (refused == 0)
        return;
    counting->failed = true;
    log_error("counting by %s: %" PRIu64
              " packets found no room in the bounded table and are in no "
              "row; count a smaller darknet or fewer files at once",
              counting->kind->name, refused);
}

static int count_files(struct arguments *arguments, const struct capture_list *files)
{
    char errmsg[ERRMSG_SIZE];
    struct counting counting;
    unsigned threads =
        parallel_threads(files, arguments->kind, &arguments->options, arguments->threads);
    if (parallel_count(&counting, files, arguments->kind, &arguments->options, threads)) {
        log_error("counting: out of memory; count a smaller darknet");
        return EXIT_FAILED;
    }
    report_refused(&counting);
    /* Rows of nothing would look like a count of zero. */
    bool nothing = counting.failed && counting.opened == 0;
    if (!nothing && print(&counting, arguments->format, errmsg)) {
        counting.failed = true;
        log_error("%s", errmsg);
    }
    counting_close(&counting);
    return counting.failed ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct arguments *arguments)
{
    char errmsg[ERRMSG_SIZE];
    struct capture_list files;
    int code = EXIT_FAILED;
    if (capture_expand(&files, arguments->paths, arguments->path_count, errmsg))
        log_error("%s", errmsg);
    else
        code = count_files(arguments, &files);
    capture_list_close(&files);
    return code;
}

static int print_help(void)
{
    fputs(help, stdout);
    return output_finish();
}

int count_main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE];
    struct arguments arguments = {0};
    int code;
    if (parse_arguments(&arguments, argc, argv, errmsg)) {
        log_error("count: %s (count --help tells more)", errmsg);
        code = EXIT_USAGE;
    } else if (arguments.help) {
        code = print_help();
    } else if (sandbox_check(errmsg) || sandbox_capture(NULL, 0, errmsg)) {
        log_error("count: %s", errmsg);
        code = EXIT_FAILED;
    } else {
        code = run(&arguments);
    }
    free(arguments.paths);
    prefixset_free(arguments.darknet);
    prefixset_free(arguments.tunnels);
    return code;
}

/* The command line and the places where the store may be named. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/commands.h"
#include "dashboards/options.h"

/* Splits `line` at blanks and parses it; the strings stay in `line`. */
static int parse(char *line, struct options *options, char *errmsg)
{
    char *argv[20];
    int argc = 0;
    while (argc < 19 && (argv[argc] = strsep(&line, " ")))
        argc++;
    argv[argc] = NULL;
    return options_parse(options, argc, argv, errmsg);
}

Test(options, annual_has_its_defaults)
{
    char line[] = "darkcount annual", errmsg[ERRMSG_SIZE];
    struct options options;
    cr_assert_eq(parse(line, &options, errmsg), 0);
    cr_assert_str_eq(options.command->name, "annual");
    cr_assert_eq(options.method, METHOD_DAILY);
    cr_assert_eq(options.year, 0);
    cr_assert_eq(options.format, ROWS_CSV); /* standard output is no terminal here */
    cr_assert_null(options.store);
}

Test(options, the_store_may_stand_before_or_after_the_command)
{
    char before[] = "darkcount --store unix:///s annual",
         after[] = "darkcount annual --store=unix:///s";
    char errmsg[ERRMSG_SIZE];
    struct options options;
    cr_assert_eq(parse(before, &options, errmsg), 0);
    cr_assert_str_eq(options.store, "unix:///s");
    cr_assert_eq(parse(after, &options, errmsg), 0);
    cr_assert_str_eq(options.store, "unix:///s");
}

Test(options, chart_annual_takes_everything)
{
    char line[] =
        "darkcount chart annual -o a.pdf --method mean --year 2024 --reference nict --lang ja";
    char errmsg[ERRMSG_SIZE];
    struct options options;
    cr_assert_eq(parse(line, &options, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(options.command->name, "chart annual");
    cr_assert_str_eq(options.output, "a.pdf");
    cr_assert_eq(options.method, METHOD_MEAN);
    cr_assert_eq(options.year, 2024);
    cr_assert(options.reference_nict);
    cr_assert_eq(options.language, LANGUAGE_JA);
}

Test(options, query_takes_everything)
{
    char line[] = "darkcount query --from 2024 --to 2025 --step day --by port --top 10 --sensor a";
    char errmsg[ERRMSG_SIZE];
    struct options options;
    cr_assert_eq(parse(line, &options, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(options.command->name, "query");
    cr_assert_str_eq(options.from, "2024");
    cr_assert_str_eq(options.to, "2025");
    cr_assert(options.step == QUERY_DAY && options.by == QUERY_PORT && options.top == 10);
    cr_assert_str_eq(options.sensor, "a");
}

struct wrong {
    char line[80], names[32];
};

ParameterizedTestParameters(options, wrong_usage)
{
    static struct wrong cases[] = {
        {"darkcount", "no command"},
        {"darkcount annually", "annually"},
        {"darkcount annual extra", "extra"},
        {"darkcount chart", "say which: annual"},
        {"darkcount chart foo -o a.svg", "say which: annual"},
        {"darkcount chart annual extra", "extra"},
        {"darkcount chart annual -o a.txt", "a.txt"},
        {"darkcount chart annual", "-o"},
        {"darkcount annual -o a.svg", "--output"},
        {"darkcount annual --reference nict", "--reference"},
        {"darkcount annual --by class", "--by"},
        {"darkcount annual --store ftp://x", "not a URL"},
        {"darkcount chart annual -o a.svg --format csv", "--format"},
        {"darkcount annual --method best", "best"},
        {"darkcount annual --year 24", "24"},
        {"darkcount annual --year 1969", "1969"},
        {"darkcount annual --year 20x4", "20x4"},
        {"darkcount annual --format xml", "xml"},
        {"darkcount chart annual -o a.svg --lang de", "de"},
        {"darkcount chart annual -o a.svg --reference caida", "caida"},
        {"darkcount annual --revisions --method mean", "--revisions"},
        {"darkcount export --by country", "not exported"},
        {"darkcount annual --country-db x.mmdb", "--country-db"},
        {"darkcount annual --compare a.csv --method mean", "--compare"},
        {"darkcount annual --compare a.csv --revisions", "--compare"},
        {"darkcount query --compare a.csv", "--compare"},
        {"darkcount query --by colour", "colour"},
        {"darkcount query --step week", "week"},
        {"darkcount query --top 0 --by port", "--top"},
        {"darkcount query --top -1 --by port", "--top"},
        {"darkcount query --top 3 --by sensor", "--top"},
        {"darkcount query --sensor -x", "-x"},
        {"darkcount query --from noon", "--from"},
        {"darkcount query --from 2024 --to 2024-01", "begin before"},
        {"darkcount query --method mean", "--method"},
        {"darkcount annual --nonsense", "--nonsense"},
        {"darkcount serve --listen 8280", "--listen"},
        {"darkcount serve --listen example.org:80", "--listen"},
        {"darkcount serve --listen unix:///s", "--listen"},
        {"darkcount serve --listen 127.0.0.1:0", "--listen"},
        {"darkcount serve --host a.example:80", "--host"},
        {"darkcount serve --host ", "--host"},
        {"darkcount serve --format json", "--format"},
        {"darkcount annual --listen 127.0.0.1:1", "--listen"},
        {"darkcount annual --year", "--year"},
    };
    return cr_make_param_array(struct wrong, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct wrong *param, options, wrong_usage)
{
    char line[80], errmsg[ERRMSG_SIZE] = "";
    struct options options;
    strcpy(line, param->line);
    cr_assert_eq(parse(line, &options, errmsg), ERR_INVALID, "%s", param->line);
    cr_assert(strstr(errmsg, param->names), "%s: %s", param->line, errmsg);
}

static void print_help(char *line, char *out, size_t size)
{
    char errmsg[ERRMSG_SIZE];
    struct options options;
    FILE *file = fmemopen(out, size, "w");
    cr_assert_eq(parse(line, &options, errmsg), 0, "%s", errmsg);
    cr_assert(options.help);
    options_print_help(&options, file);
    fclose(file);
}

Test(options, help_lists_every_command)
{
    char line[] = "darkcount --help", out[8192];
    print_help(line, out, sizeof out);
    for (size_t i = 0; i < command_count; i++)
        cr_assert(strstr(out, commands[i].name) && strstr(out, commands[i].summary), "%s",
                  commands[i].name);
}

Test(options, help_of_a_command_has_its_options_and_no_others)
{
    char line[] = "darkcount annual --help", out[8192];
    print_help(line, out, sizeof out);
    cr_assert(strstr(out, "annual") && strstr(out, "--method METHOD") && strstr(out, "--store"));
    cr_assert_null(strstr(out, "--output"));
    cr_assert_null(strstr(out, "chart"));
}

Test(options, help_of_a_command_lists_its_own_formats)
{
    char annual[] = "darkcount annual --help", query[] = "darkcount query --help",
         bulk[] = "darkcount export --help", out[8192];
    print_help(annual, out, sizeof out);
    cr_assert(strstr(out, "table (default on a terminal)"), "%s", out);
    cr_assert_not(strstr(out, "flowtuple") || strstr(out, "export"), "%s", out);
    print_help(query, out, sizeof out);
    cr_assert_not(strstr(out, "flowtuple") || strstr(out, "export"), "%s", out);
    print_help(bulk, out, sizeof out);
    cr_assert(strstr(out, "csv (default), json, prometheus, flowtuple or ipfix"), "%s", out);
    cr_assert_not(strstr(out, "table"), "%s", out);
}

Test(options, help_of_half_a_command_lists_the_wholes)
{
    char line[] = "darkcount chart --help", out[8192];
    print_help(line, out, sizeof out);
    cr_assert_not_null(strstr(out, "\n  chart annual "));
    cr_assert_null(strstr(out, "\n  annual "));
}

/* --- the store -------------------------------------------------------------------------------- */

Test(options, the_option_goes_before_the_environment_and_that_before_the_file)
{
    char errmsg[ERRMSG_SIZE] = "", path[] = "/tmp/darkcount-conf.XXXXXX";
    struct options options = {.store = "unix:///option"};
    struct storeurl url;
    int fd = mkstemp(path);
    cr_assert_gt(dprintf(fd, "[dashboard]\nstore = unix:///file\n"), 0);
    close(fd);
    setenv("DARKCOUNT_CONFIG", path, 1);
    setenv("DARKCOUNT_STORE", "unix:///environment", 1);
    cr_assert_eq(options_store(&options, &url, errmsg), 0);
    cr_assert_str_eq(url.path, "/option");
    options.store = NULL;
    cr_assert_eq(options_store(&options, &url, errmsg), 0);
    cr_assert_str_eq(url.path, "/environment");
    unsetenv("DARKCOUNT_STORE");
    cr_assert_eq(options_store(&options, &url, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(url.path, "/file");
    unlink(path);
    cr_assert_neq(options_store(&options, &url, errmsg), 0);
    cr_assert(strstr(errmsg, path), "%s", errmsg);
}

Test(options, without_any_it_is_the_local_aggregators)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct options options = {0};
    struct storeurl url;
    if (access("/etc/darkcount/dashboard.conf", F_OK) == 0)
        cr_skip_test("skipped: this machine has a /etc/darkcount/dashboard.conf");
    unsetenv("DARKCOUNT_CONFIG");
    unsetenv("DARKCOUNT_STORE");
    cr_assert_eq(options_store(&options, &url, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(url.path, "/var/lib/darkcount/redis.sock");
}

/* --- export ------------------------------------------------------------------------------------- */

struct export_line {
    char line[128];
    char cause[64]; /* of the refusal; empty: it is taken */
};

ParameterizedTestParameters(options, export_takes_what_goes_together)
{
    static struct export_line lines[] = {
        {"darkcount export", ""},
        {"darkcount export --format json --by port --top 5 --withhold 0 -o f", ""},
        {"darkcount export --by address --key k --from 2025 --to 2026 --step day", ""},
        {"darkcount export --by address --real-addresses --sensor a", ""},
        {"darkcount export --format flowtuple --key k", ""},
        {"darkcount export --by address --ranks", ""},
        {"darkcount export --by address --ranks --key k", "give one of"},
        {"darkcount export --by address --ranks --top 3", "without --top"},
        {"darkcount export --format ipfix --ranks -o f", "csv and json"},
        {"darkcount export --by port --ranks", "by address"},
        {"darkcount export --format ipfix --by address -o f", ""},
        {"darkcount export --format prometheus --top 5 -o f", ""},
        {"darkcount export --make-key f", ""},
        {"darkcount export --format xml", "--format 'xml'"},
        {"darkcount export --format table", "--format 'table'"},
        {"darkcount export --format ipfix --by port -o f", "by address"},
        {"darkcount export --format flowtuple --top 3", "without --top"},
        {"darkcount export --format prometheus --by port", "prometheus takes"},
        {"darkcount export --format prometheus --withhold 2", "prometheus takes"},
        {"darkcount export --by address --key k --real-addresses", "give one of"},
        {"darkcount export --by class --real-addresses", "by address"},
        {"darkcount export --by class --key k", "by address"},
        {"darkcount export --top 3", "--top is for"},
        {"darkcount export --by sensor --top 3", "--top is for"},
        {"darkcount export --withhold -1", "--withhold '-1'"},
        {"darkcount export --withhold 10000", "--withhold '10000'"},
        {"darkcount export --withhold 3x", "--withhold '3x'"},
        {"darkcount export --make-key f --by address", "stands alone"},
        {"darkcount annual --key f", "no option --key"},
    };
    return cr_make_param_array(struct export_line, lines, sizeof lines / sizeof *lines);
}

ParameterizedTest(struct export_line *param, options, export_takes_what_goes_together)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct options options;
    int rc = parse(param->line, &options, errmsg);
    cr_assert_eq(rc, param->cause[0] ? ERR_INVALID : 0, "%s", errmsg);
    cr_assert(strstr(errmsg, param->cause), "%s", errmsg);
}

Test(options, export_has_its_defaults)
{
    char line[] = "darkcount export", errmsg[ERRMSG_SIZE];
    struct options options;
    cr_assert_eq(parse(line, &options, errmsg), 0);
    cr_assert_eq(options.export_format, EXPORT_CSV);
    cr_assert_eq(options.by, QUERY_TOTAL);
    cr_assert_eq(options.step, QUERY_WHOLE);
    cr_assert_eq(options.withhold, 3);
    cr_assert_str_eq(options.output, "-");
    cr_assert_not(options.real_addresses);
}

Test(options, the_key_may_be_named_by_the_configuration)
{
    char line[] = "darkcount export --by address", again[] = "darkcount export --by address",
         named[] = "darkcount export --by address --key k";
    char errmsg[ERRMSG_SIZE], *path;
    struct options options;
    char config[] = "/tmp/darkcount-conf.XXXXXX";
    FILE *file = fdopen(mkstemp(config), "w");
    cr_assert_not_null(file);
    fputs("[dashboard]\npseudonym_key = /of/the/configuration\n", file);
    fclose(file);
    setenv("DARKCOUNT_CONFIG", config, 1);
    cr_assert_eq(parse(line, &options, errmsg), 0);
    cr_assert_eq(options_key(&options, &path, errmsg), 0, "%s", errmsg);
    cr_assert_str_eq(path, "/of/the/configuration");
    free(path);
    cr_assert_eq(parse(named, &options, errmsg), 0);
    cr_assert_eq(options_key(&options, &path, errmsg), 0);
    cr_assert_str_eq(path, "k");
    free(path);
    unlink(config);
    cr_assert_eq(parse(again, &options, errmsg), 0);
    cr_assert_neq(options_key(&options, &path, errmsg), 0, "a configuration that is not there");
    cr_assert_null(path);
}

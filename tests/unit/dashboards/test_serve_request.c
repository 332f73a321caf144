/* What serve makes of what strangers send: Host headers and parameters. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"
#include "dashboards/serve_request.h"

struct host {
    char host[80], names[48];
    bool ours;
};

ParameterizedTestParameters(serve_request, hosts)
{
    static struct host cases[] = {
        {"localhost", "", true},
        {"LocalHost:8280", "", true},
        {"127.0.0.1", "", true},
        {"192.0.2.7:80", "", true},
        {"[::1]", "", true},
        {"[2001:db8::1]:8280", "", true},
        {"telescope.example.org", "a.example,telescope.example.org", true},
        {"A.example:443", "a.example,telescope.example.org", true},
        {"evil.example", "", false},
        {"evil.example", "a.example", false},
        {"example", "a.example", false},
        {"a.example.evil.example", "a.example", false},
        {"a.example,b.example", "a.example,b.example", false},
        {"127.0.0.1.evil.example", "", false},
        {"localhost.evil.example", "", false},
        {"localhost:8280x", "", false},
        {"localhost:80:80", "", false},
        {"[::1", "", false},
        {"[::1]x", "", false},
        {"[evil.example]", "", false},
        {"", "a.example", false},
        {"", ",", false},
        {":80", "", false},
    };
    return cr_make_param_array(struct host, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct host *with, serve_request, hosts)
{
    cr_expect_eq(serve_request_host(with->host, with->names[0] ? with->names : NULL), with->ours,
                 "%s among '%s'", with->host, with->names);
}

Test(serve_request, no_host_is_not_ours)
{
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_assert_not(serve_request_host(NULL, NULL));
    cr_assert_not(serve_request_host(longest, longest));
}

struct target {
    char target[64], path[24], host[24];
};

ParameterizedTestParameters(serve_request, targets)
{
    static struct target cases[] = {
        {"/healthz", "/healthz", ""},
        {"/http://a/b", "/http://a/b", ""},
        {"http://a.example/healthz", "/healthz", "a.example"},
        {"HTTP://a.example:80/", "/", "a.example:80"},
        {"http://[::1]:80", "/", "[::1]:80"},
        {"http:///healthz", "/healthz", ""},
        {"https://a.example/", "https://a.example/", ""},
    };
    return cr_make_param_array(struct target, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct target *with, serve_request, targets)
{
    char host[SERVE_HOST_SIZE] = "";
    bool absolute;
    cr_expect_str_eq(serve_request_path(with->target, host, &absolute), with->path);
    cr_expect_str_eq(host, with->host);
    cr_expect_eq(absolute, strncasecmp(with->target, "http://", 7) == 0);
}

Test(serve_request, a_host_that_is_too_long_is_none)
{
    char target[400], host[SERVE_HOST_SIZE] = "x";
    bool absolute;
    snprintf(target, sizeof target, "http://%0*d/a", SERVE_HOST_SIZE, 0);
    cr_expect_str_eq(serve_request_path(target, host, &absolute), "/a");
    cr_expect_str_eq(host, "");
    snprintf(target, sizeof target, "http://%0*d/a", SERVE_HOST_SIZE - 1, 0);
    cr_expect_str_eq(serve_request_path(target, host, &absolute), "/a");
    cr_expect_eq(strlen(host), SERVE_HOST_SIZE - 1);
}

Test(serve_request, targets_that_are_refused)
{
    char target[200] = "/api/v1/query?a";
    cr_expect_null(serve_request_refused("/a"));
    cr_expect_null(serve_request_refused("/a?b=%00"));
    cr_expect(strstr(serve_request_refused("/a%00?b=c"), "NUL"));
    cr_expect(strstr(serve_request_refused("%00"), "NUL"));
    for (int i = 1; i < SERVE_PARAMETERS_MAX; i++)
        strcat(target, "&a");
    cr_expect_null(serve_request_refused(target));
    strcat(target, "&");
    cr_expect(strstr(serve_request_refused(target), "parameters"));
}

static int take(struct options *options, const char *name, const char *value, char *errmsg)
{
    return serve_request_parameter(
        options, OPTION_BIT(OPTION_STEP) | OPTION_BIT(OPTION_TOP) | OPTION_BIT(OPTION_SENSOR), name,
        strlen(name), value, value ? strlen(value) : 0, errmsg);
}

Test(serve_request, parameters_are_the_options_of_the_command_line)
{
    char errmsg[ERRMSG_SIZE];
    struct options options;
    serve_request_begin(&options);
    cr_assert_eq(options.method, METHOD_DAILY);
    cr_assert_eq(options.format, ROWS_JSON);
    cr_assert_eq(take(&options, "step", "day", errmsg), 0);
    cr_assert_eq(take(&options, "top", "7", errmsg), 0);
    cr_assert_eq(take(&options, "sensor", "kyoto-1", errmsg), 0);
    cr_assert_eq(options.step, QUERY_DAY);
    cr_assert_eq(options.top, 7);
    cr_assert_str_eq(options.sensor, "kyoto-1");
}

struct wrong {
    char name[16], value[16], says[48];
};

ParameterizedTestParameters(serve_request, wrong_parameters)
{
    static struct wrong cases[] = {
        {"step", "week", "step 'week': give"},
        {"step", "", "step: its value is missing"},
        {"top", "0", "top '0': give"},
        {"top", "-1", "top '-1': give"},
        {"sensor", "a b", "sensor 'a b': not"},
        {"year", "2025", "year: no such parameter"},
        {"Step", "day", "Step: no such parameter"},
        {"ste", "day", "ste: no such parameter"},
        {"", "day", ": no such parameter"},
        {"help", "1", "help: no such parameter"},
        {"store", "unix:///s", "store: no such parameter"},
    };
    return cr_make_param_array(struct wrong, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct wrong *with, serve_request, wrong_parameters)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct options options;
    serve_request_begin(&options);
    cr_expect_eq(take(&options, with->name, with->value, errmsg), ERR_INVALID);
    cr_expect_eq(strncmp(errmsg, with->says, strlen(with->says)), 0, "%s", errmsg);
}

Test(serve_request, parameter_given_twice_is_refused)
{
    char errmsg[ERRMSG_SIZE];
    struct options options;
    serve_request_begin(&options);
    cr_assert_eq(take(&options, "step", "day", errmsg), 0);
    cr_assert_eq(take(&options, "step", "day", errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "step: given twice"));
}

Test(serve_request, value_with_a_nul_or_none_is_refused)
{
    char errmsg[ERRMSG_SIZE];
    struct options options;
    serve_request_begin(&options);
    cr_assert_eq(serve_request_parameter(&options, OPTION_BIT(OPTION_SENSOR), "sensor", 6, "a\0b",
                                         3, errmsg),
                 ERR_INVALID);
    cr_assert(strstr(errmsg, "NUL"), "%s", errmsg);
    cr_assert_eq(take(&options, "sensor", NULL, errmsg), ERR_INVALID);
    cr_assert_null(options.sensor);
}

Test(serve_request, messages_lose_the_dashes_of_options)
{
    char errmsg[ERRMSG_SIZE] = "--from 2025 --to a--b: it must begin - before it ends --";
    serve_request_message(errmsg);
    cr_assert_str_eq(errmsg, "from 2025 to a--b: it must begin - before it ends ");
}

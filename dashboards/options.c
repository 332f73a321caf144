#include "dashboards/options.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "common/calendar.h"
#include "common/err.h"
#include "dashboards/commands.h"
#include "dashboards/options_table.h"
#include "dashboards/withhold.h"

#define ALWAYS (OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_STORE))

/* --- the command ------------------------------------------------------------------------------ */

static const struct command *find_command(const char *first, const char *second)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", first, second ? " " : "", second ? second : "");
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Whether the command is one of two words that begins with `word`. */
static bool in_group(const struct command *command, const char *word)
{
    size_t size = strlen(word);
    return strncmp(command->name, word, size) == 0 && command->name[size] == ' ';
}

/* The names of all commands, or of what follows the word `group`, as "a, b or c". */
static void list_commands(const char *group, char *out, size_t size)
{
    size_t used = 0, left = 0, skip = group ? strlen(group) + 1 : 0;
    for (size_t i = 0; i < command_count; i++)
        left += !group || in_group(&commands[i], group);
    out[0] = '\0';
    for (size_t i = 0; i < command_count && used < size; i++) {
        if (group && !in_group(&commands[i], group))
            continue;
        left--;
        used += (size_t)snprintf(out + used, size - used, "%s%s", commands[i].name + skip,
                                 left > 1    ? ", "
                                 : left == 1 ? " or "
                                             : "");
    }
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        if (in_group(&commands[i], word))
            return true;
    return false;
}

static int set_command(struct options *options, char **words, int count, char *errmsg)
{
    char names[512];
    if (count == 0) {
        list_commands(NULL, names, sizeof names);
        return options->help || options->version
                   ? 0
                   : err_set(errmsg, ERR_INVALID, "no command: give %s", names);
    }
    int used = is_group(words[0]) && count > 1 ? 2 : 1;
    options->command = find_command(words[0], used == 2 ? words[1] : NULL);
    if (options->command && count == used)
        return 0;
    if (options->command)
        return err_set(errmsg, ERR_INVALID, "%s: '%.40s' is not expected", options->command->name,
                       words[used]);
    if (is_group(words[0])) {
        options->group = words[0];
        list_commands(words[0], names, sizeof names);
        return options->help && count == 1
                   ? 0
                   : err_set(errmsg, ERR_INVALID, "%s: say which: %s", words[0], names);
    }
    list_commands(NULL, names, sizeof names);
    return err_set(errmsg, ERR_INVALID, "'%.40s': no such command; there is %s", words[0], names);
}

/* Everything that was given must be what the command takes. */
static int check_given(struct options *options, char *errmsg)
{
    const struct command *command = options->command;
    for (int id = 0; id < OPTION_IDS; id++)
        if (options->given & OPTION_BIT(id) & ~(command->takes | ALWAYS))
            return err_set(errmsg, ERR_INVALID, "%s: it has no option --%s", command->name,
                           option_rows[id].name);
    return command->check ? command->check(options, errmsg) : 0;
}

/* --- the command line ------------------------------------------------------------------------- */

#define LONG_ONLY 256 /* + enum option_id: what getopt_long gives for an option */

static void list_options(struct option all[OPTION_IDS + 1], char letters[2 * OPTION_IDS + 2])
{
    size_t used = 0;
    letters[used++] = ':';
    for (int id = 0; id < OPTION_IDS; id++) {
        int takes = option_rows[id].argument ? required_argument : no_argument;
        all[id] = (struct option){option_rows[id].name, takes, NULL, LONG_ONLY + id};
        if (!option_rows[id].letter)
            continue;
        letters[used++] = option_rows[id].letter;
        if (option_rows[id].argument)
            letters[used++] = ':';
    }
    letters[used] = '\0';
    all[OPTION_IDS] = (struct option){0};
}

static enum option_id option_of(int found)
{
    if (found >= LONG_ONLY)
        return (enum option_id)(found - LONG_ONLY);
    for (int id = 0; id < OPTION_IDS; id++)
        if (option_rows[id].letter == found)
            return (enum option_id)id;
    assert(!"a letter that was not in the list");
    return OPTION_HELP;
}

static int read_options(struct options *options, int argc, char **argv, char *errmsg)
{
    struct option all[OPTION_IDS + 1];
    char letters[2 * OPTION_IDS + 2];
    int found;
    list_options(all, letters);
    optind = 0; /* starts getopt_long afresh */
    opterr = 0;
    while ((found = getopt_long(argc, argv, letters, all, NULL)) != -1) {
        if (found == ':')
            return err_set(errmsg, ERR_INVALID, "%.40s: its value is missing", argv[optind - 1]);
        if (found == '?')
            return err_set(errmsg, ERR_INVALID, "%.40s: no such option", argv[optind - 1]);
        enum option_id id = option_of(found);
        options->given |= OPTION_BIT(id);
        int rc = option_rows[id].set(options, optarg, errmsg);
        if (rc)
            return rc;
    }
    return 0;
}

int options_parse(struct options *options, int argc, char **argv, char *errmsg)
{
    *options = (struct options){.method = METHOD_DAILY,
                                .language = LANGUAGE_EN,
                                .withhold = WITHHOLD_DEFAULT,
                                .pdf = PDF_AUTO};
    int rc = read_options(options, argc, argv, errmsg);
    if (rc == 0)
        rc = set_command(options, argv + optind, argc - optind, errmsg);
    if (rc || options->help || options->version)
        return rc;
    return check_given(options, errmsg);
}

static int read_time(const char *option, const char *text, int64_t *at_s, char *errmsg)
{
    *at_s = QUERY_OPEN;
    int rc = text ? calendar_parse(text, at_s, errmsg) : 0;
    if (rc == 0 && text && *at_s < CALENDAR_MIN_S) /* 1970 begins earlier east of Greenwich */
        *at_s = CALENDAR_MIN_S;
    return rc ? err_wrap(errmsg, rc, "%s", option) : 0;
}

int options_range(const struct options *options, int64_t *from_s, int64_t *to_s, char *errmsg)
{
    int rc = read_time("--from", options->from, from_s, errmsg);
    if (rc == 0)
        rc = read_time("--to", options->to, to_s, errmsg);
    if (rc || !options->from || !options->to || *from_s < *to_s)
        return rc;
    return err_set(errmsg, ERR_INVALID, "--from %s --to %s: it must begin before it ends",
                   options->from, options->to);
}

int options_check_format(struct options *options, char *errmsg)
{
    options->format = rows_format_default(stdout);
    if (!options->format_word || rows_format_parse(options->format_word, &options->format) == 0)
        return 0;
    return err_set(errmsg, ERR_INVALID, "--format '%.40s': give table, csv or json",
                   options->format_word);
}

/* --- help ------------------------------------------------------------------------------------- */

#define HELP_WIDTH 22 /* of the column that names an option or a command */

static void print_option(const struct option_row *row, const char *help, FILE *out)
{
    char names[64];
    snprintf(names, sizeof names, "%s%.1s%s--%s%s%s", row->letter ? "-" : "",
             row->letter ? &row->letter : "", row->letter ? ", " : "", row->name,
             row->argument ? " " : "", row->argument ? row->argument : "");
    fprintf(out, "  %-*s", HELP_WIDTH, names);
    for (const char *c = help; *c; c++) {
        putc(*c, out);
        if (*c == '\n')
            fprintf(out, "%*s", HELP_WIDTH + 2, "");
    }
    putc('\n', out);
}

static void print_command_help(const struct command *command, FILE *out)
{
    fprintf(out, "usage: darkcount [--store URL] %s %s\n\n%s: %s\n\n", command->name,
            command->usage, command->name, command->summary);
    for (int id = OPTION_STORE; id < OPTION_IDS; id++) {
        bool own = id == OPTION_FORMAT && command->formats;
        if ((command->takes | ALWAYS) & OPTION_BIT(id))
            print_option(&option_rows[id], own ? command->formats : option_rows[id].help, out);
    }
}

void options_print_help(const struct options *options, FILE *out)
{
    if (options->command) {
        print_command_help(options->command, out);
    } else {
        fputs("usage: darkcount [--store URL] COMMAND [OPTION]...\n"
              "       darkcount COMMAND --help\n"
              "       darkcount --version\n\n",
              out);
        for (size_t i = 0; i < command_count; i++)
            if (!options->group || in_group(&commands[i], options->group))
                fprintf(out, "  %-*s%s\n", HELP_WIDTH, commands[i].name, commands[i].summary);
        putc('\n', out);
        print_option(&option_rows[OPTION_STORE], option_rows[OPTION_STORE].help, out);
    }
    fputs("\nExit status: 0 done, 1 it failed, 2 wrong usage. See darkcount(1).\n", out);
}

#include "collector/spoolcmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/spool.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/rows.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "Usage: darkcount-collector spool list DIR [--format FORMAT]\n"
    "       darkcount-collector spool verify DIR\n"
    "What the spool DIR of a sensor holds. Changes nothing; the sensor may be running.\n"
    "\n"
    "  list    a row for each epoch, which is one unbroken sequence of records: of the live\n"
    "          sensor, or of one replayed capture. State: empty, waiting (for the aggregator),\n"
    "          delivered, or refused (by it, for good)\n"
    "  verify  checks every record and prints a line for each damage, with the sequences that\n"
    "          are lost by it, then a line for each epoch\n"
    "\n"
    "      --format FORMAT    of list: table (default on a terminal), csv (elsewhere) or json\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 done, and no damage; 1 damage, or something could not be read; 2 wrong\n"
    "usage.\n";

/* --- list ------------------------------------------------------------------------------------- */

static uint64_t waiting(const struct spool_epoch *epoch)
{
    return !epoch->refused && epoch->last > epoch->acked ? epoch->last - epoch->acked : 0;
}

static const char *state(const struct spool_epoch *epoch)
{
    if (epoch->refused)
        return "refused";
    if (epoch->last == 0)
        return "empty";
    return waiting(epoch) ? "waiting" : "delivered";
}

static void print_times(struct rows *rows, const struct spool_epoch *epoch)
{
    char text[32];
    int64_t from_s = 0, until_s = 0;
    if (!spool_times(epoch, &from_s, &until_s)) {
        rows_missing(rows);
        rows_missing(rows);
        return;
    }
    calendar_rfc3339(from_s, text);
    rows_text(rows, text);
    calendar_rfc3339(until_s, text);
    rows_text(rows, text);
}

static void print_epoch(struct rows *rows, const struct spool_epoch *epoch)
{
    char uuid[37];
    epoch_format(epoch->identity.epoch, uuid);
    rows_text(rows, uuid);
    rows_text(rows, epoch->identity.sensor);
    rows_text(rows, epoch->identity.replay ? "capture" : "live");
    rows_u64(rows, epoch->first);
    rows_u64(rows, epoch->last);
    rows_u64(rows, epoch->acked);
    rows_u64(rows, waiting(epoch));
    print_times(rows, epoch);
    rows_u64(rows, spool_bytes(epoch));
    rows_text(rows, state(epoch));
}

static int list(const struct spool_epoch *epochs, size_t count, enum rows_format format)
{
    static const char *const columns[] = {"epoch",   "sensor", "kind",  "first", "last",  "acked",
                                          "waiting", "from",   "until", "bytes", "state", NULL};
    struct rows *rows = rows_begin(stdout, format, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        print_epoch(rows, &epochs[i]);
    return rows_end(rows);
}

/* --- verify ----------------------------------------------------------------------------------- */

static void print_damage(void *user, const struct spool_damage *damage)
{
    uint64_t *damages = user;
    ++*damages;
    printf("%s: damaged: %zu bytes at %zu", damage->file, damage->size, damage->at);
    if (damage->last >= damage->first)
        printf(": records %" PRIu64 " to %" PRIu64 " are lost\n", damage->first, damage->last);
    else
        puts(": no record is lost");
}

static int verify(const struct spool_epoch *epochs, size_t count, uint64_t *damages, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint64_t records, here = 0;
        char uuid[37];
        rc = spool_verify(&epochs[i], &records, print_damage, &here, errmsg);
        epoch_format(epochs[i].identity.epoch, uuid);
        if (rc == 0)
            printf("%s: %" PRIu64 " records are sound, %" PRIu64 " damages\n", uuid, records, here);
        *damages += here;
    }
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = err_set(errmsg, ERR_IO, "standard output cannot be written");
    return rc;
}

/* --- the command line ------------------------------------------------------------------------- */

struct arguments {
    const char *action, *dir;
    enum rows_format format;
    bool formatted, help;
};

static int usage(const char *why)
{
    log_error("spool: %s; try 'spool --help'", why);
    return ERR_INVALID;
}

static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
    int option;
    *arguments = (struct arguments){.format = rows_format_default(stdout)};
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h')
            arguments->help = true;
        else if (option != 'f')
            return ERR_INVALID;
        else if (rows_format_parse(optarg, &arguments->format) != 0)
            return usage("--format is table, csv or json");
        else
            arguments->formatted = true;
    }
    if (arguments->help)
        return 0;
    if (argc - optind != 2)
        return usage("give list or verify, and the directory of the spool");
    arguments->action = argv[optind];
    arguments->dir = argv[optind + 1];
    if (strcmp(arguments->action, "list") != 0 && strcmp(arguments->action, "verify") != 0)
        return usage("the actions are list and verify");
    if (arguments->formatted && strcmp(arguments->action, "verify") == 0)
        return usage("--format is of list");
    return 0;
}

/* An epoch whose identity cannot be read is in no list: spool_list says so in `errmsg`. */
static int look(const struct arguments *arguments)
{
    struct spool_epoch *epochs;
    size_t count;
    uint64_t damages = 0;
    char errmsg[ERRMSG_SIZE];
    int rc = spool_list(arguments->dir, &epochs, &count, errmsg);
    if (errmsg[0])
        log_error("%s", errmsg);
    if (rc)
        return EXIT_FAILED;
    bool left_out = errmsg[0] != '\0';
    errmsg[0] = '\0';
    rc = strcmp(arguments->action, "list") == 0 ? list(epochs, count, arguments->format)
                                                : verify(epochs, count, &damages, errmsg);
    spool_list_free(epochs, count);
    if (rc)
        log_error("spool: %s", errmsg[0] ? errmsg : err_str(rc));
    return rc || damages > 0 || left_out ? EXIT_FAILED : EXIT_DONE;
}

int spoolcmd_main(int argc, char **argv)
{
    struct arguments arguments;
    if (read_arguments(&arguments, argc, argv) != 0)
        return EXIT_USAGE;
    if (!arguments.help)
        return look(&arguments);
    fputs(help, stdout);
    return output_finish();
}

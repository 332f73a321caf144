#include "collector/join.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/credentials.h"
#include "collector/joining.h"
#include "collector/privilege.h"
#include "collector/spool.h"
#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/textfile.h"

#define DEFAULT_CONFIG "/etc/darkcount/collector.conf"
#define DEFAULT_SPOOL  "/var/spool/darkcount"

static const char usage[] =
    "usage: darkcount-collector join --aggregator HOST:PORT --token TOKEN [OPTION...]\n"
    "\n"
    "Makes this machine an enrolled sensor: makes its key, has it signed by the aggregator, and\n"
    "writes the configuration. `darkcount-aggregator sensor add` prints the command to run. Ends\n"
    "when a test record, which adds to no figure, was written to the aggregator's store and read\n"
    "back; or after at most a minute, saying how far it came.\n"
    "\n"
    "      --aggregator ADDR  HOST:PORT of the aggregator\n"
    "      --token TOKEN      good once and for 15 minutes\n"
    "  -i, --interface IFACE  where the darknet's packets arrive: put into the configuration\n"
    "  -c, --config FILE      the configuration to write (" DEFAULT_CONFIG ");\n"
    "                         one that is there is kept as FILE.old\n"
    "      --spool DIR        where records wait, and the key lies (" DEFAULT_SPOOL ")\n"
    "      --user USER        as whom the sensor runs when it is started as root\n"
    "  -h, --help             this text\n";

struct plan {
    const char *aggregator, *token_text, *interface, *config, *spool, *user;
    struct address address;
    struct token token;
};

/* --- the command line ------------------------------------------------------------------------- */

enum { OPT_AGGREGATOR = 256, OPT_TOKEN, OPT_SPOOL, OPT_USER };

/* 0, 1 when help was printed, or ERR_INVALID. */
static int read_options(struct plan *plan, int argc, char **argv, char *errmsg)
{
    static const struct option options[] = {
        {"aggregator", required_argument, NULL, OPT_AGGREGATOR},
        {"token", required_argument, NULL, OPT_TOKEN},
        {"interface", required_argument, NULL, 'i'},
        {"config", required_argument, NULL, 'c'},
        {"spool", required_argument, NULL, OPT_SPOOL},
        {"user", required_argument, NULL, OPT_USER},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "c:i:h", options, NULL)) != -1) {
        switch (option) {
        case OPT_AGGREGATOR:
            plan->aggregator = optarg;
            break;
        case OPT_TOKEN:
            plan->token_text = optarg;
            break;
        case 'i':
            plan->interface = optarg;
            break;
        case 'c':
            plan->config = optarg;
            break;
        case OPT_SPOOL:
            plan->spool = optarg;
            break;
        case OPT_USER:
            plan->user = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            return err_set(errmsg, ERR_INVALID,
                           "join: unknown option or missing value; try "
                           "'join --help'");
        }
    }
    return optind == argc ? 0
                          : err_set(errmsg, ERR_INVALID, "join: '%.80s' is one argument too many",
                                    argv[optind]);
}

static int check(struct plan *plan, char *errmsg)
{
    if (!plan->aggregator || !plan->token_text)
        return err_set(errmsg, ERR_INVALID,
                       "join: give --aggregator and --token: 'darkcount-aggregator sensor add' "
                       "prints the whole command");
    if (!token_parse(&plan->token, plan->token_text))
        return err_set(errmsg, ERR_INVALID,
                       "join: this is no token: it has %d letters, digits, '-' and '_'",
                       TOKEN_TEXT_SIZE);
    if (address_parse(&plan->address, plan->aggregator, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "aggregator");
    if (plan->address.kind != ADDRESS_TLS)
        return err_set(errmsg, ERR_INVALID, "aggregator '%.100s': write HOST:PORT",
                       plan->aggregator);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, text, strlen(text));
}

static void put_key(struct buf *out, const char *key, const char *value)
{
    put_text(out, key);
    put_text(out, " = ");
    put_text(out, value);
    buf_put_u8(out, '\n');
}

/* One key a prefix, since a line has a greatest length. */
static void put_darknet(struct buf *out, const char *list)
{
    while (*list) {
        char prefix[64];
        size_t size = strcspn(list, ",");
        snprintf(prefix, sizeof prefix, "%.*s", (int)size, list);
        put_key(out, "darknet", prefix);
        list += size + (list[size] == ',');
    }
}

static char *configuration(const struct plan *plan, const struct frame_certificate *answer)
{
    struct buf out;
    buf_init(&out);
    put_text(&out,
             "# Written by darkcount-collector join. See darkcount-collector(1).\n\n[sensor]\n");
    put_key(&out, "name", answer->sensor);
    put_darknet(&out, answer->darknet);
    if (plan->user)
        put_key(&out, "user", plan->user);
    if (plan->interface) {
        put_text(&out, "\n[capture]\n");
        put_key(&out, "interface", plan->interface);
    }
    put_text(&out, "\n[spool]\n");
    put_key(&out, "dir", plan->spool);
    put_text(&out, "\n[aggregator]\n");
    put_key(&out, "address", plan->aggregator);
    buf_put_u8(&out, 0);
    if (!out.failed)
        return (char *)out.bytes;
    buf_close(&out);
    return NULL;
}

static int write_config(const struct plan *plan, const struct frame_certificate *answer,
                        char *errmsg)
{
    char old[PATH_MAX], *text = configuration(plan, answer);
    snprintf(old, sizeof old, "%.4000s.old", plan->config);
    int rc = text ? 0 : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0 && rename(plan->config, old) == 0)
        log_info("the configuration that was there is now %s", old);
    else if (rc == 0 && errno != ENOENT)
        rc = err_set(errmsg, ERR_IO, "keep %s: %s", plan->config, strerror(errno));
    if (rc == 0)
        rc = textfile_replace(plan->config, text, 0644, errmsg);
    free(text);
    return rc;
}

/* --- joining ---------------------------------------------------------------------------------- */

static int prove(const struct plan *plan, struct frame_certificate *answer, char *errmsg)
{
    char *identity = credentials_read(plan->spool, errmsg);
    if (!identity)
        return ERR_IO;
    int rc = joining_prove(&plan->address, identity, answer->sensor, answer->darknet, errmsg);
    free(identity);
    return rc ? err_wrap(errmsg, rc, "joined as sensor %s and wrote %s, but not all is well",
                         answer->sensor, plan->config)
              : 0;
}

/* Whether the configuration can be written where it is to be. */
static int check_config(const struct plan *plan, char *errmsg)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%.4000s", plan->config);
    const char *directory = dirname(copy);
    if (access(directory, W_OK | X_OK) == 0)
        return 0;
    return err_set(errmsg, ERR_IO, "write %s: %s: %s", plan->config, directory, strerror(errno));
}

static int join(const struct plan *plan, struct privilege *privilege, char *errmsg)
{
    struct frame answer = {.type = FRAME_CERTIFICATE};
    char *key = cert_key(errmsg);
    int rc = key ? joining_ask(&plan->address, &plan->token, key, &answer, errmsg) : ERR_NOMEM;
    if (rc == 0)
        rc = credentials_write(plan->spool, key, answer.certificate.certificate,
                               answer.certificate.authority, errmsg);
    if (rc == 0)
        rc = privilege_take_spool(privilege, plan->spool, errmsg);
    if (rc == 0)
        rc = write_config(plan, &answer.certificate, errmsg);
    if (rc == 0)
        rc = prove(plan, &answer.certificate, errmsg);
    if (rc == 0)
        printf(
            "joined as sensor %s: wrote %s; a test record came back from the aggregator's store\n",
            answer.certificate.sensor, plan->config);
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
    frame_close(&answer);
    return rc;
}

static int run(const struct plan *plan, char *errmsg)
{
    struct privilege privilege;
    int rc = privilege_choose(&privilege, plan->user, plan->spool, plan->aggregator, errmsg);
    int lock = rc ? rc : spool_lock(plan->spool, errmsg);
    if (lock < 0)
        return lock;
    rc = check_config(plan, errmsg); /* and the spool is made: no token is used up in vain */
    if (rc == 0)
        rc = join(plan, &privilege, errmsg);
    close(lock);
    return rc;
}

int join_main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct plan plan = {.config = DEFAULT_CONFIG, .spool = DEFAULT_SPOOL};
    signal(SIGPIPE, SIG_IGN);
    int rc = read_options(&plan, argc, argv, errmsg);
    if (rc == 1)
        return output_finish();
    if (rc == 0)
        rc = check(&plan, errmsg);
    int status = rc ? 2 : 0;
    if (rc == 0 && (rc = run(&plan, errmsg)) != 0)
        status = 1;
    if (rc)
        log_error("%s", *errmsg ? errmsg : err_str(rc));
    return status;
}

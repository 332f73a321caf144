#include "aggregator/users.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/err.h"
#include "common/log.h"
#include "common/output.h"
#include "common/textfile.h"

static const char usage[] =
    "usage: darkcount-aggregator users -o FILE\n"
    "\n"
    "Writes an ACL file for a redis-server that is the store (`aclfile FILE` in its configuration) "
    "with\n"
    "three users and new passwords, and prints how each is used: the aggregator, which only writes "
    "what\n"
    "it has to; readers, which cannot write; and an administrator. A file that exists is not "
    "replaced.\n"
    "\n"
    "  -o, --output FILE  the ACL file, readable by its owner alone\n"
    "  -h, --help         print this\n";

/* What a user may do, in the words of an ACL rule. A Function runs with the rights of who calls it, so
 * the aggregator has those commands, too, that darkcount_put uses. */
static const struct {
    const char *name, *rights, *what;
} roles[USERS] = {
    [USERS_AGGREGATOR] =
        {"darkcount-aggregator",
         "~darkcount:* resetchannels -@all +fcall +fcall_ro +function|load +get +hget +hmget "
         "+hgetall +smembers +set +hset +hsetnx +hdel +unlink +expireat +sadd "
         "+type +wait +info +config|get +select +auth +ping +cluster|slots +asking",
         "aggregator.conf, [aggregator]"},
    [USERS_READER] = {"darkcount-reader",
                      "~darkcount:* resetchannels -@all +get +getrange +mget +hget +hmget +hgetall "
                      "+hkeys "
                      "+smembers +type +exists +strlen +multi +exec +discard +info +config|get "
                      "+select +auth +ping +cluster|slots +asking",
                      "dashboard.conf, [dashboard]"},
    [USERS_ADMIN] = {"darkcount-admin", "~* &* +@all", "redis-cli -u"},
};

const char *users_name(enum users user)
{
    return roles[user].name;
}

static void hexadecimal(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int make_passwords(struct users_passwords *passwords)
{
    uint8_t random[USERS_PASSWORD_SIZE / 2];
    for (int user = 0; user < USERS; user++) {
        if (RAND_bytes(random, sizeof random) != 1)
            return ERR_IO;
        hexadecimal(random, sizeof random, passwords->text[user]);
    }
    return 0;
}

int users_acl(const struct users_passwords *passwords, struct buf *out)
{
    static const char off[] = "user default off\n";
    buf_put(out, off, sizeof off - 1);
    for (int user = 0; user < USERS; user++) {
        uint8_t hash[EVP_MAX_MD_SIZE];
        char digits[2 * sizeof hash + 1], line[1024];
        unsigned size;
        const char *password = passwords->text[user];
        if (EVP_Digest(password, strlen(password), hash, &size, EVP_sha256(), NULL) != 1)
            return ERR_NOMEM;
        hexadecimal(hash, size, digits);
        int used = snprintf(line, sizeof line, "user %s on #%s %s\n", roles[user].name, digits,
                            roles[user].rights);
        buf_put(out, line, (size_t)used);
    }
    return out->failed ? ERR_NOMEM : 0;
}

static int write_acl(const char *path, const struct users_passwords *passwords, char *errmsg)
{
    struct buf acl;
    buf_init(&acl);
    int rc = users_acl(passwords, &acl);
    buf_put_u8(&acl, '\0');
    if (rc == 0 && acl.failed)
        rc = ERR_NOMEM;
    if (rc)
        err_set(errmsg, rc, "%s: %s", path, err_str(rc));
    else
        rc = textfile_replace(path, (const char *)acl.bytes, 0600, errmsg);
    buf_close(&acl);
    return rc;
}

static int print_use(const char *path, const struct users_passwords *passwords)
{
    printf("%s is for redis.conf:\n  aclfile %s\n", path, path);
    for (int user = 0; user < USERS; user++) {
        bool admin = user == USERS_ADMIN;
        printf("%s:\n  %sredis://%s:%s@HOST:PORT\n", roles[user].what,
               admin ? "" : "store = ", roles[user].name, passwords->text[user]);
    }
    printf("The passwords are kept nowhere else.\n");
    return fflush(stdout) == 0 ? 0 : ERR_IO;
}

static int make_users(const char *path, char *errmsg)
{
    struct users_passwords passwords;
    if (access(path, F_OK) == 0)
        return err_set(errmsg, ERR_INVALID,
                       "%s: it is there already, and programs use its passwords: name another file",
                       path);
    if (make_passwords(&passwords))
        return err_set(errmsg, ERR_IO, "users: the system has no random numbers");
    int rc = write_acl(path, &passwords, errmsg);
    if (rc == 0 && print_use(path, &passwords))
        rc = err_set(errmsg, ERR_IO, "users: writing to standard output failed");
    return rc;
}

int users_command(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return output_finish();
        }
        if (option != 'o') {
            log_error("users: unknown option or missing value; try users --help");
            return 2;
        }
        path = optarg;
    }
    if (!path || optind < argc) {
        log_error("users: name the file with -o FILE");
        return 2;
    }
    char errmsg[ERRMSG_SIZE];
    if (make_users(path, errmsg) == 0)
        return 0;
    log_error("%s", errmsg);
    return 1;
}

#include "collector/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/err.h"

/* Later than the headers of Debian 12: landlock(7). */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
#define ABI_WITH_REFER    2 /* renaming into another directory is allowed only by this right */
#define ABI_WITH_TRUNCATE 3

/* What the spool needs. */
#define SPOOL_RIGHTS                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)
/* What is needed nowhere. */
#define OTHER_RIGHTS                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int restrict_to(int directory, uint64_t spool_rights, uint64_t other_rights)
{
    const struct landlock_ruleset_attr attributes = {.handled_access_fs =
                                                         spool_rights | other_rights};
    const struct landlock_path_beneath_attr beneath = {.allowed_access = spool_rights,
                                                       .parent_fd = directory};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes,
                             sizeof attributes.handled_access_fs, 0);
    if (rules < 0)
        return -1;
    int rc = 0;
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        rc = -1;
    int saved = errno;
    close(rules);
    errno = saved;
    return rc;
}

int landlock_confine(int directory, char *errmsg)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t spool = SPOOL_RIGHTS, other = OTHER_RIGHTS;
    if (abi < 0)
        return err_set(errmsg, ERR_UNKNOWN, "landlock: %s", strerror(errno));
    if (abi >= ABI_WITH_REFER)
        other |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_WITH_TRUNCATE)
        spool |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (restrict_to(directory, spool, other) != 0)
        return err_set(errmsg, ERR_IO, "confining writes to the spool: %s", strerror(errno));
    return 0;
}

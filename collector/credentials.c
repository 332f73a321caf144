#include "collector/credentials.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cert.h"
#include "common/err.h"
#include "common/textfile.h"

void credentials_path(char *path, const char *spool)
{
    snprintf(path, PATH_MAX, "%.4000s/%s", spool, CREDENTIALS_FILE);
}

char *credentials_read(const char *spool, char *errmsg)
{
    char path[PATH_MAX];
    int rc;
    credentials_path(path, spool);
    char *text = textfile_read(path, &rc, errmsg);
    if (!text && rc == ERR_UNKNOWN)
        err_set(errmsg, rc,
                "this sensor is not enrolled: there is no %s; run the command that "
                "'darkcount-aggregator sensor add' prints",
                path);
    return text;
}

int credentials_write(const char *spool, const char *key, const char *certificate,
                      const char *authority, char *errmsg)
{
    char path[PATH_MAX], *text;
    credentials_path(path, spool);
    if (asprintf(&text, "%s%s%s", key, certificate, authority) < 0)
        return err_set(errmsg, ERR_NOMEM, "write %s: %s", path, err_str(ERR_NOMEM));
    int rc = textfile_replace(path, text, 0600, errmsg);
    free(text);
    return rc;
}

int64_t credentials_renewal(const char *credentials)
{
    struct cert_facts facts;
    if (cert_read(credentials, &facts, NULL) != 0)
        return INT64_MAX;
    return facts.until_s - (facts.until_s - facts.from_s) / 3;
}

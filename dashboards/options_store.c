#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "dashboards/options.h"
#include "dashboards/store.h"

#define CONFIG_DEFAULT "/etc/darkcount/dashboard.conf"
#define STORE_DEFAULT  "unix:///var/lib/darkcount/redis.sock"

/* `store` and `pseudonym_key` as the configuration file says, to be freed; NULL where it does not. */
static int read_config(char **store, char **key, char *errmsg)
{
    const char *path = getenv("DARKCOUNT_CONFIG");
    const struct config_key keys[] = {
        {"dashboard", "store", CONFIG_STRING, store, 0, 0},
        {"dashboard", "pseudonym_key", CONFIG_STRING, key, 0, 0},
        {NULL, NULL, CONFIG_STRING, NULL, 0, 0},
    };
    *store = *key = NULL;
    if ((!path || !*path) && access(CONFIG_DEFAULT, F_OK) != 0)
        return 0;
    return config_read(path && *path ? path : CONFIG_DEFAULT, keys, errmsg);
}

int options_store(const struct options *options, struct storeurl *url, char *errmsg)
{
    const char *text = options->store ? options->store : getenv("DARKCOUNT_STORE");
    if (text && *text)
        return storeurl_parse(url, text, errmsg);
    char *configured, *key;
    int rc = read_config(&configured, &key, errmsg);
    if (rc == 0)
        rc = storeurl_parse(url, configured ? configured : STORE_DEFAULT, errmsg);
    free(configured);
    free(key);
    return rc;
}

int options_key(const struct options *options, char **path, char *errmsg)
{
    if (options->key) {
        *path = strdup(options->key);
        return *path ? 0 : err_set(errmsg, ERR_NOMEM, "--key: %s", err_str(ERR_NOMEM));
    }
    char *store;
    int rc = read_config(&store, path, errmsg);
    free(store);
    if (rc) {
        free(*path);
        *path = NULL;
    }
    return rc;
}

int options_open_store(const struct options *options, struct store **store, char *errmsg)
{
    struct storeurl url;
    int rc = options_store(options, &url, errmsg);
    return rc ? rc : store_open(store, &url, errmsg);
}

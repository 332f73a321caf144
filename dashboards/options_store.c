#include <stdlib.h>
#include <unistd.h>

#include "common/config.h"
#include "dashboards/options.h"
#include "dashboards/store.h"

#define CONFIG_DEFAULT "/etc/darkcount/dashboard.conf"
#define STORE_DEFAULT  "unix:///var/lib/darkcount/redis.sock"

/* `store` as the configuration file says, to be freed; NULL where it does not. */
static int configured_store(char **store, char *errmsg)
{
    const char *path = getenv("DARKCOUNT_CONFIG");
    const struct config_key keys[] = {
        {"dashboard", "store", CONFIG_STRING, store, 0, 0},
        {NULL, NULL, CONFIG_STRING, NULL, 0, 0},
    };
    *store = NULL;
    if ((!path || !*path) && access(CONFIG_DEFAULT, F_OK) != 0)
        return 0;
    return config_read(path && *path ? path : CONFIG_DEFAULT, keys, errmsg);
}

int options_store(const struct options *options, struct storeurl *url, char *errmsg)
{
    const char *text = options->store ? options->store : getenv("DARKCOUNT_STORE");
    if (text && *text)
        return storeurl_parse(url, text, errmsg);
    char *configured;
    int rc = configured_store(&configured, errmsg);
    if (rc == 0)
        rc = storeurl_parse(url, configured ? configured : STORE_DEFAULT, errmsg);
    free(configured);
    return rc;
}

int options_open_store(const struct options *options, struct store **store, char *errmsg)
{
    struct storeurl url;
    int rc = options_store(options, &url, errmsg);
    return rc ? rc : store_open(store, &url, errmsg);
}

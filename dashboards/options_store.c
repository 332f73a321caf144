#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "dashboards/options.h"
#include "dashboards/store.h"

#define CONFIG_DEFAULT "/etc/darkcount/dashboard.conf"
#define STORE_DEFAULT  "unix:///var/lib/darkcount/redis.sock"

/* --- the configuration file ------------------------------------------------------------------- */

/* What it says; NULL where it does not. */
struct configured {
    char *store, *key, *geo_db[2];
};

static void configured_close(struct configured *configured)
{
    free(configured->store);
    free(configured->key);
    free(configured->geo_db[GEO_COUNTRY]);
    free(configured->geo_db[GEO_ASN]);
}

/* To be closed in any case. */
static int read_config(struct configured *configured, char *errmsg)
{
    const char *path = getenv("DARKCOUNT_CONFIG");
    const struct config_key keys[] = {
        {"dashboard", "store", CONFIG_STRING, &configured->store, 0, 0},
        {"dashboard", "pseudonym_key", CONFIG_STRING, &configured->key, 0, 0},
        {"dashboard", "country_db", CONFIG_STRING, &configured->geo_db[GEO_COUNTRY], 0, 0},
        {"dashboard", "asn_db", CONFIG_STRING, &configured->geo_db[GEO_ASN], 0, 0},
        {NULL, NULL, CONFIG_STRING, NULL, 0, 0},
    };
    *configured = (struct configured){0};
    if ((!path || !*path) && access(CONFIG_DEFAULT, F_OK) != 0)
        return 0;
    return config_read(path && *path ? path : CONFIG_DEFAULT, keys, errmsg);
}

/* --- the store -------------------------------------------------------------------------------- */

int options_store(const struct options *options, struct storeurl *url, char *errmsg)
{
    const char *text = options->store ? options->store : getenv("DARKCOUNT_STORE");
    if (text && *text)
        return storeurl_parse(url, text, errmsg);
    struct configured configured;
    int rc = read_config(&configured, errmsg);
    if (rc == 0)
        rc = storeurl_parse(url, configured.store ? configured.store : STORE_DEFAULT, errmsg);
    configured_close(&configured);
    return rc;
}

int options_open_store(const struct options *options, struct store **store, char *errmsg)
{
    struct storeurl url;
    int rc = options_store(options, &url, errmsg);
    return rc ? rc : store_open(store, &url, errmsg);
}

/* --- files ------------------------------------------------------------------------------------ */

int options_key(const struct options *options, char **path, char *errmsg)
{
    if (options->key) {
        *path = strdup(options->key);
        return *path ? 0 : err_set(errmsg, ERR_NOMEM, "--key: %s", err_str(ERR_NOMEM));
    }
    struct configured configured;
    int rc = read_config(&configured, errmsg);
    *path = NULL;
    if (rc == 0) {
        *path = configured.key;
        configured.key = NULL;
    }
    configured_close(&configured);
    return rc;
}

const char *const options_geo_usual[2][9] = {
    [GEO_COUNTRY] = {"/usr/share/GeoIP/GeoLite2-Country.mmdb",
                     "/var/lib/GeoIP/GeoLite2-Country.mmdb", "/usr/share/GeoIP/GeoIP2-Country.mmdb",
                     "/var/lib/GeoIP/GeoIP2-Country.mmdb",
                     "/usr/share/GeoIP/dbip-country-lite.mmdb",
                     "/var/lib/GeoIP/dbip-country-lite.mmdb",
                     "/usr/share/GeoIP/iptoasn-country.mmdb",
                     "/var/lib/GeoIP/iptoasn-country.mmdb"},
    [GEO_ASN] = {"/usr/share/GeoIP/GeoLite2-ASN.mmdb", "/var/lib/GeoIP/GeoLite2-ASN.mmdb",
                 "/usr/share/GeoIP/dbip-asn-lite.mmdb", "/var/lib/GeoIP/dbip-asn-lite.mmdb",
                 "/usr/share/GeoIP/iptoasn-asn.mmdb", "/var/lib/GeoIP/iptoasn-asn.mmdb"},
};

static const char *usual(enum geo_kind kind)
{
    for (size_t i = 0; options_geo_usual[kind][i]; i++)
        if (access(options_geo_usual[kind][i], F_OK) == 0)
            return options_geo_usual[kind][i];
    return NULL;
}

static const char *const subject[2] = {
    [GEO_COUNTRY] = "in which country a source is",
    [GEO_ASN] = "of which autonomous system a source is",
};

static int no_geo(const struct options *options, enum geo_kind kind, char *errmsg)
{
    if (options->by_http)
        return err_set(errmsg, ERR_UNKNOWN, "the operator has configured no database that says %s",
                       subject[kind]);
    return err_set(
        errmsg, ERR_UNKNOWN,
        "no database says %s: name one in MaxMind's form (.mmdb) with %s or put it at %s; "
        "see darkcount(1)",
        subject[kind],
        kind == GEO_COUNTRY ? "--country-db FILE or country_db in dashboard.conf"
                            : "--asn-db FILE or asn_db in dashboard.conf",
        options_geo_usual[kind][0]);
}

int options_geo(const struct options *options, enum geo_kind kind, struct geo **geo, char *errmsg)
{
    struct configured configured = {0};
    const char *path = options->geo_db[kind];
    int rc = path ? 0 : read_config(&configured, errmsg);
    if (rc == 0 && !path)
        path = configured.geo_db[kind] ? configured.geo_db[kind] : usual(kind);
    *geo = NULL;
    if (rc == 0)
        rc = path ? geo_open(geo, kind, path, errmsg) : no_geo(options, kind, errmsg);
    configured_close(&configured);
    return rc;
}

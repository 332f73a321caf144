#include "collector/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "common/err.h"
#include "common/log.h"

static int make_darknet(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    sensor->darknet = prefixset_new();
    if (!sensor->darknet)
        return ERR_NOMEM;
    int rc = prefixset_add(sensor->darknet, settings->darknet, errmsg);
    if (rc == 0 && settings->exclude)
        rc = prefixset_exclude(sensor->darknet, settings->exclude, errmsg);
    if (rc == 0)
        rc = prefixset_finish(sensor->darknet, errmsg);
    if (rc == 0 && prefixset_missed(sensor->darknet, errmsg))
        log_warn("%s", errmsg);
    if (rc == 0 && !(sensor->darknet_text = prefixset_text(sensor->darknet)))
        rc = ERR_NOMEM;
    return rc;
}

static int make_tunnels(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    if (!settings->tunnels)
        return 0;
    sensor->tunnels = prefixset_new();
    if (!sensor->tunnels)
        return ERR_NOMEM;
    int rc = prefixset_add(sensor->tunnels, settings->tunnels, errmsg);
    if (rc == 0)
        rc = prefixset_finish(sensor->tunnels, errmsg);
    if (rc == 0 && !(sensor->tunnels_text = prefixset_text(sensor->tunnels)))
        rc = ERR_NOMEM;
    return rc;
}

/* Splits the list of interfaces in place. */
static int split_interfaces(struct sensor *sensor, char *list, char *errmsg)
{
    char *rest = NULL;
    for (char *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (sensor->interface_count == SENSOR_INTERFACES_MAX)
            return err_set(errmsg, ERR_INVALID, "more than %d interfaces", SENSOR_INTERFACES_MAX);
        sensor->interfaces[sensor->interface_count++] = name;
    }
    return 0;
}

static void set_filter(struct sensor *sensor, const char *filter)
{
    sensor->filter_inventory = !filter || strcmp(filter, "auto") == 0;
    if (!sensor->filter_inventory && strcmp(filter, "none") != 0)
        sensor->filter = filter;
}

int settings_sensor(struct settings *settings, struct sensor *sensor, char *errmsg)
{
    if (!settings->name || !settings->darknet)
        return err_set(errmsg, ERR_INVALID,
                       "run: the sensor has no %s: give --%s or a configuration",
                       settings->name ? "darknet" : "name", settings->name ? "darknet" : "sensor");
    if (!sensor_name_valid(settings->name))
        return err_set(errmsg, ERR_INVALID,
                       "sensor name '%.80s': use 1 to %d letters, digits, '.', '_' and '-'",
                       settings->name, SENSOR_NAME_MAX);
    struct address address;
    if (address_parse(&address, settings->aggregator, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "aggregator");
    int rc = make_darknet(sensor, settings, errmsg);
    if (rc == 0)
        rc = make_tunnels(sensor, settings, errmsg);
    if (rc == 0 && settings->interfaces && settings->path_count == 0)
        rc = split_interfaces(sensor, settings->interfaces, errmsg);
    if (rc)
        return rc;
    if (settings->option_interfaces && settings->path_count > 0)
        return err_set(errmsg, ERR_INVALID, "run: -i and -r do not go together");
    sensor->name = settings->name;
    sensor->spool = settings->spool;
    sensor->aggregator = settings->aggregator;
    sensor->paths = settings->paths;
    sensor->path_count = settings->path_count;
    sensor->snaplen = settings->snaplen;
    sensor->ring_mb = settings->ring_mb;
    sensor->threads = settings->threads;
    sensor->promiscuous = settings->promiscuous;
    sensor->sources = settings->sources;
    sensor->skew = settings->skew;
    sensor->retention_h = settings->retention_h;
    sensor->spool_max_mb = settings->spool_max_mb;
    sensor->patience_s = settings->patience_s;
    set_filter(sensor, settings->filter);
    return 0;
}

void settings_sensor_close(struct sensor *sensor)
{
    prefixset_free(sensor->darknet);
    prefixset_free(sensor->tunnels);
    free(sensor->darknet_text);
    free(sensor->tunnels_text);
}

struct settings *settings_describe(const char *config, struct sensor *sensor, char *errmsg)
{
    struct settings *settings = malloc(sizeof *settings);
    *sensor = (struct sensor){.signals = -1};
    if (!settings) {
        err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
        return NULL;
    }
    int rc = settings_init(settings, 1);
    settings->config = config;
    if (rc == 0)
        rc = settings_config(settings, errmsg);
    if (rc == 0)
        rc = settings_sensor(settings, sensor, errmsg);
    if (rc == 0)
        return settings;
    settings_forget(settings, sensor);
    return NULL;
}

void settings_forget(struct settings *settings, struct sensor *sensor)
{
    settings_sensor_close(sensor);
    settings_close(settings);
    free(settings);
}

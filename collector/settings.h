/*
 * Settings: what `run` is told by the configuration and the command line, as text and numbers, and the
 * sensor that they describe. settings.c reads them, settings_sensor.c makes a sensor of them. `run` calls
 * settings_init, settings_options, settings_config and settings_sensor in this order; `check`, which
 * has no such command line, settings_describe.
 */
#ifndef COLLECTOR_SETTINGS_H
#define COLLECTOR_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/sensor.h"

struct settings {
    char *name, *darknet, *exclude, *tunnels, *interfaces, *filter, *spool, *aggregator, *user;
    uint64_t snaplen, ring_mb, threads, retention_h, spool_max_mb, patience_s;
    bool promiscuous, sources, skew;
    char *metrics; /* where the page of metrics is served; NULL: nowhere */
    bool metrics_anywhere;
    /* What the command line names, kept apart until the file was read. */
    const char *option_name, *option_filter, *option_spool, *option_aggregator;
    char *option_darknet, *option_exclude, *option_tunnels, *option_interfaces;
    const char **paths;
    size_t path_count;
    const char *config;
};

/* What is not configured; room for so many files. ERR_NOMEM. To be closed also after an error. */
int settings_init(struct settings *settings, size_t paths);
void settings_close(struct settings *settings);

/* Reads the command line (argv[0] is "run"), of which strings are borrowed. 0, 1 when help was printed,
 * or ERR_INVALID after a message. */
int settings_options(struct settings *settings, int argc, char **argv);

/* Reads the file: the one that the command line names, else that of DARKCOUNT_CONFIG, else the default
 * one if it is there. The command line wins over it. Errors as config_read. */
int settings_config(struct settings *settings, char *errmsg);

/* Turns settings into a sensor (zeroed), which they must outlive and which settings_sensor_close closes,
 * also after an error. Touches nothing; interfaces may be missing. ERR_INVALID is wrong usage;
 * ERR_NOMEM. */
int settings_sensor(struct settings *settings, struct sensor *sensor, char *errmsg);
void settings_sensor_close(struct sensor *sensor);

/* The sensor that the configuration (NULL: the default) describes. Both are to be freed by
 * settings_forget; NULL with the cause in `errmsg`. */
struct settings *settings_describe(const char *config, struct sensor *sensor, char *errmsg);
void settings_forget(struct settings *settings, struct sensor *sensor);

#endif

/*
 * Sensor: what `run` needs to know, from the configuration file and the command line, and the two
 * ways to run: live from interfaces, or replaying capture files. Both write sealed records into the
 * spool and tell the ship process.
 */
#ifndef COLLECTOR_SENSOR_H
#define COLLECTOR_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/privilege.h"
#include "collector/spool.h"
#include "collector/vitals.h"
#include "common/prefix.h"
#include "common/record.h"

#define SENSOR_INTERFACES_MAX 16

struct sensor {
    char *name;
    struct prefixset *darknet;
    char *darknet_text;        /* canonical */
    struct prefixset *tunnels; /* end points, as tunnel_decode's; NULL: none */
    char *tunnels_text;        /* canonical; NULL: none */
    const char *interfaces[SENSOR_INTERFACES_MAX];
    size_t interface_count;
    const char *const *paths; /* capture files to replay */
    size_t path_count;
    uint64_t snaplen, ring_mb;
    uint64_t threads; /* that count what an interface captures: 1 .. METER_LANES_MAX */
    bool promiscuous;
    bool sources;          /* keep them in records */
    const char *filter;    /* pcap-filter(7), or NULL */
    bool filter_inventory; /* without one: the filter made from darknet and tunnels */
    bool skew;             /* live: raise the alarms of collector/skew.h */
    const char *spool;     /* "." once sensor_confine has made it the working directory */
    uint64_t retention_h, spool_max_mb, patience_s;
    char *aggregator;
    struct privilege privilege; /* what the capture process gives up */
    struct child *child;        /* the ship process */
    struct vitals *vitals;      /* for its page of metrics; NULL: nobody asks */
    int signals;                /* signalfd for SIGTERM, SIGINT and SIGCHLD */
    bool stop;                  /* one of the first two came */
    int64_t sourceless_h; /* the hour of the last record without sources of which was said so */
};

/* Captures until told to stop; seals what is open, then. 0; ERR_IO and others with `errmsg`. */
int sensor_live(struct sensor *sensor, char *errmsg);

/* Counts the capture files into the spool, each under an epoch of its own that is made from the
 * sensor's name, its tunnels and the file's packets: the same capture is the same epoch whatever its
 * file is called and however it is compressed. Two files of one call may not cover the same time.
 * ERR_DAMAGED when a file was truncated or corrupt: what was readable is in the spool, `errmsg`
 * names file and offset; the other files were counted. ERR_STOPPED when told to stop. */
int sensor_replay(struct sensor *sensor, char *errmsg);

/* Gives up the capture process's privileges and installs its sandbox: when the packet sockets
 * `taps` (none for a replay) are open, before anything of a packet, a capture file or the spool is
 * read, and before the first thread is started. ERR_REFUSED when the spool cannot be written to;
 * ERR_IO. */
int sensor_confine(struct sensor *sensor, const int *taps, size_t count, char *errmsg);

/* --- used by both ----------------------------------------------------------------------------- */

/* Seals `record` as the next one of the epoch and appends it; tells nobody yet. ERR_FULL, ERR_IO,
 * as spool_append. */
int sensor_append(struct sensor *sensor, struct spool_writer *writer,
                  const uint8_t epoch[EPOCH_SIZE], struct record *record, char *errmsg);
/* Forces the epoch to disk and tells the ship process how far it is. ERR_IO, ERR_FULL. */
int sensor_publish(struct sensor *sensor, struct spool_writer *writer,
                   const uint8_t epoch[EPOCH_SIZE], char *errmsg);
/* Takes the signals that came; returns whether SIGTERM or SIGINT was, or ever was, among them. */
bool sensor_stopping(struct sensor *sensor);

#endif

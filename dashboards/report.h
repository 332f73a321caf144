/*
 * `darkcount report`: the yearly report as a directory of files. Reads the figures once
 * (report_data.h), has the charts drawn, writes everything (report_write.h), and puts it in place.
 */
#ifndef DASHBOARDS_REPORT_H
#define DASHBOARDS_REPORT_H

#include "dashboards/options.h"

int report_check(struct options *options, char *errmsg);
int report_run(const struct options *options, char *errmsg);

#endif

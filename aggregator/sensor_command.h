/*
 * `darkcount-aggregator sensor add|replace|revoke|list|show`: the operator's side of the registry.
 * It works on the files of the state directory; a running aggregator sees what changed at once.
 */
#ifndef AGGREGATOR_SENSOR_COMMAND_H
#define AGGREGATOR_SENSOR_COMMAND_H

/* The exit status; argv[0] is "sensor". */
int sensor_command(int argc, char **argv);

#endif

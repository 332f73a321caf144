/*
 * `darkcount-collector spool list|verify DIR`: what a spool holds, and whether all of it can be read.
 * Reads only, so it may look at the spool of a sensor that is running.
 */
#ifndef COLLECTOR_SPOOLCMD_H
#define COLLECTOR_SPOOLCMD_H

/* argv[0] is "spool". Returns the exit status. */
int spoolcmd_main(int argc, char **argv);

#endif

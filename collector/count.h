/*
 * The command `darkcount-collector count`: adds up the packets of capture files by address,
 * interval, class, protocol, port, icmp or source, without aggregator, store or privileges. The
 * counting itself is in collector/counting.h; here are arguments, printing and exit codes.
 */
#ifndef COLLECTOR_COUNT_H
#define COLLECTOR_COUNT_H

/* argv[0] is "count". Returns the exit code: 0 done; 1 something could not be read or written (what
 * could be read was counted and printed); 2 wrong usage. */
int count_main(int argc, char **argv);

#endif

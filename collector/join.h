/*
 * `darkcount-collector join`: makes this machine an enrolled sensor. See join.c.
 */
#ifndef COLLECTOR_JOIN_H
#define COLLECTOR_JOIN_H

/* The exit status; argv[0] is "join". */
int join_main(int argc, char **argv);

#endif

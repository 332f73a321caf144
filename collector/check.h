/*
 * `darkcount-collector check`: whether all is there that the configured sensor needs. See check.c.
 */
#ifndef COLLECTOR_CHECK_H
#define COLLECTOR_CHECK_H

/* The exit status: 1 when a check failed, 2 for wrong usage; argv[0] is "check". */
int check_main(int argc, char **argv);

#endif

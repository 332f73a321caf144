/*
 * The command `darkcount-collector survey`: which addresses of a prefix are lit, that is, send
 * packets, so that the others are safe to count. Looks at interfaces for some time or at capture
 * files, without aggregator and store. The way of a packet here: capture -> decode -> lit -> rows.
 */
#ifndef COLLECTOR_SURVEY_H
#define COLLECTOR_SURVEY_H

/* argv[0] is "survey". Returns the exit code: 0 done, lit addresses or not; 1 something could not
 * be read, kept or written (what was seen is printed); 2 wrong usage. */
int survey_main(int argc, char **argv);

#endif

/*
 * Standard output of a command. main calls output_init before anything is opened; what prints ends
 * with output_finish, and what failed with ERR_IO asks output_end_unread before it says so.
 */
#ifndef COMMON_OUTPUT_H
#define COMMON_OUTPUT_H

/* Takes up the numbers of standard input, output and error where the program was started without
 * them, in a way that using them fails: a socket that got number 1 would be sent the results. */
void output_init(void);

/* Flushes standard output. Exit status 0, or 1 after saying that it cannot be written. May not
 * return, as output_end_unread. */
int output_finish(void);

/* Where standard output is a pipe that nobody reads any more (`| head -1`), ends the process by
 * SIGPIPE, as it ends other filters: nobody is left to whom the rest matters. */
void output_end_unread(void);

#endif

/*
 * The text of the Redis Function library `darkcount` (aggregator/darkcount.lua), built into the
 * program.
 */
#ifndef AGGREGATOR_FUNCTION_H
#define AGGREGATOR_FUNCTION_H

extern const char function_text[];

/* What its function darkcount_version answers. */
#define FUNCTION_VERSION 4

#endif

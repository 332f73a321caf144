/*
 * Faults: the errors with which Redis answers, told apart by whom they concern and put into words that
 * say what to do. store.c asks it about every error of a request, storecheck.c about those of a check;
 * both say the same of the same fault, so that it is told once. Pure.
 */
#ifndef AGGREGATOR_FAULT_H
#define AGGREGATOR_FAULT_H

enum fault {
    FAULT_KEY,   /* about the key asked for: others are not affected */
    FAULT_STORE, /* nothing can be written there until it is mended */
    FAULT_LATER, /* it passes, or connecting anew mends it */
};

/* What the error reply `error` to a command on `key` (NULL: several) means; `text` (ERRMSG_SIZE) then
 * says what is wrong, and what to do. It begins with Redis's own word for the error, or with the key. */
enum fault fault_read(const char *error, const char *key, char *text);

#endif

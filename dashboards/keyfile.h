/*
 * The file that holds the key of the pseudonyms: 32 bytes, as they are, readable by its owner alone.
 * Who has it can undo every pseudonym that was ever made with it; who loses it cannot make the same
 * ones again. So it is made once, never overwritten, and never printed.
 */
#ifndef DASHBOARDS_KEYFILE_H
#define DASHBOARDS_KEYFILE_H

#include "dashboards/pseudonym.h"

/* Reads the key. ERR_UNKNOWN when there is no such file (the message says how to make one),
 * ERR_REFUSED when it belongs to somebody else or others may read it, ERR_INVALID when it is no
 * regular file of 32 bytes, ERR_IO. */
int keyfile_read(const char *path, uint8_t key[PSEUDONYM_KEY_SIZE], char *errmsg);

/* Makes a file with a new random key, mode 0600, durably. ERR_REFUSED when there is something of
 * that name already, ERR_IO, ERR_FULL. */
int keyfile_make(const char *path, char *errmsg);

#endif

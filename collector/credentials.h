/*
 * Credentials: the sensor's private key with its certificate and the authority's, one file in the
 * spool directory, which is the sensor's own and all that its processes can write to. `join` writes
 * it, the ship process reads it at each connection and writes it when the certificate was renewed.
 */
#ifndef COLLECTOR_CREDENTIALS_H
#define COLLECTOR_CREDENTIALS_H

#include <stdint.h>

#define CREDENTIALS_FILE "credentials.pem"

/* The PEM text, to be freed; NULL with the cause in `errmsg`. */
char *credentials_read(const char *spool, char *errmsg);

/* Writes key, certificate and authority (PEM) as one, mode 0600, whole or not at all. ERR_IO,
 * ERR_FULL, ERR_NOMEM. */
int credentials_write(const char *spool, const char *key, const char *certificate,
                      const char *authority, char *errmsg);

/* The file's path, into `path` of PATH_MAX bytes. */
void credentials_path(char *path, const char *spool);

/* When the certificate of these credentials is to be renewed: a third of its time before it ends,
 * seconds since the epoch; INT64_MAX when it cannot be read. */
int64_t credentials_renewal(const char *credentials);

#endif

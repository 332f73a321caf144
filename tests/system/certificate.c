/*
 * certificate CA.PEM NAME FROM UNTIL: prints a sensor's credentials that the authority in the file has
 * signed, valid from and until so many days from now, behind a line with the serial number. For tests
 * of dates.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cert.h"
#include "common/err.h"
#include "common/textfile.h"

#define DAY_S INT64_C(86400)

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE] = "";
    int rc = 0;
    char *authority = argc == 5 ? textfile_read(argv[1], &rc, errmsg) : NULL;
    char *key = authority ? cert_key(errmsg) : NULL, *certificate = NULL;
    if (key) {
        const char *signer = strstr(authority, "-----BEGIN CERTIFICATE");
        struct cert_terms terms = {.role = CERT_SENSOR,
                                   .name = argv[2],
                                   .from_s = time(NULL) + atoi(argv[3]) * DAY_S,
                                   .until_s = time(NULL) + atoi(argv[4]) * DAY_S,
                                   .issuer = signer,
                                   .key = authority};
        certificate = cert_issue(&terms, key, errmsg);
        struct cert_facts facts;
        if (certificate && cert_read(certificate, &facts, errmsg) == 0)
            printf("serial %s\n%s%s%s", facts.serial, key, certificate, signer);
    }
    if (!certificate)
        fprintf(stderr, "certificate: %s\n", *errmsg ? errmsg : "CA.PEM NAME FROM UNTIL");
    int status = certificate ? 0 : 1;
    free(certificate);
    free(key);
    free(authority);
    return status;
}

#include "dashboards/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

static int check(int fd, const char *path, char *errmsg)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return err_set(errmsg, ERR_IO, "key %s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode) || about.st_size != PSEUDONYM_KEY_SIZE)
        return err_set(errmsg, ERR_INVALID, "key %s: a key is a regular file of %d bytes", path,
                       PSEUDONYM_KEY_SIZE);
    if (about.st_uid != geteuid() && about.st_uid != 0)
        return err_set(errmsg, ERR_REFUSED, "key %s: it belongs to another user", path);
    if (about.st_mode & 077)
        return err_set(
            errmsg, ERR_REFUSED,
            "key %s: others may read or change it (mode %03o); give it mode 600 if nobody "
            "has read it, or make a new one",
            path, about.st_mode & 0777);
    return 0;
}

int keyfile_read(const char *path, uint8_t key[PSEUDONYM_KEY_SIZE], char *errmsg)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return err_set(errmsg, ERR_UNKNOWN,
                       "key %s: there is none; make it with darkcount export --make-key FILE",
                       path);
    if (fd < 0)
        return err_set(errmsg, ERR_IO, "key %s: %s", path, strerror(errno));
    int rc = check(fd, path, errmsg);
    if (rc == 0 && read(fd, key, PSEUDONYM_KEY_SIZE) != PSEUDONYM_KEY_SIZE)
        rc = err_set(errmsg, ERR_IO, "key %s: it could not be read as a whole", path);
    close(fd);
    return rc;
}

/* Writes the key and leaves errno where that fails. */
static bool fill(int fd, const uint8_t key[PSEUDONYM_KEY_SIZE])
{
    ssize_t wrote = write(fd, key, PSEUDONYM_KEY_SIZE);
    if (wrote >= 0 && wrote != PSEUDONYM_KEY_SIZE)
        errno = ENOSPC;
    return wrote == PSEUDONYM_KEY_SIZE && fsync(fd) == 0;
}

int keyfile_make(const char *path, char *errmsg)
{
    uint8_t key[PSEUDONYM_KEY_SIZE];
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return err_set(errmsg, ERR_IO, "key %s: OpenSSL has no random numbers", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(errmsg, ERR_REFUSED,
                       "key %s: there is a file of that name, and a key is never overwritten",
                       path);
    if (fd < 0)
        return err_set(errmsg, err_from_errno(errno), "key %s: %s", path, strerror(errno));
    int rc = fill(fd, key)
                 ? 0
                 : err_set(errmsg, err_from_errno(errno), "key %s: %s", path, strerror(errno));
    OPENSSL_cleanse(key, sizeof key);
    close(fd);
    if (rc)
        unlink(path);
    return rc;
}

#include "dashboards/outdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

static int failed(const char *what, const char *path, char *errmsg)
{
    int number = errno;
    return err_set(errmsg, err_from_errno(number), "%s %s: %s", what, path, strerror(number));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    remove(path); /* what cannot be removed stays, and with it its directory */
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int check_place(const char *final, const char *const *names, char *errmsg)
{
    DIR *dir = opendir(final);
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir && errno == ENOTDIR)
        return err_set(errmsg, ERR_INVALID, "%s: it is there and no directory; name another",
                       final);
    if (!dir)
        return failed("looking into", final, errmsg);
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        if (!is_among(entry->d_name, names))
            rc = err_set(errmsg, ERR_INVALID,
                         "%s: it holds %.100s, which is of no report; name another directory",
                         final, entry->d_name);
    closedir(dir);
    return rc;
}

/* --- filling it ------------------------------------------------------------------------------- */

static int make_folders(const struct outdir *dir, const char *const *folders, char *errmsg)
{
    char path[PATH_MAX + 64];
    for (; *folders; folders++) {
        snprintf(path, sizeof path, "%s/%s", dir->path, *folders);
        if (mkdir(path, 0777) != 0)
            return failed("making", path, errmsg);
    }
    return 0;
}

/* mkdtemp's are for their owner alone; this one is to be as any other directory. */
static int open_to_others(const char *path)
{
    mode_t mask = umask(0);
    umask(mask);
    return chmod(path, 0777 & ~mask);
}

int outdir_open(struct outdir *dir, const char *final, const char *const *names,
                const char *const *folders, char *errmsg)
{
    size_t size = strlen(final);
    while (size > 1 && final[size - 1] == '/')
        size--;
    if (size == 0 || size + sizeof ".XXXXXX" > sizeof dir->path)
        return err_set(errmsg, ERR_INVALID, "'%.60s': no name for a directory", final);
    snprintf(dir->final, sizeof dir->final, "%.*s", (int)size, final);
    int rc = check_place(dir->final, names, errmsg);
    if (rc)
        return rc;
    snprintf(dir->path, sizeof dir->path, "%.*s.XXXXXX", (int)size, final);
    if (!mkdtemp(dir->path))
        return failed("making", dir->path, errmsg);
    rc = open_to_others(dir->path) == 0 ? make_folders(dir, folders, errmsg)
                                        : failed("making", dir->path, errmsg);
    if (rc)
        outdir_abort(dir);
    return rc;
}

int outdir_scratch(struct outdir *dir, char *errmsg)
{
    *dir = (struct outdir){.path = P_tmpdir "/darkcount.XXXXXX"};
    return mkdtemp(dir->path) ? 0 : failed("making", dir->path, errmsg);
}

int outdir_read(const struct outdir *dir, const char *file, struct buf *bytes, char *errmsg)
{
    char path[PATH_MAX + 64];
    uint8_t block[16384];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir->path, file);
    FILE *in = fopen(path, "rbe");
    if (!in)
        return failed("reading", path, errmsg);
    while ((size = fread(block, 1, sizeof block, in)) > 0)
        buf_put(bytes, block, size);
    int rc = ferror(in) ? failed("reading", path, errmsg) : 0;
    fclose(in);
    if (rc == 0 && bytes->failed)
        rc = err_set(errmsg, ERR_NOMEM, "reading %s: %s", path, err_str(ERR_NOMEM));
    return rc;
}

int outdir_write(const struct outdir *dir, const char *file, const struct buf *bytes, char *errmsg)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", dir->path, file);
    FILE *out = fopen(path, "wbe");
    if (!out)
        return failed("making", path, errmsg);
    bool written = fwrite(bytes->bytes, 1, bytes->size, out) == bytes->size;
    int number = errno;
    if (fclose(out) != 0 && written) {
        written = false;
        number = errno;
    }
    errno = number;
    return written ? 0 : failed("writing", path, errmsg);
}

/* --- putting it in place ---------------------------------------------------------------------- */

static int sync_all(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = syncfs(fd);
    int number = errno;
    close(fd);
    errno = number;
    return rc;
}

int outdir_commit(struct outdir *dir, char *errmsg)
{
    if (sync_all(dir->path) != 0)
        return failed("writing", dir->path, errmsg);
    if (renameat2(AT_FDCWD, dir->path, AT_FDCWD, dir->final, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST && errno != EINVAL && errno != ENOSYS)
        return failed("putting in place", dir->final, errmsg);
    if (renameat2(AT_FDCWD, dir->path, AT_FDCWD, dir->final, RENAME_EXCHANGE) != 0)
        return failed("putting in place", dir->final, errmsg);
    remove_tree(dir->path); /* which is now what was there before */
    return 0;
}

void outdir_abort(struct outdir *dir)
{
    remove_tree(dir->path);
}

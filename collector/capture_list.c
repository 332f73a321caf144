#include "collector/capture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/err.h"

static int list_append(struct capture_list *list, const char *path, bool listed)
{
    struct capture_file *files = realloc(list->files, (list->count + 1) * sizeof *files);
    if (!files)
        return ERR_NOMEM;
    list->files = files;
    char *copy = strdup(path);
    if (!copy)
        return ERR_NOMEM;
    files[list->count++] = (struct capture_file){.path = copy, .listed = listed};
    return 0;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int append_entry(struct capture_list *list, const char *directory, const char *name)
{
    char *path;
    const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", directory, slash, name) < 0)
        return ERR_NOMEM;
    struct stat status;
    int result = 0;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
        result = list_append(list, path, true);
    free(path);
    return result;
}

static int expand_directory(struct capture_list *list, const char *path, char *errmsg)
{
    struct dirent **entries;
    int count = scandir(path, &entries, visible, by_name);
    if (count < 0)
        return err_set(errmsg, err_from_errno(errno), "reading directory %s: %s", path,
                       strerror(errno));
    int result = 0;
    size_t before = list->count;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = append_entry(list, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (result)
        return err_set(errmsg, result, "reading directory %s: out of memory", path);
    /* Most likely another one was meant: a result of zero would look like a quiet darknet. */
    return list->count == before ? err_set(errmsg, ERR_UNKNOWN,
                                           "reading directory %s: there is no file in it; "
                                           "directories in it are not entered",
                                           path)
                                 : 0;
}

static int expand_path(struct capture_list *list, const char *path, char *errmsg)
{
    struct stat status;
    if (strcmp(path, "-") != 0) {
        if (stat(path, &status))
            return err_set(errmsg, errno == ENOENT ? ERR_UNKNOWN : ERR_IO, "reading %s: %s", path,
                           strerror(errno));
        if (S_ISDIR(status.st_mode))
            return expand_directory(list, path, errmsg);
    }
    return list_append(list, path, false)
               ? err_set(errmsg, ERR_NOMEM, "reading %s: out of memory", path)
               : 0;
}

int capture_expand(struct capture_list *list, const char *const *paths, size_t count, char *errmsg)
{
    *list = (struct capture_list){0};
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = expand_path(list, paths[i], errmsg);
    return result;
}

void capture_list_close(struct capture_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->files[i].path);
    free(list->files);
    *list = (struct capture_list){0};
}

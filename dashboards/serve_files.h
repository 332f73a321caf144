/*
 * The files that serve has in it: the web page of dashboards/web and the API's description.
 */
#ifndef DASHBOARDS_SERVE_FILES_H
#define DASHBOARDS_SERVE_FILES_H

#include <stddef.h>

struct serve_file {
    const char *path, *type;
    const char *bytes;
    size_t size;
};

extern const struct serve_file serve_files[];
extern const size_t serve_file_count;

/* NULL: no file is there. */
const struct serve_file *serve_files_find(const char *path);

#endif

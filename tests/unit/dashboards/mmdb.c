#include "tests/unit/dashboards/mmdb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"

void mmdb_make(struct mmdb *mmdb)
{
    char command[128];
    if (*mmdb->path)
        return;
    snprintf(mmdb->path, sizeof mmdb->path, "/tmp/darkcount-mmdb-XXXXXX");
    int fd = mkstemp(mmdb->path);
    cr_assert_geq(fd, 0);
    close(fd);
    snprintf(command, sizeof command, "tests/mmdb %s %s", mmdb->form, mmdb->path);
    FILE *to = popen(command, "w");
    cr_assert(to && fputs(mmdb->text, to) >= 0);
    cr_assert_eq(pclose(to), 0, "%s failed: libmaxmind-db-writer-perl?", command);
}

struct geo *mmdb_open(struct mmdb *mmdb)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct geo *geo;
    mmdb_make(mmdb);
    cr_assert_eq(geo_open(&geo, mmdb->kind, mmdb->path, errmsg), 0, "%s", errmsg);
    return geo;
}

void mmdb_remove(struct mmdb *mmdb)
{
    if (*mmdb->path)
        unlink(mmdb->path);
    *mmdb->path = '\0';
}

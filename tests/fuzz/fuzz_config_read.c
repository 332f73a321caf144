/* config_read through a file in memory. A refusal names file and line, or the file. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *name = NULL, *darknet = NULL, path[64], errmsg[ERRMSG_SIZE] = "";
    uint64_t width = 60;
    bool live = false;
    const struct config_key keys[] = {
        {"sensor", "name", CONFIG_STRING, &name, 0, 0},
        {"sensor", "darknet", CONFIG_LIST, &darknet, 0, 0},
        {"sensor", "width", CONFIG_UINT, &width, 1, 3600},
        {"sensor", "live", CONFIG_BOOL, &live, 0, 0},
        {0},
    };
    int fd = memfd_create("config", MFD_CLOEXEC);
    fuzz_require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = config_read(path, keys, errmsg);
    fuzz_require(rc == 0 || strstr(errmsg, path));
    fuzz_require(width >= 1 && width <= 3600);
    close(fd);
    free(name);
    free(darknet);
    return 0;
}

/* Feeds every file of the named folders to a fuzz target: the kept corpus as a test. Exit 0, or 1
 * when a folder has no file; a broken property aborts. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* The file's bytes in a block of exactly its size, so that a sanitizer sees a read too far. */
static uint8_t *load(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size ? *size : 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

static int replay(const char *folder)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[4096];
        size_t size;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        uint8_t *bytes = load(path, &size);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        count++;
    }
    if (entries)
        closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int count = replay(argv[i]);
        printf("%s: %d inputs\n", argv[i], count);
        if (count == 0)
            return 1;
    }
    return 0;
}

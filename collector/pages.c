#include "collector/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void pages_init(struct pages *pages, size_t size)
{
    *pages = (struct pages){0};
    if (size < HUGE_PAGE) {
        pages->at = calloc(1, size);
        return;
    }
    size_t rounded = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    pages->map_size = rounded + HUGE_PAGE; /* room to align; what is not used is not taken */
    void *map =
        mmap(NULL, pages->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return;
    pages->map = map;
    pages->at = (void *)(((uintptr_t)map + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    madvise(pages->at, rounded, MADV_HUGEPAGE); /* a kernel without them gives small pages */
}

void pages_close(struct pages *pages)
{
    if (pages->map)
        munmap(pages->map, pages->map_size);
    else
        free(pages->at);
    *pages = (struct pages){0};
}

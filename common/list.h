/*
 * List: room in an array that grows by doubling, for whoever appends to one and does not know how long
 * it will be. Pure.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stddef.h>

/* Makes room for one more element of `size` bytes behind the first `count` of `array` (NULL while `*room`, the
 * elements that fit, is 0). Returns the array, which may have moved and is to be freed by the caller; NULL
 * without memory: array and `*room` are then as they were. */
void *list_room(void *array, size_t count, size_t *room, size_t size);

#endif

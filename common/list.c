#include "common/list.h"

#include <stdlib.h>

#define ROOM_MIN 16

void *list_room(void *array, size_t count, size_t *room, size_t size)
{
    size_t wanted = *room ? *room * 2 : ROOM_MIN;
    if (count < *room)
        return array;
    void *bigger = reallocarray(array, wanted, size);
    if (bigger)
        *room = wanted;
    return bigger;
}

#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>

#include "common/list.h"

Test(list, grows_and_keeps_what_is_in_it)
{
    uint64_t *numbers = NULL;
    size_t room = 0, moves = 0;
    for (size_t count = 0; count < 10000; count++) {
        size_t before = room;
        uint64_t *list = list_room(numbers, count, &room, sizeof *list);
        cr_assert(list && room > count);
        moves += room != before;
        numbers = list;
        numbers[count] = count;
    }
    cr_expect(moves < 12, "%zu", moves);
    for (size_t i = 0; i < 10000; i++)
        cr_assert_eq(numbers[i], i);
    free(numbers);
}

Test(list, an_array_with_room_stays)
{
    size_t room = 0;
    char *array = list_room(NULL, 0, &room, 1), *same = array;
    cr_assert(array && room > 1);
    cr_expect_eq(list_room(array, room - 1, &room, 1), same);
    free(array);
}

#ifndef __SANITIZE_ADDRESS__ /* which takes so much for a mistake */
Test(list, without_memory_everything_is_as_it_was)
{
    size_t room = SIZE_MAX / 4;
    char one = 1;
    cr_expect_null(list_room(&one, room, &room, 16)); /* more than there are addresses */
    cr_expect_eq(room, SIZE_MAX / 4);
    cr_expect_eq(one, 1);
}
#endif

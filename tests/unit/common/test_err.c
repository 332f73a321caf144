#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "common/err.h"

Test(err, every_code_has_its_own_words)
{
    for (int a = ERR_UNREACHABLE; a <= ERR_OK; a++) {
        cr_expect_str_neq(err_str(a), "unknown error", "code %d", a);
        for (int b = a + 1; b <= ERR_OK; b++)
            cr_expect_str_neq(err_str(a), err_str(b), "codes %d and %d", a, b);
    }
    cr_expect_str_eq(err_str(ERR_UNREACHABLE - 1), "unknown error");
    cr_expect_str_eq(err_str(1), "unknown error");
}

Test(err, set_writes_and_returns_the_code)
{
    char errmsg[ERRMSG_SIZE] = "before";
    cr_expect_eq(err_set(errmsg, ERR_FULL, "disk %d: %s", 7, "full"), ERR_FULL);
    cr_expect_str_eq(errmsg, "disk 7: full");
    cr_expect_eq(err_set(NULL, ERR_IO, "nobody %s", "listens"), ERR_IO);
}

Test(err, wrap_puts_its_words_in_front)
{
    char errmsg[ERRMSG_SIZE] = "no such file";
    cr_expect_eq(err_wrap(errmsg, ERR_IO, "opening %s", "a.pcap"), ERR_IO);
    cr_expect_str_eq(errmsg, "opening a.pcap: no such file");
    cr_expect_eq(err_wrap(NULL, ERR_NOMEM, "nobody %s", "listens"), ERR_NOMEM);
}

Test(err, long_messages_are_cut_at_the_end_of_their_room)
{
    struct {
        char errmsg[ERRMSG_SIZE];
        char guard[4 * ERRMSG_SIZE];
    } place;
    char text[2 * ERRMSG_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memset(place.guard, '#', sizeof place.guard);
    err_set(place.errmsg, ERR_IO, "%s", text);
    cr_expect_eq(strnlen(place.errmsg, ERRMSG_SIZE), ERRMSG_SIZE - 1);
    err_wrap(place.errmsg, ERR_IO, "prefix");
    cr_expect_eq(strnlen(place.errmsg, ERRMSG_SIZE), ERRMSG_SIZE - 1);
    cr_expect_arr_eq(place.errmsg, "prefix: xxx", 11);
    err_wrap(place.errmsg, ERR_IO, "%s", text);
    cr_expect_eq(strnlen(place.errmsg, ERRMSG_SIZE), ERRMSG_SIZE - 1);
    for (size_t i = 0; i < sizeof place.guard; i++)
        cr_assert_eq(place.guard[i], '#', "byte %zu behind the message is written to", i);
}

Test(err, errno_is_translated)
{
    cr_expect_eq(err_from_errno(ENOMEM), ERR_NOMEM);
    cr_expect_eq(err_from_errno(ENOSPC), ERR_FULL);
    cr_expect_eq(err_from_errno(EDQUOT), ERR_FULL);
    cr_expect_eq(err_from_errno(EACCES), ERR_IO);
}

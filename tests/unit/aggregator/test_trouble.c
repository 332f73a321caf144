#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "aggregator/trouble.h"

static struct troubles troubles;

Test(trouble, is_news_when_it_begins_changes_and_ends)
{
    troubles = (struct troubles){0};
    cr_expect_not(troubles_end(&troubles, "a"));
    cr_expect(troubles_begin(&troubles, "a", "no disk"));
    cr_expect_not(troubles_begin(&troubles, "a", "no disk"));
    cr_expect(troubles_begin(&troubles, "b", "no disk"), "of another sensor");
    cr_expect(troubles_begin(&troubles, "a", "no memory"), "for another reason");
    cr_expect_not(troubles_begin(&troubles, "a", "no memory"));
    cr_expect(troubles_end(&troubles, "a"));
    cr_expect_not(troubles_end(&troubles, "a"));
    cr_expect_not(troubles_begin(&troubles, "b", "no disk"));
    cr_expect(troubles_begin(&troubles, "a", "no memory"), "once more");
    cr_expect_eq(troubles.count, 2);
}

Test(trouble, of_too_many_the_oldest_is_forgotten)
{
    char name[16];
    troubles = (struct troubles){0};
    for (int i = 0; i <= TROUBLES_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        cr_expect(troubles_begin(&troubles, name, "x"));
    }
    cr_expect_eq(troubles.count, TROUBLES_MAX);
    cr_expect_not(troubles_end(&troubles, "s0"));
    cr_expect(troubles_end(&troubles, "s1"));
    cr_expect(troubles_end(&troubles, name));
    cr_expect_eq(troubles.count, TROUBLES_MAX - 2);
    cr_expect(troubles_begin(&troubles, "t", "x"));
    cr_expect_not(troubles_begin(&troubles, "s2", "x"), "a free place is taken first");
}

Test(trouble, long_reasons_are_compared_as_far_as_they_are_kept)
{
    char reason[2 * TROUBLES_TEXT];
    troubles = (struct troubles){0};
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    cr_expect(troubles_begin(&troubles, "a", reason));
    cr_expect_not(troubles_begin(&troubles, "a", reason));
    reason[0] = 'y';
    cr_expect(troubles_begin(&troubles, "a", reason));
}

/* The values of the store that are text: totals, the state of an epoch, and an inventory as lines of a
 * field and its value with a blank between. Whatever is accepted is
 * written again and read as the same. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/inventory_stored.h"
#include "common/schema.h"

static void totals(const char *text, size_t size)
{
    struct totals parsed, again;
    char form[TOTALS_TEXT_MAX];
    if (totals_parse(&parsed, text, size) != 0)
        return;
    totals_format(&parsed, form);
    fuzz_require(totals_parse(&again, form, strlen(form)) == 0);
    fuzz_require(memcmp(&parsed, &again, sizeof again) == 0);
}

static void epoch(const char *text, size_t size)
{
    struct epoch_state state, again;
    struct buf form;
    epoch_state_init(&state);
    epoch_state_init(&again);
    buf_init(&form);
    if (epoch_state_parse(&state, text, size) == 0) {
        fuzz_require(epoch_state_format(&state, &form) == 0);
        fuzz_require(epoch_state_parse(&again, (char *)form.bytes, form.size) == 0);
        fuzz_require(again.seq == state.seq && again.count == state.count);
        for (size_t i = 0; i < state.count; i++)
            fuzz_require(epoch_state_add(&again, state.spans[i]) == 0);
        fuzz_require(again.count == state.count);
    }
    epoch_state_close(&state);
    epoch_state_close(&again);
    buf_close(&form);
}

/* Takes the lines of `text`, which is changed; 0 when all were taken. */
static int take_lines(struct inventory_stored *stored, char *text)
{
    int rc = 0;
    for (char *line; rc == 0 && (line = strsep(&text, "\n")) != NULL;) {
        char *field = strsep(&line, " ");
        const char *value = line ? line : "";
        rc = inventory_stored_take(stored, field, value, strlen(value));
    }
    return rc ? rc : inventory_stored_finish(stored);
}

static void inventory(const char *text, size_t size)
{
    struct inventory_stored stored;
    struct inventory again;
    char *copy = strndup(text, size), *form = NULL;
    inventory_stored_init(&stored);
    inventory_init(&again);
    if (copy && take_lines(&stored, copy) == 0) {
        fuzz_require((form = inventory_text(&stored.inventory)) != NULL);
        fuzz_require(inventory_parse(&again, form, NULL) == 0);
        fuzz_require(again.count == stored.inventory.count);
    }
    inventory_stored_close(&stored);
    inventory_close(&again);
    free(form);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    totals((const char *)bytes, size);
    epoch((const char *)bytes, size);
    inventory((const char *)bytes, size);
    return 0;
}

#include "common/inventory_stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"

#define FORM_VERSION 1
#define MINUTE_S     60
#define NS_PER_S     INT64_C(1000000000)
#define RESTATED     "restated:"

void inventory_stored_init(struct inventory_stored *stored)
{
    *stored = (struct inventory_stored){0};
}

static void forget_fields(struct inventory_stored *stored)
{
    for (size_t i = 0; i < stored->field_count; i++)
        free(stored->fields[i].list);
    free(stored->fields);
    stored->fields = NULL;
    stored->field_count = 0;
}

void inventory_stored_close(struct inventory_stored *stored)
{
    inventory_close(&stored->inventory);
    forget_fields(stored);
    free(stored->restated);
    inventory_stored_init(stored);
}

void inventory_field(char field[INVENTORY_FIELD_MAX], int64_t from_s)
{
    snprintf(field, INVENTORY_FIELD_MAX, "%" PRId64, from_s);
}

void inventory_restated_field(char field[INVENTORY_FIELD_MAX], int year, uint64_t k)
{
    snprintf(field, INVENTORY_FIELD_MAX, RESTATED "%04d:%" PRIu64, year, k);
}

void inventory_restated_format(char text[INVENTORY_RESTATED_MAX], int64_t when_s)
{
    snprintf(text, INVENTORY_RESTATED_MAX, "%d %" PRId64, FORM_VERSION, when_s);
}

/* --- taking ----------------------------------------------------------------------------------- */

/* One element more; NULL without memory. */
static void *grow(void *array, size_t count, size_t size)
{
    return realloc(array, (count + 1) * size);
}

static int take_restated(struct inventory_stored *stored, const char *field, const char *value)
{
    struct inventory_restated row = {0};
    char again[INVENTORY_FIELD_MAX], text[INVENTORY_RESTATED_MAX];
    int version;
    if (sscanf(field, RESTATED "%4d:%" SCNu64, &row.year, &row.k) != 2 || row.k == 0)
        return ERR_DAMAGED;
    inventory_restated_field(again, row.year, row.k);
    if (strcmp(again, field) != 0 || sscanf(value, "%d %" SCNd64, &version, &row.when_s) != 2)
        return ERR_DAMAGED;
    inventory_restated_format(text, row.when_s);
    if (version != FORM_VERSION)
        return version > FORM_VERSION ? ERR_VERSION : ERR_DAMAGED;
    if (strcmp(text, value) != 0 || row.when_s < 0)
        return ERR_DAMAGED;
    struct inventory_restated *more = grow(stored->restated, stored->restated_count, sizeof *more);
    if (!more)
        return ERR_NOMEM;
    more[stored->restated_count++] = row;
    stored->restated = more;
    return 0;
}

static int take_version(struct inventory_stored *stored, int64_t from_s, const char *list)
{
    struct inventory_field *more = grow(stored->fields, stored->field_count, sizeof *more);
    char *copy = strdup(list);
    if (more)
        stored->fields = more;
    if (more && copy) {
        more[stored->field_count++] = (struct inventory_field){from_s, copy};
        return 0;
    }
    free(copy);
    return ERR_NOMEM;
}

int inventory_stored_take(struct inventory_stored *stored, const char *field, const char *value,
                          size_t size)
{
    char again[INVENTORY_FIELD_MAX];
    if (strlen(value) != size)
        return ERR_DAMAGED;
    if (strncmp(field, RESTATED, strlen(RESTATED)) == 0)
        return take_restated(stored, field, value);
    if (*field < '0' || *field > '9')
        return 0;
    int64_t from_s = strtoll(field, NULL, 10);
    inventory_field(again, from_s);
    return strcmp(again, field) == 0 ? take_version(stored, from_s, value) : ERR_DAMAGED;
}

static int compare_fields(const void *a, const void *b)
{
    int64_t x = ((const struct inventory_field *)a)->from_s;
    int64_t y = ((const struct inventory_field *)b)->from_s;
    return (x > y) - (x < y);
}

static int compare_restated(const void *a, const void *b)
{
    const struct inventory_restated *x = a, *y = b;
    return x->year != y->year ? x->year - y->year : (x->k > y->k) - (x->k < y->k);
}

static char *text_of(const struct inventory_stored *stored)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < stored->field_count; i++) {
        char from[INVENTORY_FIELD_MAX];
        inventory_field(from, stored->fields[i].from_s);
        buf_put(&text, from, strlen(from));
        buf_put_u8(&text, '=');
        buf_put(&text, stored->fields[i].list, strlen(stored->fields[i].list));
        buf_put_u8(&text, ' ');
    }
    buf_put_u8(&text, 0);
    if (!text.failed)
        return (char *)text.bytes;
    buf_close(&text);
    return NULL;
}

/* A list may hold a FROM of its own by damage only: then there are more versions than fields. */
int inventory_stored_finish(struct inventory_stored *stored)
{
    if (stored->field_count > 1)
        qsort(stored->fields, stored->field_count, sizeof *stored->fields, compare_fields);
    if (stored->restated_count > 1)
        qsort(stored->restated, stored->restated_count, sizeof *stored->restated, compare_restated);
    char *text = text_of(stored);
    int rc = text ? inventory_parse(&stored->inventory, text, NULL) : ERR_NOMEM;
    free(text);
    if (rc == 0 && stored->inventory.count > stored->field_count)
        rc = ERR_DAMAGED;
    forget_fields(stored);
    return rc == 0 || rc == ERR_NOMEM ? rc : ERR_DAMAGED;
}

uint64_t inventory_restatements(const struct inventory_stored *stored, int year)
{
    uint64_t count = 0;
    for (size_t i = 0; i < stored->restated_count; i++)
        count += stored->restated[i].year == year;
    return count;
}

/* --- without enrolment ------------------------------------------------------------------------ */

int inventory_implied(struct inventory *inventory, const char *darknet, int64_t from_ns,
                      int64_t until_ns, bool live)
{
    int64_t from_s = from_ns / NS_PER_S, until_s = until_ns / NS_PER_S;
    from_s -= from_s % MINUTE_S;
    until_s += MINUTE_S - until_s % MINUTE_S;
    int rc = inventory_change(inventory, from_s, darknet, NULL, NULL);
    return rc || live ? rc : inventory_change(inventory, until_s, NULL, darknet, NULL);
}

bool inventory_differs(const struct inventory *a, const struct inventory *b,
                       const struct period *period)
{
    return inventory_address_seconds(a, period->start_s, period->end_s) !=
           inventory_address_seconds(b, period->start_s, period->end_s);
}

#include "common/inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/calendar.h"
#include "common/err.h"

void inventory_init(struct inventory *inventory)
{
    *inventory = (struct inventory){0};
}

/* The set is of a version that may be another one by now. */
static void forget_set(struct inventory *inventory)
{
    prefixset_free(inventory->set);
    inventory->set = NULL;
}

void inventory_close(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->count; i++)
        free(inventory->versions[i].list);
    free(inventory->versions);
    forget_set(inventory);
    inventory_init(inventory);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* An unfinished set of `base` and `add` without `remove`; empty strings and NULL are no prefixes. */
static int combine(struct prefixset *set, const char *base, const char *add, const char *remove,
                   char *errmsg)
{
    int rc = *base ? prefixset_add(set, base, errmsg) : 0;
    if (rc == 0 && add)
        rc = prefixset_add(set, add, errmsg);
    return rc == 0 && remove ? prefixset_exclude(set, remove, errmsg) : rc;
}

/* Puts the combined list into the version in place of its own. */
static int change_version(struct inventory_version *version, const char *add, const char *remove,
                          char *errmsg)
{
    struct prefixset *set = prefixset_new();
    char *list = NULL;
    int rc = set ? combine(set, version->list, add, remove, errmsg) : ERR_NOMEM;
    if (rc == 0) {
        rc = prefixset_finish(set, NULL) == ERR_NOMEM ? ERR_NOMEM : 0; /* it may be empty */
        list = prefixset_text(set);
    }
    if (list) {
        free(version->list);
        version->list = list;
        version->size = prefixset_size(set);
    }
    prefixset_free(set);
    if (rc == ERR_NOMEM || (rc == 0 && !list))
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    return rc;
}

/* --- versions --------------------------------------------------------------------------------- */

/* How many begin at `at_s` or before: the last of them is true then. */
static size_t begun(const struct inventory *inventory, int64_t at_s)
{
    size_t low = 0, high = inventory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inventory->versions[middle].from_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes the version that is true at `from_s` begin there: gives its position. */
static int split(struct inventory *inventory, int64_t from_s, size_t *position, char *errmsg)
{
    size_t at = begun(inventory, from_s);
    const struct inventory_version *before = at > 0 ? &inventory->versions[at - 1] : NULL;
    *position = at;
    if (before && before->from_s == from_s) {
        (*position)--;
        return 0;
    }
    if (inventory->count == INVENTORY_VERSIONS_MAX)
        return err_set(errmsg, ERR_FULL, "inventory: %d versions are the most",
                       INVENTORY_VERSIONS_MAX);
    struct inventory_version fresh = {from_s, strdup(before ? before->list : ""),
                                      before ? before->size : 0};
    struct inventory_version *more =
        fresh.list ? realloc(inventory->versions, (inventory->count + 1) * sizeof *more) : NULL;
    if (!more) {
        free(fresh.list);
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    }
    memmove(more + at + 1, more + at, (inventory->count - at) * sizeof *more);
    more[at] = fresh;
    inventory->versions = more;
    inventory->count++;
    return 0;
}

/* Drops the versions that say what the one before them says, or at the front that there is nothing. */
static void merge(struct inventory *inventory)
{
    size_t kept = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        struct inventory_version *version = &inventory->versions[i];
        const char *before = kept > 0 ? inventory->versions[kept - 1].list : "";
        if (strcmp(version->list, before) == 0)
            free(version->list);
        else
            inventory->versions[kept++] = *version;
    }
    inventory->count = kept;
}

static int change(struct inventory *inventory, int64_t from_s, const char *add, const char *remove,
                  char *errmsg)
{
    size_t at = 0;
    int rc = split(inventory, from_s, &at, errmsg);
    for (; rc == 0 && at < inventory->count; at++)
        rc = change_version(&inventory->versions[at], add, remove, errmsg);
    if (rc == 0)
        merge(inventory);
    return rc;
}

int inventory_change(struct inventory *inventory, int64_t from_s, const char *add,
                     const char *remove, char *errmsg)
{
    char *before = inventory_text(inventory), *after = NULL;
    forget_set(inventory);
    int rc = before ? change(inventory, from_s, add, remove, errmsg)
                    : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0 && !(after = inventory_text(inventory)))
        rc = err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0 && strcmp(before, after) == 0)
        rc =
            err_set(errmsg, ERR_INVALID, "inventory: that is so already: nothing is to be changed");
    free(before);
    free(after);
    return rc;
}

/* --- text ------------------------------------------------------------------------------------- */

/* FROM= at the front of text[0..size); gives its length, 0 when there is none, or ERR_INVALID. */
static int parse_from(const char *text, size_t size, int64_t *from_s)
{
    const char *equals = memchr(text, '=', size);
    char *end;
    if (!equals)
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || errno || end != equals)
        return ERR_INVALID;
    *from_s = value;
    return (int)(equals - text) + 1;
}

/* Appends a version that says `list`, a NUL-ended text of its parts. */
static int append(struct inventory *inventory, int64_t from_s, const char *list, char *errmsg)
{
    size_t at;
    if (inventory->count > 0 && inventory->versions[inventory->count - 1].from_s >= from_s)
        return err_set(errmsg, ERR_INVALID, "inventory: its times do not ascend");
    int rc = split(inventory, from_s, &at, errmsg);
    if (rc)
        return rc;
    struct inventory_version *version = &inventory->versions[at];
    *version->list = '\0'; /* what was true before is not any more */
    version->size = 0;
    return *list ? change_version(version, list, NULL, errmsg) : 0;
}

/* Takes the part of a version that is text[0..size) if it is of the time `*from_s`, or of any when
 * that is negative: 1, and 0 when it begins the next version. */
static int take_part(const char *text, size_t size, int64_t *from_s, struct buf *list, char *errmsg)
{
    int64_t said_s = *from_s;
    int skip = parse_from(text, size, &said_s);
    if (skip < 0 || said_s < 0 || (size_t)skip == size)
        return err_set(errmsg, ERR_INVALID, "inventory: '%.40s' is not TIME= and prefixes", text);
    if (*from_s >= 0 && said_s != *from_s)
        return 0;
    *from_s = said_s;
    text += skip;
    size -= (size_t)skip;
    if (size != strlen(INVENTORY_NOTHING) || memcmp(text, INVENTORY_NOTHING, size) != 0) {
        buf_put(list, text, size);
        buf_put_u8(list, ',');
    }
    return 1;
}

/* Takes the first version; gives what follows in `*text`. */
static int take_version(struct inventory *inventory, const char **text, char *errmsg)
{
    int64_t from_s = -1;
    struct buf list;
    buf_init(&list);
    int rc = 1;
    while (rc == 1 && **text) {
        size_t size = strcspn(*text, ", ");
        rc = take_part(*text, size, &from_s, &list, errmsg);
        if (rc == 1)
            *text += size + strspn(*text + size, ", ");
    }
    list.size -= list.size > 0; /* the last comma */
    buf_put_u8(&list, 0);
    if (rc >= 0 && list.failed)
        rc = err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc >= 0)
        rc = append(inventory, from_s, (const char *)list.bytes, errmsg);
    buf_close(&list);
    return rc;
}

int inventory_parse(struct inventory *inventory, const char *text, char *errmsg)
{
    int rc = 0;
    text += strspn(text, ", ");
    while (rc == 0 && *text)
        rc = take_version(inventory, &text, errmsg);
    if (rc == 0)
        merge(inventory);
    return rc;
}

static void from_seconds(int64_t from_s, char text[32])
{
    snprintf(text, 32, "%" PRId64, from_s);
}

static char *write_text(const struct inventory *inventory, void (*write_time)(int64_t, char[32]))
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_version *version = &inventory->versions[i];
        const char *list = *version->list ? version->list : INVENTORY_NOTHING;
        char from[32];
        write_time(version->from_s, from);
        buf_put(&text, " ", i ? 1 : 0);
        buf_put(&text, from, strlen(from));
        buf_put(&text, "=", 1);
        buf_put(&text, list, strlen(list));
    }
    buf_put_u8(&text, 0);
    if (!text.failed)
        return (char *)text.bytes;
    buf_close(&text);
    return NULL;
}

char *inventory_text(const struct inventory *inventory)
{
    return write_text(inventory, from_seconds);
}

char *inventory_shown(const struct inventory *inventory)
{
    return write_text(inventory, calendar_rfc3339);
}

int inventory_end(struct inventory *inventory, int64_t at_s, char *errmsg)
{
    forget_set(inventory);
    while (inventory->count > 0 && inventory->versions[inventory->count - 1].from_s >= at_s)
        free(inventory->versions[--inventory->count].list);
    int rc = append(inventory, at_s, "", errmsg);
    if (rc == 0)
        merge(inventory);
    return rc;
}

/* --- questions -------------------------------------------------------------------------------- */

const struct inventory_version *inventory_at(const struct inventory *inventory, int64_t at_s)
{
    size_t count = begun(inventory, at_s);
    return count > 0 ? &inventory->versions[count - 1] : NULL;
}

int64_t inventory_until(const struct inventory *inventory, const struct inventory_version *version)
{
    size_t next = (size_t)(version - inventory->versions) + 1;
    return next < inventory->count ? inventory->versions[next].from_s : INT64_MAX;
}

const struct prefixset *inventory_addresses(struct inventory *inventory,
                                            const struct inventory_version *version, int *rc)
{
    size_t index = (size_t)(version - inventory->versions);
    *rc = 0;
    if (!*version->list)
        return NULL;
    if (inventory->set && inventory->built == index)
        return inventory->set;
    forget_set(inventory);
    struct prefixset *set = prefixset_new();
    /* Not finished: the table of that would be 256 KB for each sensor that is connected. */
    if (set && prefixset_add(set, version->list, NULL) == 0 && prefixset_settle(set, NULL) == 0) {
        inventory->built = index;
        return inventory->set = set;
    }
    prefixset_free(set);
    *rc = ERR_NOMEM; /* the list was canonical */
    return NULL;
}

double inventory_address_seconds(const struct inventory *inventory, int64_t from_s, int64_t until_s)
{
    double sum = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_version *version = &inventory->versions[i];
        int64_t first = version->from_s > from_s ? version->from_s : from_s;
        int64_t end = inventory_until(inventory, version);
        if (end > until_s)
            end = until_s;
        if (end > first)
            sum += version->size * (double)(end - first);
    }
    return sum;
}

/* Whether two versions share an address. */
static int versions_share(struct inventory *a, const struct inventory_version *of_a,
                          struct inventory *b, const struct inventory_version *of_b, char *where)
{
    int rc;
    const struct prefixset *left = inventory_addresses(a, of_a, &rc);
    const struct prefixset *right = rc ? NULL : inventory_addresses(b, of_b, &rc);
    return rc ? rc : left && right && prefixset_overlap(left, right, where);
}

/* Walks through the spans of time in which neither changes. */
int inventory_overlap(struct inventory *a, struct inventory *b, char *where, int64_t *at_s)
{
    size_t i = 0, j = 0;
    int rc = 0;
    while (rc == 0 && i < a->count && j < b->count) {
        const struct inventory_version *left = &a->versions[i], *right = &b->versions[j];
        int64_t left_end = inventory_until(a, left), right_end = inventory_until(b, right);
        if (left->from_s < right_end && right->from_s < left_end) {
            *at_s = left->from_s > right->from_s ? left->from_s : right->from_s;
            rc = versions_share(a, left, b, right, where);
        }
        i += left_end <= right_end;
        j += right_end <= left_end;
    }
    return rc;
}

#include "dashboards/published.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/err.h"
#include "common/textfile.h"
#include "dashboards/store.h"

#define CELLS_MAX 64   /* of a line */
#define REAL_MAX  1e20 /* no figure is larger */

const struct published_column published_columns[PUBLISHED_FIGURES] = {
    [PUBLISHED_PER_ADDRESS] = {"packets_per_address", 2},
    [PUBLISHED_PACKETS] = {"packets", 0},
    [PUBLISHED_ADDRESSES] = {"observed_addresses", 0},
    [PUBLISHED_SECONDS] = {"seconds_per_packet", 3},
    [PUBLISHED_HOSTS] = {"unique_hosts", 0},
    [PUBLISHED_COVERAGE] = {"coverage", FIGURES_COVERAGE_DECIMALS},
    [PUBLISHED_DROPPED] = {"dropped", 0},
    [PUBLISHED_REVISION] = {"revision", 0},
};

/* --- values ----------------------------------------------------------------------------------- */

static int parse_whole(const char *text, uint64_t *whole)
{
    char *end;
    errno = 0;
    *whole = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' ? 0 : ERR_INVALID;
}

static int parse_real(const char *text, double *real)
{
    char *end;
    *real = strtod(text, &end);
    bool plain = *text && text[strspn(text, "0123456789.")] == '\0' && *end == '\0';
    return plain && *real <= REAL_MAX ? 0 : ERR_INVALID;
}

/* A cell; an empty one is missing. */
static int parse_value(enum published_figure figure, const char *text,
                       struct published_value *value)
{
    *value = (struct published_value){.state = *text ? PUBLISHED_KNOWN : PUBLISHED_MISSING};
    if (*text == '\0')
        return 0;
    return published_columns[figure].decimals ? parse_real(text, &value->real)
                                              : parse_whole(text, &value->whole);
}

static int parse_year(const char *text, int *year)
{
    uint64_t number;
    if (parse_whole(text, &number) || number < STORE_YEAR_MIN || number > STORE_YEAR_MAX)
        return ERR_INVALID;
    *year = (int)number;
    return 0;
}

/* Takes a cell by its column's name; `name` that is none of ours is passed over. */
static int take_cell(struct published_year *year, const char *name, const char *text, char *errmsg)
{
    int rc = 0;
    if (strcmp(name, "year") == 0)
        rc = parse_year(text, &year->year);
    else if (strcmp(name, "method") == 0)
        rc = method_parse(text, &year->method);
    for (int figure = 0; rc == 0 && figure < PUBLISHED_FIGURES; figure++)
        if (strcmp(name, published_columns[figure].name) == 0)
            rc = parse_value((enum published_figure)figure, text, &year->figures[figure]);
    return rc ? err_set(errmsg, ERR_INVALID, "%.40s '%.40s' is none", name, text) : 0;
}

/* Adds a year, which must be the first of its method. */
static int add_year(struct published *published, const struct published_year *year, char *errmsg)
{
    for (size_t i = 0; i < published->count; i++)
        if (published->years[i].year == year->year && published->years[i].method == year->method)
            return err_set(errmsg, ERR_INVALID, "%d is there twice", year->year);
    struct published_year *more =
        realloc(published->years, (published->count + 1) * sizeof *published->years);
    if (!more)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    published->years = more;
    published->years[published->count++] = *year;
    return 0;
}

/* --- csv: RFC 4180 ---------------------------------------------------------------------------- */

/* Cuts the first cell off `*rest`, in place; *rest is NULL after the last of the line, and `*next` then
 * the next line. A quoted cell may not go over the end of its line. */
static char *cut_cell(char **rest, char **next)
{
    char *cell = *rest, *to = cell, *from = cell;
    bool quoted = *from == '"';
    from += quoted;
    for (; *from && *from != '\n' && (quoted || *from != ','); from++) {
        if (quoted && *from == '"' && *++from != '"') {
            quoted = false;
            from--;
            continue;
        }
        *to++ = *from;
    }
    bool more = *from == ',';
    *next = *from == '\n' ? from + 1 : from;
    *rest = more ? from + 1 : NULL;
    if (to > cell && to[-1] == '\r')
        to--;
    *to = '\0';
    return quoted ? NULL : cell;
}

/* Cuts a line into cells; `*at` goes to the next. The number of cells, or ERR_INVALID. */
static int cut_line(char **at, char *cells[CELLS_MAX])
{
    char *rest = *at;
    int count = 0;
    while (rest) {
        if (count == CELLS_MAX)
            return ERR_INVALID;
        cells[count] = cut_cell(&rest, at);
        if (!cells[count++])
            return ERR_INVALID;
    }
    return count;
}

static bool has(char *const *cells, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(cells[i], name) == 0)
            return true;
    return false;
}

static int check_header(char *const *names, int count, char *errmsg)
{
    static const char *const needed[] = {"year", "method", "packets_per_address"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!has(names, count < 0 ? 0 : count, needed[i]))
            return err_set(errmsg, ERR_INVALID,
                           "line 1 names no column %s: is it what 'darkcount annual --format csv' "
                           "printed?",
                           needed[i]);
    for (int i = 0; i < count; i++)
        if (has(names, i, names[i]))
            return err_set(errmsg, ERR_INVALID, "line 1 names the column %.40s twice", names[i]);
    return 0;
}

static int take_line(struct published *published, char *const *names, char *const *cells, int count,
                     char *errmsg)
{
    struct published_year year = {0};
    int rc = 0;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = take_cell(&year, names[i], cells[i], errmsg);
    return rc ? rc : add_year(published, &year, errmsg);
}

static int parse_csv(struct published *published, char *text, char *errmsg)
{
    char *names[CELLS_MAX], *cells[CELLS_MAX], *at = text;
    int columns = cut_line(&at, names), rc = check_header(names, columns, errmsg);
    for (int line = 2; rc == 0 && *at; line++) {
        char cause[ERRMSG_SIZE];
        int count = cut_line(&at, cells);
        if (count == 1 && *cells[0] == '\0')
            continue; /* an empty line */
        rc = count == columns ? take_line(published, names, cells, count, cause)
                              : err_set(cause, ERR_INVALID, "has not the cells that line 1 names");
        if (rc)
            err_set(errmsg, rc, "line %d: %s", line, cause);
    }
    return rc;
}

/* --- json ------------------------------------------------------------------------------------- */

/* A member as the text of a cell; false: it is neither number, text nor null. */
static bool member_text(const json_t *value, char text[64])
{
    *text = '\0';
    if (json_is_integer(value))
        snprintf(text, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && fabs(json_real_value(value)) <= REAL_MAX)
        snprintf(text, 64, "%.17g", json_real_value(value));
    else if (json_is_string(value))
        snprintf(text, 64, "%s", json_string_value(value));
    return *text || json_is_null(value) || json_is_string(value);
}

static bool wanted(const char *name)
{
    bool found = strcmp(name, "year") == 0 || strcmp(name, "method") == 0;
    for (int i = 0; i < PUBLISHED_FIGURES; i++)
        found |= strcmp(name, published_columns[i].name) == 0;
    return found;
}

static int take_object(struct published *published, json_t *object, char *errmsg)
{
    struct published_year year = {0};
    const char *name;
    json_t *value;
    char text[64];
    if (!json_is_object(object) || !json_object_get(object, "year") ||
        !json_object_get(object, "method") || !json_object_get(object, "packets_per_address"))
        return err_set(errmsg, ERR_INVALID, "is no year with method and packets_per_address");
    json_object_foreach(object, name, value)
    {
        if (!wanted(name))
            continue;
        if (!member_text(value, text))
            return err_set(errmsg, ERR_INVALID, "%.40s is no number", name);
        int rc = take_cell(&year, name, text, errmsg);
        if (rc)
            return rc;
    }
    return add_year(published, &year, errmsg);
}

static int take_rows(struct published *published, json_t *root, char *errmsg)
{
    const json_t *rows = json_object_get(root, "rows");
    if (!json_is_array(rows))
        return err_set(errmsg, ERR_INVALID,
                       "has no \"rows\": is it what 'darkcount annual --format json' printed?");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char cause[ERRMSG_SIZE];
        int rc = take_object(published, json_array_get(rows, i), cause);
        if (rc)
            return err_set(errmsg, rc, "row %zu: %s", i + 1, cause);
    }
    return 0;
}

static int parse_json(struct published *published, const char *text, char *errmsg)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return err_set(errmsg, ERR_INVALID, "line %d: %.120s", error.line, error.text);
    int rc = take_rows(published, root, errmsg);
    json_decref(root);
    return rc;
}

/* --- all of it -------------------------------------------------------------------------------- */

int published_parse(struct published *published, const char *text, char *errmsg)
{
    *published = (struct published){0};
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a mark that spreadsheets leave */
    if (text[strspn(text, " \t\r\n")] == '{')
        return parse_json(published, text, errmsg);
    char *copy = strdup(text);
    int rc = copy ? parse_csv(published, copy, errmsg)
                  : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    free(copy);
    return rc;
}

int published_read(struct published *published, const char *path, char *errmsg)
{
    int rc;
    char *text = textfile_read(path, &rc, errmsg);
    *published = (struct published){0};
    if (!text)
        return rc;
    rc = published_parse(published, text, errmsg);
    free(text);
    return rc ? err_wrap(errmsg, rc, "%.400s", path) : 0;
}

void published_close(struct published *published)
{
    free(published->years);
    *published = (struct published){0};
}

/* --- the present ------------------------------------------------------------------------------ */

static struct published_value whole(uint64_t value)
{
    return (struct published_value){.state = PUBLISHED_KNOWN, .whole = value};
}

static struct published_value real(double value)
{
    if (!isfinite(value))
        return (struct published_value){.state = PUBLISHED_MISSING};
    return (struct published_value){.state = PUBLISHED_KNOWN, .real = value};
}

struct published_year published_of(const struct figures *figures)
{
    struct published_year year = {.year = figures->year, .method = figures->method};
    struct published_value *values = year.figures;
    values[PUBLISHED_PER_ADDRESS] = real(figures->packets_per_address);
    values[PUBLISHED_PACKETS] = whole(figures->packets);
    values[PUBLISHED_ADDRESSES] = whole(figures->observed_addresses);
    values[PUBLISHED_SECONDS] = real(figures->seconds_per_packet);
    values[PUBLISHED_HOSTS] = whole(figures->unique_hosts);
    if (!figures->hosts_known)
        values[PUBLISHED_HOSTS].state = PUBLISHED_MISSING;
    values[PUBLISHED_COVERAGE] = real(figures_cut_coverage(figures->coverage));
    values[PUBLISHED_DROPPED] = whole(figures->dropped);
    values[PUBLISHED_REVISION] = whole(figures->revision);
    return year;
}

bool published_same(enum published_figure figure, const struct published_value *a,
                    const struct published_value *b)
{
    int decimals = published_columns[figure].decimals;
    char texts[2][64];
    if (a->state != PUBLISHED_KNOWN || b->state != PUBLISHED_KNOWN)
        return a->state == b->state;
    if (decimals == 0)
        return a->whole == b->whole;
    snprintf(texts[0], sizeof texts[0], "%.*f", decimals, a->real);
    snprintf(texts[1], sizeof texts[1], "%.*f", decimals, b->real);
    return strcmp(texts[0], texts[1]) == 0;
}

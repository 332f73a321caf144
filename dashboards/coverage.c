#include "dashboards/coverage.h"

#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/list.h"
#include "dashboards/cover.h"

#define NS_PER_S INT64_C(1000000000)

struct pieces {
    struct store_piece *list;
    size_t count, room;
};

void coverage_add(struct coverage *coverage, const struct expect_span *span, uint64_t observed_ns)
{
    uint64_t expected_ns = expect_span_ns(span);
    double addresses = span->version->size;
    coverage->expected += (double)expected_ns * addresses;
    coverage->observed +=
        (double)(observed_ns < expected_ns ? observed_ns : expected_ns) * addresses;
}

void coverage_join(struct coverage *to, const struct coverage *from)
{
    to->expected += from->expected;
    to->observed += from->observed;
}

double coverage_share(const struct coverage *coverage)
{
    return coverage->expected > 0 ? coverage->observed / coverage->expected : NAN;
}

static int add_piece(struct pieces *pieces, const struct store_piece *piece)
{
    struct store_piece *list = list_room(pieces->list, pieces->count, &pieces->room, sizeof *list);
    if (!list)
        return ERR_NOMEM;
    pieces->list = list;
    pieces->list[pieces->count++] = *piece;
    return 0;
}

/* The fewest that make up the span, but for those in which the sensor never observed. */
static int make_pieces(struct pieces *pieces, const struct store_sensor *sensor,
                       const struct expect_span *span)
{
    struct cover cover;
    struct store_piece piece;
    int64_t start_s, end_s;
    int rc = 0;
    cover_begin(&cover, span->start_s, span->end_s, QUERY_WHOLE);
    cover_period(&cover, &start_s, &end_s);
    while (rc == 0 && cover_piece(&cover, &piece))
        if (piece.end_s > sensor->from_ns / NS_PER_S &&
            piece.start_s <= sensor->until_ns / NS_PER_S)
            rc = add_piece(pieces, &piece);
    return rc;
}

static int on_piece(void *user, const struct store_piece *piece, struct store_counts *counts,
                    char *errmsg)
{
    uint64_t *observed_ns = user;
    (void)piece, (void)errmsg;
    *observed_ns += counts->totals.observed_ns;
    return 0;
}

int coverage_observed(struct store *store, size_t sensor, const struct expect_span *span,
                      uint64_t *observed_ns, char *errmsg)
{
    size_t count;
    const struct store_sensor *of = &store_sensors(store, &count)[sensor];
    const struct store_pieces_reader reader = {observed_ns, on_piece};
    struct pieces pieces = {0};
    *observed_ns = 0;
    int rc = 0;
    if (of->from_ns <= of->until_ns && make_pieces(&pieces, of, span))
        rc = err_set(errmsg, ERR_NOMEM, "coverage: %s", err_str(ERR_NOMEM));
    if (rc == 0)
        rc = store_read_pieces(store, sensor, pieces.list, pieces.count, &reader, errmsg);
    free(pieces.list);
    return rc;
}

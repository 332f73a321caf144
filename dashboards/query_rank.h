/*
 * The rows of a period's breakdown in the order in which they are told, for query_run.c alone. A ranking
 * keeps its memory from period to period, which is bounded by the rows of the tables, or by `top`.
 */
#ifndef DASHBOARDS_QUERY_RANK_H
#define DASHBOARDS_QUERY_RANK_H

#include "dashboards/query.h"

struct query_rank {
    size_t top;
    struct query_ranked *ranked;
    struct query_row *rows;
    size_t count, room;
    size_t seen; /* rows that were offered */
    struct sum others;
};

void query_rank_init(struct query_rank *rank, size_t top);
void query_rank_close(struct query_rank *rank);

/* Sets period->ranked, borrowed until the next call: the rows of its tables, or the top of its
 * addresses or sources; of addresses without top nothing and of sources what is not kept, since
 * query_rows_next takes them as they are. ERR_NOMEM. */
int query_rank_period(struct query_rank *rank, struct query_period *period);

#endif

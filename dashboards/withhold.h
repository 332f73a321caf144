/*
 * Which cells of a published table are withheld, because too few sensors or too few sources stand
 * behind them. Their packets stay in the total, and their sum is one row, `withheld`, so that sums
 * hold; of two cells at least, since a single one could be had by subtraction. What this protects,
 * and what it does not, is in docs/CONFIDENTIALITY.md. Pure.
 */
#ifndef DASHBOARDS_WITHHOLD_H
#define DASHBOARDS_WITHHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WITHHOLD_DEFAULT 3
#define WITHHOLD_UNKNOWN UINT64_MAX

/* The least number of each that a cell needs; 0 asks for nothing. */
struct withhold_rule {
    uint64_t sensors, sources;
};

struct withhold_cell {
    uint64_t packets;
    /* Behind them; WITHHOLD_UNKNOWN is not held to the rule, but for that there are no more sources than
     * packets. */
    uint64_t sensors, sources;
    bool withheld; /* the answer */
};

/* The rule for a threshold `k` and a telescope of that many sensors: where it has fewer than k, a
 * cell needs all of them. */
struct withhold_rule withhold_rule_of(uint64_t k, uint64_t sensors_of_telescope);

/* Marks the cells of one table and returns how many are withheld. A cell without packets says
 * nothing of anybody and is never withheld. Where the rule withholds exactly one, the smallest other
 * cell with packets (of equals the first) is withheld with it. */
size_t withhold_mark(const struct withhold_rule *rule, struct withhold_cell *cells, size_t count);

/* The same precaution for tables of the same cells over time, whose sums over time are published too:
 * where exactly one cell of a table, or of a cell's course over the tables, is withheld, the smallest
 * other of it is withheld as well, until there is none. cells[table * width + position], marked. */
void withhold_grid(struct withhold_cell *cells, size_t tables, size_t width);

#endif

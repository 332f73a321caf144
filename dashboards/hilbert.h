/*
 * The Hilbert curve: places on a line laid out on a square so that neighbours on the line are
 * neighbours on the square. Pure.
 */
#ifndef DASHBOARDS_HILBERT_H
#define DASHBOARDS_HILBERT_H

#include <stdint.h>

/* Column and row of place `at` on the curve over 2^order by 2^order cells, at < 4^order, order up to
 * 16. It begins at (0, 0) and ends at (2^order - 1, 0). */
void hilbert_place(unsigned order, uint32_t at, uint32_t *column, uint32_t *row);

#endif

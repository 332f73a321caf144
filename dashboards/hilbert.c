#include "dashboards/hilbert.h"

/* From the smallest square to the whole: each step turns what is there into its quarter. */
void hilbert_place(unsigned order, uint32_t at, uint32_t *column, uint32_t *row)
{
    uint32_t x = 0, y = 0;
    for (unsigned level = 0; level < order; level++, at >>= 2) {
        uint32_t side = (uint32_t)1 << level, quarter = at & 3, swap = x;
        if (quarter == 0) {
            x = y;
            y = swap;
        } else if (quarter == 3) {
            x = side - 1 - y;
            y = side - 1 - swap;
        }
        x += quarter >= 2 ? side : 0;
        y += quarter == 1 || quarter == 2 ? side : 0;
    }
    *column = x;
    *row = y;
}

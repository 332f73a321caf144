#include "dashboards/withhold.h"

struct withhold_rule withhold_rule_of(uint64_t k, uint64_t sensors_of_telescope)
{
    return (struct withhold_rule){
        .sensors = k < sensors_of_telescope ? k : sensors_of_telescope,
        .sources = k,
    };
}

static bool too_few(const struct withhold_rule *rule, const struct withhold_cell *cell)
{
    return cell->packets > 0 &&
           ((cell->sensors != WITHHOLD_UNKNOWN && cell->sensors < rule->sensors) ||
            (cell->sources != WITHHOLD_UNKNOWN && cell->sources < rule->sources));
}

/* The smallest cell that would be published; NULL when there is none. */
static struct withhold_cell *smallest(struct withhold_cell *cells, size_t count)
{
    struct withhold_cell *least = NULL;
    for (size_t i = 0; i < count; i++)
        if (!cells[i].withheld && cells[i].packets > 0 &&
            (!least || cells[i].packets < least->packets))
            least = &cells[i];
    return least;
}

size_t withhold_mark(const struct withhold_rule *rule, struct withhold_cell *cells, size_t count)
{
    size_t withheld = 0;
    for (size_t i = 0; i < count; i++) {
        cells[i].withheld = too_few(rule, &cells[i]);
        withheld += cells[i].withheld;
    }
    struct withhold_cell *second = withheld == 1 ? smallest(cells, count) : NULL;
    if (second)
        second->withheld = true;
    return second ? 2 : withheld;
}

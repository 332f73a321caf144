#include "dashboards/withhold.h"

struct withhold_rule withhold_rule_of(uint64_t k, uint64_t sensors_of_telescope)
{
    return (struct withhold_rule){
        .sensors = k < sensors_of_telescope ? k : sensors_of_telescope,
        .sources = k,
    };
}

/* There are no more sources than packets, whatever is known of them. */
static bool too_few(const struct withhold_rule *rule, const struct withhold_cell *cell)
{
    return cell->packets > 0 &&
           (cell->packets < rule->sources ||
            (cell->sensors != WITHHOLD_UNKNOWN && cell->sensors < rule->sensors) ||
            (cell->sources != WITHHOLD_UNKNOWN && cell->sources < rule->sources));
}

/* The smallest cell that would be published, of each `stride`-th one; NULL when there is none. */
static struct withhold_cell *smallest(struct withhold_cell *cells, size_t count, size_t stride)
{
    struct withhold_cell *least = NULL;
    for (size_t i = 0; i < count; i++) {
        struct withhold_cell *cell = &cells[i * stride];
        if (!cell->withheld && cell->packets > 0 && (!least || cell->packets < least->packets))
            least = cell;
    }
    return least;
}

/* Withholds a second cell where one is alone; whether it did. */
static bool accompany(struct withhold_cell *cells, size_t count, size_t stride)
{
    size_t withheld = 0;
    for (size_t i = 0; i < count; i++)
        withheld += cells[i * stride].withheld;
    struct withhold_cell *second = withheld == 1 ? smallest(cells, count, stride) : NULL;
    if (second)
        second->withheld = true;
    return second != NULL;
}

size_t withhold_mark(const struct withhold_rule *rule, struct withhold_cell *cells, size_t count)
{
    size_t withheld = 0;
    for (size_t i = 0; i < count; i++) {
        cells[i].withheld = too_few(rule, &cells[i]);
        withheld += cells[i].withheld;
    }
    return withheld + accompany(cells, count, 1);
}

void withhold_grid(struct withhold_cell *cells, size_t tables, size_t width)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < tables; i++)
            more |= accompany(&cells[i * width], width, 1);
        for (size_t i = 0; i < width; i++)
            more |= accompany(&cells[i], tables, width);
    }
}

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include "collector/progress.h"

struct example {
    size_t columns;
    uint64_t bytes, total, packets, elapsed_ms;
    char line[120];
};

ParameterizedTestParameters(progress, line)
{
    static struct example examples[] = {
        {79, 0, 1000, 0, 0,
         "[                              ] 0 %, 0 B of 1.00 kB, 0 packets, 0/s, -:-- left"},
        {100, 2500000000, 10000000000, 33000000, 5000,
         "[#######                       ] 25 %, 2.50 GB of 10.0 GB, 33.0 M packets, 6.60 M/s, "
         "0:15 "
         "left"},
        /* the bar gives way first, then the end */
        {78, 2500000000, 10000000000, 33000000, 5000,
         "[###           ] 25 %, 2.50 GB of 10.0 GB, 33.0 M packets, 6.60 M/s, 0:15 left"},
        {70, 2500000000, 10000000000, 33000000, 5000,
         "25 %, 2.50 GB of 10.0 GB, 33.0 M packets, 6.60 M/s, 0:15 left"},
        {20, 2500000000, 10000000000, 33000000, 5000, "25 %, 2.50 GB of 10."},
        {0, 1, 2, 3, 4, ""},
        /* a file that grew meanwhile */
        {79, 3000, 1000, 7, 1000,
         "[########################] 100 %, 3.00 kB of 1.00 kB, 7 packets, 7/s, 0:00 left"},
        /* size not known */
        {79, 5000, 0, 999, 1000, "999 packets, 999/s"},
        {79, 5000, 0, 999500, 1000, "1.00 M packets, 1.00 M/s"},
        {79, 5000, 0, 99949, 2000, "99.9 k packets, 50.0 k/s"},
        {79, 5000, 0, 99950, 0, "100 k packets, 0/s"},
        {79, 0, 0, UINT64_MAX, 1, "18.4 E packets, 18447 E/s"},
        /* hours, and more than anyone waits */
        {50, 1, 4, 0, 3600000, "25 %, 1 B of 4 B, 0 packets, 0/s, 3:00:00 left"},
        {60, 1, UINT64_MAX, 0, UINT32_MAX,
         "0 %, 1 B of 18.4 EB, 0 packets, 0/s, 100000:00:00 left"},
    };
    return cr_make_param_array(struct example, examples, sizeof examples / sizeof examples[0]);
}

ParameterizedTest(struct example *example, progress, line)
{
    char line[PROGRESS_LINE_SIZE];
    progress_line(line, example->columns, example->bytes, example->total, example->packets,
                  example->elapsed_ms);
    cr_expect_str_eq(line, example->line, "|%s| instead of |%s|", line, example->line);
}

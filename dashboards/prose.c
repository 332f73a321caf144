#include "dashboards/prose.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Puts commas between groups of three of the leading digits; what follows them stays. */
static struct prose group(const char *number)
{
    struct prose prose;
    size_t sign = *number == '-', used = 0;
    size_t digits = strspn(number + sign, "0123456789");
    memcpy(prose.text, number, sign);
    used = sign;
    for (size_t i = 0; i < digits; i++) {
        if (i && (digits - i) % 3 == 0)
            prose.text[used++] = ',';
        prose.text[used++] = number[sign + i];
    }
    snprintf(prose.text + used, sizeof prose.text - used, "%s", number + sign + digits);
    return prose;
}

struct prose prose_u64(uint64_t value)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, value);
    return group(number);
}

struct prose prose_double(double value, int decimals)
{
    char number[48];
    if (!isfinite(value))
        return (struct prose){""};
    if (fabs(value) > 1e20) {
        struct prose prose;
        snprintf(prose.text, sizeof prose.text, "%.2e", value);
        return prose;
    }
    snprintf(number, sizeof number, "%.*f", decimals, value);
    return group(number);
}

struct prose prose_counted(uint64_t value, const char *one, const char *many)
{
    struct prose prose = prose_u64(value);
    size_t used = strlen(prose.text);
    snprintf(prose.text + used, sizeof prose.text - used, " %s", value == 1 ? one : many);
    return prose;
}

struct prose prose_date(int year, int month, int day)
{
    struct prose prose;
    snprintf(prose.text, sizeof prose.text, "%04d-%02d-%02d", year, month, day);
    return prose;
}

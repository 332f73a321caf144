#include "tests/unit/dashboards/charted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static struct caption_date day_after(struct caption_date date)
{
    if (date.day < month_days(date.year, date.month))
        return (struct caption_date){date.year, date.month, date.day + 1};
    if (date.month < 12)
        return (struct caption_date){date.year, date.month + 1, 1};
    return (struct caption_date){date.year + 1, 1, 1};
}

/* A number that looks random, below `below`. */
static uint32_t noise(uint32_t seed, uint32_t below)
{
    uint32_t x = seed * 2654435761U + 12345;
    x ^= x >> 15;
    x *= 2246822519U;
    x ^= x >> 13;
    x *= 3266489917U;
    return (x ^ x >> 16) % below;
}

static void fill_day(struct charted *t, size_t i)
{
    bool missing = i % 120 >= 50 && i % 120 < 54, zero = i % 97 == 96;
    uint32_t seed = (uint32_t)i;
    t->coverage[i] = missing ? 0 : i % 60 == 14 ? 0.25 : 1;
    double packets = 1000000 + 2000 * (double)(i % 366) + noise(seed, 300000);
    if (i % 200 == 130)
        packets *= 3;
    t->packets[i] = missing ? NAN : zero ? 0 : floor(packets * t->coverage[i]);
    t->hosts[i] = missing ? NAN : zero ? 0 : 40000 + noise(seed + 7, 9000);
    t->classes[i].known = !missing;
    for (uint32_t c = 0; c < PACKET_CLASSES && !missing && !zero; c++)
        t->classes[i].packets[c] = (uint64_t)(t->packets[i] / (2 << c)) + noise(seed + c, 20000);
}

/* Adds a day to its month. */
static void add_to_month(struct charted *t, size_t i)
{
    if (i == 0 || t->dates[i].day == 1)
        t->month_dates[t->months++] = t->dates[i];
    struct chart_classes_column *month = &t->month_classes[t->months - 1];
    month->known |= t->classes[i].known;
    for (size_t c = 0; c < PACKET_CLASSES; c++)
        month->packets[c] += t->classes[i].packets[c];
}

static void fill_sensor(struct charted *t, size_t s)
{
    struct chart_coverage_cell *cells = t->cells[s];
    size_t begins = s % 5 == 1 ? t->days / 3 : 0;
    snprintf(t->names[s], sizeof t->names[s],
             s == 2 ? "a-sensor-whose-name-is-as-long-as-names-may-be-which-is-64-chars"
                    : "sensor-%03zu",
             s);
    for (size_t i = 0; i < t->days; i++) {
        bool missing = isnan(t->packets[i]) || (s % 3 == 1 && i % 50 == 20);
        bool part = t->coverage[i] < 1;
        cells[i].share = part ? 0.25F : 1;
        cells[i].state = i < begins                                     ? COVERAGE_ABSENT
                         : missing                                      ? COVERAGE_DOWN
                         : t->packets[i] == 0 || (s == 0 && i % 31 < 3) ? COVERAGE_ZERO
                                                                        : COVERAGE_COUNTED;
    }
    t->rows[s] = (struct chart_coverage_row){t->names[s], s == 3 ? NAN : 0.96875, cells};
}

struct charted *charted_new(enum language language, struct caption_date first, size_t days,
                            size_t sensors)
{
    struct charted *t = calloc(1, sizeof *t);
    t->days = days;
    for (size_t i = 0; i < days; i++, first = day_after(first)) {
        t->dates[i] = first;
        fill_day(t, i);
        add_to_month(t, i);
    }
    for (size_t s = 0; s < sensors; s++)
        fill_sensor(t, s);
    t->caption = (struct caption){
        .language = language,
        .timezone = "Asia/Tokyo",
        .sensors = sensors,
        .first = t->dates[0],
        .last = t->dates[days - 1],
        .coverage = days == 1 ? 1 : 0.96875,
        .revision = 2,
    };
    return t;
}

struct chart_daily charted_daily(const struct charted *t)
{
    return (struct chart_daily){t->caption, t->days, t->dates, t->packets, t->hosts, t->coverage};
}

struct chart_classes charted_classes(const struct charted *t, bool months)
{
    if (months)
        return (struct chart_classes){t->caption, true, t->months, t->month_dates,
                                      t->month_classes};
    return (struct chart_classes){t->caption, false, t->days, t->dates, t->classes};
}

struct chart_ports charted_ports(const struct charted *t, size_t ports)
{
    static const uint16_t numbers[CHART_PORTS_TOP] = {23,   22,   445,  80,   8080,
                                                      5060, 3389, 1433, 2323, 37215};
    struct chart_ports chart = {.caption = t->caption, .count = ports};
    chart.total = chart.others = ports < CHART_PORTS_TOP ? 0 : 123456789;
    chart.without = 4567890;
    for (size_t i = 0; i < ports; i++) {
        chart.rows[i] = (struct chart_ports_row){i % 3 == 2 ? PROTOCOL_UDP : PROTOCOL_TCP,
                                                 numbers[i], 98765432 / (i + 1)};
        chart.total += chart.rows[i].packets;
    }
    chart.total += chart.without;
    return chart;
}

struct chart_countries charted_countries(const struct charted *t, size_t countries)
{
    static const char codes[CHART_COUNTRIES_TOP][3] = {"US", "NL", "CN", "BG", "DE",
                                                       "RU", "HK", "GB", "BR", "JP"};
    struct chart_countries chart = {.caption = t->caption, .top.count = countries};
    strcpy(chart.database, "GeoLite2-Country (2025-06-24)");
    chart.top.others = countries < CHART_COUNTRIES_TOP ? 0 : 123456789;
    chart.top.unknown = 765432;
    chart.top.not_kept = 34567890;
    chart.total = chart.top.others + chart.top.unknown + chart.top.not_kept;
    for (size_t i = 0; i < countries; i++) {
        memcpy(chart.top.rows[i].country, codes[i], sizeof codes[i]);
        chart.top.rows[i].packets = 98765432 / (i + 1);
        chart.total += chart.top.rows[i].packets;
    }
    return chart;
}

struct chart_coverage charted_coverage(const struct charted *t, size_t sensors)
{
    return (struct chart_coverage){t->caption, t->days, t->dates, sensors, t->rows};
}

struct chart_map charted_map(struct charted *t, uint64_t addresses)
{
    unsigned order = 1;
    while (UINT64_C(1) << 2 * order < addresses)
        order++;
    for (uint32_t i = 0; i < 1U << 2 * order; i++) {
        double packets = 1 + noise(i, 900) * (i % 256 == 0 ? 100.0 : 1);
        t->map[i] = i >= addresses           ? CHART_MAP_BLANK
                    : i / 4096 == 5          ? CHART_MAP_MISSING
                    : noise(i + 99, 20) == 0 ? 0
                                             : packets;
    }
    return (struct chart_map){.caption = t->caption,
                              .order = order,
                              .cells = t->map,
                              .addresses = addresses,
                              .per_cell = 1};
}

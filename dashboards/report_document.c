#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/nict.h"
#include "dashboards/prose.h"
#include "dashboards/report_text.h"
#include "dashboards/report_write.h"

struct writing {
    const struct report_data *data;
    enum language language;
    const struct buf *charts;
    struct doc doc;
};

static const char *const chart_names[REPORT_CHARTS] = {"annual",  "daily",    "ports", "countries",
                                                       "classes", "coverage", "map"};

const char *report_chart_name(enum report_chart chart)
{
    return chart_names[chart];
}

/* --- parts ------------------------------------------------------------------------------------ */

static void heading(struct writing *writing, int level, enum report_text which)
{
    doc_heading(&writing->doc, level, report_text(writing->language, which));
}

static void fixed(struct writing *writing, enum report_text which)
{
    doc_paragraph(&writing->doc, report_text(writing->language, which));
}

static void sentence(struct writing *writing, report_sentence *make)
{
    char text[REPORT_TEXT_MAX];
    make(writing->data, writing->language, text);
    if (*text)
        doc_paragraph(&writing->doc, text);
}

static void figure(struct writing *writing, enum report_chart chart, enum report_text words)
{
    char file[64];
    if (writing->charts[chart].size == 0)
        return;
    snprintf(file, sizeof file, "charts/%s.svg", chart_names[chart]);
    doc_figure(&writing->doc, file, report_text(writing->language, words), &writing->charts[chart]);
}

#define COLUMNS_MAX 10

/* Begins a table; `names` are the columns of its csv file, `sides` as doc_table has them. */
static void table(struct writing *writing, const char *sides, const char *const *names)
{
    const char *words[COLUMNS_MAX];
    for (int i = 0; sides[i] && i < COLUMNS_MAX; i++)
        words[i] = report_head(writing->language, names[i]);
    doc_table(&writing->doc, sides, words);
}

static void cell(struct writing *writing, const char *text)
{
    doc_cell(&writing->doc, text);
}

static void cell_u64(struct writing *writing, bool known, uint64_t value)
{
    cell(writing, known ? prose_u64(value).text : "");
}

static void cell_double(struct writing *writing, double value, int decimals)
{
    cell(writing, prose_double(value, decimals).text);
}

static void cell_percent(struct writing *writing, double percent)
{
    char text[PROSE_MAX + 2] = "";
    if (!isnan(percent))
        snprintf(text, sizeof text, "%s %%", prose_double(percent, 1).text);
    cell(writing, text);
}

static void cell_date(struct writing *writing, const struct report_day *day)
{
    cell(writing, prose_date(writing->data->year, day->month, day->day).text);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void methods_table(struct writing *writing)
{
    static const char *const heads[] = {"method", "packets_per_address", "seconds_per_packet"};
    table(writing, "lrr", heads);
    for (int method = METHOD_DAILY; method <= METHOD_INVENTORY; method++) {
        cell(writing, method_name((enum method)method));
        cell_double(writing, writing->data->methods[method].packets_per_address, 2);
        cell_double(writing, writing->data->methods[method].seconds_per_packet, 3);
    }
    doc_table_end(&writing->doc);
}

static void years_table(struct writing *writing)
{
    static const char *const heads[] = {"year",
                                        "packets",
                                        "observed_addresses",
                                        "packets_per_address",
                                        "unique_hosts",
                                        "coverage",
                                        "dropped",
                                        "revision"};
    char year[16];
    table(writing, "lrrrrrrr", heads);
    for (size_t i = 0; i < writing->data->annual.count; i++) {
        const struct figures *of = &writing->data->annual.years[i];
        snprintf(year, sizeof year, "%d", of->year);
        cell(writing, year);
        cell_u64(writing, true, of->packets);
        cell_u64(writing, true, of->observed_addresses);
        cell_double(writing, of->packets_per_address, 2);
        cell_u64(writing, of->hosts_known, of->unique_hosts);
        cell_percent(writing, report_cut_percent(of->coverage));
        cell_u64(writing, true, of->dropped);
        cell_u64(writing, true, of->revision);
    }
    doc_table_end(&writing->doc);
}

static void unusual_table(struct writing *writing)
{
    static const char *const heads[] = {"date", "packets", "usual", "factor", "cause"};
    const struct report_data *data = writing->data;
    char text[REPORT_TEXT_MAX];
    table(writing, "lrrrl", heads);
    for (size_t i = 0; i < data->unusual_count; i++) {
        const struct report_unusual *day = &data->unusual[i];
        report_cause_text(day, writing->language, text);
        cell_date(writing, &data->days[day->day]);
        cell_u64(writing, true, data->days[day->day].figures.packets);
        cell_double(writing, day->usual, 1);
        cell_double(writing, day->factor, 2);
        cell(writing, text);
    }
    doc_table_end(&writing->doc);
}

/* A country or class. */
static void named_row(struct writing *writing, const char *name, uint64_t packets)
{
    cell(writing, name);
    cell_u64(writing, true, packets);
    cell_percent(writing, report_percent(packets, writing->data->total.packets));
}

static void ports_row(struct writing *writing, const char *protocol, const char *port,
                      uint64_t packets)
{
    cell(writing, protocol);
    cell(writing, port);
    cell_u64(writing, true, packets);
    cell_percent(writing, report_percent(packets, writing->data->total.packets));
}

static void ports_table(struct writing *writing)
{
    static const char *const heads[] = {"protocol", "port", "packets", "share"};
    const struct report_data *data = writing->data;
    char port[16];
    table(writing, "lrrr", heads);
    for (size_t i = 0; i < data->port_count; i++) {
        snprintf(port, sizeof port, "%u", (unsigned)data->ports[i].port);
        ports_row(writing, data->ports[i].protocol == PROTOCOL_TCP ? "tcp" : "udp", port,
                  data->ports[i].sum.packets);
    }
    ports_row(writing, report_text(writing->language, REPORT_OTHERS), "", data->ports_others);
    ports_row(writing, report_text(writing->language, REPORT_WITHOUT_PORT), "",
              data->ports_without);
    if (data->ports_withheld.packets)
        ports_row(writing, report_text(writing->language, REPORT_WITHHELD), "",
                  data->ports_withheld.packets);
    doc_table_end(&writing->doc);
}

static void countries_table(struct writing *writing)
{
    static const char *const heads[] = {"country", "packets", "share"};
    const struct report_countries *of = &writing->data->countries;
    enum language language = writing->language;
    table(writing, "lrr", heads);
    for (size_t i = 0; i < of->top.count; i++)
        named_row(writing, of->top.rows[i].country, of->top.rows[i].packets);
    named_row(writing, report_text(language, REPORT_OTHER_COUNTRIES), of->top.others);
    named_row(writing, report_text(language, REPORT_UNKNOWN_COUNTRY), of->top.unknown);
    named_row(writing, report_text(language, REPORT_SOURCES_NOT_KEPT), of->top.not_kept);
    if (of->top.withheld)
        named_row(writing, report_text(language, REPORT_WITHHELD), of->top.withheld);
    doc_table_end(&writing->doc);
}

static void classes_table(struct writing *writing)
{
    static const char *const heads[] = {"class", "packets", "share"};
    const struct report_data *data = writing->data;
    table(writing, "lrr", heads);
    for (int class = 0; class < PACKET_CLASSES; class ++)
        if (!data->class_withheld[class])
            named_row(writing, packet_class_name((enum packet_class) class),
                      data->tables.classes[class].packets);
    if (data->classes_withheld.packets)
        named_row(writing, report_text(writing->language, REPORT_WITHHELD),
                  data->classes_withheld.packets);
    doc_table_end(&writing->doc);
}

static void sensors_table(struct writing *writing)
{
    static const char *const heads[] = {"sensor",   "addresses", "packets",
                                        "coverage", "dropped",   "restated"};
    const struct report_data *data = writing->data;
    table(writing, "lrrrrr", heads);
    for (size_t i = 0; i < data->sensor_count; i++) {
        const struct report_sensor *sensor = &data->sensors[i];
        cell(writing, sensor->name);
        cell_double(writing, sensor->addresses, 0);
        cell_u64(writing, sensor->figures.any_data, sensor->figures.packets);
        cell_percent(writing, report_cut_percent(query_coverage(&sensor->figures)));
        cell_u64(writing, sensor->figures.any_data, sensor->figures.dropped);
        cell_u64(writing, true, sensor->restated);
    }
    doc_table_end(&writing->doc);
}

static void nict_table(struct writing *writing)
{
    static const char *const heads[] = {"year", "packets_per_address", "exact", "edition",
                                        "source"};
    char year[16];
    table(writing, "lrlll", heads);
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        if (row->packets_per_address == NICT_UNPUBLISHED)
            continue;
        snprintf(year, sizeof year, "%d", row->year);
        cell(writing, year);
        cell_u64(writing, true, row->packets_per_address);
        cell(writing, report_text(writing->language, row->exact ? REPORT_EXACT : REPORT_ABOUT));
        snprintf(year, sizeof year, "%d", row->edition);
        cell(writing, year);
        cell(writing, row->source);
    }
    doc_table_end(&writing->doc);
}

static void inventory_table(struct writing *writing)
{
    static const char *const heads[] = {"sensor", "from", "addresses"};
    const struct report_data *data = writing->data;
    table(writing, "llr", heads);
    for (size_t i = 0; i < data->version_count; i++) {
        const struct report_version *version = &data->versions[i];
        char from[32];
        calendar_rfc3339(version->from_s, from);
        cell(writing, data->sensors[version->sensor].name);
        cell(writing, from);
        cell_double(writing, version->addresses, 0);
    }
    doc_table_end(&writing->doc);
}

/* --- chapters --------------------------------------------------------------------------------- */

static void summary(struct writing *writing)
{
    heading(writing, 2, REPORT_SUMMARY);
    sentence(writing, report_headline);
    sentence(writing, report_part_text);
    sentence(writing, report_change_text);
    sentence(writing, report_totals);
    sentence(writing, report_quality);
    figure(writing, REPORT_CHART_ANNUAL, REPORT_FIGURE_ANNUAL);
}

static void method(struct writing *writing)
{
    char zone[128];
    bool ja = writing->language == LANGUAGE_JA;
    heading(writing, 2, REPORT_METHOD);
    fixed(writing, REPORT_METHOD_TEXT);
    snprintf(zone, sizeof zone,
             ja ? "日と年は %s の時刻で区切る。" : "Days and years are those of the time zone %s.",
             writing->data->timezone);
    doc_paragraph(&writing->doc, zone);
    fixed(writing, REPORT_WORDS_TEXT);
    fixed(writing, REPORT_MISSING_TEXT);
    sentence(writing, report_withheld_text);
    heading(writing, 3, REPORT_METHODS);
    sentence(writing, report_vast_text);
    methods_table(writing);
}

static void years(struct writing *writing)
{
    heading(writing, 2, REPORT_YEARS);
    years_table(writing);
}

static void days(struct writing *writing)
{
    heading(writing, 2, REPORT_DAYS);
    sentence(writing, report_days_text);
    figure(writing, REPORT_CHART_DAILY, REPORT_FIGURE_DAILY);
    heading(writing, 3, REPORT_UNUSUAL_DAYS);
    sentence(writing, report_unusual_text);
    if (writing->data->unusual_count > 0)
        unusual_table(writing);
}

static void ports(struct writing *writing)
{
    heading(writing, 2, REPORT_PORTS_HEAD);
    sentence(writing, report_ports_text);
    figure(writing, REPORT_CHART_PORTS, REPORT_FIGURE_PORTS);
    if (writing->data->tables_known)
        ports_table(writing);
}

static void countries(struct writing *writing)
{
    if (!writing->data->countries.known)
        return;
    heading(writing, 2, REPORT_COUNTRIES_HEAD);
    sentence(writing, report_countries_text);
    fixed(writing, REPORT_COUNTRIES_METHOD);
    figure(writing, REPORT_CHART_COUNTRIES, REPORT_FIGURE_COUNTRIES);
    countries_table(writing);
}

static void classes(struct writing *writing)
{
    heading(writing, 2, REPORT_CLASSES_HEAD);
    sentence(writing, report_classes_text);
    fixed(writing, REPORT_BACKSCATTER_TEXT);
    figure(writing, REPORT_CHART_CLASSES, REPORT_FIGURE_CLASSES);
    if (writing->data->tables_known)
        classes_table(writing);
}

static void sensors(struct writing *writing)
{
    heading(writing, 2, REPORT_SENSORS);
    sentence(writing, report_sensors_text);
    sensors_table(writing);
    figure(writing, REPORT_CHART_COVERAGE, REPORT_FIGURE_COVERAGE);
    heading(writing, 3, REPORT_DENOMINATOR);
    fixed(writing, REPORT_DENOMINATOR_TEXT);
    inventory_table(writing);
    fixed(writing, REPORT_CONFIDENTIAL_TEXT);
    figure(writing, REPORT_CHART_MAP, REPORT_FIGURE_MAP);
}

static void appendix(struct writing *writing)
{
    heading(writing, 2, REPORT_APPENDIX);
    fixed(writing, REPORT_NICT_TEXT);
    nict_table(writing);
}

int report_document(const struct report_data *data, enum language language, enum doc_form form,
                    const struct buf charts[REPORT_CHARTS], struct buf *out)
{
    static void (*const chapters[])(struct writing * writing) = {
        summary, method, years, days, ports, countries, classes, sensors, appendix};
    struct writing writing = {.data = data, .language = language, .charts = charts};
    char title[REPORT_TEXT_MAX];
    report_title(data, language, title);
    doc_begin(&writing.doc, form, language == LANGUAGE_JA ? "ja" : "en", title, out);
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++)
        chapters[i](&writing);
    doc_end(&writing.doc);
    return out->failed ? ERR_NOMEM : 0;
}

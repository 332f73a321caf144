#include "dashboards/report_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/prose.h"

static void add(char out[REPORT_TEXT_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends to the text; English sentences bring the blank before them. */
static void add(char out[REPORT_TEXT_MAX], const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, REPORT_TEXT_MAX - used, format, args);
    va_end(args);
}

/* For the arguments of one call: they last as long as it does. */
#define U64(value)       (prose_u64(value).text)
#define FIXED(value, n)  (prose_double(value, n).text)
#define COUNTED(v, o, m) (prose_counted(v, o, m).text)
#define DATE(data, of)   (prose_date((data)->year, (of)->month, (of)->day).text)

void report_title(const struct report_data *data, enum language language, char out[REPORT_TEXT_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, REPORT_TEXT_MAX, "ダークネット観測年次報告 %d 年", data->year);
    else
        snprintf(out, REPORT_TEXT_MAX, "Darknet report %d", data->year);
}

void report_headline(const struct report_data *data, enum language language,
                     char out[REPORT_TEXT_MAX])
{
    const struct figures *now = data->now;
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (isnan(now->packets_per_address)) {
        add(out,
            ja ? "%d 年は、パケットを受信したアドレスがなく、1 アドレス当たりの値はない。"
               : "For %d there is no figure of packets per address: no address received any.",
            data->year);
        return;
    }
    if (ja)
        add(out,
            "%d 年にダークネットの 1 アドレスが受信したパケットは %s 個で、%s 秒に 1 "
            "個の割合であった。",
            data->year, FIXED(now->packets_per_address, 2), FIXED(now->seconds_per_packet, 3));
    else
        add(out, "In %d each address of the darknet received %s packets, one every %s seconds.",
            data->year, FIXED(now->packets_per_address, 2), FIXED(now->seconds_per_packet, 3));
}

void report_part_text(const struct report_data *data, enum language language,
                      char out[REPORT_TEXT_MAX])
{
    struct period first, last;
    *out = '\0';
    if (!figures_part_of_year(data->now, &first, &last))
        return;
    add(out,
        language == LANGUAGE_JA
            ? "%d 年のうち観測の対象は %s から %s までであり、パケット数はその期間のものである。"
              "パケット間隔は年間の秒数から求めた値である。"
            : "Of %d only %s to %s was to be observed: the packets are those of that time, the "
              "seconds between them those of the whole year.",
        data->year, first.label, last.label);
}

/* Whether all of a year was to be observed, and was. */
static bool is_whole(const struct figures *of)
{
    struct period first, last;
    return !figures_estimate(of) && !figures_part_of_year(of, &first, &last);
}

void report_change_text(const struct report_data *data, enum language language,
                        char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    double before = data->before ? data->before->packets_per_address : NAN;
    double change = report_change(data->now->packets_per_address, before);
    const struct prose was = prose_double(before, 2), percent = prose_double(fabs(change), 1);
    *out = '\0';
    if (isnan(change))
        add(out,
            ja ? "比較できる前年（%d 年）の値はない。"
               : "There is no figure of %d to compare it with.",
            data->year - 1);
    else if (change == 0 && ja)
        add(out, "前年（%d 年）の %s 個とほぼ同じである。", data->year - 1, was.text);
    else if (change == 0)
        add(out, "That is as much as in %d (%s).", data->year - 1, was.text);
    else if (ja)
        add(out, "前年（%d 年）の %s 個に比べ %s %% の%sである。", data->year - 1, was.text,
            percent.text, change > 0 ? "増加" : "減少");
    else
        add(out, "That is %s %% %s than in %d (%s).", percent.text, change > 0 ? "more" : "less",
            data->year - 1, was.text);
    if (!isnan(change) && (!is_whole(data->before) || !is_whole(data->now)))
        add(out,
            ja ? "ただし、両年の全期間を観測したものではないため、単純には比較できない。"
               : " Not all of both years was observed, so they cannot be compared as they are.");
}

void report_totals(const struct report_data *data, enum language language,
                   char out[REPORT_TEXT_MAX])
{
    const struct figures *now = data->now;
    *out = '\0';
    if (language == LANGUAGE_JA) {
        add(out, "年間の総パケット数は %s、最終観測日のアクティブなアドレス数は %s であった。",
            U64(now->packets), U64(now->observed_addresses));
        if (now->hosts_known)
            add(out, "送信元のユニークホスト数は約 %s である。", U64(now->unique_hosts));
        return;
    }
    add(out, "In all, %s arrived; %s active on the last day with data.",
        COUNTED(now->packets, "packet", "packets"),
        COUNTED(now->observed_addresses, "address was", "addresses were"));
    if (now->hosts_known)
        add(out, " They came from about %s.",
            COUNTED(now->unique_hosts, "source address", "source addresses"));
}

void report_quality(const struct report_data *data, enum language language,
                    char out[REPORT_TEXT_MAX])
{
    const struct figures *now = data->now;
    bool ja = language == LANGUAGE_JA;
    const struct prose coverage = prose_double(report_cut_percent(now->coverage), 1);
    *out = '\0';
    if (isnan(now->coverage))
        add(out, ja ? "観測率は不明であり、値は推計である。"
                    : "Coverage is not known: the figures are estimates.");
    else if (figures_estimate(now) && ja)
        add(out, "観測率は %s %% であり、値は推計である。", coverage.text);
    else if (figures_estimate(now))
        add(out, "Coverage was %s %%: the figures are estimates.", coverage.text);
    else
        add(out, ja ? "観測率は %s %% である。" : "Coverage was %s %%.", coverage.text);
    if (now->dropped == 0)
        add(out, ja ? "カーネルとインターフェースが取りこぼしたパケットはない。"
                    : " Kernel and interfaces dropped nothing.");
    else if (ja)
        add(out, "このほか、カーネルとインターフェースが %s パケットを取りこぼした。",
            U64(now->dropped));
    else
        add(out, " Kernel and interfaces dropped %s, which %s not counted.",
            COUNTED(now->dropped, "packet", "packets"), now->dropped == 1 ? "is" : "are");
    if (now->revision == 0)
        add(out, ja ? "年の終了後に値は改訂されていない。" : " The year has not been restated.");
    else if (ja)
        add(out, "年の終了後、値は %s 回改訂された。", U64(now->revision));
    else
        add(out, " The year has been restated %s since it ended.",
            COUNTED(now->revision, "time", "times"));
}

void report_days_text(const struct report_data *data, enum language language,
                      char out[REPORT_TEXT_MAX])
{
    const struct report_day *most = &data->days[data->most], *fewest = &data->days[data->fewest];
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (ja)
        add(out, "%s 日のうち %s 日について値がある。", U64(data->day_count),
            U64(data->days_with_data));
    else
        add(out, "There are data of %s of %s.", U64(data->days_with_data),
            COUNTED(data->day_count, "day", "days"));
    if (data->days_with_data == 1 && ja)
        add(out, "その日（%s）のパケット数は %s である。", DATE(data, most),
            U64(most->figures.packets));
    else if (data->days_with_data == 1)
        add(out, " On that day, %s, %s arrived.", DATE(data, most),
            COUNTED(most->figures.packets, "packet", "packets"));
    else if (data->days_with_data > 1 && ja)
        add(out, "最多は %s の %s パケット、最少は %s の %s パケットであった。", DATE(data, most),
            U64(most->figures.packets), DATE(data, fewest), U64(fewest->figures.packets));
    else if (data->days_with_data > 1)
        add(out, " The most packets came on %s, %s, and the fewest on %s, %s.", DATE(data, most),
            U64(most->figures.packets), DATE(data, fewest), U64(fewest->figures.packets));
}

void report_unusual_text(const struct report_data *data, enum language language,
                         char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (data->compared == 0)
        add(out, ja ? "前後の日と比較できるだけの日数がない。"
                    : "There are too few whole days to compare one with those around it.");
    else if (data->unusual_count == 0 && ja)
        add(out,
            "比較した %s 日のうち、前後 %d 日間の中央値の %.1f 倍以上または %.1f 分の 1 "
            "以下の日はなかった。",
            U64(data->compared), REPORT_WINDOW, REPORT_FACTOR, REPORT_FACTOR);
    else if (data->unusual_count == 0)
        add(out,
            "Of %s that could be compared, none had %.1f times the median of the %d days before "
            "and "
            "after it or more, nor that median divided by %.1f or less.",
            COUNTED(data->compared, "day", "days"), REPORT_FACTOR, REPORT_WINDOW, REPORT_FACTOR);
    else if (ja)
        add(out,
            "比較した %s 日のうち、前後 %d 日間の中央値から最も離れた日。要因は、年間の 1 "
            "日平均との差が同じ向きに"
            "最も大きいポートまたは種別である。",
            U64(data->compared), REPORT_WINDOW);
    else
        add(out,
            "Of %s that could be compared, those furthest from the median of the %d days before "
            "and "
            "after. What made them is the port or class that differs most, in the same direction, "
            "from its mean a day.",
            COUNTED(data->compared, "day", "days"), REPORT_WINDOW);
}

void report_cause_text(const struct report_unusual *day, enum language language,
                       char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    char what[64];
    *out = '\0';
    if (day->cause == REPORT_CAUSE_NONE) {
        add(out, ja ? "特定のポートや種別によらない" : "no single port or class");
        return;
    }
    if (day->cause == REPORT_CAUSE_PORT)
        snprintf(what, sizeof what, "%s/%u", day->protocol == PROTOCOL_TCP ? "tcp" : "udp",
                 (unsigned)day->port);
    else
        snprintf(what, sizeof what, "%s", packet_class_name(day->class));
    if (ja)
        add(out, "%s が %s パケット（平均 %s）", what, U64(day->cause_packets),
            FIXED(day->cause_usual, 1));
    else
        add(out, "%s: %s instead of %s a day", what,
            COUNTED(day->cause_packets, "packet", "packets"), FIXED(day->cause_usual, 1));
}

void report_ports_text(const struct report_data *data, enum language language,
                       char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (data->port_count == 0 && data->ports_withheld.packets > 0) {
        add(out, ja ? "宛先ポートの内訳は秘匿とする。" : "The destination ports are withheld.");
        return;
    }
    if (!data->tables_known || data->port_count == 0) {
        add(out, ja ? "TCP または UDP のポート宛てのパケットはない。"
                    : "No packet was to a TCP or UDP port.");
        return;
    }
    const struct report_port *top = &data->ports[0];
    const char *protocol = top->protocol == PROTOCOL_TCP ? "tcp" : "udp";
    const struct prose percent =
        prose_double(report_percent(top->sum.packets, data->total.packets), 1);
    if (ja)
        add(out, "最も多いのは %s/%u 宛てで、%s パケット（全パケットの %s %%）であった。", protocol,
            (unsigned)top->port, U64(top->sum.packets), percent.text);
    else
        add(out, "Most went to %s/%u: %s, %s %% of all packets.", protocol, (unsigned)top->port,
            COUNTED(top->sum.packets, "packet", "packets"), percent.text);
}

void report_countries_text(const struct report_data *data, enum language language,
                           char out[REPORT_TEXT_MAX])
{
    const struct report_countries *of = &data->countries;
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (of->top.count == 0 && of->top.withheld > 0) {
        add(out, ja ? "送信元の国は秘匿とする。" : "The countries of the sources are withheld.");
        return;
    }
    if (of->top.count == 0) {
        add(out,
            ja ? "%s（%s）には、どの送信元の国も示されていない。"
               : "Of no source %s (%s) names a country.",
            of->database, of->date);
        return;
    }
    const struct top_country *top = &of->top.rows[0];
    const struct prose percent = prose_double(report_percent(top->packets, data->total.packets), 1);
    if (ja)
        add(out,
            "%s（%s）によれば、最も多いのは %s からの %s パケット（全パケットの %s %%）である。",
            of->database, of->date, top->country, U64(top->packets), percent.text);
    else
        add(out, "As %s (%s) says, most came from %s: at least %s, %s %% of all packets.",
            of->database, of->date, top->country, COUNTED(top->packets, "packet", "packets"),
            percent.text);
}

void report_classes_text(const struct report_data *data, enum language language,
                         char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    *out = '\0';
    if (!data->tables_known || data->total.packets == 0) {
        add(out, ja ? "分類できるパケットはない。" : "There are no packets to classify.");
        return;
    }
    uint64_t syn = data->tables.classes[CLASS_TCP_SYN].packets;
    uint64_t back = data->backscatter.packets;
    const struct prose of_syn = prose_double(report_percent(syn, data->total.packets), 1);
    const struct prose of_back = prose_double(report_percent(back, data->total.packets), 1);
    if (data->class_withheld[CLASS_TCP_SYN] && ja)
        add(out, "TCP SYN のパケット数は秘匿とする。");
    else if (data->class_withheld[CLASS_TCP_SYN])
        add(out, "TCP SYN is withheld.");
    else if (ja)
        add(out, "TCP SYN は %s パケット（%s %%）であった。", U64(syn), of_syn.text);
    else
        add(out, "TCP SYN made up %s (%s %%).", COUNTED(syn, "packet", "packets"), of_syn.text);
    if (!data->backscatter_known && ja)
        add(out, "バックスキャッターには秘匿とした種別が含まれる。");
    else if (!data->backscatter_known)
        add(out, " A class of backscatter is withheld.");
    else if (ja)
        add(out, "バックスキャッターは %s パケット（%s %%）であった。", U64(back), of_back.text);
    else
        add(out, " Backscatter made up %s (%s %%).", COUNTED(back, "packet", "packets"),
            of_back.text);
}

void report_sensors_text(const struct report_data *data, enum language language,
                         char out[REPORT_TEXT_MAX])
{
    bool ja = language == LANGUAGE_JA;
    size_t down = data->sensors_down;
    *out = '\0';
    if (ja)
        add(out, "センサーは %s 台である。", U64(data->sensor_count));
    else
        add(out, "The telescope has %s.", COUNTED(data->sensor_count, "sensor", "sensors"));
    if (down && ja)
        add(out, "うち %s 台は年間を通じて停止していた。", U64(down));
    else if (down)
        add(out, " Of these %s down all year.", COUNTED(down, "was", "were"));
}

void report_withheld_text(const struct report_data *data, enum language language,
                          char out[REPORT_TEXT_MAX])
{
    const struct withhold_rule *rule = &data->rule;
    bool ja = language == LANGUAGE_JA, sensors = rule->sensors > 1, sources = rule->sources > 1;
    *out = '\0';
    if (sensors)
        add(out,
            ja ? "パケットを観測したセンサーが %s 台に満たない内訳"
               : "A row of a breakdown that fewer than %s sensors saw",
            U64(rule->sensors));
    if (sources && ja)
        add(out, "%s送信元が判明している限り %s に満たない内訳", sensors ? "、および" : "",
            U64(rule->sources));
    else if (sources)
        add(out, "%s that fewer than %s sources sent, as far as is known,",
            sensors ? ", or" : "A row of a breakdown", U64(rule->sources));
    if ((sensors || sources) && ja)
        add(out, "は秘匿とする。そのパケットは「秘匿」としてまとめ、合計に含める。それが一つだけと"
                 "なるときは、"
                 "最も少ない他の一つも秘匿とする。");
    else if (sensors || sources)
        add(out, " is withheld. Its packets are in the total and, with all that is withheld, in "
                 "one row; where it "
                 "would be alone, the smallest other is withheld as well.");
}

void report_vast_text(const struct report_data *data, enum language language,
                      char out[REPORT_TEXT_MAX])
{
    const double ipv4 = 4294967296;
    bool vast = false;
    *out = '\0';
    for (size_t i = 0; i < data->version_count; i++)
        vast |= data->versions[i].addresses > ipv4;
    if (vast)
        add(out, language == LANGUAGE_JA
                     ? "IPv6 プレフィックスのアドレスもすべて分母となるため、inventory "
                       "の値は意味を持たない。"
                     : "The darknet has IPv6 prefixes, every address of which counts in the "
                       "denominator of inventory: its figure means nothing here.");
}

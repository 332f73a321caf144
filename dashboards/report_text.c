#include "dashboards/report_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/prose.h"

static const char *const texts[REPORT_TEXTS][2] = {
    [REPORT_SUMMARY] = {"Summary", "概要"},
    [REPORT_METHOD] = {"Method and definitions", "方法と定義"},
    [REPORT_METHOD_TEXT] =
        {"A darknet is routed address space without hosts, so that every packet that arrives there "
         "is "
         "unsolicited. Every IP packet to one of its addresses is counted, whatever its protocol; "
         "each "
         "fragment is one packet. An active address is one that received at least one packet on a "
         "reporting day.",
         "ダークネットとは、経路は広告されているがホストの存在しないアドレス空間であり、そこに届く"
         "パケットはすべて"
         "要求されていないものである。プロトコルを問わず、ダークネット宛ての IP "
         "パケットをすべて数え、フラグメントは"
         "それぞれ 1 パケットとする。アクティブなアドレスとは、その日に 1 "
         "パケット以上を受信したアドレスをいう。"},
    [REPORT_WORDS_TEXT] =
        {"Packets per address: daily is the sum over days of packets divided by that day's active "
         "addresses; mean is the year's packets divided by the mean of the daily active addresses; "
         "inventory is the sum over minutes of packets divided by the addresses of the sensors "
         "that "
         "were up, corrected for time that was not observed. The headline is the first.",
         "1 アドレス当たりのパケット数は次の 3 通りで求める。daily "
         "は日ごとの「パケット数÷その日のアクティブな"
         "アドレス数」の合計、mean "
         "は年間パケット数を日別アクティブアドレス数の平均で割った値、inventory は分ごとの"
         "「パケット数÷稼働中センサーのアドレス数」の合計を観測できなかった時間について補正した値で"
         "ある。"
         "本報告の代表値は daily による。"},
    [REPORT_MISSING_TEXT] =
        {"What was not observed is missing and is never counted as zero: an empty cell is no "
         "figure. "
         "Coverage is the share of the expected address-time that was observed; a figure with less "
         "than 100 % is an estimate. Unique hosts are estimates with a standard error of 0.81 %.",
         "観測できなかった分は欠測であり、0 "
         "としては扱わない。空欄は値がないことを示す。カバレッジは、期待される"
         "アドレス×時間のうち実際に観測できた割合であり、100 % "
         "未満の値は推計である。ユニークホスト数は標準誤差 "
         "0.81 % の推計値である。"},
    [REPORT_METHODS] = {"The year by each method", "方法別の年間値"},
    [REPORT_YEARS] = {"All years", "年次推移"},
    [REPORT_DAYS] = {"Day by day", "日別推移"},
    [REPORT_UNUSUAL_DAYS] = {"The most unusual days", "特異な日"},
    [REPORT_PORTS_HEAD] = {"Destination ports", "宛先ポート"},
    [REPORT_COUNTRIES_HEAD] = {"Countries of the sources", "送信元の国"},
    [REPORT_COUNTRIES_METHOD] =
        {"The country is that of the source address, which can be forged; ISO codes. The store "
         "keeps "
         "the sources with the most packets of each day, so that each figure is a lower bound, and "
         "what the others sent is told as not kept. A later database may say otherwise of the "
         "past.",
         "国は送信元アドレスによるもので、送信元は詐称されうる（ISO "
         "の国コードで示す）。日ごとにパケット"
         "数の多い送信元のみを記録するため各値は下限であり、それ以外の送信元のパケットは「記録なし"
         "」と"
         "して示す。データベースの後の版では過去の値も変わりうる。"},
    [REPORT_CLASSES_HEAD] = {"Classes and backscatter", "パケット分類とバックスキャッター"},
    [REPORT_BACKSCATTER_TEXT] =
        {"Backscatter is what victims of attacks with forged sources send back: the classes "
         "tcp-synack, tcp-rst and icmp-backscatter. The rest is sent on purpose, most of it to "
         "scan.",
         "バックスキャッターとは、送信元を詐称した攻撃の被害者が送り返す応答であり、tcp-"
         "synack、tcp-rst、"
         "icmp-backscatter "
         "の各分類がこれに当たる。それ以外は意図して送られたもので、その多くはスキャンである。"},
    [REPORT_SENSORS] = {"Sensors, coverage, restatements", "センサー、カバレッジ、訂正"},
    [REPORT_DENOMINATOR] = {"The denominator", "分母"},
    [REPORT_DENOMINATOR_TEXT] =
        {"How many addresses each sensor was to observe, and from when on, until the next row or "
         "to the end: the address-time that coverage is a share of, and the denominator of the "
         "method inventory. 0 is the end of a sensor.",
         "各センサーが観測すべきアドレス数とその開始時刻。次の行、または年末まで有効である。"
         "カバレッジの分母となるアドレス×時間であり、inventory 法の分母でもある。0 "
         "はそのセンサーの終了を示す。"},
    [REPORT_CONFIDENTIAL_TEXT] =
        {"The addresses of the darknet are not told: the map shows them in order, without naming "
         "any.",
         "ダークネットのアドレスは公表しない。図は並び順のみを示し、個々のアドレスは示さない。"},
    [REPORT_APPENDIX] = {"Appendix: the series of NICT", "付録：NICT の公表値"},
    [REPORT_NICT_TEXT] =
        {"What Japan's NICT published of its own darknet. Later editions restate earlier years; "
         "the "
         "newest edition that gives a figure is the one to cite. Its telescope has other addresses "
         "in "
         "other networks: compare the course over the years, not the level. Figures published as "
         "\"about\" are marked as not exact.",
         "NICT "
         "が自らのダークネット観測について公表した値。後の版で過去の値が改められることがあり、最新"
         "の版の値を"
         "引用すべきである。観測網のアドレスもネットワークも異なるため、水準ではなく推移を比較され"
         "たい。"
         "概数として公表された値は exact を no とした。"},
    [REPORT_FIGURE_ANNUAL] = {"Packets per address of the darknet, year by year",
                              "ダークネット 1 アドレス当たりの年間パケット数の推移"},
    [REPORT_FIGURE_DAILY] = {"Packets and unique hosts, day by day",
                             "日別パケット数とユニークホスト数"},
    [REPORT_FIGURE_PORTS] = {"The ten destination ports with most packets",
                             "パケット数上位 10 宛先ポート"},
    [REPORT_FIGURE_COUNTRIES] = {"The ten countries from which most packets came",
                                 "パケット数上位 10 か国"},
    [REPORT_FIGURE_CLASSES] = {"Packets by class, day by day", "分類別の日別パケット数"},
    [REPORT_FIGURE_COVERAGE] = {"What each sensor observed, day by day",
                                "センサー別の日別観測状況"},
    [REPORT_FIGURE_MAP] = {"Packets per address along a Hilbert curve",
                           "ヒルベルト曲線上の 1 アドレス当たりパケット数"},
    [REPORT_OTHERS] = {"all other ports", "その他のポート"},
    [REPORT_WITHOUT_PORT] = {"without a port", "ポートなし"},
    [REPORT_OTHER_COUNTRIES] = {"all other countries", "その他の国"},
    [REPORT_UNKNOWN_COUNTRY] = {"country unknown", "国不明"},
    [REPORT_SOURCES_NOT_KEPT] = {"sources not kept", "送信元の記録なし"},
    [REPORT_WITHHELD] = {"withheld", "秘匿"},
};

const char *report_text(enum language language, enum report_text which)
{
    return texts[which][language == LANGUAGE_JA];
}

static const struct {
    const char *name, *words[2];
} heads[] = {
    {"method", {"Method", "方法"}},
    {"year", {"Year", "年"}},
    {"date", {"Date", "日付"}},
    {"packets", {"Packets", "パケット数"}},
    {"packets_per_address",
     {"Packets per address", "1\xc2\xa0"
                             "アドレス当たりパケット数"}},
    {"seconds_per_packet", {"Seconds per packet", "パケット間隔（秒）"}},
    {"observed_addresses", {"Observed addresses", "観測アドレス数"}},
    {"unique_hosts", {"Unique hosts", "ユニークホスト数"}},
    {"coverage", {"Coverage", "カバレッジ"}},
    {"dropped", {"Dropped", "取りこぼし"}},
    {"revision", {"Revision", "訂正回数"}},
    {"restated", {"Restated", "訂正回数"}},
    {"usual", {"Usual", "平常値"}},
    {"factor", {"Factor", "倍率"}},
    {"cause", {"What made it", "要因"}},
    {"protocol", {"Protocol", "プロトコル"}},
    {"port", {"Port", "ポート"}},
    {"country", {"Country", "国"}},
    {"class", {"Class", "分類"}},
    {"share", {"Share", "割合"}},
    {"sensor", {"Sensor", "センサー"}},
    {"from", {"From", "開始"}},
    {"addresses", {"Addresses", "アドレス数"}},
    {"exact", {"Exact", "確定値"}},
    {"edition", {"Edition", "版"}},
    {"source", {"Source", "出典"}},
};

const char *report_head(enum language language, const char *name)
{
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strcmp(heads[i].name, name) == 0)
            return heads[i].words[language == LANGUAGE_JA];
    return name;
}

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
        add(out, ja ? "カバレッジは不明であり、値は推計である。"
                    : "Coverage is not known: the figures are estimates.");
    else if (figures_estimate(now) && ja)
        add(out, "カバレッジは %s %% であり、値は推計である。", coverage.text);
    else if (figures_estimate(now))
        add(out, "Coverage was %s %%: the figures are estimates.", coverage.text);
    else
        add(out, ja ? "カバレッジは %s %% である。" : "Coverage was %s %%.", coverage.text);
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
        add(out, ja ? "年の終了後に値は訂正されていない。" : " The year has not been restated.");
    else if (ja)
        add(out, "年の終了後、値は %s 回訂正された。", U64(now->revision));
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
            "Of %s that could be compared none had %.1f times the median of the %d days before and "
            "after it, or less than that part of it.",
            COUNTED(data->compared, "day", "days"), REPORT_FACTOR, REPORT_WINDOW);
    else if (ja)
        add(out,
            "比較した %s 日のうち、前後 %d 日間の中央値から最も離れた日。要因は、年間の 1 "
            "日平均との差が同じ向きに"
            "最も大きいポートまたは分類である。",
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
        add(out, ja ? "特定のポートや分類によらない" : "no single port or class");
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
        add(out, "バックスキャッターには秘匿とした分類が含まれる。");
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
    if (sensors && ja)
        add(out, "パケットを観測したセンサーが %s 台に満たない内訳は秘匿とする。",
            U64(rule->sensors));
    else if (sensors)
        add(out, "What fewer than %s sensors saw of a breakdown is withheld. ", U64(rule->sensors));
    if (sources && ja)
        add(out, "判明している限り送信元が %s に満たない内訳は秘匿とする。", U64(rule->sources));
    else if (sources)
        add(out,
            "What fewer than %s sources sent of a breakdown, as far as is known, is withheld. ",
            U64(rule->sources));
    if ((sensors || sources) && ja)
        add(out, "そのパケットは「秘匿」としてまとめ、合計に含める。それが一つだけとなるときは、"
                 "最も少ない他の一つも秘匿とする。");
    else if (sensors || sources)
        add(out,
            "Its packets are in the total and, with all that is withheld, in one row; where it "
            "would be alone, the smallest other is withheld as well.");
}

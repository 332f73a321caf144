#include "dashboards/report_text.h"

#include <string.h>

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
         "としては扱わない。空欄は値がないことを示す。観測率は、期待される"
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
    [REPORT_CLASSES_HEAD] = {"Classes and backscatter", "パケットの種別とバックスキャッター"},
    [REPORT_BACKSCATTER_TEXT] =
        {"Backscatter is what victims of attacks with forged sources send back: the classes "
         "tcp-synack, tcp-rst and icmp-backscatter. The rest is sent on purpose, most of it to "
         "scan.",
         "バックスキャッターとは、送信元を詐称した攻撃の被害者が送り返す応答であり、tcp-"
         "synack、tcp-rst、"
         "icmp-backscatter "
         "の各種別がこれに当たる。それ以外は意図して送られたもので、その多くはスキャンである。"},
    [REPORT_SENSORS] = {"Sensors, coverage, restatements", "センサー、観測率、改訂"},
    [REPORT_DENOMINATOR] = {"The denominator", "分母"},
    [REPORT_DENOMINATOR_TEXT] =
        {"How many addresses each sensor was to observe, and from when on, until the next row or "
         "to the end: the address-time that coverage is a share of, and the denominator of the "
         "method inventory. 0 is the end of a sensor.",
         "各センサーが観測すべきアドレス数とその開始時刻。次の行、または年末まで有効である。"
         "観測率の分母となるアドレス×時間であり、inventory 法の分母でもある。0 "
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
         "\"about\" are marked so. A year of which no source that could be read gives the figure "
         "has no row.",
         "NICT "
         "が自らのダークネット観測について公表した値。後の版で過去の値が改められることがあり、最新"
         "の版の値を"
         "引用すべきである。観測網のアドレスもネットワークも異なるため、水準ではなく推移を比較され"
         "たい。"
         "概数として公表された値は「概数」とした。値を示す出典を確認できない年は載せていない。"},
    [REPORT_FIGURE_ANNUAL] = {"Packets per address of the darknet, year by year",
                              "ダークネット 1 アドレス当たりの年間パケット数の推移"},
    [REPORT_FIGURE_DAILY] = {"Packets and unique hosts, day by day",
                             "日別パケット数とユニークホスト数"},
    [REPORT_FIGURE_PORTS] = {"The ten destination ports with most packets",
                             "パケット数上位 10 宛先ポート"},
    [REPORT_FIGURE_COUNTRIES] = {"The ten countries from which most packets came",
                                 "パケット数上位 10 か国"},
    [REPORT_FIGURE_CLASSES] = {"Packets by class, day by day", "種別ごとの日別パケット数"},
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
    [REPORT_EXACT] = {"to the last digit", "端数まで"},
    [REPORT_ABOUT] = {"about", "概数"},
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
    {"coverage", {"Coverage", "観測率"}},
    {"dropped", {"Dropped", "取りこぼし"}},
    {"revision", {"Revision", "改訂回数"}},
    {"restated", {"Restated", "改訂回数"}},
    {"usual", {"Usual", "平常値"}},
    {"factor", {"Factor", "倍率"}},
    {"cause", {"What made it", "要因"}},
    {"protocol", {"Protocol", "プロトコル"}},
    {"port", {"Port", "ポート"}},
    {"country", {"Country", "国"}},
    {"class", {"Class", "種別"}},
    {"share", {"Share", "割合"}},
    {"sensor", {"Sensor", "センサー"}},
    {"from", {"From", "開始"}},
    {"addresses", {"Addresses", "アドレス数"}},
    {"exact", {"Published", "公表の形"}},
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

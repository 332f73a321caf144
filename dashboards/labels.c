#include "dashboards/labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/scale.h"

static const char *const texts[LABELS][2] = {
    [LABEL_TITLE] = {"Annual total of packets per one IP address on the darknet",
                     "ダークネットにおける1 IPアドレス当たりの年間総観測パケット数"},
    [LABEL_UNIT] = {"packets per IP address and year", "1 IPアドレス当たりのパケット数/年"},
    [LABEL_UNIT_LOG] = {"packets per IP address and year (log scale)",
                        "1 IPアドレス当たりのパケット数/年（対数目盛）"},
    [LABEL_COVERAGE] = {"coverage", "観測率"},
    [LABEL_NICT] = {"NICT, as published", "NICTの公表値"},
    [LABEL_NICT_NOTE] =
        {"Where editions differ, the newest that gives the figure. ≈ published as a rounded "
         "figure; "
         "no bar: not published. Another telescope with other addresses: compare the course over "
         "the years rather than the height.",
         "版により値が異なる場合は最新の版による。「約」は概数で公表された値、棒のない年は公表値な"
         "し。"
         "観測対象が異なるため、大小ではなく推移を比較のこと。"},
    [LABEL_NICT_NONE] = {"NICT has published no figure for these years.",
                         "NICTはこの期間の値を公表していない。"},
    [LABEL_ESTIMATE] =
        {"* Estimate: less than 100 % of the inventory's address time was observed; the coverage "
         "stands below the year. The error band reaches from what the figure is if nothing came in "
         "the time not observed to what it is if that time was like the rest; an arrow: beyond the "
         "scale.",
         "* "
         "推計値：観測できた時間とIPアドレスが対象全体の100%に満たない年（観測率を年の下に示す）。"
         "誤差範囲は、未観測分にパケットがなかったとした場合の値から、観測分と同じ水準であった"
         "とした場合の値まで（矢印は目盛の範囲外）。"},
    [LABEL_COMPLETE] = {"Coverage: 100 % of the inventory's address time in every year.",
                        "観測率：すべての年で100%。"},
    [LABEL_UNRESTATED] =
        {"Revision: 0 in every year (no figure was changed after its year had ended).",
         "改訂：なし（年の終了後に変更された値はない）。"},
    [LABEL_NO_FIGURE] = {"n/a", "値なし"},
    [LABEL_ABOUT] = {"≈", "約"},
    [LABEL_GROWTH] = {"growth", "前年比"},
    [LABEL_PACKETS] = {"packets", "パケット数"},
    [LABEL_PACKETS_DAY] = {"packets per day", "パケット数/日"},
    [LABEL_PACKETS_DAY_LOG] = {"packets per day (log scale)", "パケット数/日（対数目盛）"},
    [LABEL_PACKETS_MONTH] = {"packets per month", "パケット数/月"},
    [LABEL_HOSTS_DAY] = {"unique hosts", "ユニークホスト数/日"},
    [LABEL_HOSTS_DAY_LOG] = {"hosts (log scale)", "ホスト数/日（対数目盛）"},
    [LABEL_WHOLE_DAY] = {"day observed whole", "全時間を観測した日"},
    [LABEL_PART_DAY] = {"day observed in part", "一部のみ観測した日"},
    [LABEL_NO_DATA] = {"no data", "データなし"},
    [LABEL_OTHERS] = {"other ports", "その他のポート"},
    [LABEL_NO_PORT] = {"without a port", "ポートなし"},
    [LABEL_COUNTED] = {"packets counted", "観測あり"},
    [LABEL_TRUE_ZERO] = {"observed, no packets", "観測中、パケットなし"},
    [LABEL_DOWN] = {"sensor down", "センサー停止"},
    [LABEL_ABSENT] = {"not in the inventory", "観測対象外"},
    [LABEL_DAILY_TITLE] = {"Packets and unique hosts per day on the darknet",
                           "ダークネットにおける日ごとの観測パケット数とユニークホスト数"},
    [LABEL_DAILY_METHOD] =
        {"Every packet to a darknet address, of any IP protocol. Unique hosts: distinct source "
         "addresses of the day, estimated (standard error 0.81 %). No bar on white: zero. No data "
         "is "
         "not zero.",
         "ダークネット宛てのすべてのIPパケット。ユニークホスト数はその日の送信元IPアドレスの異なり"
         "数"
         "（推計、標準誤差0.81%）。白地に棒のない日はゼロ、データなしはゼロではない。"},
    [LABEL_CLASSES_TITLE] = {"Packets per day on the darknet by class",
                             "ダークネットにおける日ごとの観測パケット数（種別）"},
    [LABEL_CLASSES_TITLE_MONTHS] = {"Packets per month on the darknet by class",
                                    "ダークネットにおける月ごとの観測パケット数（種別）"},
    [LABEL_CLASSES_METHOD] =
        {"Every packet to a darknet address is in exactly one class. Shares are of all packets of "
         "the period. No data is not zero.",
         "ダークネット宛てのパケットは必ずいずれか一つの種別に属する。割合は期間の全パケットに対す"
         "る"
         "もの。データなしはゼロではない。"},
    [LABEL_PORTS_TITLE] = {"Destination ports with the most packets on the darknet",
                           "ダークネットにおける宛先ポート別観測パケット数"},
    [LABEL_PORTS_METHOD] =
        {"Shares are of all packets to the darknet. Other ports: all TCP and UDP ports that have "
         "no "
         "bar of their own. Without a port: other protocols, and packets whose port could not be "
         "read.",
         "割合はダークネット宛ての全パケットに対するもの。「その他のポート」は図にないTCPおよびUDP"
         "の"
         "全ポート、「ポートなし」はほかのプロトコルとポート番号を読み取れないパケット。"},
    [LABEL_COUNTRIES_TITLE] = {"Countries from which the most packets came to the darknet",
                               "ダークネットにおける送信元の国別観測パケット数"},
    [LABEL_OTHER_COUNTRIES] = {"other countries", "その他の国"},
    [LABEL_UNKNOWN_COUNTRY] = {"country unknown", "国不明"},
    [LABEL_SOURCES_NOT_KEPT] = {"sources not kept", "送信元の記録なし"},
    [LABEL_WITHHELD] = {"withheld", "秘匿"},
    [LABEL_COVERAGE_TITLE] = {"Observation of the darknet by sensor and day",
                              "センサーごと・日ごとの観測状況"},
    [LABEL_COVERAGE_METHOD] =
        {"A day observed in part: the height of its colour is the share of the day that was "
         "observed. At the right: the share of the sensor's time in the period.",
         "一部のみ観測した日は、色の高さが観測できた割合を示す。右端は期間全体に対する割合。"},
    [LABEL_MAP_TITLE] = {"Packets per address across the darknet",
                         "ダークネット内のIPアドレスごとの観測パケット数"},
    [LABEL_MAP_UNIT] = {"packets per address (log scale)",
                        "1 IPアドレス当たりのパケット数（対数目盛）"},
    [LABEL_MAP_ZERO] = {"observed, no packets", "観測中、パケットなし"},
    [LABEL_MAP_MISSING] = {"no data", "データなし"},
    [LABEL_MAP_BLANK] = {"not in the darknet", "観測対象外"},
    [LABEL_MAP_IPV6] = {"The darknet's IPv6 addresses are not on the map.",
                        "IPv6アドレスは図に含まない。"},
};

int labels_language_parse(const char *text, enum language *language)
{
    if (strcmp(text, "en") != 0 && strcmp(text, "ja") != 0)
        return ERR_INVALID;
    *language = text[0] == 'j' ? LANGUAGE_JA : LANGUAGE_EN;
    return 0;
}

const char *label(enum language language, enum label which)
{
    return texts[which][language];
}

const char *labels_font(enum language language)
{
    return language == LANGUAGE_JA ? "IPAexGothic" : "DejaVu Sans";
}

const char *labels_font_package(enum language language)
{
    return language == LANGUAGE_JA ? "fonts-ipaexfont-gothic" : "fonts-dejavu-core";
}

void labels_ours(enum language language, enum method method, char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "当観測網（算出方法：%s）", method_name(method));
    else
        snprintf(out, LABELS_MAX, "this telescope (method: %s)", method_name(method));
}

void labels_source(enum language language, size_t sensors, const char *timezone,
                   char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX,
                 "出典：当観測網（darkcountで計数、センサー%zu台、日の区切りは%s）。", sensors,
                 timezone);
    else
        snprintf(out, LABELS_MAX,
                 "Source: this telescope, counted by darkcount (%zu %s; days in the time zone %s).",
                 sensors, sensors == 1 ? "sensor" : "sensors", timezone);
}

void labels_method(enum language language, enum method method, char out[LABELS_MAX])
{
    static const char *const what[][2] = {
        [METHOD_DAILY] =
            {"the sum over the days of packets / addresses active on that day (at least "
             "one packet)",
             "日ごとの「パケット数÷その日に1パケット以上を受信したIPアドレス数」の年間合計"},
        [METHOD_MEAN] =
            {"packets of the year / mean over the days of addresses active on a day (at "
             "least one packet)",
             "年間パケット数÷1日に1パケット以上を受信したIPアドレス数の年間平均"},
        [METHOD_INVENTORY] =
            {"the sum over the minutes of packets / addresses under observation in "
             "that minute, divided by the part of the time in which any sensor was up",
             "1分ごとの「パケット数÷観測中の全IPアドレス数」の年間合計÷いずれかのセンサーが稼働して"
             "いた時間の割合"},
    };
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "算出方法 %s：%s。", method_name(method), what[method][1]);
    else
        snprintf(out, LABELS_MAX, "Method %s: %s.", method_name(method), what[method][0]);
}

void labels_revision(enum language language, const char *list, char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "改訂（年の終了後に値が変更された回数）：%s、ほかの年は0。",
                 list);
    else
        snprintf(out, LABELS_MAX,
                 "Revision (how often a figure was changed after its year had ended): %s; other "
                 "years 0.",
                 list);
}

void labels_part_years(enum language language, const char *list, char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "年の一部のみを観測対象とした年の対象期間：%s。", list);
    else
        snprintf(out, LABELS_MAX, "Years of which only a part was to be observed: %s.", list);
}

void labels_nict(enum language language, const char *list, char out[LABELS_MAX])
{
    const char *note = label(language, LABEL_NICT_NOTE);
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "NICT（NICTERの公表値）の出典：%.2000s。%s", list, note);
    else
        snprintf(out, LABELS_MAX, "NICT: figures of its NICTER telescope: %.2000s. %s", list, note);
}

void labels_growth(enum language language, double growth, char *out, size_t room)
{
    if (isnan(growth))
        snprintf(out, room, "%s", "");
    else if (growth >= 1000)
        snprintf(out, room, language == LANGUAGE_JA ? "1000倍超" : ">×1000");
    else
        snprintf(out, room, language == LANGUAGE_JA ? "%.*f倍" : "×%.*f", growth < 10 ? 2 : 0,
                 growth);
}

void labels_class(enum language language, enum packet_class class, char *out, size_t room)
{
    static const char *const what[PACKET_CLASSES][2] = {
        [CLASS_TCP_SYN] = {"connection attempt", "接続の試み"},
        [CLASS_TCP_SYNACK] = {"backscatter", "跳ね返り"},
        [CLASS_TCP_RST] = {"mostly backscatter", "主に跳ね返り"},
        [CLASS_TCP_OTHER] = {NULL, NULL},
        [CLASS_UDP] = {NULL, NULL},
        [CLASS_ICMP_ECHO_REQUEST] = {"ping", "ping"},
        [CLASS_ICMP_BACKSCATTER] = {"replies, errors", "応答・エラー"},
        [CLASS_ICMP_OTHER] = {NULL, NULL},
        [CLASS_OTHER] = {NULL, "ほかのプロトコル"},
    };
    const char *more = what[class][language];
    if (!more)
        snprintf(out, room, "%s", packet_class_name(class));
    else if (language == LANGUAGE_JA)
        snprintf(out, room, "%s（%s）", packet_class_name(class), more);
    else
        snprintf(out, room, "%s (%s)", packet_class_name(class), more);
}

void labels_countries(enum language language, const char *database, char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(
            out, LABELS_MAX,
            "国は送信元IPアドレスを%.200sで判定したもの（ISO "
            "3166-1の国コード。送信元は詐称されうる。データベースの後の版では過去の値も変わりうる"
            "）。割合はダークネット宛ての全パケットに対するもの。パケット数の多い送信元のみを記録す"
            "るため、各国の値は下限である。",
            database);
    else
        snprintf(out, LABELS_MAX,
                 "Country of the source address as %.200s says (ISO 3166-1 codes; sources can be "
                 "forged, and a later database may say otherwise of the past). Shares are of all "
                 "packets to the darknet. Only the sources with the most packets are kept, so that "
                 "each figure is a lower bound.",
                 database);
}

void labels_method_withheld(enum language language, const char *method, bool withheld,
                            char out[LABELS_MAX])
{
    static const char *const what[] = {
        [LANGUAGE_EN] = " Withheld: what too few sensors saw, or too few sources sent, to be told.",
        [LANGUAGE_JA] = "「秘匿」はセンサー数または送信元数が少ないため内訳を示さないもの。",
    };
    snprintf(out, LABELS_MAX, "%.3000s%s", method, withheld ? what[language] : "");
}

void labels_omitted(enum language language, size_t sensors, char out[LABELS_MAX])
{
    if (language == LANGUAGE_JA)
        snprintf(out, LABELS_MAX, "ほか%zu台のセンサーは図に含まない。", sensors);
    else
        snprintf(out, LABELS_MAX, "%zu more %s not drawn.", sensors,
                 sensors == 1 ? "sensor is" : "sensors are");
}

/* What a cell stands for. */
static void write_cell(enum language language, uint64_t per_cell, char *out, size_t room)
{
    char count[SCALE_TEXT_MAX];
    scale_format((double)per_cell, count);
    if (per_cell == 1)
        snprintf(out, room, "%s",
                 language == LANGUAGE_JA ? "1マスは1 IPアドレス" : "Each cell is one address");
    else
        snprintf(out, room,
                 language == LANGUAGE_JA ? "1マスは連続する%s IPアドレスの平均"
                                         : "Each cell is the mean of %s addresses in a row",
                 count);
}

/* Where the cells are. */
static void write_place(enum language language, uint64_t addresses, const char *range, char *out,
                        size_t room)
{
    char count[SCALE_TEXT_MAX];
    scale_format((double)addresses, count);
    if (range)
        snprintf(out, room, language == LANGUAGE_JA ? "全体は%.200s" : "The square is %.200s",
                 range);
    else if (language == LANGUAGE_JA)
        snprintf(out, room, "観測対象の%s IPアドレスを昇順に詰めた位置", count);
    else
        snprintf(out, room, "Cells are positions among the %s %s of the darknet in ascending order",
                 count, addresses == 1 ? "address" : "addresses");
}

void labels_map(enum language language, uint64_t addresses, uint64_t per_cell, const char *range,
                char out[LABELS_MAX])
{
    char cell[128], place[512];
    write_cell(language, per_cell, cell, sizeof cell);
    write_place(language, addresses, range, place, sizeof place);
    snprintf(
        out, LABELS_MAX,
        language == LANGUAGE_JA
            ? "%s、左上から右上へのヒルベルト曲線上に配置（近いアドレスは近くに並ぶ）。%s。"
            : "%s, along a Hilbert curve from the upper left to the upper right corner: what is "
              "near in address space is near here. %s.",
        cell, place);
}

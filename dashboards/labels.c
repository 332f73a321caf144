#include "dashboards/labels.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"

static const char *const texts[LABELS][2] = {
    [LABEL_TITLE] = {"Annual total of packets per one IP address on the darknet",
                     "ダークネットにおける1 IPアドレス当たりの年間総観測パケット数"},
    [LABEL_UNIT] = {"packets per IP address and year", "1 IPアドレス当たりのパケット数/年"},
    [LABEL_UNIT_LOG] = {"packets per IP address and year (log scale)",
                        "1 IPアドレス当たりのパケット数/年（対数目盛）"},
    [LABEL_COVERAGE] = {"coverage", "観測率"},
    [LABEL_NICT] = {"NICT, as published", "NICTの公表値"},
    [LABEL_NICT_NOTE] =
        {"NICT: figures of the NICTER reports; where editions differ, the newest that gives the "
         "figure. ≈ published as a rounded figure; no bar: not published. Another telescope with "
         "other addresses: compare the course over the years rather than the height.",
         "NICT：NICTER観測レポート等の公表値。版により値が異なる場合は最新の版による。「約」は概数"
         "で"
         "公表された値、棒のない年は公表値なし。観測対象が異なるため、大小ではなく推移を比較のこと"
         "。"},
    [LABEL_ESTIMATE] = {"* Estimate: less than 100 % of the inventory's address time was observed; "
                        "the coverage stands below the year.",
                        "* 推計値：観測できた時間とIPアドレスが対象全体の100%に満たない年"
                        "（観測率を年の下に示す）。"},
    [LABEL_COMPLETE] = {"Coverage: 100 % of the inventory's address time in every year.",
                        "観測率：すべての年で100%。"},
    [LABEL_UNRESTATED] =
        {"Revision: 0 in every year (no figure was changed after its year had ended).",
         "改訂：なし（年の終了後に変更された値はない）。"},
    [LABEL_NO_FIGURE] = {"n/a", "値なし"},
    [LABEL_ABOUT] = {"≈", "約"},
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

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dashboards/report_text.h"
#include "dashboards/report_write.h"

static struct report_data data;
static struct figures years[2];

/* A year of one sensor, 2024, after 2023. */
static void setup(void)
{
    memset(&data, 0, sizeof data);
    cr_assert_eq(calendar_init("UTC", NULL), 0);
    data.year = 2024;
    data.period = calendar_date(LEVEL_YEAR, 2024, 1, 1);
    strcpy(data.timezone, "UTC");
    years[0] = (struct figures){.year = 2023,
                                .any_data = true,
                                .packets = 1000,
                                .observed_addresses = 10,
                                .packets_per_address = 100,
                                .seconds_per_packet = 315360,
                                .coverage = 1};
    years[1] = (struct figures){.year = 2024,
                                .any_data = true,
                                .packets = 1383,
                                .observed_addresses = 10,
                                .packets_per_address = 138.3,
                                .seconds_per_packet = 228633.405,
                                .hosts_known = true,
                                .unique_hosts = 1,
                                .coverage = 1};
    data.annual = (struct query_annual){years, 2};
    data.before = &years[0];
    data.now = &years[1];
    data.total.any_data = true;
    data.total.packets = 1383;
}

static void expect_both(report_sentence *make, const char *english, const char *japanese)
{
    char text[REPORT_TEXT_MAX];
    make(&data, LANGUAGE_EN, text);
    cr_expect_str_eq(text, english);
    make(&data, LANGUAGE_JA, text);
    cr_expect_str_eq(text, japanese);
}

TestSuite(report, .init = setup);

Test(report, headline)
{
    expect_both(
        report_headline,
        "In 2024 each address of the darknet received 138.30 packets, one every 228,633.405 "
        "seconds.",
        "2024 年にダークネットの 1 アドレスが受信したパケットは 138.30 個で、228,633.405 秒に 1 "
        "個の割合であった。");
    years[1].packets_per_address = NAN;
    expect_both(report_headline,
                "For 2024 there is no figure of packets per address: no address received any.",
                "2024 年は、パケットを受信したアドレスがなく、1 アドレス当たりの値はない。");
}

Test(report, rise_fall_and_nothing_to_compare)
{
    expect_both(report_change_text, "That is 38.3 % more than in 2023 (100.00).",
                "前年（2023 年）の 100.00 個に比べ 38.3 % の増加である。");
    years[1].packets_per_address = 99.5;
    expect_both(report_change_text, "That is 0.5 % less than in 2023 (100.00).",
                "前年（2023 年）の 100.00 個に比べ 0.5 % の減少である。");
    years[1].packets_per_address = 100.04;
    expect_both(report_change_text, "That is as much as in 2023 (100.00).",
                "前年（2023 年）の 100.00 個とほぼ同じである。");
    data.before = NULL;
    expect_both(report_change_text, "There is no figure of 2023 to compare it with.",
                "比較できる前年（2023 年）の値はない。");
}

/* From 2024-06-10 on, in UTC. */
static void begins_in_june(struct figures *of)
{
    of->first_ns = INT64_C(1717977600000000000);
    of->last_ns = data.period.end_s * INT64_C(1000000000) - 1;
}

Test(report, a_part_of_a_year_is_no_year)
{
    expect_both(report_part_text, "", "");
    begins_in_june(&years[1]);
    expect_both(
        report_part_text,
        "Of 2024 only 2024-06-10 to 2024-12-31 was to be observed: the packets are those of "
        "that time, the seconds between them those of the whole year.",
        "2024 年のうち観測の対象は 2024-06-10 から 2024-12-31 までであり、パケット数はその"
        "期間のものである。パケット間隔は年間の秒数から求めた値である。");
    expect_both(
        report_change_text,
        "That is 38.3 % more than in 2023 (100.00). Not all of both years was observed, so they "
        "cannot be compared as they are.",
        "前年（2023 年）の 100.00 個に比べ 38.3 % の増加である。ただし、両年の全期間を観測"
        "したものではないため、単純には比較できない。");
}

Test(report, vast_denominators_are_said)
{
    struct report_version version = {.addresses = 65536};
    data.versions = &version;
    data.version_count = 1;
    expect_both(report_vast_text, "", "");
    version.addresses = 1.2e24;
    expect_both(
        report_vast_text,
        "The darknet has IPv6 prefixes, every address of which counts in the denominator of "
        "inventory: its figure means nothing here.",
        "IPv6 プレフィックスのアドレスもすべて分母となるため、inventory "
        "の値は意味を持たない。");
    data.versions = NULL;
}

Test(report, one_and_many)
{
    expect_both(
        report_totals,
        "In all, 1,383 packets arrived; 10 addresses were active on the last day with data. "
        "They came from about 1 source address.",
        "年間の総パケット数は 1,383、最終観測日のアクティブなアドレス数は 10 であった。"
        "送信元のユニークホスト数は約 1 である。");
    years[1].packets = years[1].observed_addresses = 1;
    years[1].hosts_known = false;
    expect_both(report_totals,
                "In all, 1 packet arrived; 1 address was active on the last day with data.",
                "年間の総パケット数は 1、最終観測日のアクティブなアドレス数は 1 であった。");
}

Test(report, estimates_drops_and_restatements_are_said)
{
    expect_both(
        report_quality,
        "Coverage was 100.0 %. Kernel and interfaces dropped nothing. The year has not been "
        "restated.",
        "観測率は 100.0 % である。カーネルとインターフェースが取りこぼしたパケットはない。"
        "年の終了後に値は改訂されていない。");
    years[1].coverage = 0.99999;
    years[1].dropped = 1;
    years[1].revision = 2;
    expect_both(report_quality,
                "Coverage was 99.9 %: the figures are estimates. Kernel and interfaces dropped 1 "
                "packet, which is not counted. The year has been restated 2 times since it ended.",
                "観測率は 99.9 % "
                "であり、値は推計である。このほか、カーネルとインターフェースが 1 パケットを"
                "取りこぼした。年の終了後、値は 2 回改訂された。");
}

/* Whole days of `packets` packets each. */
static void set_days(size_t count, uint64_t packets)
{
    data.day_count = data.days_with_data = count;
    for (size_t i = 0; i < count; i++) {
        data.days[i] = (struct report_day){.month = 1, .day = (int)i + 1};
        data.days[i].figures = (struct query_figures){
            .any_data = true, .packets = packets, .coverage = {.expected = 1, .observed = 1}};
    }
}

Test(report, unusual_days_are_ranked_by_their_factor)
{
    set_days(30, 100);
    data.days[3].figures.packets = 40;   /* 0.4: as far as 2.5 */
    data.days[10].figures.packets = 300; /* 3 */
    data.days[20].figures.packets = 149; /* not enough */
    data.days[25].figures.packets = 900;
    data.days[25].figures.coverage.observed = 0.5; /* half a day is not compared */
    data.days[26].figures.any_data = false;
    report_find_unusual(&data);
    cr_assert_eq(data.unusual_count, 2);
    cr_expect_eq(data.compared, 28);
    cr_expect_eq(data.unusual[0].day, 10);
    cr_expect_float_eq(data.unusual[0].factor, 3, 1e-9);
    cr_expect_float_eq(data.unusual[0].usual, 100, 1e-9);
    cr_expect_eq(data.unusual[1].day, 3);
}

Test(report, too_few_days_are_not_compared)
{
    set_days(REPORT_NEIGHBOURS, 100);
    data.days[0].figures.packets = 1000;
    report_find_unusual(&data);
    cr_expect_eq(data.compared, 0);
    cr_expect_eq(data.unusual_count, 0);
    set_days(REPORT_NEIGHBOURS + 1, 100);
    data.days[0].figures.packets = 1000;
    report_find_unusual(&data);
    cr_expect_eq(data.compared, REPORT_NEIGHBOURS + 1);
    cr_expect_eq(data.unusual_count, 1);
}

Test(report, what_made_a_day)
{
    struct report_unusual day = {.cause = REPORT_CAUSE_PORT,
                                 .protocol = PROTOCOL_TCP,
                                 .port = 23,
                                 .cause_packets = 1,
                                 .cause_usual = 0.25};
    char text[REPORT_TEXT_MAX];
    report_cause_text(&day, LANGUAGE_EN, text);
    cr_expect_str_eq(text, "tcp/23: 1 packet instead of 0.2 a day");
    day.cause = REPORT_CAUSE_CLASS;
    day.class = CLASS_ICMP_ECHO_REQUEST;
    day.cause_packets = 5000;
    report_cause_text(&day, LANGUAGE_EN, text);
    cr_expect_str_eq(text, "icmp-echo-request: 5,000 packets instead of 0.2 a day");
    report_cause_text(&day, LANGUAGE_JA, text);
    cr_expect_str_eq(text, "icmp-echo-request が 5,000 パケット（平均 0.2）");
    day.cause = REPORT_CAUSE_NONE;
    report_cause_text(&day, LANGUAGE_EN, text);
    cr_expect_str_eq(text, "no single port or class");
}

Test(report, missing_figures_are_null_and_never_zero)
{
    struct buf out;
    set_days(1, 1383);
    data.days[0].figures.any_data = false;
    data.before = NULL;
    buf_init(&out);
    cr_assert_eq(report_figures(&data, &out), 0);
    json_t *all = json_loadb((const char *)out.bytes, out.size, 0, NULL);
    cr_assert_not_null(all);
    json_t *day = json_array_get(json_object_get(all, "days"), 0);
    cr_expect(json_is_null(json_object_get(day, "packets")));
    cr_expect(json_is_null(json_object_get(json_object_get(all, "change"), "percent")));
    cr_expect(json_is_null(json_object_get(json_object_get(all, "backscatter"), "packets")));
    json_t *now = json_array_get(json_object_get(all, "annual"), 1);
    cr_expect_eq(json_integer_value(json_object_get(now, "packets")), 1383);
    cr_expect_float_eq(json_real_value(json_object_get(now, "packets_per_address")), 138.3, 1e-12);
    json_decref(all);
    buf_close(&out);
}

Test(report, the_schema_is_json_that_names_every_member)
{
    struct buf out;
    const char *name;
    json_t *value;
    json_t *schema = json_loads(report_schema(), 0, NULL);
    cr_assert_not_null(schema);
    json_t *properties = json_object_get(schema, "properties");
    buf_init(&out);
    cr_assert_eq(report_figures(&data, &out), 0);
    json_t *all = json_loadb((const char *)out.bytes, out.size, 0, NULL);
    json_object_foreach(all, name, value)
        cr_expect_not_null(json_object_get(properties, name), "%s", name);
    cr_expect_eq(json_object_size(all), json_object_size(properties));
    json_decref(all);
    json_decref(schema);
    buf_close(&out);
}

Test(report, what_is_withheld_is_said_and_null)
{
    struct buf out;
    data.rule = (struct withhold_rule){3, 3};
    expect_both(
        report_withheld_text,
        "A row of a breakdown that fewer than 3 sensors saw, or that fewer than 3 sources "
        "sent, as far as is known, is withheld. Its packets are in the "
        "total and, with all that is withheld, in one row; where it would be alone, the "
        "smallest other is withheld as well.",
        "パケットを観測したセンサーが 3 台に満たない内訳、および"
        "送信元が判明している限り 3 に満たない内訳は秘匿とする。そのパケットは「秘匿」"
        "としてまとめ、合計に含める。それが一つだけとなるときは、最も少ない他の一つも秘匿とする。");
    data.rule = withhold_rule_of(2, 1);
    expect_both(
        report_withheld_text,
        "A row of a breakdown that fewer than 2 sources sent, as far as is known, is withheld. Its "
        "packets are in the total and, with all that is withheld, in one row; where it would "
        "be alone, the smallest other is withheld as well.",
        "送信元が判明している限り 2 に満たない内訳は秘匿とする。そのパケットは「秘匿」"
        "としてまとめ、合計に含める。それが一つだけとなるときは、最も少ない他の一つも秘匿とする。");
    data.rule = withhold_rule_of(0, 1);
    expect_both(report_withheld_text, "", "");
    data.tables_known = true;
    data.class_withheld[CLASS_TCP_SYN] = true;
    expect_both(
        report_classes_text, "TCP SYN is withheld. A class of backscatter is withheld.",
        "TCP SYN のパケット数は秘匿とする。バックスキャッターには秘匿とした種別が含まれる。");
    buf_init(&out);
    cr_assert_eq(report_figures(&data, &out), 0);
    json_t *all = json_loadb((const char *)out.bytes, out.size, 0, NULL);
    json_t *syn = json_object_get(json_object_get(all, "classes"), "tcp-syn");
    cr_expect(json_is_null(json_object_get(syn, "packets")));
    cr_expect(json_is_null(json_object_get(syn, "share")));
    cr_expect(json_is_null(json_object_get(json_object_get(all, "backscatter"), "packets")));
    json_decref(all);
    buf_close(&out);
}

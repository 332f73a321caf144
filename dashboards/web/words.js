// What the page says, in English and Japanese, and how numbers and times are written.

const words = {
  en: {
    skip: 'Skip to the figures', loading: 'Loading', api: 'The API’s description', metrics: 'Metrics',
    legend: 'Hatched: the part of the time in which nothing was observed, which is not zero. Days are those of the telescope’s time zone.',
    annual: 'Packets per address, year by year', range: 'Range of the charts below',
    days7: '7 days', days30: '30 days', days90: '90 days', days365: '1 year', all: 'Everything',
    from: 'From', until: 'to', show: 'Show', packets: 'Packets', hosts: 'Unique source hosts',
    classes: 'Packets by class', ports: 'Destination ports with most packets', sensors: 'Sensors',
    headline: year => `Packets per darknet address in ${year}`,
    rate: seconds => `one packet to each address every ${seconds} seconds`,
    estimate: share => `An estimate: ${share} of the inventory’s address time was observed.`,
    estimates: '* An estimate: less than all of the inventory’s address time was observed.',
    complete: 'All of the inventory’s address time was observed.',
    dropped: (n, text) => `${text} ${n === 1 ? 'packet' : 'packets'} dropped before being counted.`,
    part: (from, to) => `Of this year only ${from} to ${to} was to be observed; the rate is that of the whole year.`,
    revision: n => `Revision ${n}.`,
    method: 'By the method “daily”: the sum over the days of packets divided by active addresses.',
    none: 'The store holds no data yet.', noneHere: 'Nothing was observed in this range.',
    notKept: 'Observed, but without a breakdown: in such detail it is not kept for long, or nothing came.',
    updated: time => `As of ${time}.`,
    failed: cause => `The figures cannot be read: ${cause}. Trying again.`,
    table: 'As a table', missing: 'no data', gap: 'nothing observed',
    chartHelp: 'Left and right arrow keys read the values; shift and arrow keys select a range, Enter shows it.',
    per: {hour: ', hour by hour', day: ', day by day', month: ', month by month', year: ', year by year'},
    start: 'Start', year: 'Year', perAddress: 'Packets per address', coverage: 'Coverage',
    observed: 'Observed addresses', uniqueHosts: 'Unique hosts', droppedHead: 'Dropped',
    protocol: 'Protocol', port: 'Port', share: 'Share', others: 'all others', notRead: 'not read',
    sensor: 'Sensor', state: 'State', last: 'Last observed', packets24: 'Packets, 24 h',
    coverage24: 'Coverage, 24 h', addresses: 'Addresses',
    states: {live: 'live', silent: 'silent', down: 'down', new: 'nothing yet'},
    class: {'tcp-syn': 'TCP SYN', 'tcp-synack': 'TCP SYN-ACK', 'tcp-rst': 'TCP RST', 'tcp-other': 'TCP, other',
      udp: 'UDP', 'icmp-echo-request': 'ICMP echo request', 'icmp-backscatter': 'ICMP backscatter',
      'icmp-other': 'ICMP, other', other: 'Other protocols'},
    badRange: 'The range must begin before it ends.',
  },
  ja: {
    skip: '本文へ移動', loading: '読み込み中', api: 'APIの仕様', metrics: 'メトリクス',
    legend: '斜線：観測できなかった時間の割合（0パケットとは異なる）。日付は観測網の標準時による。',
    annual: '1 IPアドレス当たりの年間パケット数', range: '以下のグラフの期間',
    days7: '7日間', days30: '30日間', days90: '90日間', days365: '1年間', all: '全期間',
    from: '開始', until: '終了', show: '表示', packets: 'パケット数', hosts: 'ユニーク送信元ホスト数',
    classes: '種別ごとのパケット数', ports: '宛先ポート（パケット数順）', sensors: 'センサー',
    headline: year => `${year}年 ダークネット1 IPアドレス当たりのパケット数`,
    rate: seconds => `1アドレスにつき約${seconds}秒に1パケット`,
    estimate: share => `推計値：観測できた時間とアドレスは対象全体の${share}。`,
    estimates: '* 推計値：観測できた時間とアドレスが対象全体に満たない年。',
    complete: '対象の時間とアドレスをすべて観測。',
    dropped: (n, text) => `計数前の取りこぼし：${text}パケット。`,
    part: (from, to) => `この年の観測対象は${from}から${to}まで（パケット間隔は年間の秒数による）。`,
    revision: n => `改訂：${n}。`,
    method: '算出法「daily」：日ごとのパケット数をその日の観測アドレス数で割り、合計した値。',
    none: 'データはまだありません。', noneHere: 'この期間は観測されていません。',
    notKept: 'この期間は観測されていますが、内訳はありません（保存期間を過ぎたか、すべてゼロ）。',
    updated: time => `${time}現在。`,
    failed: cause => `データを読み出せません：${cause}。再試行します。`,
    table: '表で見る', missing: 'データなし', gap: '観測なし',
    chartHelp: '左右の矢印キーで値を読み上げ、Shift＋矢印キーで期間を選択、Enterで表示します。',
    per: {hour: '（1時間ごと）', day: '（1日ごと）', month: '（1か月ごと）', year: '（1年ごと）'},
    start: '開始', year: '年', perAddress: '1アドレス当たり', coverage: '観測率',
    observed: '観測アドレス数', uniqueHosts: 'ユニークホスト数', droppedHead: '取りこぼし',
    protocol: 'プロトコル', port: 'ポート', share: '割合', others: 'その他', notRead: '不明',
    sensor: 'センサー', state: '状態', last: '最終観測', packets24: 'パケット数（24時間）',
    coverage24: '観測率（24時間）', addresses: 'アドレス数',
    states: {live: '稼働中', silent: '着信なし', down: '停止', new: '未着'},
    class: {'tcp-syn': 'TCP SYN', 'tcp-synack': 'TCP SYN-ACK', 'tcp-rst': 'TCP RST', 'tcp-other': 'TCPその他',
      udp: 'UDP', 'icmp-echo-request': 'ICMPエコー要求', 'icmp-backscatter': 'ICMP跳ね返り',
      'icmp-other': 'ICMPその他', other: 'その他のプロトコル'},
    badRange: '開始は終了より前でなければなりません。',
  },
};

let language = 'en';

export const languages = Object.keys(words);
export const word = key => words[language][key];
export const current = () => language;

export function setLanguage(wanted) {
  language = languages.includes(wanted) ? wanted : 'en';
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-word]'))
    element.textContent = word(element.dataset.word);
  for (const button of document.querySelectorAll('[data-lang]'))
    button.setAttribute('aria-pressed', String(button.dataset.lang === language));
}

// null and undefined are missing, everywhere.
export const number = (value, decimals = 0) => value == null ? word('missing')
  : new Intl.NumberFormat(language, {minimumFractionDigits: decimals, maximumFractionDigits: decimals}).format(value);

export const compact = value =>
  new Intl.NumberFormat(language, {notation: 'compact', maximumFractionDigits: 2}).format(value);

// Below 1000 with as many decimals as its neighbours have.
export const short = value => value >= 1000 ? compact(value) : number(value, value < 100 ? 2 : 1);

// Cut, not rounded: what is less than all is not written as 100 %, and what is more than nothing not as 0 %.
export const percent = (value, decimals = 2) => {
  if (value == null)
    return word('missing');
  const format = new Intl.NumberFormat(language,
    {style: 'percent', minimumFractionDigits: decimals, maximumFractionDigits: decimals});
  const parts = 100 * 10 ** decimals;
  return value > 0 && value * parts < 1 ? `<${format.format(1 / parts)}` : format.format(Math.floor(value * parts) / parts);
};

export const moment = (instant, zone) => instant == null ? word('missing')
  : new Intl.DateTimeFormat(language, {dateStyle: 'medium', timeStyle: 'short', timeZone: zone}).format(new Date(instant));

const dates = {
  hour: {month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit'},
  day: {year: 'numeric', month: 'short', day: 'numeric'},
  month: {year: 'numeric', month: 'short'},
  year: {year: 'numeric'},
};
// The start of a period, as its step needs it.
export const period = (instant, step, zone) =>
  new Intl.DateTimeFormat(language, {...dates[step], timeZone: zone}).format(new Date(instant));

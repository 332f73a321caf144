// The panels of the page, each drawn from what the API answered.

import {word, number, percent, moment, period} from '/words.js';
import {draw, table, tableBehind, element} from '/chart.js';
import {addDays, byPeriod} from '/data.js';

const hostOf = id => document.querySelector(`#${id} .chart, #${id} .table`);
const put = (id, text) => { document.getElementById(id).textContent = text; };
const say = (id, text) => hostOf(id).replaceChildren(element('p', {class: 'empty'}, text));

// Where the telescope, which has data from the day `whole.from` to before `whole.to`, has a part of the year.
function partOf(year, whole) {
  const from = whole.from > `${year}-01-01`, to = whole.to <= `${year}-12-31`;
  return from || to ? word('part')(from ? whole.from : `${year}-01-01`, to ? addDays(whole.to, -1) : `${year}-12-31`) : null;
}

export function drawHeadline(years, whole) {
  const last = years[years.length - 1];
  const value = document.getElementById('headline-value');
  put('headline-title', last ? word('headline')(last.year) : word('none'));
  value.textContent = last ? number(last.packets_per_address, 2) : '';
  value.dataset.value = last?.packets_per_address ?? '';
  put('headline-rate', last?.seconds_per_packet != null ? word('rate')(number(last.seconds_per_packet, last.seconds_per_packet < 100 ? 3 : 0)) : '');
  put('headline-notes', last ? [
    last.coverage === 1 ? word('complete') : word('estimate')(percent(last.coverage)),
    partOf(last.year, whole),
    `${word('dropped')(last.dropped, number(last.dropped))} ${word('revision')(number(last.revision))}`,
    word('method'),
  ].filter(line => line).join('\n') : '');
}

export function drawAnnual(years) {
  if (years.length === 0)
    return say('annual', word('none'));
  const known = new Map(years.map(row => [row.year, row]));
  const slots = [];
  for (let year = years[0].year; year <= years[years.length - 1].year; year++) {
    const value = known.get(year)?.packets_per_address;
    const coverage = known.has(year) ? ` (${word('coverage')} ${percent(known.get(year).coverage)})` : '';
    const star = known.has(year) && known.get(year).coverage !== 1 ? '*' : '';
    slots.push({short: year + star, long: String(year), values: value == null ? null : [value],
      told: `${year}: ${value == null ? word('gap') : number(value, 2) + coverage}`});
  }
  const host = hostOf('annual');
  draw(host, {name: word('annual'), summary: slots.map(s => s.told).join('; ') + '.', height: 240, kind: 'columns',
    labels: true, series: [{name: word('perAddress'), style: 's0'}], slots});
  if (slots.some(s => s.short.endsWith('*')))
    host.append(element('p', {class: 'notes'}, word('estimates')));
  tableBehind(host, word('annual'),
    [[word('year')], [word('perAddress'), true], [word('packets'), true], [word('observed'), true],
      [word('uniqueHosts'), true], [word('coverage'), true], [word('droppedHead'), true]],
    () => years.map(r => [String(r.year), number(r.packets_per_address, 2), number(r.packets),
      number(r.observed_addresses), number(r.unique_hosts), percent(r.coverage), number(r.dropped)]));
}

// The slots of a chart over time.
const slotsOf = (rows, step, zone, values, tell) => rows.map(row => {
  const long = period(row.start, step, zone), known = values(row);
  const part = known && row.coverage != null && row.coverage < 1
    ? ` (${word('coverage')} ${percent(row.coverage)})` : '';
  return {short: long, long, start: row.start, values: known, missing: part ? 1 - row.coverage : 0,
    told: `${long}: ${known ? tell(row) + part : word('gap')}`};
});

// One figure over time.
function drawCourse(id, kind, key, {rows, step}, zone, onSelect) {
  const values = row => row[key] == null ? null : [row[key]];
  const name = word(id) + word('per')[step];
  put(`${id}-title`, name);
  if (!rows.some(values))
    return say(id, word('noneHere'));
  const slots = slotsOf(rows, step, zone, values, row => number(row[key]));
  const host = hostOf(id), known = slots.filter(s => s.values).length;
  draw(host, {name, summary: `${known}/${slots.length}.`, height: kind === 'line' ? 180 : 240, kind, slots,
    series: [{name: word(id), style: 's0'}], onSelect: (a, b) => onSelect(slots[a].start, slots[b + 1]?.start)});
  tableBehind(host, name, [[word('start')], [word(id), true], [word('coverage'), true]],
    () => rows.map(row => [period(row.start, step, zone), number(row[key]), percent(row.coverage)]));
}

export function drawDays(days, zone, onSelect) {
  drawCourse('packets', 'columns', 'packets', days, zone, onSelect);
  drawCourse('hosts', 'line', 'unique_hosts', days, zone, onSelect);
}

const classes = ['tcp-syn', 'tcp-synack', 'tcp-rst', 'tcp-other', 'udp', 'icmp-echo-request', 'icmp-backscatter',
  'icmp-other', 'other'];

export function drawClasses({rows, step}, zone, onSelect, observed) {
  const periods = [...byPeriod(rows, row => row.class)].map(([start, counts]) => ({start, counts}));
  const present = classes.filter(name => periods.some(p => p.counts?.get(name)));
  const name = word('classes') + word('per')[step];
  put('classes-title', name);
  if (present.length === 0)
    return say('classes', word(observed ? 'notKept' : 'noneHere'));
  const slots = slotsOf(periods, step, zone, p => p.counts && present.map(c => p.counts.get(c) ?? 0),
    p => present.filter(c => p.counts.get(c)).map(c => `${word('class')[c]} ${number(p.counts.get(c))}`).join(', ') || '0');
  const host = hostOf('classes');
  const series = present.map(c => ({name: word('class')[c], style: `s${classes.indexOf(c)}`}));
  draw(host, {name, summary: series.map(s => s.name).join(', ') + '.', height: 260, kind: 'columns', series, slots,
    onSelect: (a, b) => onSelect(slots[a].start, slots[b + 1]?.start)});
  tableBehind(host, name, [[word('start')], ...series.map(s => [s.name, true])],
    () => slots.map(s => [s.long, ...present.map((_, k) => number(s.values?.[k]))]));
}

const services = {22: 'SSH', 23: 'Telnet', 25: 'SMTP', 53: 'DNS', 80: 'HTTP', 123: 'NTP', 161: 'SNMP', 443: 'HTTPS',
  445: 'SMB', 1433: 'MS SQL', 1900: 'SSDP', 2323: 'Telnet', 3306: 'MySQL', 3389: 'RDP', 5060: 'SIP', 5432: 'PostgreSQL',
  5555: 'ADB', 5900: 'VNC', 6379: 'Redis', 8080: 'HTTP', 8443: 'HTTPS', 11211: 'memcached'};
const protocols = {1: 'ICMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 58: 'ICMPv6', 132: 'SCTP'};

function portName(row) {
  if (row.protocol === 'other')
    return ['', word('others')];
  const service = row.port != null && services[row.port];
  return [protocols[row.protocol] ?? String(row.protocol),
    row.port == null ? '–' : service ? `${row.port} (${service})` : String(row.port)];
}

export function drawPorts(rows, observed) {
  const known = rows.filter(row => row.packets != null);
  if (known.length === 0)
    return say('ports', word(observed ? 'notKept' : 'noneHere'));
  hostOf('ports').replaceChildren(table(word('ports'),
    [[word('port')], [word('protocol')], [word('packets'), true], [word('share'), true]],
    known.map(row => {
      const [protocol, port] = portName(row);
      return [port, protocol, number(row.packets), percent(row.share)];
    })));
}

const marks = {live: '●', silent: '○', down: '✕', new: '…'};

export function drawSensors(sensors, zone) {
  if (sensors.length === 0)
    return say('sensors', word('none'));
  hostOf('sensors').replaceChildren(table(word('sensors'),
    [[word('sensor')], [word('state')], [word('last')], [word('packets24'), true], [word('coverage24'), true],
      [word('addresses'), true]],
    sensors.map(s => [s.sensor,
      element('span', {class: `state ${s.state}`}, `${marks[s.state]} ${word('states')[s.state]}`),
      moment(s.last_observed, zone), number(s.packets_24h), percent(s.coverage_24h), number(s.addresses)])));
}

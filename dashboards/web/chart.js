// Charts of columns or a line over slots of equal width, drawn as SVG. A slot whose values are null
// was not observed: it is hatched, and has neither column nor point. One that was observed in part is
// hatched in part. A true zero has a mark on the axis.

import {word, compact, short} from '/words.js';

const space = 'http://www.w3.org/2000/svg';
const left = 56, right = 8, top = 12, bottom = 26;

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return dress(made, attributes, children);
}

function shape(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(space, tag), attributes, children);
}

function dress(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    made.setAttribute(name, value);
  made.append(...children.filter(child => child != null));
  return made;
}

// Round values from 0 to at least `max`, some `count` of them.
export function ticks(max, count) {
  if (!(max > 0))
    return [0, 1];
  const rough = max / count, unit = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(unit * [1, 2, 5, 10].find(k => k * unit >= rough * (1 - 1e-9)), 1e-9);
  const values = [];
  for (let i = 0; i === 0 || values[i - 1] < max; i++)
    values.push(i * step);
  return values;
}

const sum = values => values.reduce((a, b) => a + (b ?? 0), 0);
const round = x => Math.round(x * 100) / 100;

function frame(chart) {
  const {slots, width, height} = chart;
  const max = Math.max(0, ...slots.map(s => s.values ? sum(s.values) : 0));
  const rows = ticks(max, 4), ceiling = rows[rows.length - 1];
  chart.x = i => left + (width - left - right) * i / slots.length;
  chart.y = value => top + (height - top - bottom) * (1 - value / ceiling);
  const svg = shape('svg', {viewBox: `0 0 ${width} ${height}`, height, role: 'img', tabindex: 0,
    'aria-label': `${chart.name}. ${chart.summary} ${word('chartHelp')}`});
  for (const value of rows) {
    const y = chart.y(value);
    svg.append(shape('line', {class: value ? 'grid' : 'axis', x1: left, x2: width - right, y1: y, y2: y}));
    const label = shape('text', {x: left - 6, y: y + 4, 'text-anchor': 'end'});
    label.textContent = compact(value);
    svg.append(label);
  }
  return svg;
}

// As many labels as there is room for.
function drawLabels(svg, chart) {
  const longest = Math.max(1, ...chart.slots.map(s => s.short.length));
  const wide = longest * (/[^\x00-\x7f]/.test(chart.slots[0]?.short ?? '') ? 10 : 7) + 14;
  const every = Math.max(1, Math.ceil(wide / ((chart.width - left - right) / chart.slots.length)));
  for (let i = 0; i < chart.slots.length; i += every) {
    const x = chart.x(i + .5);
    if (x + wide / 2 - 7 > chart.width)
      break;
    const text = shape('text', {x: round(x), y: chart.height - 8, 'text-anchor': 'middle'});
    text.textContent = chart.slots[i].short;
    svg.append(text);
  }
}

// What was not observed: a whole slot, or as much of one as was missing. Neighbours share an outline.
function drawGaps(svg, chart) {
  const bottomOf = slot => round(top + (chart.height - top - bottom) * (slot.values ? slot.missing ?? 0 : 1));
  let path = '';
  for (let i = 0; i < chart.slots.length; i++) {
    const low = bottomOf(chart.slots[i]), begin = i;
    while (i + 1 < chart.slots.length && bottomOf(chart.slots[i + 1]) === low)
      i++;
    if (low > top + .5)
      path += `M${round(chart.x(begin))} ${top}H${round(chart.x(i + 1))}V${low}H${round(chart.x(begin))}Z`;
  }
  if (path)
    svg.append(shape('path', {class: 'gap', d: path}));
}

function drawZeros(svg, chart) {
  const y = chart.y(0);
  const path = chart.slots.map((slot, i) => slot.values && sum(slot.values) === 0
    ? `M${round(chart.x(i + .2))} ${y}H${round(chart.x(i + .8))}` : '').join('');
  if (path)
    svg.append(shape('path', {class: 'zero', d: path}));
}

function drawColumns(svg, chart) {
  const pitch = chart.x(1) - chart.x(0), wide = Math.min(pitch * (pitch > 4 ? .8 : 1), 72);
  const base = chart.slots.map(() => 0);
  chart.series.forEach((series, k) => {
    let path = '';
    chart.slots.forEach((slot, i) => {
      const value = slot.values?.[k] ?? 0;
      if (!value)
        return;
      const x = round(chart.x(i) + (pitch - wide) / 2), high = chart.y(base[i] + value), low = chart.y(base[i]);
      path += `M${x} ${round(low)}V${round(high)}h${round(wide)}V${round(low)}Z`;
      base[i] += value;
    });
    if (path)
      svg.append(shape('path', {class: series.style, d: path}));
  });
}

// A line through neighbours; a point that has none is a dot.
function drawLine(svg, chart) {
  let line = '', dots = '';
  chart.slots.forEach((slot, i) => {
    if (!slot.values)
      return;
    const at = `${round(chart.x(i + .5))} ${round(chart.y(slot.values[0]))}`;
    const before = chart.slots[i - 1]?.values, after = chart.slots[i + 1]?.values;
    line += (before ? 'L' : 'M') + at;
    if (!before && !after)
      dots += `M${at}h0`;
  });
  svg.append(shape('path', {class: 'line', d: line}), shape('path', {class: 'dot', d: dots}));
}

function drawValues(svg, chart) {
  chart.slots.forEach((slot, i) => {
    const text = shape('text', {class: 'value', x: round(chart.x(i + .5)), 'text-anchor': 'middle',
      y: slot.values ? round(chart.y(sum(slot.values)) - 4) : chart.height - bottom - 6});
    text.textContent = slot.values ? short(sum(slot.values)) : '';
    svg.append(text);
  });
}

// Reading values and selecting a range, by pointer and by keyboard.
function attend(svg, chart, readout) {
  const cursor = shape('line', {class: 'cursor', y1: top, y2: chart.height - bottom, visibility: 'hidden'});
  const selected = shape('rect', {class: 'selected', y: top, height: chart.height - top - bottom, visibility: 'hidden'});
  const last = chart.slots.length - 1;
  let at = -1, anchor = -1;
  svg.append(selected, cursor);

  function show(index) {
    at = Math.max(0, Math.min(last, index));
    const x = chart.x(at + .5), some = anchor >= 0 && anchor !== at;
    cursor.setAttribute('x1', x);
    cursor.setAttribute('x2', x);
    cursor.setAttribute('visibility', 'visible');
    const from = Math.min(at, anchor), to = Math.max(at, anchor);
    selected.setAttribute('visibility', some ? 'visible' : 'hidden');
    if (some) {
      selected.setAttribute('x', chart.x(from));
      selected.setAttribute('width', chart.x(to + 1) - chart.x(from));
    }
    readout.textContent = some ? `${chart.slots[from].long} – ${chart.slots[to].long}` : chart.slots[at].told;
  }
  function choose() {
    if (chart.onSelect && anchor >= 0 && anchor !== at)
      chart.onSelect(Math.min(at, anchor), Math.max(at, anchor));
    anchor = -1;
  }
  const slotAt = event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * chart.width / box.width;
    return Math.floor((x - left) / (chart.x(1) - chart.x(0)));
  };
  svg.addEventListener('pointermove', event => show(slotAt(event)));
  svg.addEventListener('pointerdown', event => {
    if (!chart.onSelect || event.pointerType === 'touch')
      return show(slotAt(event));
    svg.setPointerCapture(event.pointerId);
    show(slotAt(event));
    anchor = at;
  });
  svg.addEventListener('pointerup', choose);
  svg.addEventListener('pointercancel', () => { anchor = -1; });
  svg.addEventListener('keydown', event => {
    const to = {ArrowLeft: at < 0 ? last : at - 1, ArrowRight: at + 1, Home: 0, End: last}[event.key];
    if (to !== undefined) {
      anchor = event.shiftKey && chart.onSelect ? (anchor < 0 ? Math.max(at, 0) : anchor) : -1;
      show(to);
    } else if (event.key === 'Enter') {
      choose();
    } else if (event.key === 'Escape' && at >= 0) {
      anchor = -1;
      show(at);
    } else {
      return;
    }
    event.preventDefault();
  });
}

// Draws `chart` into `host` in the place of what was there. chart: {name, summary, height, kind:
// 'columns' or 'line', series: [{name, style}], labels: values above the columns, slots: [{short, long,
// told, values, missing: 0 to 1}], onSelect(from, to) or none}.
export function draw(host, chart) {
  chart.width = Math.max(260, host.clientWidth);
  const svg = frame(chart);
  const readout = element('p', {class: 'readout', 'aria-live': 'polite'});
  drawGaps(svg, chart);
  if (chart.kind === 'line')
    drawLine(svg, chart);
  else
    drawColumns(svg, chart);
  drawZeros(svg, chart);
  if (chart.labels)
    drawValues(svg, chart);
  drawLabels(svg, chart);
  attend(svg, chart, readout);
  host.replaceChildren(svg, readout);
  if (chart.series.length > 1)
    host.append(element('ul', {class: 'series'}, ...chart.series.map(series =>
      element('li', {}, element('i', {class: series.style, 'aria-hidden': 'true'}), series.name))));
}

// A table: heads are [text, is a number], cells text or an element.
export function table(caption, heads, rows) {
  const style = i => heads[i][1] ? {class: 'number'} : {};
  return element('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
    element('table', {},
      element('caption', {class: 'unseen'}, caption),
      element('thead', {}, element('tr', {},
        ...heads.map(([text], i) => element('th', {scope: 'col', ...style(i)}, text)))),
      element('tbody', {}, ...rows.map(cells => element('tr', {},
        ...cells.map((cell, i) => element(i ? 'td' : 'th', {...style(i), ...(i ? {} : {scope: 'row'})}, cell)))))));
}

// The same values for who does not see the chart; made when it is opened.
export function tableBehind(host, caption, heads, rows) {
  const details = element('details', {}, element('summary', {}, `${word('table')}: ${caption}`));
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1)
      details.append(table(caption, heads, rows()));
  });
  host.append(details);
}

// Draws anew what is in `hosts` and leaves readers where they were: tables open, the focus where it was.
export function keepPlaces(hosts, redraw) {
  const places = [...hosts].map(host => ({host, open: host.querySelector('details')?.open,
    focus: host.contains(document.activeElement) ? document.activeElement.localName : null}));
  redraw();
  for (const {host, open, focus} of places) {
    if (open)
      host.querySelector('details')?.setAttribute('open', '');
    if (focus)
      host.querySelector(focus)?.focus({preventScroll: true});
  }
}

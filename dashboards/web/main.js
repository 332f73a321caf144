// The page: what is shown, from when to when, in which language; asks the API and has the panels drawn.

import {get, extent, addDays, daysBetween, stepFor, dateIn} from '/data.js';
import {keepPlaces} from '/chart.js';
import {drawHeadline, drawAnnual, drawDays, drawClasses, drawPorts, drawSensors} from '/panels.js';
import {setLanguage, current, word, moment} from '/words.js';

const refreshMs = 60000, retryMs = 5000;
const status = document.getElementById('status');
const state = {days: 365, range: null, found: null, asked: 0};

// --- settings --------------------------------------------------------------------------------------

function remembered() {
  try {
    return localStorage.getItem('language');
  } catch {
    return null;
  }
}

function remember(language) {
  try {
    localStorage.setItem('language', language);
  } catch { /* then not */ }
}

// --- showing ---------------------------------------------------------------------------------------

function say(text, how) {
  status.textContent = text;
  status.dataset.state = how;
}

function showRange() {
  for (const button of document.querySelectorAll('[data-days]'))
    button.setAttribute('aria-pressed', String(Number(button.dataset.days) === state.days));
  if (!state.range)
    return;
  document.getElementById('from').value = state.range.from;
  document.getElementById('until').value = addDays(state.range.to, -1);
}

function show() {
  const {telescope, annual, sensors, days, classes, ports} = state.found;
  const zone = telescope.timezone;
  document.getElementById('telescope').textContent = zone;
  showRange();
  keepPlaces(document.querySelectorAll('.chart'), () => {
    drawHeadline(annual, extent(sensors, zone));
    drawAnnual(annual);
    drawDays(days, zone, select);
    const observed = days.rows.some(row => row.packets != null);
    drawClasses(classes, zone, select, observed);
    drawPorts(ports, observed);
    drawSensors(sensors, zone);
  });
  say(word('updated')(moment(state.found.at, zone)), 'ready');
}

// --- asking ----------------------------------------------------------------------------------------

function rangeOf(whole) {
  if (state.days === null)
    return state.range;
  const from = state.days ? addDays(whole.to, -state.days) : whole.from;
  return {from: from > whole.from ? from : whole.from, to: whole.to};
}

async function askRange(range, sensors) {
  if (!range)
    return {days: {rows: [], step: 'day'}, classes: {rows: [], step: 'day'}, ports: []};
  const length = daysBetween(range.from, range.to);
  const fine = stepFor(length, false, sensors), coarse = stepFor(length, true, sensors);
  const [days, classes, ports] = await Promise.all([
    get('query', {...range, step: fine}),
    get('query', {...range, step: coarse, by: 'class'}),
    get('query', {...range, by: 'port', top: 10}),
  ]);
  return {days: {rows: days.rows, step: fine}, classes: {rows: classes.rows, step: coarse}, ports: ports.rows};
}

async function load() {
  const mine = ++state.asked;
  try {
    const [telescope, annual, sensors] = await Promise.all([get('telescope'), get('annual'), get('sensors')]);
    const whole = extent(sensors.rows, telescope.timezone);
    const range = whole && rangeOf(whole);
    const parts = await askRange(range, sensors.rows.length);
    if (mine !== state.asked)
      return;
    state.range = range;
    state.found = {telescope, annual: annual.rows, sensors: sensors.rows, ...parts, at: Date.now()};
    show();
    again(refreshMs);
  } catch (error) {
    if (mine !== state.asked)
      return;
    say(word('failed')(error.message), 'failed');
    again(retryMs);
  }
}

let timer;
function again(afterMs) {
  clearTimeout(timer);
  timer = setTimeout(() => document.hidden ? again(afterMs) : load(), afterMs);
}

// --- what people do --------------------------------------------------------------------------------

// The whole days from the instant `from` to the instant `to`, which is null where the range ends.
function select(from, to) {
  const zone = state.found.telescope.timezone;
  choose(dateIn(zone, from), to ? addDays(dateIn(zone, Date.parse(to) - 1), 1) : state.range.to);
}

function choose(from, to) {
  if (from >= to)
    return say(word('badRange'), 'failed');
  state.days = null;
  state.range = {from, to};
  load();
}

for (const button of document.querySelectorAll('[data-days]'))
  button.addEventListener('click', () => {
    state.days = Number(button.dataset.days);
    load();
  });

document.getElementById('range').addEventListener('submit', event => {
  event.preventDefault();
  choose(document.getElementById('from').value, addDays(document.getElementById('until').value, 1));
});

for (const button of document.querySelectorAll('[data-lang]'))
  button.addEventListener('click', () => {
    remember(button.dataset.lang);
    setLanguage(button.dataset.lang);
    if (state.found)
      show();
  });

let width = 0;
new ResizeObserver(() => {
  if (state.found && width !== document.body.clientWidth)
    show();
  width = document.body.clientWidth;
}).observe(document.body);

const asked = new URLSearchParams(location.search).get('lang');
setLanguage(asked ?? remembered() ?? navigator.language.slice(0, 2));
load();

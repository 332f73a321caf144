// The API, and calendar dates of the telescope's time zone.

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined)).toString();
  let response;
  try {
    response = await fetch(`/api/v1/${path}${query ? '?' + query : ''}`);
  } catch {
    throw new Error('no connection');
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new Error(answer.error || `HTTP ${response.status}`);
  return answer;
}

// "2025-09-22" of an instant.
export function dateIn(zone, instant) {
  const parts = new Intl.DateTimeFormat('en-US', {timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit'})
    .formatToParts(new Date(instant));
  const part = type => parts.find(p => p.type === type).value;
  return `${part('year')}-${part('month')}-${part('day')}`;
}

export function addDays(date, days) {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

export const daysBetween = (from, to) =>
  Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86400000);

// Into what a range is cut so that it can be seen, and that the API gives of so many sensors at once;
// `coarse` where every period has several values. Undefined: one period.
export function stepFor(days, coarse, sensors) {
  const steps = [['hour', 24, 3], ['day', 1, coarse ? 120 : 3650], ['month', 1 / 28, Infinity], ['year', 1 / 365, Infinity]];
  const most = 50000 / Math.max(1, sensors);
  return steps.find(([, periods, longest]) => days <= longest && days * periods + 1 <= most)?.[0];
}

// From the first day that any sensor observed to the day after the last; null without data.
export function extent(sensors, zone) {
  const seen = sensors.filter(s => s.last_observed != null);
  if (seen.length === 0)
    return null;
  const first = seen.map(s => s.first_observed).sort()[0];
  const last = seen.map(s => s.last_observed).sort().pop();
  return {from: dateIn(zone, first), to: addDays(dateIn(zone, last), 1)};
}

// Rows of several a period, as one entry for each period: its start, and what `key` says of each row
// with its packets; null where nothing is known.
export function byPeriod(rows, key) {
  const periods = new Map();
  for (const row of rows) {
    if (!periods.has(row.start))
      periods.set(row.start, row.packets == null ? null : new Map());
    if (row.packets != null)
      periods.get(row.start).set(key(row), row.packets);
  }
  return periods;
}

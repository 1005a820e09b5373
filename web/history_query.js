/** Which time is chosen: from the page's address to questions to the API, and to words. */

import {dayInWords, dayOf, daysFrom, isZone, later, ownZone, today, WEEKDAYS} from './days.js';

/** Value in the address, and text, of times that move on with the day. */
export const SPANS = [['today', 'Today'], ['yesterday', 'Yesterday'], ['week', 'Last 7 days'],
                      ['all', 'All']];

/**
 * Return the time zone of all times.
 * @param {Object} state the page's
 * @returns {string} that of the address, or else the browser's
 */
export function zoneOf(state) {
  return state.zone && isZone(state.zone) ? state.zone : ownZone();
}

/**
 * Return which of the moving times is chosen.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {string} nothing if days are given
 */
export function spanOf(state, overview) {
  if (state.from || state.to) return '';
  if (SPANS.some(([value]) => value === state.span)) return state.span;
  const last = overview.days.at(-1)?.date ?? '';
  return last && last > later(today(zoneOf(state)), -7) ? 'week' : 'all';
}

/**
 * Return the days that are chosen.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {{from: string, to: string}} as the API takes them: `to` is not part of it; without a
 *     limit it is empty
 */
export function daysChosen(state, overview) {
  const span = spanOf(state, overview);
  const now = today(zoneOf(state));
  if (!span) return {from: state.from ?? '', to: state.to ?? ''};
  if (span === 'today') return {from: now, to: later(now, 1)};
  if (span === 'yesterday') return {from: later(now, -1), to: now};
  return span === 'week' ? {from: later(now, -6), to: later(now, 1)} : {from: '', to: ''};
}

/**
 * Return the first and the last day that are chosen, as far as there is a history.
 * @param {{from: string, to: string}} days as of `daysChosen`
 * @param {Object} overview what the API says of the history
 * @returns {{first: string, last: string}}
 */
export function firstAndLast(days, overview) {
  const known = overview.days.map(day => day.date);
  // Until 08:00 of a day is in that day, until its 00:00 in the one before.
  const end = dayOf(days.to);
  const last = end && (days.to.length > 10 && !days.to.endsWith('T00:00') ? end : later(end, -1));
  return {first: dayOf(days.from) || known[0], last: last || known.at(-1)};
}

/**
 * Return the other time, that the first is compared with.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {?{from: string, to: string, hours: string, weekdays: string}} null without one
 */
export function otherTime(state, overview) {
  if (state.against === 'before') {
    const {first, last} = firstAndLast(daysChosen(state, overview), overview);
    const count = daysFrom(first, last) + 1;
    return {from: later(first, -count), to: first, hours: state.hours ?? '',
            weekdays: state.weekdays ?? ''};
  }
  if (state.against !== 'own') return null;
  return {from: state.against_from ?? '', to: state.against_to ?? '',
          hours: state.against_hours ?? '', weekdays: state.against_weekdays ?? ''};
}

/**
 * Return the version of camera and places that is asked about.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {Object} the chosen one, or else the newest one that the chosen days touch
 */
export function viewOf(state, overview) {
  const chosen = overview.views.find(view => String(view.view) === state.setup);
  if (chosen) return chosen;
  const {first} = firstAndLast(daysChosen(state, overview), overview);
  const {last} = firstAndLast(daysChosen(state, overview), overview);
  // Days begin at most 14 h before or after those of UTC.
  const [begin, end] = [Date.parse(first) / 1000 - 14 * 3600, Date.parse(last) / 1000 + 38 * 3600];
  const touched = overview.views.filter(view => view.end_s > begin && view.begin_s < end);
  return newest(touched) ?? newest(overview.views);
}

/**
 * Return whether the chosen days have counts of older versions, which are not asked about.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {boolean}
 */
export function hasOlder(state, overview) {
  const {first} = firstAndLast(daysChosen(state, overview), overview);
  const begin = Date.parse(first) / 1000 - 14 * 3600;
  const asked = viewOf(state, overview);
  return !state.setup && overview.views.some(
    view => view.begin_s < asked.begin_s && view.end_s > begin);
}

function newest(views) {
  return [...views].sort((one, other) => one.end_s - other.end_s).at(-1);
}

/**
 * Return what a question to the API says of time, view and classes.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @param {Object} time `from`, `to`, `hours` and `weekdays`
 * @param {Object} more further values by name; empty ones are left out
 * @returns {URLSearchParams}
 */
export function question(state, overview, time, more = {}) {
  const query = new URLSearchParams();
  const several = overview.views.length > 1;
  const values = {...time, timezone: zoneOf(state),
                  view: several ? viewOf(state, overview).view : '', ...more};
  for (const [name, value] of Object.entries(values)) if (value) query.set(name, value);
  for (const name of classesOf(state)) query.append('classes', name);
  return query;
}

/**
 * Return classes as the address has them.
 * @param {string[]} names none for all
 * @returns {string}
 */
export function classesAsText(names) {
  return names.map(encodeURIComponent).join(',');
}

/**
 * Return the classes that are chosen.
 * @param {Object} state the page's
 * @returns {string[]} none for all
 */
export function classesOf(state) {
  try {
    return (state.classes ?? '').split(',').filter(Boolean).map(decodeURIComponent);
  } catch {  // an address that somebody has typed
    return [];
  }
}

/**
 * Return the time that is chosen, as a question takes it.
 * @param {Object} state the page's
 * @param {Object} overview what the API says of the history
 * @returns {{from: string, to: string, hours: string, weekdays: string}}
 */
export function timeChosen(state, overview) {
  return {...daysChosen(state, overview), hours: state.hours ?? '',
          weekdays: state.weekdays ?? ''};
}

/**
 * Say a time in words, as 'Fri, 20 Nov 2026 to Thu, 26 Nov 2026, 8–10 h, mon–fri'.
 * @param {Object} time `from`, `to`, `hours` and `weekdays`
 * @param {Object} overview what the API says of the history
 * @returns {string}
 */
export function inWords(time, overview) {
  const {first, last} = firstAndLast(time, overview);
  const days = first === last ? dayInWords(first) : `${dayInWords(first)} to ${dayInWords(last)}`;
  const hours = time.hours ? `, ${time.hours.replaceAll('-', '–')} h` : '';
  const weekdays = time.weekdays ? `, ${time.weekdays.replaceAll('-', '–').replaceAll(',', ', ')}`
    : '';
  return `${days}${hours}${weekdays}`;
}

/**
 * Return the weekdays that text names, as 'mon-fri' or 'sat,sun'.
 * @param {string} text empty for all
 * @returns {Set<string>}
 */
export function weekdaysIn(text) {
  const chosen = new Set();
  for (const part of (text ?? '').toLowerCase().split(',').filter(Boolean)) {
    const [first, last] = part.split('-').map(name => WEEKDAYS.indexOf(name.trim()));
    if (first < 0) continue;
    for (let day = first; ; day = (day + 1) % 7) {
      chosen.add(WEEKDAYS[day]);
      if (day === (last === undefined || last < 0 ? first : last)) break;
    }
  }
  return chosen.size ? chosen : new Set(WEEKDAYS);
}

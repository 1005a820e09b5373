/** Days as text, '2026-11-25', and times in any time zone. */

const DAY_MS = 86_400_000;
const LANGUAGE = 'en-GB';
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/**
 * Return the day that it is now.
 * @param {string} zone a time zone, as 'Europe/Berlin'
 * @returns {string}
 */
export function today(zone) {
  return new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit'}).format(new Date());
}

/**
 * Return the day that comes some days later.
 * @param {string} day a day
 * @param {number} count how many days later, or earlier below zero
 * @returns {string}
 */
export function later(day, count) {
  return new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
}

/**
 * Return how many days it is from one to another.
 * @param {string} first a day
 * @param {string} other another, later one for a positive number
 * @returns {number}
 */
export function daysFrom(first, other) {
  return Math.round((Date.parse(other) - Date.parse(first)) / DAY_MS);
}

/**
 * Return a day of a time as the API takes it, or of a day.
 * @param {string} time as '2026-11-25' or '2026-11-25T08:00'
 * @returns {string} nothing if it is neither
 */
export function dayOf(time) {
  const day = (time ?? '').slice(0, 10);
  return /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(day)) ? day : '';
}

/**
 * Return a day in words, as 'Wed, 25 Nov 2026'.
 * @param {string} day a day
 * @param {boolean} short whether 'Wed 25 Nov' is enough
 * @returns {string}
 */
export function dayInWords(day, short = false) {
  return new Intl.DateTimeFormat(LANGUAGE, {
    timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short',
    year: short ? undefined : 'numeric'}).format(new Date(day));
}

/**
 * Return the month of a day in words, as 'Nov 2026'.
 * @param {string} day a day
 * @returns {string}
 */
export function monthInWords(day) {
  return new Intl.DateTimeFormat(LANGUAGE, {
    timeZone: 'UTC', month: 'short', year: 'numeric'}).format(new Date(day));
}

/**
 * Return a time in words, as '25 Nov 2026, 08:15:30'.
 * @param {number} seconds since 1970 UTC
 * @param {string} zone a time zone
 * @returns {string}
 */
export function timeInWords(seconds, zone) {
  return new Intl.DateTimeFormat(LANGUAGE, {
    timeZone: zone, day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit',
    minute: '2-digit', second: '2-digit'}).format(new Date(seconds * 1000));
}

/**
 * Return the browser's time zone.
 * @returns {string}
 */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/**
 * Return the time zones to choose from.
 * @returns {string[]} the browser's own first, then UTC, then all others that it knows
 */
export function zones() {
  const known = Intl.supportedValuesOf?.('timeZone') ?? [];
  return [...new Set([ownZone(), 'UTC', ...known])];
}

/**
 * Return whether the browser knows a time zone.
 * @param {string} zone its name
 * @returns {boolean}
 */
export function isZone(zone) {
  try {
    new Intl.DateTimeFormat(LANGUAGE, {timeZone: zone});
    return true;
  } catch {
    return false;
  }
}

/** What is counted, in words and with units; and how numbers are written. */

/** Name, heading and unit of what a place counts. */
const QUANTITIES = [
  ['tracks', 'Distinct objects', ''], ['entries', 'Entries', ''], ['exits', 'Exits', ''],
  ['occupancy', 'Dwell time', 's'], ['forward', 'Forward', ''], ['backward', 'Backward', '']];
const OF_REGIONS = ['entries', 'tracks', 'exits', 'occupancy'];
const OF_LINES = ['forward', 'backward'];

/**
 * Return what a place counts, the most asked for first.
 * @param {boolean} isLine whether it is a line, not a region
 * @returns {string[]}
 */
export function quantitiesOf(isLine) {
  return isLine ? OF_LINES : OF_REGIONS;
}

/**
 * Return the heading of a quantity.
 * @param {string} what its name in the API
 * @returns {string}
 */
export function headingOf(what) {
  const [, heading, unit] = QUANTITIES.find(([name]) => name === what) ?? [what, what, ''];
  return unit ? `${heading} (${unit})` : heading;
}

/**
 * Write a number with about three digits, as '1.2k', '318' or '4.5'.
 * @param {number|null} value a number, or null for none
 * @returns {string}
 */
export function brief(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) {
    return new Intl.NumberFormat('en', {
      notation: 'compact', maximumSignificantDigits: 3}).format(value);
  }
  return new Intl.NumberFormat('en', {
    maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 1}).format(value);
}

/**
 * Write for how long a camera was watched.
 * @param {number} seconds how long
 * @returns {string} as '52 s watched', '12.5 min watched' or '1,204.3 h watched'
 */
export function timeWatched(seconds) {
  const [size, unit] = seconds < 120 ? [1, 's'] : seconds < 7200 ? [60, 'min'] : [3600, 'h'];
  return `${written(seconds / size, 1)} ${unit} watched`;
}

/**
 * Write a number in full, as '54,070' or '196.3'.
 * @param {number|null} value a number, or null for none
 * @param {number} digits after the point, at most
 * @returns {string}
 */
export function written(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return new Intl.NumberFormat('en', {maximumFractionDigits: digits}).format(value);
}

/** What was counted at the places of a camera, at one time or at two. */

import {element} from './dom.js';
import {headingOf, quantitiesOf, timeWatched, written} from './quantities.js';

/**
 * Return a table of counts, also per hour watched.
 * @param {Object} view which regions and lines there are
 * @param {Array<Object>} rows of `counts` in total
 * @param {?Array<Object>} others those of the time that it is compared with, or null
 * @returns {HTMLElement}
 */
export function countsTable(view, rows, others) {
  const [one, other] = [byPlace(rows), others && byPlace(others)];
  const places = [...view.regions.map(name => [name, false]),
                  ...view.lines.map(name => [name, true])];
  const headings = other
    ? ['A', 'an hour', 'B', 'an hour', 'Change'] : ['Count', 'Per hour watched'];
  const body = places.map(([place, isLine]) => element(
    'tbody', {}, element('tr', {class: 'place'}, element(
      'th', {scope: 'rowgroup', colSpan: headings.length + 1, textContent: place})),
    ...quantitiesOf(isLine).map(what => {
      const [a, b] = [one.get(place)?.[what], other?.get(place)?.[what]];
      return element(
        'tr', {}, element('th', {scope: 'row', textContent: headingOf(what)}),
        ...numbers(a, watched(rows)), ...other ? numbers(b, watched(others)) : [],
        other ? element('td', {class: 'ratio', textContent: ratio(a, b)}) : null);
    })));
  const seen = [rows, others].filter(Boolean).map((of, number) => (
    `${other ? 'AB'[number] + ': ' : ''}${timeWatched(watched(of))}, `
    + `${written(of[0]?.frames ?? 0)} frames`)).join('; ');
  return element('div', {}, element('p', {class: 'muted', textContent: seen}), element(
    'div', {class: 'scrolled', tabIndex: 0, role: 'region', 'aria-label': 'Table of counts'},
    element('table', {class: 'counts'},
            element('thead', {}, element('tr', {}, element('td'), ...headings.map(
              text => element('th', {scope: 'col', textContent: text})))), ...body)));
}

/** Return the seconds that were watched. */
function watched(rows) {
  return rows[0]?.watched_s ?? 0;
}

function byPlace(rows) {
  const places = new Map();
  for (const row of rows.filter(one => !one.class)) {
    if (!places.has(row.place)) places.set(row.place, {});
    places.get(row.place)[row.what] = row;
  }
  return places;
}

function numbers(row, seconds) {
  // What did not happen has no row; where nobody looked, that is not known.
  const [value, rate] = row ? [row.value, row.per_hour] : seconds ? [0, 0] : [null, null];
  return [element('td', {textContent: written(value)}),
          element('td', {textContent: written(rate, 1)})];
}

/** Return by how much more there was an hour, in words. */
function ratio(one, other) {
  const [a, b] = [one?.per_hour ?? 0, other?.per_hour ?? 0];
  if (!b) return a ? 'only in A' : '–';
  const percent = Math.round((a / b - 1) * 100);
  return percent > 0 ? `+${written(percent)} %` : percent < 0 ? `−${written(-percent)} %` : 'same';
}

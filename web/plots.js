/** Small plots of what was counted in the last hour. */

import {drawn, element} from './dom.js';
import {brief} from './quantities.js';

const WIDTH = 240;
const HEIGHT = 44;
const MINUTE_S = 60;

/**
 * Put periods together to minutes.
 * @param {Array<number|null>} values one for each period; null where nothing was heard
 * @param {number} period seconds of a period
 * @param {boolean} mean whether a minute is the mean of its periods, not their sum
 * @returns {Array<number|null>} the oldest first
 */
export function byMinute(values, period, mean) {
  const each = Math.max(1, Math.round(MINUTE_S / period));
  const minutes = [];
  for (let end = values.length; end > 0; end -= each) {
    const known = values.slice(Math.max(0, end - each), end).filter(value => value !== null);
    const sum = known.reduce((total, value) => total + value, 0);
    minutes.unshift(known.length ? sum / (mean ? known.length : 1) : null);
  }
  return minutes;
}

/**
 * Draw bars of the last hour.
 * @param {string} title what they are, in words
 * @param {string} unit of a bar, as 'a minute'; may be empty
 * @param {Array<number|null>} up a value for each minute, drawn upwards
 * @param {Array<number|null>} down the same downwards, for the other direction; may be left out
 * @returns {HTMLElement}
 */
export function plot(title, unit, up, down = null) {
  const highest = Math.max(...up, ...(down ?? []));  // null counts as 0
  const top = Math.max(1, highest);
  const middle = down ? HEIGHT / 2 : HEIGHT;
  const step = WIDTH / up.length;
  const chart = drawn('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
                              role: 'img', 'aria-label': inWords(title, unit, up, down)});
  const bar = (value, number, kind) => {
    if (value === null) {
      chart.append(drawn('rect', {class: 'unknown', x: number * step, y: middle - 1, height: 2,
                                  width: step}));
    } else if (value > 0) {
      const height = Math.max(1.5, value / top * (middle - 1));
      chart.append(drawn('rect', {class: kind, x: number * step, width: Math.max(1, step - 0.8),
                                  height, y: kind === 'up' ? middle - height : middle}));
    }
  };
  up.forEach((value, number) => bar(value, number, 'up'));
  (down ?? []).forEach((value, number) => bar(value, number, 'down'));
  chart.append(drawn('line', {x1: 0, x2: WIDTH, y1: middle - 0.5, y2: middle - 0.5}));
  return element(
    'figure', {class: 'plot'}, chart, element(
      'figcaption', {class: 'muted'}, element('span', {textContent: title}),
      element('span', {textContent: `highest ${brief(highest)} ${unit}`.trim()})));
}

function inWords(title, unit, up, down) {
  const of = values => {
    const known = values.filter(value => value !== null);
    if (!known.length) return 'nothing is known yet';
    const sum = known.reduce((total, value) => total + value, 0);
    return `${`mean ${brief(sum / known.length)} ${unit}`.trim()}, highest `
      + brief(Math.max(...known));
  };
  return `${title}, the last hour: ${of(up)}` + (down ? `; downwards ${of(down)}` : '');
}

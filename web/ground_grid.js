/** A grid of metres on the floor, as the ground points say it. */

import {drawn} from './dom.js';
import {fitPlane} from './geometry.js';

const MOST_LINES = 14;
const STEPS = [0.5, 1, 2, 5, 10, 20, 50, 100, 1000];

/**
 * Return what is wrong with ground points.
 * @param {Object} shape the ground points, with `metres`
 * @returns {string} in words; '' if nothing is
 */
export function groundProblem(shape) {
  if (!shape.metres.flat().every(Number.isFinite)) return 'a number of metres is missing';
  return mapping(shape, point => point) ? '' : 'these points and metres do not fit on one floor: '
    + 'give them in the same order, and no three on a line';
}

/** Return a function from metres to the picture, null if the points do not say it. */
function mapping({points, metres}, toView) {
  const scale = Math.max(...metres.flat().map(Math.abs)) || 1;
  const [x0, y0] = metres[0];
  const scaled = ([x, y]) => [(x - x0) / scale, (y - y0) / scale];
  const map = fitPlane(metres.map(scaled), points.map(toView));
  return map && (point => map(scaled(point)));
}

/**
 * Draw a line for each so many metres between the ground points.
 * @param {SVGElement} group what it is drawn in, without what was there
 * @param {Object} shape the ground points, with `metres`
 * @param {function([number, number]): [number, number]} px from fractions of the picture to px
 */
export function drawGround(group, shape, px) {
  const lines = [];
  // In fractions: equations with px as well as metres would lose digits.
  const map = groundProblem(shape) ? null : mapping(shape, point => point);
  if (map) {
    const [xs, ys] = [0, 1].map(axis => shape.metres.map(point => point[axis]));
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const step = STEPS.find(one => Math.max(right - left, high - low) / one <= MOST_LINES) ?? 1e4;
    for (let x = Math.ceil(left / step) * step; x <= right; x += step) {
      lines.push([[x, low], [x, high]]);
    }
    for (let y = Math.ceil(low / step) * step; y <= high; y += step) {
      lines.push([[left, y], [right, y]]);
    }
  }
  group.replaceChildren(...lines.flatMap(ends => {
    const [a, b] = ends.map(end => px(map(end)));
    if (![...a, ...b].every(value => Math.abs(value) < 1e5)) return [];
    return [drawn('line', {x1: a[0], y1: a[1], x2: b[0], y2: b[1]})];
  }));
}

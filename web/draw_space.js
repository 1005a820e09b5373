/** Between coordinates of shapes, places on the page and numbers for people. */

/**
 * How a camera's shapes are given: `bounds` and `digits` as of `ShapesModel`; functions from and
 * to fractions of the shown picture, y downwards; and to numbers that people read, of `unit`.
 * @param {Object} content answer of `shapes`
 * @param {{width: number, height: number}|null} picture its size in px, if known
 * @returns {Object}
 */
export function spaceOf(content, picture) {
  if (content.unit === 'm') return floorSpace(content.extent);
  const [width, height] = picture ? [picture.width, picture.height] : [100, 100];
  return {
    bounds: [0, 0, 1, 1], digits: 5, unit: picture ? 'px' : '%',
    toView: point => point, fromView: point => point,
    written: ([x, y]) => [(x * width).toFixed(1), (y * height).toFixed(1)].map(Number),
    read: ([x, y]) => [x / width, y / height],
    ends: [width, height], step: [1 / width, 1 / height]};
}

function floorSpace([left, low, right, high]) {
  const [width, height] = [right - left, high - low];
  return {
    bounds: [left, low, right, high], digits: 3, unit: 'm',
    toView: ([x, y]) => [(x - left) / width, (high - y) / height],
    fromView: ([x, y]) => [left + x * width, high - y * height],
    written: ([x, y]) => [Number(x.toFixed(2)), Number(y.toFixed(2))],
    read: point => point,
    ends: null, step: [width / 500, -height / 500]};
}

/** Points and lines in the plane; a point is [x, y]. */

/**
 * Return whether two sides of a polygon cross; those that only touch do not.
 * @param {Array<[number, number]>} points its corners
 * @returns {boolean}
 */
export function crossesItself(points) {
  const side = (a, b, point) => Math.sign(
    (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]));
  const apart = (a, b, c, d) => side(a, b, c) * side(a, b, d) < 0;
  const next = number => points[(number + 1) % points.length];
  return points.some((a, first) => points.slice(first + 1).some((c, offset) => {
    const [b, d] = [next(first), next(first + 1 + offset)];
    return apart(a, b, c, d) && apart(c, d, a, b);
  }));
}

/**
 * Return the area of a polygon.
 * @param {Array<[number, number]>} points its corners
 * @returns {number} never below 0
 */
export function area(points) {
  const twice = points.reduce((sum, [x, y], number) => {
    const [nextX, nextY] = points[(number + 1) % points.length];
    return sum + x * nextY - y * nextX;
  }, 0);
  return Math.abs(twice) / 2;
}

/**
 * Return how far two points are from each other.
 * @param {[number, number]} a
 * @param {[number, number]} b
 * @returns {number}
 */
export function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/**
 * Return the place in the middle of a line's length, and which way is forward there.
 * @param {Array<[number, number]>} points of the line, y downwards
 * @returns {{at: [number, number], forward: [number, number]}} `forward` has length 1: to the
 *     right of who looks along the line
 */
export function forwardOf(points) {
  const lengths = points.slice(1).map((point, number) => distance(points[number], point));
  let rest = lengths.reduce((sum, length) => sum + length, 0) / 2;
  let number = 0;
  while (number < lengths.length - 1 && rest > lengths[number]) rest -= lengths[number++];
  const [a, b] = [points[number], points[number + 1]];
  const length = lengths[number] || 1;
  const way = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  return {at: [a[0] + way[0] * rest, a[1] + way[1] * rest], forward: [-way[1], way[0]]};
}

/**
 * Fit the mapping of one plane to another, by least squares.
 * @param {Array<[number, number]>} from four or more points
 * @param {Array<[number, number]>} to where they are in the other plane
 * @returns {function([number, number]): [number, number]|null} maps a point; null where the
 *     points do not say it, since three of four are on a line
 */
export function fitPlane(from, to) {
  const sums = Array.from({length: 8}, () => new Array(9).fill(0));
  from.forEach(([x, y], number) => {
    const [u, v] = to[number];
    for (const [row, value] of [[[x, y, 1, 0, 0, 0, -u * x, -u * y], u],
                                [[0, 0, 0, x, y, 1, -v * x, -v * y], v]]) {
      row.forEach((a, i) => {
        row.forEach((b, j) => { sums[i][j] += a * b; });
        sums[i][8] += a * value;
      });
    }
  });
  const h = solve(sums);
  if (!h) return null;
  const depth = ([x, y]) => h[6] * x + h[7] * y + 1;
  if (from.some(point => depth(point) < 1e-6)) return null;  // behind the camera
  return ([x, y]) => [(h[0] * x + h[1] * y + h[2]) / depth([x, y]),
                      (h[3] * x + h[4] * y + h[5]) / depth([x, y])];
}

/** Solve equations, each a row with its right side last; null if they have no one solution. */
function solve(rows) {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let best = column;
    for (let row = column; row < size; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
    }
    if (Math.abs(rows[best][column]) < 1e-9) return null;
    [rows[column], rows[best]] = [rows[best], rows[column]];
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let k = column; k <= size; k++) rows[row][k] -= factor * rows[column][k];
    }
  }
  return rows.map((row, number) => row[size] / row[number]);
}

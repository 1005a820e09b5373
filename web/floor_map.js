/** The map of the floor from above, with its hotspots. */

import {drawn, element} from './dom.js';
import {brief} from './quantities.js';

/** Shows the map of the floor of one camera. */
export class FloorMap {
  /** @param {Object} api of the page */
  constructor(api) {
    this._api = api;
    this._picture = element('img', {alt: 'Map of the heat on the floor, seen from above'});
    this._marks = drawn('svg', {'aria-hidden': 'true'});
    this._text = element('p', {class: 'muted small'});
    this._hotspots = element('ol', {class: 'hotspots small'});
    this.element = element(
      'section', {class: 'panel floor', 'aria-label': 'Floor', hidden: true},
      element('h2', {textContent: 'Floor from above'}),
      element('div', {class: 'floor-map'}, this._picture, this._marks), this._text,
      this._hotspots);
  }

  /**
   * Ask for the map and show it.
   * @param {string} path of the camera in the API
   * @param {AbortSignal} signal to drop the question
   */
  async load(path, signal) {
    try {
      const [about, map] = await Promise.all([
        this._api.getJson(`${path}/floor`, {signal}),
        this._api.getBlob(`${path}/floor.png`, {signal})]);
      this._show(about, map);
      this.element.hidden = false;
    } catch (error) {
      if (error.name === 'AbortError') return;
      this._text.textContent = error.message;
    }
  }

  _show(about, map) {
    URL.revokeObjectURL(this._picture.src);
    this._picture.src = URL.createObjectURL(map);
    const {width, height, origin, resolution} = about;
    [this._picture.width, this._picture.height] = [width, height];
    this._marks.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const size = Math.max(width, height) / 40;
    this._marks.replaceChildren(...about.hotspots.flatMap((spot, number) => {
      const [x, y] = [(spot.x - origin[0]) / resolution,
                      height - (spot.y - origin[1]) / resolution];
      const side = x > 0.85 * width ? -1 : 1;  // not beyond the map's edge
      const label = drawn('text', {x: x + 1.3 * side * size, y: y + 0.7 * size,
                                   'font-size': 2 * size,
                                   'text-anchor': side > 0 ? 'start' : 'end'});
      label.textContent = number + 1;
      return [drawn('circle', {cx: x, cy: y, r: size}), label];
    }));
    this._text.textContent = `${brief(width * resolution)} m × ${brief(height * resolution)} m in `
      + `${about.frame_id}; a cell is ${brief(resolution)} m wide`;
    this._hotspots.replaceChildren(...about.hotspots.map(spot => element(
      'li', {textContent: `${spot.label} at x ${spot.x.toFixed(1)} m, `
                          + `y ${spot.y.toFixed(1)} m`})));
  }

  /** Let the picture go. */
  close() {
    URL.revokeObjectURL(this._picture.src);
  }
}

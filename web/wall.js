/** Small pictures of all cameras, from which one is chosen. */

import {element} from './dom.js';
import {levelOf} from './health.js';
import {PictureView} from './picture_view.js';

/** Width of one half of a small picture, in px. */
export const SMALL = 240;

/** A row of small pictures; hidden where there is only one camera. */
export class Wall {
  /** @param {function(string)} onchoose told the id of a camera that is chosen */
  constructor(onchoose) {
    this._onchoose = onchoose;
    this._tiles = new Map();
    this._list = element('ul', {class: 'wall'});
    this.element = element('nav', {'aria-label': 'All cameras', hidden: true}, this._list);
  }

  /**
   * Show cameras.
   * @param {Array<Object>} cameras their states
   * @param {string} chosen id of the one that is shown large
   */
  show(cameras, chosen) {
    this.element.hidden = cameras.length < 2;
    if (this.element.hidden) return;
    if (cameras.map(one => one.id).join('\n') !== [...this._tiles.keys()].join('\n')) {
      this._tiles = new Map(cameras.map(
        one => [one.id, this._tiles.get(one.id) ?? this._tile(one)]));
      this._list.replaceChildren(...[...this._tiles.values()].map(tile => tile.element));
    }
    for (const camera of cameras) {
      const tile = this._tiles.get(camera.id);
      if (camera.id === chosen) tile.button.setAttribute('aria-current', 'true');
      else tile.button.removeAttribute('aria-current');
      const level = levelOf(camera);
      tile.state.textContent = level === 'ok' ? '' : level;
      tile.button.classList.toggle('bad', level !== 'ok');
    }
  }

  _tile(camera) {
    const view = new PictureView('');
    view.canvas.setAttribute('role', 'presentation');
    view.choose('heat');
    const state = element('span', {class: 'mark warn'});
    const button = element(
      'button', {type: 'button', class: 'tile', onclick: () => this._onchoose(camera.id)},
      view.canvas, element('span', {class: 'tile-name'},
                           element('span', {textContent: camera.name.replace(/^\//, '')}), state));
    return {element: element('li', {}, button), button, state, view};
  }

  /**
   * Show a picture of a camera.
   * @param {string} id of the camera
   * @param {ImageBitmap} picture its composite
   */
  picture(id, picture) {
    this._tiles.get(id)?.view.show(picture);
  }
}

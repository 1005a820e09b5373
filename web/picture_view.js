/** A canvas that shows the pictures of a camera in one of several ways. */

import {element} from './dom.js';

/** Ways to show a composite: its name in the address, and in words. */
export const MODES = [['both', 'Side by side'], ['overlay', 'Overlay'], ['heat', 'Heatmap'],
                      ['original', 'Original']];

/** Shows composites: the original on the left, the heatmap on the right. */
export class PictureView {
  /** @param {string} label what the picture is of, for screen readers */
  constructor(label) {
    this.canvas = element('canvas', {role: 'img', width: 640, height: 480, 'aria-label': label});
    this._drawing = this.canvas.getContext('2d');
    this._mode = 'both';
    this._opacity = 1;
    /** Whether a picture has been shown. */
    this.shown = false;
  }

  /**
   * Choose how pictures are shown from now on.
   * @param {string} mode one of `MODES`
   * @param {number} opacity of the heatmap over the original, 0 to 1, of the mode 'overlay'
   */
  choose(mode, opacity = 1) {
    this._mode = mode;
    this._opacity = opacity;
    if (this._kept) this.show(this._kept);
  }

  /**
   * Show a composite.
   * @param {ImageBitmap|HTMLCanvasElement} picture the composite, which may be closed afterwards
   */
  show(picture) {
    if (picture !== this._kept) this._keep(picture);
    const [width, height] = [picture.width / 2, picture.height];
    const half = this._mode !== 'both';
    this._size(half ? width : 2 * width, height);
    const heat = () => this._drawing.drawImage(picture, width, 0, width, height, 0, 0, width,
                                               height);
    const original = () => this._drawing.drawImage(picture, 0, 0, width, height, 0, 0, width,
                                                   height);
    if (!half) {
      this._drawing.drawImage(picture, 0, 0);
    } else if (this._mode === 'original') {
      original();
    } else {
      heat();
      if (this._mode === 'overlay') {
        this._drawing.globalAlpha = 1 - this._opacity;
        original();
        this._drawing.globalAlpha = 1;
      }
    }
    this.shown = true;
  }

  /** Keep a copy, for another way to show it while no new picture comes. */
  _keep(picture) {
    const kept = this._kept ??= document.createElement('canvas');
    if (kept.width !== picture.width || kept.height !== picture.height) {
      [kept.width, kept.height] = [picture.width, picture.height];
    }
    kept.getContext('2d').drawImage(picture, 0, 0);
  }

  _size(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
  }
}

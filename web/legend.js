/** What the colours of a heatmap stand for. */

import {duration} from './count_cards.js';
import {element} from './dom.js';
import {brief} from './quantities.js';

/** A bar of colours with the values at its ends. */
export class Legend {
  constructor() {
    this._low = element('span');
    this._high = element('span');
    this._bar = element('div', {class: 'legend-bar', role: 'img'});
    this.element = element('div', {class: 'legend', hidden: true}, this._low, this._bar,
                           this._high);
  }

  /**
   * Show colours, or nothing while they are not known.
   * @param {Object|null} legend answer of `legend`
   */
  show(legend) {
    this.element.hidden = !legend;
    if (!legend) return;
    const high = `${legend.unit === 'seconds' ? duration(legend.high)
      : `${brief(legend.high)} ${legend.unit}`} of presence`;
    this._low.textContent = brief(legend.low);
    this._high.textContent = high;
    this._bar.style.backgroundImage = `linear-gradient(to right, ${legend.colours.join(', ')})`;
    this._bar.setAttribute('aria-label', `Colours from ${brief(legend.low)} to ${high}`);
  }
}

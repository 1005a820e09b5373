/** What can be changed on a node in the view Live: its colours; pause, save and reset. */

import {confirmed} from './dialog.js';
import {choice, element, field} from './dom.js';

const COLORMAPS = [
  'AUTUMN', 'BONE', 'CIVIDIS', 'COOL', 'DEEPGREEN', 'HOT', 'HSV', 'INFERNO', 'JET', 'MAGMA',
  'OCEAN', 'PARULA', 'PINK', 'PLASMA', 'RAINBOW', 'SPRING', 'SUMMER', 'TURBO', 'TWILIGHT',
  'TWILIGHT_SHIFTED', 'VIRIDIS', 'WINTER'];
const SCALES = [['max', 'the most heat'], ['percentile', 'a percentile'],
                ['fixed', 'a fixed value']];
const UNITS = {seconds: 's', frames: 'frames'};

/** The colours of a node, for everybody who looks at it. */
export class ColourControls {
  /**
   * @param {Object} context of the page
   * @param {string} path of the camera in the API
   */
  constructor(context, path) {
    this._context = context;
    this._path = path;
    this._colormap = choice(COLORMAPS.map(name => [name, name.toLowerCase()]), 'JET',
                            colormap => this._change({colormap}));
    this._alpha = element('input', {
      type: 'range', min: 0, max: 1, step: 0.05, onchange: () => this._change(
        {alpha: Number(this._alpha.value)})});
    this._scale = choice(SCALES, 'max', normalize => this._change({normalize}));
    this._percentile = this._number('percentile', {min: 1, max: 100, step: 'any'});
    this._top = this._number('scale_max', {min: 0.001, max: 1e9, step: 'any'});
    this._percentileField = field('Percentile', this._percentile);
    this._topField = field('Top of the scale', this._top);
    this._inputs = [this._colormap, this._alpha, this._scale, this._percentile, this._top];
    this.element = element(
      'section', {class: 'panel', 'aria-label': 'Colours'},
      element('h2', {textContent: 'Colours for everybody'}),
      element('p', {class: 'muted small', textContent: 'They change on the node, and so for all '
        + 'who look at it, until it is started again.'}),
      element('div', {class: 'fields'}, field('Colormap', this._colormap),
              field('Opacity over the picture', this._alpha),
              field('Scale ends at', this._scale), this._percentileField, this._topField));
  }

  _number(name, properties) {
    const input = element('input', {
      type: 'number', ...properties, onchange: () => {
        if (input.checkValidity() && input.value) this._change({[name]: Number(input.value)});
        else this._context.say(`from ${properties.min} to ${properties.max}`, true);
      }});
    return input;
  }

  async _change(values) {
    const {success, message} = await this._context.api.send('PATCH', `${this._path}/settings`,
                                                            values);
    this._context.say(success ? `set: ${message}` : message, !success);
    this._changedAt = performance.now();
  }

  /**
   * Show how a node is set.
   * @param {Object} settings of the camera's state
   * @param {boolean} enabled whether they can be changed now
   */
  show(settings, enabled) {
    for (const input of this._inputs) input.disabled = !enabled;
    const shown = this._scale.value;
    this._percentileField.hidden = shown !== 'percentile';
    this._topField.hidden = shown !== 'fixed';
    // What has just been set is not taken back by a state from before.
    if (!settings.colormap || performance.now() < this._changedAt + 2500) return;
    const unit = UNITS[settings.unit] ?? settings.unit;
    this._topField.firstChild.textContent = `Top of the scale (${unit})`;
    [[this._colormap, settings.colormap], [this._alpha, settings.alpha],
     [this._scale, settings.normalize], [this._percentile, settings.percentile],
     [this._top, settings.scale_max]].forEach(([input, value]) => {
      if (document.activeElement !== input) input.value = value;
    });
    this._percentileField.hidden = this._scale.value !== 'percentile';
    this._topField.hidden = this._scale.value !== 'fixed';
  }
}

/** Buttons that pause, save and reset a node. */
export class NodeButtons {
  /**
   * @param {Object} context of the page
   * @param {string} path of the camera in the API
   */
  constructor(context, path) {
    this._context = context;
    this._path = path;
    this._paused = false;
    this._pause = this._button('Pause', () => this._post('pause', {paused: !this._paused}));
    this._save = this._button('Save', () => this._post('save'));
    this._reset = this._button('Reset …', () => this._askReset());
    this.element = element('div', {class: 'tools', role: 'group', 'aria-label': 'Node'},
                           this._pause, this._save, this._reset);
  }

  _button(text, onclick) {
    return element('button', {type: 'button', class: 'button', textContent: text, onclick});
  }

  async _askReset() {
    if (await confirmed(
      'Reset heat and counts?', 'All heat and all counts of this camera begin at zero again. '
      + 'What was saved, and the history, stay.', 'Reset')) {
      await this._post('reset');
    }
  }

  async _post(what, content = {}) {
    const {success, message} = await this._context.api.send('POST', `${this._path}/${what}`,
                                                            content);
    this._context.say(message || what, !success);
  }

  /**
   * Show what can be done now.
   * @param {boolean} paused whether the node is paused
   * @param {boolean} enabled whether anything can be changed now
   */
  show(paused, enabled) {
    this._paused = paused;
    this._pause.textContent = paused ? 'Resume' : 'Pause';
    for (const button of [this._pause, this._save, this._reset]) button.disabled = !enabled;
  }
}

/** The view that shows cameras live: one large, all small, with what they count. */

import {CountCards} from './count_cards.js';
import {hint} from './dialog.js';
import {element, field} from './dom.js';
import {EventsNow} from './events_now.js';
import {FloorMap} from './floor_map.js';
import {HealthText} from './health.js';
import {Legend} from './legend.js';
import {ColourControls, NodeButtons} from './live_controls.js';
import {MODES, PictureView} from './picture_view.js';
import {segments} from './segments.js';
import {SMALL, Wall} from './wall.js';

const LEGEND_MS = 3000;
const LEGEND_SOON_MS = 1200;
/** After the first picture; the node reports its scale once a second. */
const COUNTS_MS = 10000;
const FLOOR_MS = 3000;

/**
 * Show the camera that the page's state names.
 * @param {HTMLElement} container what it is shown in
 * @param {Object} context of the page
 * @returns {{update: function(Array), picture: function(Object, ImageBitmap), close: function()}}
 */
export function open(container, context) {
  return new LiveView(container, context);
}

class LiveView {
  constructor(container, context) {
    this._context = context;
    this._container = container;
    this._id = context.state.camera;
    this._path = `api/cameras/${encodeURIComponent(this._id)}`;
    this._closing = new AbortController();
    this._pictureAt = performance.now();
    this._picture = new PictureView(`${this._id}: picture and heatmap`);
    this._health = new HealthText();
    this._legend = new Legend();
    this._counts = new CountCards();
    this._events = new EventsNow();
    this._colours = new ColourControls(context, this._path);
    this._buttons = new NodeButtons(context, this._path);
    this._floor = new FloorMap(context.api);
    this._wall = new Wall(camera => context.setState({camera}, {push: true}));
    this._figures = element('dl', {class: 'figures small'});
    this._build();
    this._choose();
    this._timers = [
      repeat(LEGEND_MS, () => this._loadLegend()), repeat(COUNTS_MS, () => this._loadCounts()),
      repeat(FLOOR_MS, () => this._loadFloor())];
  }

  _build() {
    const state = this._context.state;
    const mode = MODES.some(([name]) => name === state.mode) ? state.mode : narrow() ? 'overlay'
      : 'both';
    this._modes = segments('How the picture is shown', 'mode', MODES, mode, () => {
      this._context.setState({mode: this._modes.value()});
      this._choose();
    });
    this._opacity = element('input', {
      type: 'range', min: 0, max: 100, step: 5, value: state.opacity ?? 100, oninput: () => {
        this._context.setState({opacity: this._opacity.value});
        this._choose();
      }});
    this._opacityField = field('Opacity, for you alone', this._opacity);
    const full = element('button', {type: 'button', class: 'button', textContent: 'Full screen',
                                    onclick: () => this._toggleFull()});
    full.hidden = !document.fullscreenEnabled;
    this._waiting = element('p', {class: 'waiting', textContent: 'waiting for a picture …'});
    this._stage = element('div', {class: 'stage'}, this._picture.canvas, this._waiting);
    const title = element('div', {class: 'tools'}, element(
      'h2', {textContent: this._id.replaceAll('.', '/')}), this._health.mark);
    this._container.replaceChildren(
      hint('live', 'Red is where objects have been for longest. To count who comes and goes, '
           + 'open Draw and click the corners of a region.') ?? '',
      this._wall.element,
      element(
        'div', {class: 'live'},
        element(
          'div', {class: 'live-main'},
          element(
            'section', {class: 'panel', 'aria-label': 'Picture'},
            element('div', {class: 'panel-head'}, title,
                    element('div', {class: 'tools'}, this._modes.element, full)),
            this._stage, this._health.text,
            element('div', {class: 'panel-foot'}, this._legend.element, this._opacityField,
                    this._buttons.element)),
          this._floor.element, this._colours.element),
        element('div', {class: 'live-side'}, this._counts.element, this._events.element,
                element('details', {class: 'panel'}, element(
                  'summary', {textContent: 'All figures of the node'}), this._figures))));
  }

  /** Show pictures as the controls say. */
  _choose() {
    const mode = this._modes.value();
    this._opacityField.hidden = mode !== 'overlay';
    this._picture.choose(mode, this._opacity.value / 100);
  }

  async _toggleFull() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this._stage.requestFullscreen();
  }

  update(cameras) {
    const camera = this._context.camera();
    if (!camera) return;
    const isThere = !['gone', 'stale'].includes(camera.health.level);
    const enabled = isThere && this._context.mayChange();
    this._wall.show(cameras, this._id);
    this._watch(cameras);
    this._health.show(camera, (performance.now() - this._pictureAt) / 1000);
    this._counts.show(camera);
    this._events.show(camera.events);
    this._colours.show(camera.settings, enabled);
    this._buttons.show(camera.settings.paused, enabled);
    this._hasFloor = camera.has_floor;
    this._stage.classList.toggle('old', !isThere);
    this._figures.replaceChildren(...Object.entries(camera.figures).map(([name, value]) => element(
      'div', {}, element('dt', {textContent: name}), element('dd', {textContent: value}))));
  }

  /** Ask for the large picture, and for small ones where there are several cameras. */
  _watch(cameras) {
    const small = cameras.length > 1 ? cameras.map(one => ({id: one.id, width: SMALL})) : [];
    const watched = [{id: this._id, width: 0}, ...small];
    const text = JSON.stringify(watched);
    if (text === this._watched) return;
    this._watched = text;
    this._context.watch(watched);
  }

  picture(header, picture) {
    if (header.width === SMALL) this._wall.picture(header.id, picture);
    if (header.id !== this._id || header.width !== 0) return;
    this._pictureAt = performance.now();
    if (!this._picture.shown) {
      this._timers.push(setTimeout(() => this._loadLegend(), LEGEND_SOON_MS));
    }
    this._picture.show(picture);
    this._waiting.hidden = true;
  }

  async _loadLegend() {
    if (!this._picture.shown) return;
    try {
      this._legend.show(await this._get('legend'));
    } catch (error) {
      if (error.status === 404) this._legend.show(null);  // nothing has been coloured yet
    }
  }

  async _loadCounts() {
    try {
      this._counts.showSeries(await this._get('counts'));
    } catch {
      // Without an answer the page says already that there is no connection.
    }
  }

  async _loadFloor() {
    if (this._hasFloor) await this._floor.load(this._path, this._closing.signal);
    else this._floor.element.hidden = true;
  }

  _get(what) {
    return this._context.api.getJson(`${this._path}/${what}`, {signal: this._closing.signal});
  }

  close() {
    this._closing.abort();
    this._timers.forEach(clearInterval);
    this._floor.close();
    this._container.replaceChildren();
  }
}

/** Do something now and again, unless nobody looks. */
function repeat(milliseconds, act) {
  setTimeout(act);
  return setInterval(() => {
    if (!document.hidden) act();
  }, milliseconds);
}

function narrow() {
  return matchMedia('(max-width: 600px)').matches;
}

/** Cards that show what regions and lines have counted, now and in the last hour. */

import {element} from './dom.js';
import {byMinute, plot} from './plots.js';
import {brief, written} from './quantities.js';

/** The cards of one camera. */
export class CountCards {
  constructor() {
    this._series = {period_s: 10, regions: {}, lines: {}};
    this._cards = new Map();
    this._list = element('div', {class: 'cards'});
    this._none = element('p', {class: 'muted', textContent: 'Nothing is counted yet: draw '
      + 'regions and lines in the view Draw.'});
    this.element = element('section', {class: 'panel', 'aria-label': 'Counts'},
                           element('h2', {textContent: 'Counts'}), this._none, this._list);
  }

  /**
   * Show what has been counted.
   * @param {Object} camera state of the camera
   */
  show(camera) {
    const cards = new Map();
    for (const [name, count] of Object.entries(camera.regions)) {
      this._update(cards, `region ${name}`, name, count, regionParts);
    }
    for (const [name, count] of Object.entries(camera.lines)) {
      this._update(cards, `line ${name}`, name, count, lineParts);
    }
    if ([...cards.keys()].join('\n') !== [...this._cards.keys()].join('\n')) {
      this._list.replaceChildren(...[...cards.values()].map(card => card.element));
    }
    this._cards = cards;
    this._none.hidden = cards.size > 0;
  }

  /**
   * Show the last hour.
   * @param {Object} series answer of `counts`
   */
  showSeries(series) {
    this._series = series;
    for (const card of this._cards.values()) card.showPlots(series);
  }

  _update(cards, key, name, count, partsOf) {
    const card = this._cards.get(key) ?? new Card(name, partsOf);
    card.show(count);
    if (!this._cards.has(key)) card.showPlots(this._series);
    cards.set(key, card);
  }
}

class Card {
  constructor(name, partsOf) {
    this._name = name;
    this._partsOf = partsOf;
    this._figures = element('dl');
    this._classes = element('p', {class: 'muted small'});
    this._plots = element('div', {class: 'plots'});
    this.element = element('article', {class: 'card', 'aria-label': name},
                           element('h3', {textContent: name}), this._figures, this._classes,
                           this._plots);
  }

  show(count) {
    const {figures, classes} = this._partsOf(count);
    const text = JSON.stringify([figures, classes]);
    if (text === this._text) return;
    this._text = text;
    this._figures.replaceChildren(...figures.map(([term, value, isMain]) => element(
      'div', {class: isMain ? 'main' : ''}, element('dt', {textContent: term}),
      element('dd', {textContent: value}))));
    this._classes.textContent = classes;
  }

  showPlots(series) {
    const plots = this._partsOf === regionParts
      ? regionPlots(series.regions[this._name], series.period_s)
      : linePlots(series.lines[this._name], series.period_s);
    this._plots.replaceChildren(...plots);
  }
}

function regionParts(count) {
  return {
    figures: [['Inside now', written(count.objects), true], ['Entries', written(count.entries)],
              ['Exits', written(count.exits)], ['Distinct objects', written(count.tracks)],
              ['Dwell time', duration(count.occupancy)]],
    classes: classesInWords(count.by_class, one => one.tracks)};
}

function lineParts(count) {
  return {
    figures: [['Forward', written(count.forward), true],
              ['Backward', written(count.backward), true]],
    classes: classesInWords(count.by_class, one => `${one.forward} / ${one.backward}`)};
}

function classesInWords(byClass, value) {
  const classes = Object.entries(byClass ?? {});
  return classes.length < 2 ? '' : classes.map(
    ([name, one]) => `${name} ${value(one)}`).join(', ');
}

function regionPlots(series, period) {
  if (!series) return [];
  return [plot('Inside', '', byMinute(series.objects, period, true)),
          plot('Entries', 'a minute', byMinute(series.entries, period, false))];
}

function linePlots(series, period) {
  if (!series) return [];
  return [plot('Forward (up) and backward', 'a minute', byMinute(series.forward, period, false),
               byMinute(series.backward, period, false))];
}

/**
 * Write a time in seconds as people say it.
 * @param {number} seconds how long
 * @returns {string} as '26 s', '12 min' or '3.4 h'
 */
export function duration(seconds) {
  if (seconds < 120) return `${brief(seconds)} s`;
  if (seconds < 7200) return `${brief(seconds / 60)} min`;
  return `${brief(seconds / 3600)} h`;
}

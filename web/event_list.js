/** The events of a history as a list, a page at a time. */

import {timeInWords} from './days.js';
import {element} from './dom.js';
import {written} from './quantities.js';

const PAGE = 25;
/** Names of kinds of events, by what the API calls them. */
export const KINDS = [['entry', 'Entry'], ['exit', 'Exit'], ['forward', 'Forward'],
                      ['backward', 'Backward'], ['stay', 'Long stay'], ['unusual', 'Unusual']];

/** A table of events with buttons for newer and older ones. */
export class EventList {
  /**
   * @param {function()} onmore called where the last page of several is shown, and there is more
   */
  constructor(onmore) {
    this._onmore = onmore;
    this._first = 0;
    this._place = element('p', {class: 'muted', role: 'status'});
    this._newer = this._button('Newer', -PAGE);
    this._older = this._button('Older', PAGE);
    this._rows = element('tbody');
    this.element = element(
      'div', {}, element('div', {class: 'scrolled', tabIndex: 0, role: 'region',
                                 'aria-label': 'Table of events'}, element(
        'table', {class: 'events'}, element('thead', {}, element('tr', {}, ...[
          'Time', 'What', 'Where', 'Class', 'Track', 'Stay (s)'].map(
          text => element('th', {scope: 'col', textContent: text})))), this._rows)),
      element('div', {class: 'pager'}, this._newer, this._place, this._older));
  }

  _button(text, step) {
    const button = element('button', {
      type: 'button', class: 'button', textContent: text, onclick: () => {
        if (button.getAttribute('aria-disabled') === 'true') return;
        this._first += step;
        this._draw();
        if (this._more && this._first + PAGE >= this._events.length) this._onmore();
      }});
    return button;
  }

  /**
   * Show other events.
   * @param {Array<Object>} events the newest first
   * @param {boolean} more whether there are older ones than these
   * @param {string} zone the time zone of what is shown
   * @param {boolean} longer whether it is the same list with more at its end
   */
  show(events, more, zone, longer) {
    [this._events, this._more, this._zone] = [events, more, zone];
    if (!longer || this._first >= events.length) this._first = 0;
    this._draw();
  }

  _draw() {
    const shown = this._events.slice(this._first, this._first + PAGE);
    this._rows.replaceChildren(...shown.map(one => element('tr', {}, ...[
      timeInWords(one.stamp_s ?? one.stamp, this._zone),
      KINDS.find(([kind]) => kind === one.kind)?.[1] ?? one.kind, one.place, one.class,
      one.track < 0 ? '' : String(one.track), one.seconds ? written(one.seconds, 1) : ''].map(
      text => element('td', {textContent: text})))));
    const last = this._first + shown.length;
    this._place.textContent = shown.length
      ? `${this._first + 1} to ${last} of ${written(this._events.length)}`
        + (this._more ? ' or more' : '')
      : 'no events then: periods that were merged to days keep none';
    // A button that is disabled would lose the focus to nothing.
    this._newer.setAttribute('aria-disabled', String(this._first === 0));
    this._older.setAttribute('aria-disabled', String(last >= this._events.length));
  }
}

/** The last events of a camera. */

import {element} from './dom.js';
import {KINDS} from './event_list.js';

/** A short list of what has just happened. */
export class EventsNow {
  constructor() {
    this._list = element('ol', {class: 'events-now small'});
    this._none = element('p', {class: 'muted', textContent: 'nothing yet'});
    this.element = element(
      'section', {class: 'panel', 'aria-label': 'Last events'},
      element('h2', {textContent: 'Last events'}), this._none, this._list);
  }

  /**
   * Show events.
   * @param {Array<Object>} events the newest last
   */
  show(events) {
    const text = JSON.stringify(events);
    if (text === this._shown) return;
    this._shown = text;
    this._none.hidden = events.length > 0;
    const time = new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium'});
    this._list.replaceChildren(...events.toReversed().map(one => element(
      'li', {},
      element('time', {textContent: time.format(one.stamp * 1000),
                       dateTime: new Date(one.stamp * 1000).toISOString()}),
      element('span', {textContent: KINDS.find(([kind]) => kind === one.kind)?.[1] ?? one.kind}),
      element('span', {class: 'place', textContent: one.place}),
      element('span', {class: 'muted', textContent: one.class}))));
  }
}

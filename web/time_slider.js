/** The days of a history as bars, with two handles for the first and the last day chosen. */

import {dayInWords, daysFrom, later, monthInWords} from './days.js';
import {drawn, element} from './dom.js';
import {brief, timeWatched} from './quantities.js';

const HEIGHT = 64;
/** Height of the bars in units of the drawing, of which the lowest ones show the time watched. */
const WATCHED = 10;
const NEAR = 22;
/** Pixels beside a handle where a finger still takes it. */
const STEPS = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7,
               Home: -Infinity, End: Infinity};

/** A range of days, to choose by mouse, finger and keyboard. */
export class TimeSlider {
  /**
   * @param {function(string, string)} onchange told the first and the last day, at each move
   */
  constructor(onchange) {
    this._onchange = onchange;
    this._days = [];
    this._chosen = [0, 0];
    this._bars = drawn('svg', {preserveAspectRatio: 'none', 'aria-hidden': 'true'});
    this._span = element('div', {class: 'slider-span'});
    this._handles = [0, 1].map(end => element('div', {
      class: 'slider-handle', role: 'slider', tabIndex: 0, 'aria-valuemin': 0,
      'aria-label': end ? 'Last day' : 'First day',
      onkeydown: event => this._key(event, end)}));
    this._strip = element(
      'div', {class: 'slider-strip', onpointerdown: event => this._press(event),
              onpointermove: event => this._point(event)},
      this._bars, this._span, ...this._handles);
    this._ticks = element('div', {class: 'slider-ticks', 'aria-hidden': 'true'});
    this._tip = element('p', {class: 'slider-tip muted'});
    this.element = element('div', {class: 'slider', role: 'group', 'aria-label': 'Days'},
                           this._strip, this._ticks, this._tip);
  }

  /**
   * Show other days.
   * @param {Array<{date: string, watched_s: number}>} days those that have been watched, in order
   * @param {Map<string, number>} counts how often something was counted, by day
   * @param {string} what that is, in words
   */
  show(days, counts, what) {
    const watched = new Map(days.map(day => [day.date, day.watched_s]));
    const count = daysFrom(days[0].date, days.at(-1).date) + 1;
    this._days = Array.from({length: count}, (_, number) => {
      const date = later(days[0].date, number);
      return {date, watched: watched.get(date) ?? 0, count: counts.get(date)};
    });
    this._what = what;
    this._draw();
    this._set(...this._chosen);
  }

  /**
   * Choose days.
   * @param {string} first the first one
   * @param {string} last the last one
   */
  choose(first, last) {
    const begin = this._days[0].date;
    this._set(daysFrom(begin, first), daysFrom(begin, last));
  }

  _set(first, last) {
    const top = this._days.length - 1;
    const within = number => Math.max(0, Math.min(top, number));
    this._chosen = [within(first), within(last)];
    const [low, high] = this._chosen;
    const percent = number => `${100 * number / this._days.length}%`;
    this._span.style.left = percent(low);
    this._span.style.width = percent(high + 1 - low);
    [low, high + 1].forEach((place, end) => {
      const handle = this._handles[end];
      handle.style.left = percent(place);
      handle.setAttribute('aria-valuemax', top);
      handle.setAttribute('aria-valuenow', this._chosen[end]);
      handle.setAttribute('aria-valuetext', this._inWords(this._chosen[end]));
    });
    [...this._bars.children].forEach(bar => bar.classList.toggle(
      'outside', bar.dataset.day < low || bar.dataset.day > high));
    this._tip.textContent = this._inWords(high);
  }

  _inWords(number) {
    const {date, watched, count} = this._days[number];
    const counted = count === undefined ? '' : `, ${this._what}: ${brief(count)}`;
    return `${dayInWords(date)}: ${timeWatched(watched)}${counted}`;
  }

  _draw() {
    const top = Math.max(1, ...this._days.map(day => day.count ?? 0));
    const count = this._days.length;
    this._bars.setAttribute('viewBox', `0 0 ${count} ${HEIGHT}`);
    this._bars.replaceChildren(...this._days.flatMap((day, number) => [
      bar(number, 'counted', HEIGHT - WATCHED - 3, (day.count ?? 0) / top, HEIGHT - WATCHED - 5),
      bar(number, 'watched', HEIGHT, Math.min(1, day.watched / 86400), WATCHED)]));
    const step = [1, 2, 7, 14, 31, 61, 92, 183, 366].find(days => count / days <= 8) ?? count;
    this._ticks.replaceChildren(...this._days.filter((_, number) => number % step === 0)
      .map((day, number) => {
        const tick = element('span', {textContent: step > 60
          ? monthInWords(day.date) : dayInWords(day.date, true)});
        tick.style.left = `${100 * number * step / count}%`;
        return tick;
      }));
  }

  _key(event, end) {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    this._move(end, this._chosen[end] + STEPS[event.key]);
  }

  /** Move one end, not beyond the other. */
  _move(end, number) {
    const [first, last] = this._chosen;
    this._tell(end ? first : Math.min(number, last), end ? Math.max(number, first) : last);
  }

  _tell(first, last) {
    const before = this._chosen.join();
    this._set(first, last);
    if (this._chosen.join() !== before) {
      this._onchange(...this._chosen.map(number => this._days[number].date));
    }
  }

  /** Return the number of the day at a place of the window, in px, also beyond the ends. */
  _dayAt(x) {
    const {left, width} = this._strip.getBoundingClientRect();
    return Math.floor((x - left) / width * this._days.length);
  }

  _point(event) {
    if (this._drag) return;
    const number = this._dayAt(event.clientX);
    if (this._days[number]) this._tip.textContent = this._inWords(number);
  }

  /** Begin to move a handle, or what is between them, or to choose other days. */
  _press(event) {
    if (event.button) return;
    event.preventDefault();
    const {left, width} = this._strip.getBoundingClientRect();
    const begun = this._dayAt(event.clientX);
    const [first, last] = this._chosen;
    const distances = [first, last + 1].map(
      place => Math.abs(event.clientX - left - place / this._days.length * width));
    const end = distances[1] <= distances[0] ? 1 : 0;
    const whole = first === 0 && last === this._days.length - 1;
    if (distances[end] <= Math.min(NEAR, width / this._days.length * 2 + 6)) {
      this._drag = number => this._move(end, number);
      this._handles[end].focus();
    } else if (begun > first && begun < last && !whole) {
      this._drag = number => this._shift(first, last, number - begun);
    } else {
      this._drag = number => this._tell(Math.min(begun, number), Math.max(begun, number));
    }
    let moved = false;
    const drag = this._drag;
    const move = next => {
      moved ||= Math.abs(next.clientX - event.clientX) > 3;
      if (moved) drag(this._dayAt(next.clientX));
    };
    const stop = next => {
      if (next.type === 'pointerup' && !moved) this._tell(begun, begun);
      this._drag = null;
      this._strip.removeEventListener('pointermove', move);
      for (const kind of ['pointerup', 'pointercancel']) {
        this._strip.removeEventListener(kind, stop);
      }
    };
    this._strip.setPointerCapture(event.pointerId);
    this._strip.addEventListener('pointermove', move);
    for (const kind of ['pointerup', 'pointercancel']) this._strip.addEventListener(kind, stop);
  }

  /** Move both ends by as many days. */
  _shift(first, last, count) {
    const most = this._days.length - 1 - last;
    const step = Math.max(-first, Math.min(most, count));
    this._tell(first + step, last + step);
  }
}

/** Return a bar of a day that stands at `bottom` and is a share of `height` high. */
function bar(number, kind, bottom, share, height) {
  const made = drawn('rect', {x: number + 0.1, width: 0.8, y: bottom - share * height,
                              height: share * height, class: kind});
  made.dataset.day = number;
  return made;
}

/** The hours of the week as a table, coloured by how much there was an hour. */

import {WEEKDAYS} from './days.js';
import {element} from './dom.js';
import {brief, headingOf, written} from './quantities.js';

const LEVELS = 8;
const HOURS = Array.from({length: 24}, (_, hour) => hour);
const NARROW = '(max-width: 760px)';
const STEPS = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};

/**
 * Return the values of the hours of the week from the rows of an answer.
 * @param {Array<Object>} rows of `counts` by week
 * @param {string} place a region or line
 * @param {string} what is counted
 * @returns {Map<string, {perHour: number, watched: number}>} by weekday and hour, as 'mon 8'
 */
export function cellsOf(rows, place, what) {
  const cells = new Map();
  for (const row of rows) {
    const [, weekday, hour] = /^(\w{3})\D+(\d+)/.exec(row.part) ?? [];
    const key = `${weekday} ${Number(hour)}`;
    // What did not happen has no row of its own, but others of that hour say it was watched.
    if (!cells.has(key)) cells.set(key, {perHour: 0, watched: row.watched_s});
    const isIt = row.place === place && row.what === what;
    if (isIt && !row.class) cells.get(key).perHour = row.per_hour;
  }
  return cells;
}

/** A table of 7 x 24 cells, which is 24 x 7 on a phone. */
export class WeekTable {
  /**
   * @param {function(string, number)} onchoose told weekday and hour of a cell that is chosen
   */
  constructor(onchoose) {
    this._onchoose = onchoose;
    this._focus = [0, 8];
    this._cells = new Map();
    this.element = element('div', {class: 'week'});
    this._narrow = window.matchMedia(NARROW);
    this._turn = () => this._draw();
    this._narrow.addEventListener('change', this._turn);
  }

  /** Listen no longer. */
  close() {
    this._narrow.removeEventListener('change', this._turn);
  }

  /**
   * Show other values.
   * @param {Map<string, Object>} cells as `cellsOf` returns them
   * @param {string} place of which they are
   * @param {string} what they are
   * @param {function(string, number): boolean} isChosen whether an hour is part of the time chosen
   */
  show(cells, place, what, isChosen) {
    this._cells = cells;
    this._isChosen = isChosen;
    this._caption = `${headingOf(what)} per hour watched: ${place}`;
    this._draw();
  }

  _draw() {
    if (!this._caption) return;
    const hadFocus = this.element.contains(document.activeElement);
    const top = Math.max(...[...this._cells.values()].map(cell => cell.perHour ?? 0), 1e-9);
    const [rows, columns] = this._narrow.matches ? [HOURS, WEEKDAYS] : [WEEKDAYS, HOURS];
    this._buttons = rows.map((row, y) => columns.map((column, x) => {
      const [weekday, hour] = this._narrow.matches ? [column, row] : [row, column];
      return this._cell(weekday, hour, top, y, x);
    }));
    const table = element(
      'table', {role: 'grid', 'aria-label': this._caption, onkeydown: event => this._key(event)},
      element('caption', {textContent: this._caption}),
      element('thead', {}, element('tr', {}, element('td'), ...columns.map(column => element(
        'th', {scope: 'col', textContent: column})))),
      element('tbody', {}, ...rows.map((row, y) => element(
        'tr', {}, element('th', {scope: 'row', textContent: row}), ...this._buttons[y]))));
    this.element.replaceChildren(table);
    this._show(...this._focus, hadFocus);
  }

  _cell(weekday, hour, top, y, x) {
    const cell = this._cells.get(`${weekday} ${hour}`);
    const level = cell ? Math.ceil(LEVELS * (cell.perHour ?? 0) / top) : 'none';
    const words = cell ? `${written(cell.perHour, 1)} an hour` : 'not watched';
    return element('td', {
      role: 'gridcell', tabIndex: -1, class: `level-${level}`, title:
      `${weekday} ${hour}–${hour + 1} h: ${words}`, textContent: cell ? brief(cell.perHour) : '·',
      'aria-selected': String(this._isChosen(weekday, hour)),
      'aria-label': `${weekday} ${hour} to ${hour + 1} h: ${words}`,
      onclick: () => {
        this._show(y, x, true);
        this._onchoose(weekday, hour);
      }});
  }

  _key(event) {
    const [y, x] = this._focus;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this._buttons[y][x].click();
    } else if (event.key in STEPS || event.key === 'Home' || event.key === 'End') {
      event.preventDefault();
      const [down, right] = STEPS[event.key] ?? [0, event.key === 'Home' ? -99 : 99];
      this._show(y + down, x + right, true);
    }
  }

  /** Let one cell be that which the Tab key reaches. */
  _show(y, x, focus) {
    const within = (number, count) => Math.max(0, Math.min(count - 1, number));
    const [before] = this.element.querySelectorAll('td[tabindex="0"]');
    if (before) before.tabIndex = -1;
    this._focus = [within(y, this._buttons.length), within(x, this._buttons[0].length)];
    const cell = this._buttons[this._focus[0]][this._focus[1]];
    cell.tabIndex = 0;
    if (focus) cell.focus();
  }
}

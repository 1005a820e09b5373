/** Controls for a choice of time: days, hours and weekdays. */

import {checkRow} from './check_row.js';
import {dayOf, later, WEEKDAYS} from './days.js';
import {choice, element, field, fill} from './dom.js';
import {weekdaysIn} from './history_query.js';

const RANGE = /^(\d{1,2})-(\d{1,2})$/;
const BEGINS = Array.from({length: 24}, (_, hour) => [String(hour), `${hour}:00`]);
const ENDS = Array.from({length: 24}, (_, hour) => [String(hour + 1), `${hour + 1}:00`]);

/**
 * Make controls for the first and the last day.
 * @param {function({from: string, to: string})} onchange told the days as the API takes them
 * @returns {{element: HTMLElement, show: function(string, string)}} `show` takes first and last
 */
export function dayControls(onchange) {
  const [first, last] = [0, 1].map(() => element('input', {type: 'date', onchange: tell}));
  function tell() {
    if (!first.value || !last.value) return;
    const [low, high] = [first.value, last.value].sort();
    onchange({from: low, to: later(high, 1)});
  }
  return {
    element: element('div', {class: 'fields'}, field('First day', first),
                     field('Last day', last)),
    show(from, to) {
      for (const [input, day] of [[first, from], [last, to]]) {
        if (document.activeElement !== input) input.value = dayOf(day);
      }
    }};
}

/**
 * Make controls for hours of the day and weekdays.
 * @param {function({hours: string, weekdays: string})} onchange told both as the API takes them
 * @returns {{element: HTMLElement, show: function(string, string)}} `show` takes hours, weekdays
 */
export function hourControls(onchange) {
  let hours = '';
  const begin = choice([], '', from => tellHours(from, from && end.value, 1));
  const end = choice([], '', to => tellHours(to && (begin.value || '0'), to, -1));
  let weekdays = '';
  const days = checkRow('Weekdays', 'weekdays', chosen => {
    weekdays = chosen.join(',');
    tell();
  });
  /** Take a range; where its ends are one, or one is missing, it is the hour at the other one. */
  function tellHours(from, to, step) {
    const [low, high] = step > 0 ? [from, to && to !== from ? to : String(Number(from) + 1)]
      : [from !== to ? from : String(Number(to) - 1), to];
    hours = from ? `${low}-${high}` : '';
    tell();
  }
  function tell() {
    onchange({hours, weekdays});
  }
  return {
    element: element('div', {class: 'fields'}, field('From hour', begin),
                     field('To hour', end), days.element),
    show(text, names) {
      [hours, weekdays] = [text, names];
      const [from, to] = (RANGE.exec(text) ?? []).slice(1).map(hour => String(Number(hour)));
      fill(begin, [['', text && !from ? `${text} h` : 'all day'], ...BEGINS], from ?? '');
      fill(end, [['', '–'], ...ENDS], to ?? '');
      days.show(WEEKDAYS, weekdaysIn(names));
    }};
}

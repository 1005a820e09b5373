/** Checkboxes in a row, for some of several names. */

import {element} from './dom.js';

/**
 * Make checkboxes for names.
 * @param {string} legend what they are
 * @param {string} kind name of its class in the style sheet
 * @param {function(string[])} onchange told which are checked; none if all are, or none is
 * @returns {{element: HTMLElement, show: function(string[], Set<string>)}} `show` takes all names
 *     and those to check
 */
export function checkRow(legend, kind, onchange) {
  const row = element('div', {class: 'row'});
  let boxes = [];
  function tell() {
    const chosen = boxes.filter(box => box.checked).map(box => box.value);
    onchange(chosen.length === boxes.length ? [] : chosen);
  }
  return {
    element: element('fieldset', {class: kind}, element('legend', {textContent: legend}), row),
    show(names, chosen) {
      if (boxes.map(box => box.value).join('\n') !== names.join('\n')) {
        boxes = names.map(value => element('input', {type: 'checkbox', value, onchange: tell}));
        row.replaceChildren(...boxes.map(box => element(
          'label', {}, box, element('span', {textContent: box.value}))));
      }
      for (const box of boxes) box.checked = chosen.has(box.value);
    }};
}

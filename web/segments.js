/** Radio buttons that look like one control with several parts. */

import {element} from './dom.js';

/**
 * Make radio buttons.
 * @param {string} legend what they choose, for screen readers
 * @param {string} name of the group
 * @param {Array<[string, string]>} choices value and text of each
 * @param {string} chosen the value that is chosen
 * @param {function(string)} onchoose told the value that is chosen then
 * @returns {{element: HTMLElement, value: function(): string, choose: function(string)}}
 */
export function segments(legend, name, choices, chosen, onchoose) {
  const radios = choices.map(([value]) => element('input', {
    type: 'radio', name, value, checked: value === chosen, onchange: () => onchoose(value)}));
  return {
    element: element(
      'fieldset', {class: 'segments'},
      element('legend', {class: 'visually-hidden', textContent: legend}),
      ...radios.map((radio, number) => element('label', {class: 'target'}, radio, element(
        'span', {textContent: choices[number][1]})))),
    value: () => radios.find(radio => radio.checked).value,
    choose(value) {
      for (const radio of radios) radio.checked = radio.value === value;
    }};
}

/** What to do where a camera keeps no history. */

import {element} from './dom.js';

const PARAMETERS = `/**:
  ros__parameters:
    history_period: 300.0   # s
    heat_unit: seconds
`;

/**
 * Return how to let a camera keep a history.
 * @param {string} reason what the API says
 * @param {function(string, boolean)} say tells the user something
 * @returns {HTMLElement}
 */
export function howToSwitchOn(reason, say) {
  const text = element('pre', {tabIndex: 0, 'aria-label': 'Parameters'},
                       element('code', {textContent: PARAMETERS}));
  async function copy() {
    try {
      await navigator.clipboard.writeText(PARAMETERS);
      say('copied', false);
    } catch {  // without TLS browsers give the clipboard only to this machine's own pages
      getSelection().selectAllChildren(text);
      say('selected: copy it with Ctrl+C', false);
    }
  }
  return element(
    'section', {class: 'panel history-off', 'aria-label': 'No history'},
    element('h2', {textContent: 'This camera keeps no history yet'}),
    element('p', {class: 'muted', textContent: reason}),
    element('p', {textContent: 'Start its node with these parameters, for instance in the file '
      + 'that params_file names; after the first five minutes this page shows what was seen.'}),
    text, element('button', {type: 'button', class: 'button', textContent: 'Copy',
                             onclick: copy}));
}

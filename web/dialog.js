/** Questions before something that cannot be undone, and hints for those who are new. */

import {element} from './dom.js';

/**
 * Ask whether something shall be done.
 * @param {string} title the question
 * @param {string} text what would happen
 * @param {string} action what the button says that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, action) {
  const heading = element('h2', {id: 'dialog-title', textContent: title});
  const dialog = element(
    'dialog', {'aria-labelledby': heading.id}, heading, element('p', {textContent: text}));
  const close = value => element('button', {
    type: 'button', class: value ? 'button primary' : 'button',
    textContent: value ? action : 'Cancel', onclick: () => dialog.close(value)});
  dialog.append(element('div', {class: 'tools'}, close(''), close('yes')));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'yes');
  }));
}

/**
 * Return a hint that stays away once it has been closed.
 * @param {string} name of the hint, by which the browser remembers that
 * @param {string} text what it says
 * @returns {HTMLElement|null} null where it was closed before
 */
export function hint(name, text) {
  const key = `hint.${name}`;
  try {
    if (localStorage.getItem(key)) return null;
  } catch {
    return null;  // it would come back each time
  }
  const notice = element('div', {class: 'notice hint'}, element('p', {textContent: text}));
  notice.append(element('button', {
    type: 'button', class: 'button', textContent: 'Got it', onclick() {
      localStorage.setItem(key, 'closed');
      notice.remove();
    }}));
  return notice;
}

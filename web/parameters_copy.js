/** What is drawn as parameters, for a file of one's own. */

import {element} from './dom.js';

/** A button that copies the parameters of a node, and a field that shows them. */
export class ParametersCopy {
  /**
   * @param {Object} context of the page
   * @param {string} path of the camera in the API
   */
  constructor(context, path) {
    this._context = context;
    this._path = path;
    this._text = element('textarea', {rows: 8, readOnly: true, hidden: true, spellcheck: false,
                                      'aria-label': 'Parameters of the node as YAML'});
    this._note = element('p', {class: 'muted small', hidden: true, textContent: 'As the node has '
      + 'it: what is not saved yet is not in it.'});
    this.element = element(
      'section', {class: 'panel', 'aria-label': 'Parameters'},
      element('div', {class: 'panel-head'}, element('h2', {textContent: 'As parameters'}),
              element('button', {type: 'button', class: 'button',
                                 textContent: 'Copy as parameters', onclick: () => this._copy()})),
      element('p', {class: 'muted small', textContent: 'YAML for params_file: to start the node, '
        + 'or another one, with what is drawn here.'}), this._note, this._text);
  }

  async _copy() {
    try {
      this._text.value = await this._context.api.getText(`${this._path}/parameters.yaml`);
    } catch (error) {
      this._context.say(error.message, true);
      return;
    }
    this._text.hidden = false;
    try {
      await navigator.clipboard.writeText(this._text.value);
      this._context.say('copied: paste it into a file for params_file');
    } catch {  // without TLS browsers give the clipboard only to this machine's own pages
      this._text.focus();
      this._text.select();
      this._context.say('selected: copy it with Ctrl+C');
    }
  }

  /** Say whether something is drawn that is not saved yet. */
  show(unsaved) { this._note.hidden = !unsaved; }
}

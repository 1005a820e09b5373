/** Parts of the page that show the answer to a question. */

import {element} from './dom.js';

/**
 * A section with a heading, which asks the server and shows the answer.
 *
 * Only the answer to the newest question is shown; older questions are dropped.
 */
export class Panel {
  /**
   * @param {string} title its heading
   * @param {function(string, Object): Promise} get asks for an address, with `{signal}`
   * @param {function(Array, HTMLElement)} show is given the answers and where they belong
   */
  constructor(title, get, show) {
    this.heading = element('h2', {textContent: title});
    this.tools = element('div', {class: 'tools'});
    this.body = element('div', {class: 'body'});
    this.failure = element('p', {class: 'failed', hidden: true});
    this.section = element(
      'section', {class: 'panel', 'aria-label': title},
      element('div', {class: 'panel-head'}, this.heading, this.tools), this.failure, this.body);
    this._get = get;
    this._show = show;
    this._asked = '';
    this._asking = null;
  }

  /**
   * Ask for some addresses, unless their answers are there or on their way.
   * @param {string[]} addresses what to ask for, together
   * @param {boolean} again whether to ask even so
   * @returns {Promise<boolean>} whether the answers are shown
   */
  async ask(addresses, again = false) {
    const asked = addresses.join('\n');
    if (asked === this._asked && !again) return true;
    this._asking?.abort();
    const asking = this._asking = new AbortController();
    this._asked = asked;
    this.section.setAttribute('aria-busy', 'true');
    try {
      const answers = await Promise.all(
        addresses.map(address => this._get(address, {signal: asking.signal})));
      if (asking !== this._asking) return false;
      this._show(answers, this.body);
      this.fail('');
      return true;
    } catch (error) {
      if (asking !== this._asking) return false;
      this._asked = '';  // the same may be asked again
      this.fail(error.message);
      return false;
    } finally {
      if (asking === this._asking) this.section.removeAttribute('aria-busy');
    }
  }

  /**
   * Show why there is no answer.
   * @param {string} text in words, or nothing
   */
  fail(text) {
    this.failure.textContent = text;
    this.failure.hidden = !text;
    this.body.hidden = Boolean(text);
  }

  /** Drop the question that is being asked. */
  close() {
    this._asking?.abort();
    this._asking = null;
  }
}

/** The frame of the page: which view of which camera is open, and what all views share. */

import {getBlob, getJson, getText, LiveConnection, send} from './api.js';
import {element, fill} from './dom.js';
import {addressOf, changed, readState, writeState} from './url_state.js';

const VIEWS = {
  live: ['Live', () => import('./live.js')],
  draw: ['Draw', () => import('./draw.js')],
  history: ['History', () => import('./history.js')]};
const SAID_MS = 8000;
const FAILURE_SAID_MS = 20000;
const LOST = 'No connection to web_viewer, which serves this page: is it still running? The page '
  + 'connects again by itself.';
const READ_ONLY = 'This browser may look, but change nothing: it has no token. Open the address '
  + 'with the token that the log of web_viewer shows, or reload the page on the machine itself.';
const NO_CAMERA = 'No heatmap node has been found yet. Once one runs, it is shown here by itself; '
  + 'the parameter heatmap_node of web_viewer says which are looked for.';

const $ = id => document.getElementById(id);

class Page {
  constructor() {
    this._cameras = [];
    this._mayChange = true;
    this._state = readState();
    const page = this;
    this._context = {
      api: {getJson, getBlob, getText, send},
      get state() { return page._state; },
      setState: (changes, options) => this._setState(changes, options),
      say,
      cameras: () => this._cameras,
      camera: () => this._cameras.find(one => one.id === this._state.camera),
      mayChange: () => this._mayChange,
      watch: watched => this._connection.watch(watched)};
    this._openView = null;
    this._opened = '';
    this._incomplete = false;
    $('views').addEventListener('click', event => this._chooseView(event));
    $('camera').addEventListener('change', event => this._setState(
      {camera: event.target.value}, {push: true}));
    addEventListener('popstate', () => {
      this._state = readState();
      this._opened = '';
      this._show();
    });
    followTheme();
    this._showFrame();
    this._askWhatMayBeChanged();
    this._connection = new LiveConnection({
      states: cameras => this._takeStates(cameras),
      picture: (header, picture) => this._openView?.picture?.(header, picture),
      lost: () => this._setLost(true),
      found: () => this._setLost(false)});
  }

  async _askWhatMayBeChanged() {
    try {
      const answer = await getJson('api/cameras');
      this._mayChange = answer.may_change;
      this._takeStates(answer.cameras);
    } catch (error) {
      if (error.status === 401) say(error.message, true);
    }
    $('read-only').hidden = this._mayChange;
    $('read-only').textContent = READ_ONLY;
  }

  _setLost(lost) {
    if (lost === this._lost) return;
    if (!lost && this._lost) {
      if (this._incomplete) location.reload();
      say('connected again', false);
      this._askWhatMayBeChanged();
    }
    this._lost = lost;
    $('connection').textContent = lost ? LOST : '';
    $('connection').hidden = !lost;
    document.documentElement.classList.toggle('lost', lost);
  }

  _takeStates(cameras) {
    this._cameras = cameras;
    if (!this._state.camera && cameras.length) {
      this._state = changed(this._state, {camera: cameras[0].id});
      writeState(this._state, false);
    }
    this._show();
    this._openView?.update(cameras);
  }

  _setState(changes, {push = false} = {}) {
    this._state = changed(this._state, changes);
    writeState(this._state, push);
    this._show();
  }

  _chooseView(event) {
    const link = event.target.closest('a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.view !== this._state.view) {
      this._setState({view: link.dataset.view}, {push: true});
    }
  }

  _showFrame() {
    const {view, camera} = this._state;
    for (const link of $('views').children) {
      link.href = addressOf(changed(this._state, {view: link.dataset.view}));
      if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    fill($('camera'), this._cameras.map(one => [one.id, nameOf(one)]), camera ?? '');
    document.title = [VIEWS[view]?.[0], camera, 'Heatmap'].filter(Boolean).join(' – ');
  }

  /** Open the view that the state names, unless it is open already. */
  async _show() {
    this._showFrame();
    const {view, camera} = this._state;
    const known = this._cameras.some(one => one.id === camera);
    const wanted = known ? `${view}\n${camera}` : `none\n${this._cameras.length}`;
    if (wanted === this._opened) return;
    this._opened = wanted;
    this._openView?.close();
    this._openView = null;
    this._connection?.watch([]);
    if (!known) {
      $('view').replaceChildren(element('p', {class: 'panel', textContent: this._cameras.length
        ? `There is no camera ‘${camera}’: choose one above.` : NO_CAMERA}));
      return;
    }
    let open;
    try {
      ({open} = await (VIEWS[view] ?? VIEWS.live)[1]());
    } catch {  // its file did not come; a browser does not ask for it again before a reload
      this._incomplete = true;
    }
    if (wanted !== this._opened) return;
    if (!open) {
      $('view').replaceChildren(element('p', {class: 'panel', textContent: 'This view could not '
        + 'be loaded: it is there once the page has a connection again, or reload the page.'}));
      return;
    }
    const container = element('div');
    $('view').replaceChildren(container);
    this._openView = open(container, this._context);
    this._openView.update(this._cameras);
  }
}

/** Return what a camera is called in the list. */
function nameOf(camera) {
  const words = {gone: ' (not there)', stale: ' (silent)', error: ' (error)'};
  return camera.name.replace(/^\//, '') + (words[camera.health.level] ?? '');
}

let sayTimer = 0;

/** Tell the user something, for a while. */
function say(text, failed = false) {
  $('status').textContent = text;
  $('status').classList.toggle('failed', failed);
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { $('status').textContent = ''; },
                        failed ? FAILURE_SAID_MS : SAID_MS);
}

/** Let the switch change between dark and light, as the system has it at first. */
function followTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const show = () => {
    $('theme').textContent = isDark() ? 'Light' : 'Dark';
    $('theme').setAttribute('aria-label', isDark() ? 'Light colours' : 'Dark colours');
  };
  $('theme').addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try {
      localStorage.setItem('theme', root.dataset.theme);
    } catch {
      // Storage is switched off: until the page is closed.
    }
    show();
  });
  system.addEventListener('change', show);
  show();
}

new Page();

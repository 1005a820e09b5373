/** The view in which regions, lines, ignored areas and ground points are drawn. */

import {confirmed, hint} from './dialog.js';
import {element} from './dom.js';
import {draftOf, keepDraft} from './draft.js';
import {spaceOf} from './draw_space.js';
import {TIPS, TOOLS} from './draw_tools.js';
import {groundProblem} from './ground_grid.js';
import {HealthText} from './health.js';
import {ParametersCopy} from './parameters_copy.js';
import {PictureView} from './picture_view.js';
import {segments} from './segments.js';
import {ShapesCanvas} from './shapes_canvas.js';
import {ShapesList} from './shapes_list.js';
import {ShapesModel} from './shapes_model.js';

const RETRY_MS = 2000;

/**
 * Show what is drawn on the camera that the page's state names.
 * @param {HTMLElement} container what it is shown in
 * @param {Object} context of the page
 * @returns {{update: function(Array), picture: function(Object, ImageBitmap), close: function()}}
 */
export function open(container, context) {
  return new DrawView(container, context);
}

class DrawView {
  constructor(container, context) {
    this._context = context;
    this._container = container;
    this._id = context.state.camera;
    this._path = `api/cameras/${encodeURIComponent(this._id)}`;
    this._closing = new AbortController();
    this._picture = new PictureView(`${this._id}: picture to draw on`);
    this._picture.choose('original');
    this._health = new HealthText();
    this._pictureAt = performance.now();
    this._message = element('p', {class: 'panel', role: 'status', textContent: 'loading …'});
    container.replaceChildren(this._message);
    context.watch([{id: this._id, width: 0}]);
    this._load();
  }

  /** Ask for the shapes, again and again while the node cannot tell them. */
  async _load() {
    try {
      const content = await this._context.api.getJson(`${this._path}/shapes`,
                                                      {signal: this._closing.signal});
      this._build(content);
    } catch (error) {
      if (error.name === 'AbortError') return;
      if (!(error.status >= 0)) throw error;  // no answer of the API
      this._message.textContent = `What is drawn is not known yet: ${error.message}`;
      this._timer = setTimeout(() => this._load(), RETRY_MS);
    }
  }

  _build(content) {
    const camera = this._context.camera();
    const space = spaceOf(content, camera?.picture);
    const model = this._model = new ShapesModel(space.bounds, space.digits, () => this._changed());
    const tools = TOOLS.filter(([kind]) => kind !== 'ground' || content.ground);
    const asked = this._context.state.tool;
    this._tools = segments('What is drawn', 'tool', tools, tools.some(
      ([kind]) => kind === asked) ? asked : 'regions', () => this._toolChosen());
    this._canvas = new ShapesCanvas(model, space, () => this._tools.value(),
                                    () => this._finished());
    this._list = new ShapesList(model, space);
    this._copy = new ParametersCopy(this._context, this._path);
    this._buildButtons();
    this._tip = element('p', {class: 'muted small tip'});
    this._waiting = element('p', {class: 'waiting', textContent: 'waiting for a picture …'});
    this._stage = element('div', {class: 'stage draw-stage'}, this._picture.canvas, this._waiting,
                          this._canvas.element);
    const showHeat = () => this._picture.choose(this._heat.checked ? 'heat' : 'original');
    // Of a floor there is no other picture.
    this._heat = element('input', {type: 'checkbox', checked: content.unit === 'm',
                                   onchange: showHeat});
    showHeat();
    this._still = element('input', {type: 'checkbox'});
    const check = (box, text) => element('label', {class: 'check target'}, box, text);
    this._unsaved = element('span', {class: 'mark warn'});
    this._saveNote = element('p', {class: 'muted small', tabIndex: -1});
    this._container.replaceChildren(
      hint('draw', 'Click the corners of a region on the picture, then Finish (or Enter), then '
           + 'Save: from then on, those who come and go are counted in Live.') ?? '',
      element(
        'div', {class: 'draw'},
        element(
          'section', {class: 'panel', 'aria-label': 'Picture'},
          element('div', {class: 'panel-head'}, this._tools.element,
                  element('div', {class: 'tools'}, this._place, this._finish, this._undo,
                          this._redo)),
          this._tip, this._stage, this._health.text,
          element('div', {class: 'tools draw-foot'}, this._health.mark,
                  check(this._heat, 'Heatmap'), check(this._still, 'Still picture'))),
        element(
          'div', {class: 'draw-side'},
          element(
            'section', {class: 'panel', 'aria-label': 'What is drawn'},
            element('div', {class: 'panel-head'}, element('div', {class: 'tools'}, element(
              'h2', {textContent: 'What is drawn'}), this._unsaved),
                    element('div', {class: 'tools'}, this._revert, this._save)),
            this._saveNote, this._list.element, this._saveGround),
          this._copy.element)));
    this._listen();
    const draft = draftOf(this._id);
    model.load(content);
    if (draft) {
      model.restore(draft);
      if (this._isUnsaved()) this._context.say('what was not saved before is here again');
    }
    this._toolChosen();
    this.update(this._context.cameras());
    if (this._lastPicture) this._showPicture();
  }

  _buildButtons() {
    const button = (textContent, onclick, kind = 'button', label = undefined) => element(
      'button', {type: 'button', class: kind, textContent, onclick, 'aria-label': label});
    this._undo = button('Undo', () => this._model.undo());
    this._redo = button('Redo', () => this._model.redo());
    this._finish = button('Finish', () => this._endShape());
    this._place = button('Put in the middle', () => this._placeShape());
    this._save = button('Save', () => this._saveShapes(), 'button primary');
    this._revert = button('Revert', () => this._askRevert());
    this._saveGround = button('Save ground points …', () => this._askGround());
  }

  _listen() {
    const signal = this._closing.signal;
    document.addEventListener('keydown', event => this._key(event), {signal});
    addEventListener('beforeunload', event => {
      if (this._isUnsaved()) event.preventDefault();
    }, {signal});
  }

  _toolChosen() {
    const tool = this._tools.value();
    if (this._model.pending && this._model.pending.kind !== tool) this._model.cancel();
    this._context.setState({tool: tool === 'regions' ? null : tool});
    this._tip.textContent = TIPS[tool];
    this._canvas.element.classList.toggle('moving', tool === 'move');
    this._place.hidden = Boolean(this._model.pending) || tool === 'move';
  }

  _endShape() {
    if (this._model.finish()) this._finished();
    else this._context.say('it has too few points yet', true);
  }

  /** Begin with a shape that is there already: the way without a mouse. */
  _placeShape() {
    this._model.place(this._tools.value());
    this._finished();
    this._canvas.focusPoint(this._model.selectedShape().id, 0);
  }

  /** What comes next after a shape is to change or name it, not to draw over it. */
  _finished() {
    this._tools.choose('move');
    this._toolChosen();
    const shape = this._model.selectedShape();
    this._context.say(shape.kind === 'ground' ? 'now enter the metres of the four points'
      : `${shape.name} is drawn: name it in the list, then Save`);
  }

  _key(event) {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === 'z' || key === 'y')) {
      if (event.target.matches('input[type="text"]')) return;  // its own undo
      event.preventDefault();
      if (key === 'y' || event.shiftKey) this._model.redo();
      else this._model.undo();
      return;
    }
    if (event.target.closest('input:not([type="radio"]), select, textarea, dialog')) return;
    if (key === 'escape') {
      if (this._model.pending) this._model.cancel();
      else this._model.select(null);
    } else if (key === 'enter' && this._model.pending
               && !event.target.closest('button, a, summary')) {
      this._endShape();
    } else if ((key === 'delete' || key === 'backspace') && this._model.pending) {
      this._model.undo();
    } else if (key === 'delete' && this._model.selected) {
      const {shape, point} = this._model.selected;
      if (point === null) this._model.remove(shape);
      else this._model.removePoint(shape, point);
    } else {
      return;
    }
    event.preventDefault();
  }

  _isUnsaved() {
    return this._model.isUnsaved('shapes') || this._model.isUnsaved('ground');
  }

  _changed() {
    const model = this._model;
    this._canvas.draw();
    this._list.draw();
    const unsaved = this._isUnsaved();
    keepDraft(this._id, unsaved ? model.shapes : null);
    this._unsaved.textContent = unsaved ? 'not saved yet' : '';
    this._copy.show(unsaved);
    this._finish.hidden = !model.pending;
    this._place.hidden = Boolean(model.pending) || this._tools.value() === 'move';
    this._undo.disabled = !model.canUndo;
    this._redo.disabled = !model.canRedo;
    this._showSaving();
  }

  /** Show what can be saved now, and why not. */
  _showSaving() {
    const model = this._model;
    const may = this._context.mayChange();
    this._save.disabled = !may || !model.isUnsaved('shapes') || Boolean(model.pending);
    this._revert.hidden = !this._isUnsaved();
    const ground = model.isUnsaved('ground');
    this._saveGround.hidden = !ground;
    this._saveGround.disabled = !may;
    const note = !may ? 'This browser may not save: see above.'
      : model.isUnsaved('shapes')
        ? 'Counts of what is new or has moved begin at zero once it is saved.'
        : this._context.camera()?.drawn ?? '';
    if (this._saveNote.textContent !== note) this._saveNote.textContent = note;
  }

  async _saveShapes() {
    const wrong = this._model.shapes.find(shape => this._model.problemOf(shape));
    if (wrong) {
      this._model.select(wrong.id);
      this._context.say(`${wrong.name || 'a shape'}: ${this._model.problemOf(wrong)}`, true);
      return;
    }
    await this._put('shapes', this._model.content());
  }

  async _put(what, content) {
    this._save.disabled = this._saveGround.disabled = true;
    const {success, message} = await this._context.api.send('PUT', `${this._path}/${what}`,
                                                            content);
    this._context.say(success ? `saved: ${message}` : message, !success);
    if (success) this._model.markSaved(what);
    this._showSaving();
    // The button has just been disabled under the keys: what comes next is near it.
    if (document.activeElement === document.body) this._saveNote.focus();
  }

  async _askGround() {
    const shape = this._model.groundShape();
    const problem = shape ? groundProblem(shape) : '';
    if (problem) {
      this._context.say(problem, true);
    } else if (await confirmed(
      shape ? 'Set the ground points?' : 'Remove the ground points?', 'The node starts its '
      + 'pipeline again for that, which takes some seconds; meanwhile it counts nothing. Heat and '
      + 'counts are kept, heat on the floor begins anew.', shape ? 'Set' : 'Remove')) {
      this._context.say('the node starts again with the new floor …');
      await this._put('ground', this._model.ground());
    }
  }

  async _askRevert() {
    if (!await confirmed('Drop what is not saved?', 'What you have drawn since is replaced by what '
                         + 'the node has.', 'Drop')) return;
    keepDraft(this._id, null);
    this._canvas.close();
    this._closing.abort();
    this._closing = new AbortController();
    this._container.replaceChildren(this._message);
    this._load();
  }

  update() {
    const camera = this._context.camera();
    if (!camera || !this._canvas) return;
    this._health.show(camera, (performance.now() - this._pictureAt) / 1000);
    this._showSaving();
  }

  picture(header, picture) {
    if (header.id !== this._id || header.width !== 0) return;
    this._pictureAt = performance.now();
    if (this._still?.checked && this._picture.shown) return;
    this._picture.show(picture);
    this._lastPicture = true;
    if (this._stage) this._showPicture();
  }

  _showPicture() {
    const {width, height} = this._picture.canvas;
    // All of it is in sight while it is drawn on.
    this._stage.style.maxWidth = `calc(${(width / height).toFixed(4)} * 76vh)`;
    this._waiting.hidden = true;
  }

  close() {
    clearTimeout(this._timer);
    this._closing.abort();
    this._canvas?.close();
    this._container.replaceChildren();
  }
}

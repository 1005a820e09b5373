/** What is drawn on the picture of a camera, with undo; nothing of the page. */

import {area, crossesItself} from './geometry.js';

/** Kinds of shapes: key in the API, in words, and how few points make one. */
export const KINDS = {
  regions: {word: 'region', least: 3, closed: true},
  lines: {word: 'line', least: 2, closed: false},
  ignored_areas: {word: 'ignored area', least: 3, closed: true},
  ground: {word: 'ground points', least: 4, closed: true}};
const NAMED = ['regions', 'lines', 'ignored_areas'];
const MOST_NAME = 100;
const UNDO_STEPS = 200;
const SAME_STEP_MS = 1000;

/**
 * Shapes that can be changed.
 *
 * `shapes` are {id, kind, name, points}, and of ground points `metres`, too.  `pending` is the
 * one that is being drawn, {kind, points}, or null.  `selected` is {shape: id, point: number or
 * null}, or null.
 */
export class ShapesModel {
  /**
   * @param {[number, number, number, number]} bounds of coordinates: least x and y, most x and y
   * @param {number} digits of coordinates after the point
   * @param {function()} onchange called after each change
   */
  constructor(bounds, digits, onchange) {
    this.bounds = bounds;
    this.shapes = [];
    this.pending = null;
    this.selected = null;
    this._digits = digits;
    this._onchange = onchange;
    this._nextId = 1;
    this._undo = [];
    this._redo = [];
    this._step = ['', 0];
  }

  /**
   * Take what a node has.
   * @param {Object} content answer of `shapes`
   */
  load(content) {
    this.shapes = NAMED.flatMap(kind => Object.entries(content[kind] ?? {}).map(
      ([name, points]) => this._shape(kind, name, points)));
    if (content.ground?.points_px.length) {
      this.shapes.push({...this._shape('ground', '', content.ground.points_px),
                        metres: content.ground.points_m.map(point => [...point])});
    }
    [this.pending, this.selected, this._undo, this._redo] = [null, null, [], []];
    this.markSaved('shapes');
    this.markSaved('ground');
  }

  _shape(kind, name, points) {
    return {id: this._nextId++, kind, name, points: points.map(point => [...point])};
  }

  /**
   * Take shapes that were drawn before the page was loaded again.
   * @param {Array<Object>} shapes as they were then
   */
  restore(shapes) {
    this.change('', () => {
      this.shapes = shapes.map(shape => ({...shape, id: this._nextId++}));
    });
  }

  /** Return what a node takes: the three kinds of named shapes. */
  content() {
    return Object.fromEntries(NAMED.map(kind => [kind, Object.fromEntries(
      this.shapes.filter(shape => shape.kind === kind).map(
        shape => [shape.name.trim(), shape.points]))]));
  }

  /** Return what a node takes for its ground: points in the picture, and in metres. */
  ground() {
    const ground = this.groundShape();
    return {points_px: ground?.points ?? [], points_m: ground?.metres ?? []};
  }

  /** Return the ground points as a shape, undefined if there are none. */
  groundShape() {
    return this.shapes.find(shape => shape.kind === 'ground');
  }

  /**
   * Note that the node has what is drawn.
   * @param {string} what 'shapes' or 'ground'
   */
  markSaved(what) {
    this[`_saved_${what}`] = this._textOf(what);
    this._onchange();
  }

  /**
   * Return whether something is drawn that the node has not got.
   * @param {string} what 'shapes' or 'ground'
   * @returns {boolean}
   */
  isUnsaved(what) {
    return this._textOf(what) !== this[`_saved_${what}`];
  }

  _textOf(what) {
    return what === 'ground' ? JSON.stringify(this.ground()) : JSON.stringify(
      this.shapes.filter(shape => shape.kind !== 'ground').map(
        ({kind, name, points}) => [kind, name, points]));
  }

  /** Return a shape, undefined if there is none of that id. */
  find(id) {
    return this.shapes.find(shape => shape.id === id);
  }

  /** Return the selected shape, undefined if there is none. */
  selectedShape() {
    return this.selected ? this.find(this.selected.shape) : undefined;
  }

  /**
   * Change something so that it can be undone.
   * @param {string} step its name: changes of one name soon after each other are one step; ''
   *     for a step of its own
   * @param {function()} act makes the change
   */
  change(step, act) {
    const [name, at] = this._step;
    const now = performance.now();
    if (!step || step !== name || now > at + SAME_STEP_MS) {
      this._undo = [...this._undo, this._present()].slice(-UNDO_STEPS);
    }
    this._step = [step, now];
    this._redo = [];
    act();
    this._onchange();
  }

  _present() {
    return JSON.stringify([this.shapes, this.pending, this.selected]);
  }

  get canUndo() { return this._undo.length > 0; }

  get canRedo() { return this._redo.length > 0; }

  /** Go back by a step. */
  undo() { this._go(this._undo, this._redo); }

  /** Make an undone step again. */
  redo() { this._go(this._redo, this._undo); }

  _go(from, to) {
    if (!from.length) return;
    to.push(this._present());
    [this.shapes, this.pending, this.selected] = JSON.parse(from.pop());
    this._step = ['', 0];
    this._onchange();
  }

  /** Select a shape and maybe one of its points; null for none. */
  select(id, point = null) {
    if ((this.selected?.shape ?? null) === id && (this.selected?.point ?? null) === point) return;
    this.selected = id === null ? null : {shape: id, point};
    this._onchange();
  }

  /** Return a point as it is kept: within the bounds, and rounded. */
  kept([x, y]) {
    const [left, low, right, high] = this.bounds;
    const factor = 10 ** this._digits;
    const round = value => Math.round(value * factor) / factor;
    return [round(Math.min(Math.max(x, left), right)), round(Math.min(Math.max(y, low), high))];
  }

  /** Add a point to what is being drawn, or begin a shape of a kind with it. */
  draw(kind, point) {
    this.change('', () => {
      this.selected = null;
      if (this.pending?.kind !== kind) this.pending = {kind, points: []};
      this.pending.points.push(this.kept(point));
      if (kind === 'ground' && this.pending.points.length === KINDS.ground.least) this._finish();
    });
  }

  /**
   * Make a shape of what is being drawn.
   * @returns {boolean} whether it has points enough
   */
  finish() {
    if (!this.pending || this.pending.points.length < KINDS[this.pending.kind].least) return false;
    this.change('', () => this._finish());
    return true;
  }

  /**
   * Put a shape of a kind in the middle, as something to begin with for those who use keys.
   * @param {string} kind one of `KINDS`
   */
  place(kind) {
    const [left, low, right, high] = this.bounds;
    const at = (x, y) => this.kept([left + x * (right - left), low + y * (high - low)]);
    this.change('', () => {
      this.pending = {kind, points: KINDS[kind].closed
        ? [at(0.4, 0.4), at(0.6, 0.4), at(0.6, 0.6), at(0.4, 0.6)] : [at(0.4, 0.5), at(0.6, 0.5)]};
      this._finish();
    });
  }

  _finish() {
    const {kind, points} = this.pending;
    const shape = this._shape(kind, kind === 'ground' ? '' : this._freeName(kind), points);
    if (kind === 'ground') {
      // Placeholders of a square of 4 m, which are overwritten with what was measured.
      shape.metres = points.map((_, number) => [[0, 0], [4, 0], [4, 4], [0, 4]][number] ?? [0, 0]);
      this.shapes = this.shapes.filter(one => one.kind !== 'ground');
    }
    this.shapes.push(shape);
    this.pending = null;
    this.selected = {shape: shape.id, point: null};
  }

  _freeName(kind) {
    const names = new Set(this.shapes.map(shape => shape.name));
    let number = 1;
    while (names.has(`${KINDS[kind].word} ${number}`)) number++;
    return `${KINDS[kind].word} ${number}`;
  }

  /** Drop what is being drawn. */
  cancel() {
    if (this.pending) this.change('', () => { this.pending = null; });
  }

  /** Move a point of a shape; one step together with moves of the same point just before. */
  move(id, point, to) {
    this.change(`move ${id} ${point}`, () => { this.find(id).points[point] = this.kept(to); });
  }

  /** End a step, so that the next move is another one. */
  endStep() { this._step = ['', 0]; }

  /** Put a point between others of a shape; `place` is the number that it gets. */
  insert(id, place, point) {
    this.change('', () => {
      this.find(id).points.splice(place, 0, this.kept(point));
      this.find(id).metres?.splice(place, 0, [0, 0]);
      this.selected = {shape: id, point: place};
    });
  }

  /** Remove a point of a shape, or all of it where too few points would be left. */
  removePoint(id, point) {
    const shape = this.find(id);
    if (shape.points.length <= KINDS[shape.kind].least) {
      this.remove(id);
      return;
    }
    this.change('', () => {
      shape.points.splice(point, 1);
      shape.metres?.splice(point, 1);
      this.selected = {shape: id, point: null};
    });
  }

  /** Remove a shape. */
  remove(id) {
    this.change('', () => {
      this.shapes = this.shapes.filter(shape => shape.id !== id);
      this.selected = null;
    });
  }

  /** Give a shape another name. */
  rename(id, name) {
    this.change(`name ${id}`, () => { this.find(id).name = name; });
  }

  /** Let a line count the other way: its points in the opposite order. */
  turn(id) {
    this.change('', () => { this.find(id).points.reverse(); });
  }

  /** Say where a ground point is, in metres. */
  measure(id, point, metres) {
    this.change(`measure ${point}`, () => { this.find(id).metres[point] = metres; });
  }

  /**
   * Return what is wrong with a shape.
   * @param {Object} shape one of `shapes`
   * @returns {string} in words; '' if nothing is
   */
  problemOf(shape) {
    if (shape.kind === 'ground') return '';
    const name = shape.name.trim();
    if (!name) return 'it has no name';
    if (name.length > MOST_NAME) return `its name has more than ${MOST_NAME} characters`;
    if (this.shapes.some(one => one !== shape && one.name.trim() === name)) {
      return 'another one has the same name';
    }
    if (!KINDS[shape.kind].closed) {
      return new Set(shape.points.map(String)).size < 2 ? 'its points are one' : '';
    }
    if (crossesItself(shape.points)) return 'its sides cross each other: move a corner';
    return area(shape.points) === 0 ? 'its corners lie on one line' : '';
  }
}

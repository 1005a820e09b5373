/** Shapes over a picture, changed with mouse, finger and keyboard. */

import {drawn} from './dom.js';
import {distance} from './geometry.js';
import {ShapeMarks} from './shape_marks.js';
import {KINDS} from './shapes_model.js';

const TAP_PX = 8;
/** A finger that moves farther does not tap, but scrolls. */
const DOUBLE_MS = 450;
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/** An SVG drawing, as large as what it lies on. */
export class ShapesCanvas {
  /**
   * @param {ShapesModel} model what is drawn
   * @param {Object} space of `spaceOf`
   * @param {function(): string} tool returns the kind that is drawn, or 'move'
   * @param {function()} onfinish called once a shape has been finished here
   */
  constructor(model, space, tool, onfinish) {
    Object.assign(this, {_model: model, _space: space, _tool: tool, _onfinish: onfinish});
    this.element = drawn('svg', {class: 'shapes', role: 'group', 'aria-label':
      'Shapes on the picture; they can be changed by numbers in the list as well'});
    this._marks = new ShapeMarks(this.element, model, space);
    this._tapped = {at: [0, 0], time: -Infinity};
    const listen = (name, act) => this.element.addEventListener(name, act.bind(this));
    listen('pointerdown', this._down);
    listen('pointermove', this._move);
    listen('pointerup', this._up);
    listen('pointercancel', this._drop);
    listen('pointerleave', () => this._hover(null));
    listen('keydown', this._key);
    listen('focusin', this._focus);
    // Chromium heeds touch-action of a drawing, but not of what is in it.
    this.element.addEventListener('touchstart', event => {
      if (event.target.closest('.handle, .middle')) event.preventDefault();
    }, {passive: false});
    this._watcher = new ResizeObserver(() => this._marks.place());
    this._watcher.observe(this.element);
  }

  /** Stop following the size of the picture. */
  close() { this._watcher.disconnect(); }

  /** Show the model as it is now. */
  draw() { this._marks.draw(); }

  _at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Return the point of the shapes at a place of the element. */
  _pointAt([x, y]) {
    return this._space.fromView([x / this.element.clientWidth, y / this.element.clientHeight]);
  }

  _down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const at = this._at(event);
    const {shape, point, insert} = event.target.closest('g')?.dataset ?? {};
    if (shape !== undefined && (point !== undefined || insert !== undefined)) {
      event.preventDefault();
      this.element.setPointerCapture(event.pointerId);
      this._drag = {id: Number(shape), point: Number(point ?? insert), at, moved: false,
                    inserts: insert !== undefined};
      if (!this._drag.inserts) this._model.select(this._drag.id, this._drag.point);
    } else {
      this._press = {at, shape: event.target.dataset.shape};
    }
  }

  _move(event) {
    const at = this._at(event);
    if (!this._drag) {
      this._hover(event.pointerType === 'mouse' ? at : null);
      return;
    }
    if (!this._drag.moved && distance(at, this._drag.at) < 3) return;
    if (!this._drag.moved) this._model.endStep();
    this._drag.moved = true;
    if (this._drag.inserts) this._insert();
    this._model.move(this._drag.id, this._drag.point, this._pointAt(at));
  }

  _insert() {
    this._drag.inserts = false;
    this._model.insert(this._drag.id, this._drag.point, this._pointAt(this._drag.at));
  }

  _hover(at) {
    this._marks.hovered = at;
    if (this._model.pending) this._marks.place();
  }

  _up(event) {
    if (this._drag) {
      if (this._drag.inserts) this._insert();
      const {id, point} = this._drag;
      this._model.endStep();
      this._drag = null;
      this.element.querySelector(`.handle[data-shape="${id}"][data-point="${point}"]`)?.focus(
        {preventScroll: true});
    } else if (this._press && distance(this._at(event), this._press.at) < TAP_PX) {
      this._tap(this._at(event), this._press.shape, event);
    }
    this._press = null;
  }

  _drop() {
    if (this._drag) this._model.endStep();
    [this._drag, this._press] = [null, null];
  }

  _tap(at, shape, event) {
    const near = event.pointerType === 'touch' ? 24 : 12;
    const twice = event.timeStamp < this._tapped.time + DOUBLE_MS
      && distance(at, this._tapped.at) < near;
    this._tapped = {at, time: event.timeStamp};
    const tool = this._tool();
    const {pending} = this._model;
    if (!pending && tool === 'move') {
      this._model.select(shape === undefined ? null : Number(shape));
      return;
    }
    const isAt = point => distance(at, this._marks.px(point)) < near;
    const closes = pending && (twice && isAt(pending.points.at(-1)) || KINDS[pending.kind].closed
      && pending.points.length > 2 && isAt(pending.points[0]));
    if (closes) this._finish();
    else this._model.draw(pending?.kind ?? tool, this._pointAt(at));
    if (pending && !this._model.pending && !closes) this._onfinish();  // the fourth ground point
  }

  /** Let the keys move a point of a shape. */
  focusPoint(shape, point) {
    this.element.querySelector(`.handle[data-shape="${shape}"][data-point="${point}"]`)?.focus();
  }

  _finish() {
    if (this._model.finish()) this._onfinish();
  }

  _focus(event) {
    const {shape, point} = event.target.dataset;
    if (shape !== undefined && point !== undefined) {
      this._model.select(Number(shape), Number(point));
    }
  }

  /** Move and remove points, and select shapes, by keys. */
  _key(event) {
    const {shape, point} = event.target.dataset;
    if (shape === undefined) return;
    const id = Number(shape);
    if (point === undefined) {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      this._model.select(id, 0);
      this.element.querySelector('.handle')?.focus({preventScroll: true});
    } else if (ARROWS[event.key]) {
      const factor = event.shiftKey ? 10 : 1;
      const [x, y] = this._model.find(id).points[Number(point)];
      const [right, down] = ARROWS[event.key];
      this._model.move(id, Number(point), [x + right * factor * this._space.step[0],
                                           y + down * factor * this._space.step[1]]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

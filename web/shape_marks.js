/** Shapes as they are drawn over a picture, with marks to take hold of. */

import {drawn} from './dom.js';
import {distance, forwardOf} from './geometry.js';
import {drawGround} from './ground_grid.js';
import {KINDS} from './shapes_model.js';

/** The contents of an SVG drawing: the shapes of a model. */
export class ShapeMarks {
  /**
   * @param {SVGElement} element what they are drawn in
   * @param {ShapesModel} model what is drawn
   * @param {Object} space of `spaceOf`
   */
  constructor(element, model, space) {
    Object.assign(this, {element, _model: model, _space: space});
    this._places = [];
    this._structure = null;
    /** Where the mouse is, in px of the element, or null. */
    this.hovered = null;
  }

  /** Show the model as it is now. */
  draw() {
    const {shapes, pending, selected} = this._model;
    const structure = JSON.stringify([selected?.shape, pending?.kind, pending?.points.length,
                                      ...shapes.map(one => [one.id, one.points.length])]);
    if (structure !== this._structure) {
      this._structure = structure;
      this._build();
    }
    this.place();
  }

  _build() {
    const focused = document.activeElement?.dataset;
    const [shape, point] = this.element.contains(document.activeElement)
      ? [focused.shape, focused.point] : [];
    this._places = [];
    const selected = this._model.selectedShape();
    const others = this._model.shapes.filter(one => one !== selected);
    this.element.replaceChildren(
      ...others.map(one => this._shapeOf(one.id, false)),
      ...selected ? [this._shapeOf(selected.id, true)] : [],
      ...this._model.pending ? [this._pendingShape()] : []);
    this.element.classList.toggle('pending', Boolean(this._model.pending));
    if (shape === undefined) return;
    const handles = [...this.element.querySelectorAll('[tabindex]')];
    (handles.find(one => one.dataset.shape === shape && one.dataset.point === point)
      ?? handles.find(one => one.dataset.shape === shape))?.focus({preventScroll: true});
  }

  /** Set all coordinates, in px of the element. */
  place() {
    for (const place of this._places) place();
  }

  /** Return where a point is, in px of the element. */
  px(point) {
    const [x, y] = this._space.toView(point);
    return [x * this.element.clientWidth, y * this.element.clientHeight];
  }

  _shapeOf(id, selected) {
    const first = this._model.find(id);
    const closed = KINDS[first.kind].closed;
    const group = drawn('g', {class: `shape ${first.kind}${selected ? ' selected' : ''}`});
    const outline = kind => drawn(closed ? 'polygon' : 'polyline', {class: kind});
    const lines = [outline('casing'), outline('line')];
    const hit = outline('hit');
    if (!selected) hit.setAttribute('tabindex', '0');
    hit.setAttribute('role', 'button');
    hit.dataset.shape = id;
    const label = drawn('text', {class: 'label'});
    group.append(...lines, hit);
    if (first.kind === 'lines') group.append(this._arrow(id));
    if (first.kind === 'ground') group.append(this._grid(id));
    group.append(label);
    this._places.push(() => {
      const shape = this._model.find(id);
      const points = shape.points.map(point => this.px(point));
      for (const one of [...lines, hit]) one.setAttribute('points', points.join(' '));
      hit.setAttribute('aria-label', `${KINDS[shape.kind].word} ${shape.name}, `
                       + `${points.length} points`);
      group.classList.toggle('bad', Boolean(this._model.problemOf(shape)));
      label.textContent = shape.name;
      label.setAttribute('text-anchor', !closed && forwardOf(points).forward[0] < -0.3 ? 'end'
        : 'start');
      place(label, 'x', 'y', this._labelAt(points, closed));
    });
    if (selected) group.append(...this._middles(first), ...this._handles(first));
    return group;
  }

  /** Return where a name stands: above the highest corner, or beside the arrow of a line. */
  _labelAt(points, closed) {
    if (!closed) {
      const {at, forward} = forwardOf(points);
      const beside = forward[0] < -0.3 ? -10 : 10;
      return [at[0] + 20 * forward[0] + beside, at[1] + 20 * forward[1] + 5];
    }
    const [x, y] = points.reduce((best, point) => point[1] < best[1] ? point : best);
    return [Math.min(Math.max(x, 4), this.element.clientWidth - 60), Math.max(y - 9, 15)];
  }

  _arrow(id) {
    const arrow = drawn('path', {class: 'arrow'});
    this._places.push(() => {
      const {at, forward: [x, y]} = forwardOf(this._model.find(id).points.map(
        point => this.px(point)));
      const tip = [at[0] + 28 * x, at[1] + 28 * y];
      const barb = side => [tip[0] - 9 * x + side * 6 * y, tip[1] - 9 * y - side * 6 * x];
      arrow.setAttribute('d', `M${at} L${tip} M${barb(1)} L${tip} L${barb(-1)}`);
    });
    return arrow;
  }

  _grid(id) {
    const grid = drawn('g', {class: 'grid', 'aria-hidden': 'true'});
    this._places.push(() => drawGround(grid, this._model.find(id), point => this.px(point)));
    return grid;
  }

  _handles(shape) {
    return shape.points.map((_, number) => {
      const handle = drawn('g', {class: 'handle', tabindex: 0, role: 'button'});
      Object.assign(handle.dataset, {shape: shape.id, point: number});
      const circles = ['target', 'dot'].map(kind => drawn('circle', {
        class: kind, r: kind === 'dot' ? 6.5 : coarse() ? 22 : 12}));
      handle.append(...circles);
      let numeral = null;
      if (shape.kind === 'ground') {
        handle.append(numeral = drawn('text', {class: 'label', 'aria-hidden': 'true'}));
        numeral.textContent = number + 1;
      }
      this._places.push(() => {
        const {points} = this._model.find(shape.id);
        const at = this.px(points[number]);
        for (const circle of circles) place(circle, 'cx', 'cy', at);
        if (numeral) place(numeral, 'x', 'y', [at[0] + 10, at[1] - 8]);
        const selected = this._model.selected;
        handle.classList.toggle('chosen', selected?.point === number);
        handle.setAttribute('aria-label', `point ${number + 1} of ${points.length}, at `
          + `${this._space.written(points[number]).join(', ')} ${this._space.unit}`);
      });
      return handle;
    });
  }

  /** Return marks in the middle of sides, where points can be put in. */
  _middles(shape) {
    if (shape.kind === 'ground') return [];
    const sides = shape.points.length - (KINDS[shape.kind].closed ? 0 : 1);
    return Array.from({length: sides}, (_, number) => {
      const middle = drawn('g', {class: 'middle'});
      Object.assign(middle.dataset, {shape: shape.id, insert: number + 1});
      const circles = ['target', 'dot'].map(kind => drawn('circle', {
        class: kind, r: kind === 'dot' ? 4 : coarse() ? 18 : 9}));
      middle.append(...circles);
      this._places.push(() => {
        const {points} = this._model.find(shape.id);
        const [a, b] = [points[number], points[(number + 1) % points.length]].map(
          point => this.px(point));
        for (const circle of circles) {
          place(circle, 'cx', 'cy', [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
        }
        // Where there is no room, the points themselves come first.
        middle.classList.toggle('close', distance(a, b) < 36);
      });
      return middle;
    });
  }

  _pendingShape() {
    const group = drawn('g', {class: `shape pending ${this._model.pending.kind}`});
    const lines = [drawn('polyline', {class: 'casing'}), drawn('polyline', {class: 'line'})];
    const dots = this._model.pending.points.map((_, number) => drawn('circle', {
      class: number ? 'dot' : 'dot first', r: number ? 5 : 8}));
    group.append(...lines, ...dots);
    this._places.push(() => {
      const points = this._model.pending.points.map(point => this.px(point));
      dots.forEach((dot, number) => place(dot, 'cx', 'cy', points[number]));
      const all = this.hovered ? [...points, this.hovered] : points;
      for (const line of lines) line.setAttribute('points', all.join(' '));
    });
    return group;
  }
}

function place(element, x, y, at) {
  element.setAttribute(x, at[0]);
  element.setAttribute(y, at[1]);
}

function coarse() {
  return matchMedia('(pointer: coarse)').matches;
}

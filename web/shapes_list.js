/** What is drawn as a list, with names and points as numbers: for keyboards and screen readers. */

import {element} from './dom.js';
import {groundProblem} from './ground_grid.js';
import {KINDS} from './shapes_model.js';

/** The list of the shapes of a model. */
export class ShapesList {
  /**
   * @param {ShapesModel} model what is drawn
   * @param {Object} space of `spaceOf`
   */
  constructor(model, space) {
    this._model = model;
    this._space = space;
    this._entries = new Map();
    this._open = new Set();
    this._none = element('p', {class: 'muted', textContent: 'Nothing is drawn yet.'});
    this._list = element('ul', {class: 'shape-list'});
    this.element = element('div', {}, this._none, this._list);
  }

  /** Show the model as it is now. */
  draw() {
    const {shapes, selected} = this._model;
    const entries = new Map(shapes.map(shape => {
      const key = `${shape.id} ${shape.points.length}`;
      return [key, this._entries.get(key) ?? this._entry(shape)];
    }));
    if ([...entries.keys()].join() !== [...this._entries.keys()].join()) {
      this._list.replaceChildren(...[...entries.values()].map(entry => entry.element));
    }
    this._entries = entries;
    for (const shape of shapes) {
      const entry = entries.get(`${shape.id} ${shape.points.length}`);
      entry.show(shape, selected?.shape === shape.id);
    }
    this._none.hidden = shapes.length > 0;
  }

  _entry({id, kind, points}) {
    const word = KINDS[kind].word;
    const isGround = kind === 'ground';
    const model = this._model;
    const name = isGround ? element('strong', {textContent: 'Ground points'}) : element('input', {
      type: 'text', maxLength: 100, 'aria-label': `Name of the ${word}`, autocomplete: 'off',
      onfocus: () => model.select(id), oninput: () => model.rename(id, name.value)});
    const remove = element('button', {type: 'button', class: 'button', textContent: 'Delete',
                                      onclick: () => model.remove(id)});
    const problem = element('p', {class: 'failed small'});
    const tools = kind !== 'lines' ? [] : [element('button', {
      type: 'button', class: 'button', textContent: 'Turn', onclick: () => model.turn(id)})];
    const rows = points.map((_, number) => this._row(id, number, isGround));
    const table = element(
      'table', {class: 'points'}, element('thead', {}, element('tr', {}, ...[
        'Point', `x (${this._space.unit})`, `y (${this._space.unit})`,
        ...isGround ? ['x (m)', 'y (m)'] : [], ''].map(
        text => element('th', {scope: 'col', textContent: text})))),
      element('tbody', {}, ...rows.map(row => row.element)));
    const details = element(
      'details', {open: isGround || this._open.has(id), ontoggle: () => this._open[
        details.open ? 'add' : 'delete'](id)},
      element('summary', {textContent: `${points.length} points as numbers`}), table);
    const note = isGround ? element('p', {class: 'muted small', textContent: 'x (m) and y (m) are '
      + 'where each point is on the floor, as measured: x to the right, y upwards, seen from '
      + 'above. The grid on the picture shows whether they fit.'}) : null;
    const entry = element('li', {class: `entry ${kind}`}, element(
      'div', {class: 'entry-head'}, element('span', {class: 'swatch', 'aria-hidden': 'true'}),
      element('span', {class: 'small muted kind', textContent: isGround ? '' : word}), name,
      ...tools, remove), problem, note, details);
    return {element: entry, show: (shape, selected) => {
      entry.classList.toggle('selected', selected);
      if (!isGround && name.value !== shape.name) name.value = shape.name;
      remove.setAttribute('aria-label', isGround ? 'Delete the ground points'
        : `Delete ${shape.name}`);
      tools[0]?.setAttribute('aria-label', `Turn ${shape.name}: count the other way`);
      problem.textContent = isGround ? groundProblem(shape) : model.problemOf(shape);
      problem.hidden = !problem.textContent;
      rows.forEach(row => row.show(shape));
    }};
  }

  _row(id, number, isGround) {
    const [model, space] = [this._model, this._space];
    const shapeNow = () => model.find(id);
    const numberInput = (label, change) => {
      const input = element('input', {
        type: 'number', step: 'any', 'aria-label': `${label} of point ${number + 1}`,
        onfocus: () => model.select(id, number),
        oninput: () => { if (input.value !== '') change(Number(input.value)); }});
      return input;
    };
    const places = [0, 1].map(axis => numberInput('xy'[axis], value => {
      const written = space.written(shapeNow().points[number]);
      written[axis] = value;
      model.move(id, number, space.read(written));
    }));
    const metres = isGround ? [0, 1].map(axis => numberInput(`${'xy'[axis]} in metres`, value => {
      const measured = [...shapeNow().metres[number]];
      measured[axis] = value;
      model.measure(id, number, measured);
    })) : [];
    const button = (text, label, onclick) => element('button', {
      type: 'button', class: 'button', textContent: text, title: label,
      'aria-label': label, onclick});
    const buttons = isGround ? [] : [
      button('+', `Put a point in after point ${number + 1}`, () => {
        const {points} = shapeNow();
        const [a, b] = [points[number], points[(number + 1) % points.length]];
        model.insert(id, number + 1, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
      }), button('×', `Delete point ${number + 1}`, () => model.removePoint(id, number))];
    const row = element(
      'tr', {}, element('th', {scope: 'row', textContent: number + 1}),
      ...[...places, ...metres].map(input => element('td', {}, input)),
      element('td', {}, ...buttons));
    return {element: row, show: shape => {
      const shown = [...space.written(shape.points[number]), ...shape.metres?.[number] ?? []];
      [...places, ...metres].forEach((input, place) => {
        if (document.activeElement !== input && input.value !== String(shown[place])) {
          input.value = shown[place];
        }
      });
      row.classList.toggle('chosen', model.selected?.shape === id
        && model.selected.point === number);
    }};
  }
}

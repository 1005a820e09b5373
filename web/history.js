/** The view that asks the history of a camera: what was where, when, and compared with when. */

import {checkRow} from './check_row.js';
import {later, timeInWords, zones} from './days.js';
import {choice, element, field, fill} from './dom.js';
import {countsPart, eventsPart, heatPart, placeControls, placeOf, weekPart}
  from './history_parts.js';
import {classesAsText, classesOf, daysChosen, firstAndLast, hasOlder, inWords, otherTime,
        question, spanOf, SPANS, timeChosen, viewOf, zoneOf} from './history_query.js';
import {howToSwitchOn} from './history_off.js';
import {headingOf} from './quantities.js';
import {dayControls, hourControls} from './time_filter.js';
import {TimeSlider} from './time_slider.js';

const SETTLED_MS = 250;
/** Milliseconds without a change before anything is asked: the slider moves on meanwhile. */

/**
 * Show the history of the camera that the page's state names.
 * @param {HTMLElement} container what it is shown in
 * @param {Object} context of the page: `api`, `state`, `setState`, `say`
 * @returns {{update: function(Array), close: function()}}
 */
export function open(container, context) {
  const view = new HistoryView(container, context);
  view.load();
  return {update: () => view.update(), close: () => view.close()};
}

class HistoryView {
  constructor(container, context) {
    this._context = context;
    this._container = container;
    this._camera = context.state.camera;
    this._path = `api/cameras/${encodeURIComponent(this._camera)}/history`;
    this._asking = new AbortController();
    this._root = element('div', {class: 'history'});
    container.replaceChildren(this._root);
  }

  close() {
    this._asking.abort();
    clearTimeout(this._timer);
    for (const part of this._parts ?? []) part.close();
    this._container.replaceChildren();
  }

  /** Ask again once there is a connection, where there was none before. */
  update() {
    if (!this._unanswered) return;
    this._unanswered = false;
    this.load();
  }

  /** Ask what there is, then show it; again once another time zone is chosen. */
  async load() {
    this._asking.abort();
    const asking = this._asking = new AbortController();
    this._root.setAttribute('aria-busy', 'true');
    if (!this._parts) {
      this._root.replaceChildren(element('p', {class: 'muted', textContent: 'loading …'}));
    }
    try {
      const zone = encodeURIComponent(zoneOf(this._context.state));
      const overview = await this._context.api.getJson(`${this._path}?timezone=${zone}`,
                                                       {signal: asking.signal});
      if (asking !== this._asking) return;
      this._overview = overview;
      if (!overview.days.length) throw new Error('nothing is in it yet: the first period is not '
                                                 + 'over');
      if (!this._parts) this._build();
      this._slider.show(overview.days, new Map(), '');
      await Promise.all([this._show(true), this._countDays(asking)]);
    } catch (error) {
      if (asking !== this._asking || error.name === 'AbortError') return;
      this._unanswered = error.status === 0;
      this._root.replaceChildren(error.status === 404 ? howToSwitchOn(
        error.message, this._context.say) : this._failed(error.message));
      for (const part of this._parts ?? []) part.close();
      this._parts = null;
    } finally {
      if (asking === this._asking) this._root.removeAttribute('aria-busy');
    }
  }

  _failed(text) {
    return element(
      'section', {class: 'panel', 'aria-label': 'No answer'},
      element('p', {class: 'failed', role: 'alert', textContent: text}),
      element('button', {type: 'button', class: 'button', textContent: 'Try again',
                         onclick: () => this.load()}));
  }

  _build() {
    const about = {
      api: this._context.api, path: this._path, camera: this._camera,
      state: () => this._context.state, overview: () => this._overview,
      change: changes => this._change(changes)};
    this._about = about;
    this._parts = [heatPart(about), countsPart(about), weekPart(about), eventsPart(about)];
    const [heat, counts, week, events] = this._parts;
    this._summary = element('p', {class: 'summary', role: 'status'});
    this._partly = element('p', {class: 'muted small'});
    this._spans = SPANS.map(([value, text]) => element('button', {
      type: 'button', class: 'button', textContent: text,
      onclick: () => this._change({span: value, from: '', to: ''})}));
    this._slider = new TimeSlider((first, last) => this._change(
      {from: first, to: later(last, 1), span: ''}));
    this._days = dayControls(days => this._change({...days, span: ''}));
    this._hours = hourControls(hours => this._change(hours));
    this._place = placeControls(about);
    this._zone = choice(zones().map(name => [name, name]), '',
                        zone => this._change({zone}, true));
    this._setup = choice([], '', setup => this._change({setup}));
    this._setupField = field('Camera and places as of', this._setup);
    this._against = choice([], '', against => this._change(this._otherDays(against)));
    this._otherTimes = this._buildOther();
    this._classes = checkRow('Classes', 'classes', names => this._change(
      {classes: classesAsText(names)}, true));
    this._root.replaceChildren(
      element(
        'section', {class: 'panel time', 'aria-label': 'Time'},
        element('div', {class: 'panel-head'}, element('h2', {textContent: 'Time'}),
                element('div', {class: 'tools', role: 'group', 'aria-label': 'Times to choose'},
                        ...this._spans, element('button', {
                          type: 'button', class: 'button', textContent: 'Refresh',
                          onclick: () => this.load()}))),
        this._slider.element,
        element('div', {class: 'controls'}, this._days.element, this._hours.element,
                this._place.element, element('div', {class: 'fields'},
                                             field('Compare with', this._against),
                                             field('Time zone', this._zone), this._setupField),
                this._classes.element),
        this._otherTimes.element, this._summary, this._partly),
      element('div', {class: 'columns'}, heat.section, counts.section), week.section,
      events.section);
  }

  /** Return controls for the time that the first is compared with. */
  _buildOther() {
    const prefixed = values => Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`against_${name}`, value]));
    const days = dayControls(values => this._change(prefixed(values)));
    const hours = hourControls(values => this._change(prefixed(values)));
    const own = element('fieldset', {class: 'other'},
                        element('legend', {textContent: 'B, the other time'}), days.element,
                        hours.element);
    return {
      element: own,
      show(other, overview, isOwn) {
        own.hidden = !isOwn;
        if (!isOwn) return;
        const {first, last} = firstAndLast(other, overview);
        days.show(first, last);
        hours.show(other.hours, other.weekdays);
      }};
  }

  /** Return what another choice of the other time changes. */
  _otherDays(against) {
    const none = {against, against_from: '', against_to: '', against_hours: '',
                  against_weekdays: ''};
    if (against !== 'own') return none;
    const {first, last} = firstAndLast(daysChosen(this._context.state, this._overview),
                                       this._overview);
    return {...none, against_from: later(first, -7), against_to: later(last, -6),
            against_hours: this._context.state.hours ?? '',
            against_weekdays: this._context.state.weekdays ?? ''};
  }

  _change(changes, days = false) {
    const before = placeOf(this._about).place + placeOf(this._about).what;
    this._context.setState(Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [name, value || null])));
    this._showControls();
    const moved = before !== placeOf(this._about).place + placeOf(this._about).what;
    this._reload ||= days || moved;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      const reload = this._reload;
      this._reload = false;
      if (reload) this.load();
      else this._show(false);
    }, SETTLED_MS);
  }

  /** Ask how often something was counted on each day, for the bars. */
  async _countDays(asking) {
    const {place, what} = placeOf(this._about);
    const counts = new Map();
    if (place) {
      const query = question(this._context.state, this._overview, {}, {by: 'day', region: place});
      try {
        const answer = await this._context.api.getJson(`${this._path}/counts?${query}`,
                                                       {signal: asking.signal});
        for (const row of answer.rows) {
          if (row.what === what && row.place === place && !row.class) {
            counts.set(row.part, row.value);
          }
        }
      } catch (error) {
        if (error.name === 'AbortError' || asking !== this._asking) throw error;
        // The bars of the time watched are there without them.
        this._context.say(error.message, true);
      }
    }
    this._slider.show(this._overview.days, counts, `${headingOf(what)}, ${place}`);
  }

  _showControls() {
    const [state, overview] = [this._context.state, this._overview];
    const time = timeChosen(state, overview);
    const {first, last} = firstAndLast(time, overview);
    const span = spanOf(state, overview);
    SPANS.forEach(([value], number) => this._spans[number].setAttribute(
      'aria-pressed', String(value === span)));
    this._slider.choose(first, last);
    this._days.show(first, last);
    this._hours.show(time.hours, time.weekdays);
    this._place.show();
    fill(this._zone, zones().map(name => [name, name]), zoneOf(state));
    this._setupField.hidden = overview.views.length < 2;
    this._partly.hidden = !hasOlder(state, overview);
    this._partly.textContent = 'Only what was counted with the newest camera and places, in use '
      + `since ${timeInWords(viewOf(state, overview).begin_s, zoneOf(state))}; for what was `
      + 'before, choose others under ‘Camera and places as of’.';
    fill(this._setup, [['', 'the newest of that time'], ...overview.views.map(view => {
      const about = [`${view.width} × ${view.height} px`, ...view.regions, ...view.lines];
      return [String(view.view),
              `${timeInWords(view.begin_s, zoneOf(state))} (${about.join(', ')})`];
    })], state.setup ?? '');
    const days = span === 'all' ? [] : [['before', 'the days before']];
    const other = otherTime(state, overview);
    fill(this._against, [['', 'nothing'], ...days, ['own', 'another time …']],
         state.against ?? '');
    this._otherTimes.show(other, overview, state.against === 'own');
    this._root.classList.toggle('compares', Boolean(other));
    const classes = classesOf(state);
    this._classes.element.hidden = overview.classes.length < 2;
    this._classes.show(overview.classes, new Set(classes.length ? classes : overview.classes));
    this._summary.textContent = (other ? 'A: ' : '') + inWords(time, overview)
      + (other ? `. B: ${inWords(other, overview)}` : '');
  }

  async _show(again) {
    this._showControls();
    const shown = await Promise.all(this._parts.map(part => part.show(again)));
    const number = shown.indexOf(false);
    const failure = this._parts?.[number]?.failure();
    if (failure) this._context.say(failure, true);
  }
}

/** The parts of the history view, each of which asks for what it shows. */

import {countsTable} from './counts_table.js';
import {dayOf} from './days.js';
import {choice, element, field, fill} from './dom.js';
import {EventList, KINDS} from './event_list.js';
import {inWords, otherTime, question, timeChosen, viewOf, weekdaysIn, zoneOf}
  from './history_query.js';
import {Panel} from './panel.js';
import {headingOf, quantitiesOf} from './quantities.js';
import {cellsOf, WeekTable} from './week_table.js';

const COLOURS = ['JET', 'TURBO', 'VIRIDIS', 'INFERNO', 'HOT', 'CIVIDIS'];
const EVENTS = 500;
const MOST_EVENTS = 10_000;

/**
 * What the parts have in common.
 * @typedef {Object} About
 * @property {Object} api asks the server
 * @property {string} path of this camera's history in the API
 * @property {string} camera the camera's id
 * @property {function(): Object} state the page's
 * @property {function(): Object} overview what the API says of the history
 * @property {function(Object)} change changes the state, then asks again
 */

/**
 * A part of the view.
 * @typedef {Object} Part
 * @property {HTMLElement} section where it is shown
 * @property {function(boolean): Promise<boolean>} show asks for what the state says, also again
 *     if so told, and tells whether it is shown
 * @property {function(): string} failure why it is not, in words
 * @property {function()} close drops what it is asking
 */

/**
 * Return the place that is looked at, and what is counted there.
 * @param {About} about
 * @returns {{place: string, what: string, isLine: boolean}} nothing where there is no place
 */
export function placeOf(about) {
  const {regions, lines} = viewOf(about.state(), about.overview());
  const {place, what} = about.state();
  const chosen = [...regions, ...lines].includes(place) ? place : regions[0] ?? lines[0] ?? '';
  const isLine = lines.includes(chosen) && !regions.includes(chosen);
  const known = quantitiesOf(isLine);
  return {place: chosen, what: known.includes(what) ? what : known[0], isLine};
}

function getJson(about) {
  return (address, options) => about.api.getJson(address, options);
}

function ask(about, kind, time, more) {
  const query = question(about.state(), about.overview(), time, more);
  return `${about.path}${kind}?${query}`;
}

function download(text) {
  return element('a', {class: 'button', textContent: text});
}

/** Let a link save an address under a name that says what is in it. */
function offer(about, link, address, what, suffix) {
  const {from, to} = timeChosen(about.state(), about.overview());
  const days = [dayOf(from), dayOf(to)].filter(Boolean).join('_to_') || 'all';
  link.href = address;
  link.download = `${about.camera}_${what}_${days}.${suffix}`;
}

/**
 * The picture of heat, or of the difference of two times.
 * @param {About} about
 * @returns {Part}
 */
export function heatPart(about) {
  const image = element('img', {class: 'heat', alt: ''});
  let shown = '';
  const panel = new Panel('Heat per hour watched',
                          (address, options) => about.api.getBlob(address, options), ([blob]) => {
    URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(blob);
    image.src = shown;
  });
  const background = choice([['live', 'camera picture'], ['none', 'none']], 'live',
                            value => about.change({background: value === 'live' ? '' : value}));
  const colours = choice(COLOURS.map(name => [name, name.toLowerCase()]), 'JET',
                         value => about.change({colours: value === 'JET' ? '' : value}));
  const [png, json] = [download('PNG'), download('JSON')];
  panel.tools.append(field('Behind it', background), field('Colours', colours), png, json);
  panel.body.append(image);
  return {
    section: panel.section, failure: () => panel.failure.textContent,
    close() { panel.close(); URL.revokeObjectURL(shown); },
    show(again) {
      const [state, overview] = [about.state(), about.overview()];
      const [time, other] = [timeChosen(state, overview), otherTime(state, overview)];
      const view = viewOf(state, overview);
      fill(background, [['live', 'camera picture'], ['none', 'none']], state.background || 'live');
      fill(colours, COLOURS.map(name => [name, name.toLowerCase()]), state.colours || 'JET');
      colours.disabled = Boolean(other);  // a difference has its own
      panel.heading.textContent = other ? 'Difference of heat per hour watched, A less B'
        : 'Heat per hour watched';
      image.alt = `${panel.heading.textContent}: ${inWords(time, overview)}`
        + (other ? ` against ${inWords(other, overview)}` : '');
      [image.width, image.height] = [view.width, view.height];
      // What the API is not told of the other time is that of the first one.
      const against = other && {
        against_from: other.from, against_to: other.to,
        against_hours: other.hours || time.hours && '0-24',
        against_weekdays: other.weekdays || time.weekdays && 'mon-sun'};
      const address = ask(about, '/heat.png', time, {
        ...against, colormap: other ? '' : state.colours,
        background: state.background || 'live'});
      offer(about, png, address, other ? 'difference' : 'heat', 'png');
      offer(about, json, ask(about, '/heat', time, {format: 'json'}), 'heat', 'json');
      return panel.ask([address], again);
    }};
}

/**
 * What was counted, in total.
 * @param {About} about
 * @returns {Part}
 */
export function countsPart(about) {
  const panel = new Panel('Counts', getJson(about), ([one, other], body) => {
    body.replaceChildren(countsTable(viewOf(about.state(), about.overview()), one.rows,
                                     other ? other.rows : null));
  });
  const [csv, json] = [download('CSV by day'), download('JSON')];
  panel.tools.append(csv, json);
  return {
    section: panel.section, failure: () => panel.failure.textContent,
    close: () => panel.close(),
    show(again) {
      const [state, overview] = [about.state(), about.overview()];
      const [time, other] = [timeChosen(state, overview), otherTime(state, overview)];
      const address = ask(about, '/counts', time, {by: 'total'});
      offer(about, csv, ask(about, '/counts', time, {by: 'day', format: 'csv'}), 'counts', 'csv');
      offer(about, json, address, 'counts', 'json');
      return panel.ask([address, ...other ? [ask(about, '/counts', other, {by: 'total'})] : []],
                       again);
    }};
}

/**
 * The hours of the week.
 * @param {About} about
 * @returns {Part}
 */
export function weekPart(about) {
  const isChosen = (weekday, hour) => {
    const {hours, weekdays} = about.state();
    return Boolean(hours || weekdays) && weekdaysIn(weekdays).has(weekday)
      && (!hours || hours.split(',').some(range => {
        const [from, to] = range.split('-').map(Number);
        return from < (to || 24) ? hour >= from && hour < (to || 24) : hour >= from || hour < to;
      }));
  };
  const table = new WeekTable((weekday, hour) => {
    const hours = `${hour}-${hour + 1}`;
    const {state} = about;
    const same = state().hours === hours && state().weekdays === weekday;
    about.change(same ? {hours: '', weekdays: ''} : {hours, weekdays: weekday});
  });
  let drawn = [];
  const draw = () => {
    const {place, what} = placeOf(about);
    if (drawn[0]) table.show(cellsOf(drawn[0].rows, place, what), place, what, isChosen);
  };
  const panel = new Panel('Hours of the week', getJson(about), answers => {
    drawn = answers;
    draw();
  });
  const csv = download('CSV');
  panel.tools.append(csv);
  panel.body.append(table.element, element('p', {class: 'muted', textContent:
    'Choose an hour to see only that one above; once more for all hours again.'}));
  return {
    section: panel.section, failure: () => panel.failure.textContent,
    close() { panel.close(); table.close(); },
    show(again) {
      const days = {...timeChosen(about.state(), about.overview()), hours: '', weekdays: ''};
      const {place} = placeOf(about);
      panel.section.hidden = !place;
      if (!place) return true;
      const more = {by: 'week', region: place};
      offer(about, csv, ask(about, '/counts', days, {...more, format: 'csv'}), 'week', 'csv');
      draw();
      return panel.ask([ask(about, '/counts', days, more)], again);
    }};
}

/**
 * The events, of some kinds and places.
 * @param {About} about
 * @returns {Part}
 */
export function eventsPart(about) {
  let limit = EVENTS;
  let shown = '';
  const list = new EventList(() => {
    if (limit >= MOST_EVENTS) return;
    limit = Math.min(MOST_EVENTS, 4 * limit);
    part.show(false);
  });
  const panel = new Panel('Events', getJson(about), ([answer]) => {
    const own = addressOf(EVENTS);
    list.show(answer.events, answer.more ?? answer.events.length >= limit, zoneOf(about.state()),
              own === shown);
    shown = own;
  });
  const kind = choice([], '', value => about.change({kind: value}));
  const place = choice([], '', value => about.change({at: value}));
  const csv = download('CSV');
  panel.tools.append(field('What', kind), field('Where', place), csv);
  panel.body.append(list.element);
  const addressOf = (most, more = {}) => ask(
    about, '/events', timeChosen(about.state(), about.overview()),
    {limit: most, kind: about.state().kind, place: about.state().at, ...more});
  const part = {
    section: panel.section, failure: () => panel.failure.textContent,
    close: () => panel.close(),
    show(again) {
      const {regions, lines} = viewOf(about.state(), about.overview());
      fill(kind, [['', 'all'], ...KINDS], about.state().kind ?? '');
      fill(place, [['', 'everywhere'], ...[...regions, ...lines].map(name => [name, name])],
           about.state().at ?? '');
      if (addressOf(EVENTS) !== shown) limit = EVENTS;
      offer(about, csv, addressOf(MOST_EVENTS, {format: 'csv'}), 'events', 'csv');
      return panel.ask([addressOf(limit)], again);
    }};
  return part;
}

/**
 * Return controls for the place that days and hours of the week are about.
 * @param {About} about
 * @returns {{element: HTMLElement, show: function()}}
 */
export function placeControls(about) {
  const place = choice([], '', value => about.change({place: value}));
  const what = choice([], '', value => about.change({what: value}));
  const row = element('div', {class: 'fields'}, field('Place', place), field('Count', what));
  return {
    element: row,
    show() {
      const {regions, lines} = viewOf(about.state(), about.overview());
      const chosen = placeOf(about);
      row.hidden = !chosen.place;
      fill(place, [...regions, ...lines].map(name => [name, name]), chosen.place);
      fill(what, quantitiesOf(chosen.isLine).map(name => [name, headingOf(name)]), chosen.what);
    }};
}

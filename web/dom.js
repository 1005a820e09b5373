/** Making elements of the page; text is never taken for markup. */

/**
 * Make an element.
 * @param {string} tag its name, as 'button'
 * @param {Object} properties what it gets: `class`, `on…` functions, `data-…`, `aria-…` and other
 *     attributes with a hyphen, role and properties such as `textContent`; undefined ones are
 *     left out
 * @param {...(Node|string)} children what is in it
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === 'class') made.className = value;
    else if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name.includes('-') || !(name in made)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/**
 * Make an element of a drawing.
 * @param {string} tag its name in SVG, as 'rect'
 * @param {Object} attributes what it gets
 * @returns {SVGElement}
 */
export function drawn(tag, attributes = {}) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/**
 * Put a label before a control.
 * @param {string} text what the label says
 * @param {HTMLElement} control the control
 * @returns {HTMLLabelElement}
 */
export function field(text, control) {
  return element('label', {class: 'field'}, element('span', {textContent: text}), control);
}

/**
 * Make a list to choose from.
 * @param {Array<[string, string]>} choices value and text of each
 * @param {string} chosen the value that is chosen; a further one is added for it if need be
 * @param {function(string)} onchoose told the value that is chosen then
 * @param {Object} properties as of `element`
 * @returns {HTMLSelectElement}
 */
export function choice(choices, chosen, onchoose, properties = {}) {
  const list = element('select', {...properties, onchange: () => onchoose(list.value)});
  fill(list, choices, chosen);
  return list;
}

/**
 * Give a list other choices.
 * @param {HTMLSelectElement} list the list
 * @param {Array<[string, string]>} choices value and text of each
 * @param {string} chosen the value that is chosen; a further one is added for it if need be
 */
export function fill(list, choices, chosen) {
  const all = choices.some(([value]) => value === chosen) ? choices
    : [...choices, [chosen, chosen]];
  const texts = all.map(one => one.join('\n')).join('\n\n');
  if (list.dataset.choices !== texts) {  // an open list would close
    list.replaceChildren(...all.map(([value, text]) => new Option(text, value)));
    list.dataset.choices = texts;
  }
  list.value = chosen;
}

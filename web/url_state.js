/** What the page shows, as the address has it, so that an address can be shared. */

/**
 * Return what the page's address says.
 * @returns {Object<string, string>} by key; `view` is always there
 */
export function readState() {
  return {view: 'live', ...Object.fromEntries(new URLSearchParams(location.search))};
}

/**
 * Return the address of a state.
 * @param {Object<string, string>} state by key
 * @returns {string} relative to the page
 */
export function addressOf(state) {
  return `?${new URLSearchParams(state)}`;
}

/**
 * Return a state with changes.
 * @param {Object<string, string>} state by key
 * @param {Object<string, string|null>} changes by key; null removes a key
 * @returns {Object<string, string>}
 */
export function changed(state, changes) {
  return Object.fromEntries(Object.entries({...state, ...changes}).filter(
    ([, value]) => value !== null && value !== undefined));
}

/**
 * Write a state into the page's address.
 * @param {Object<string, string>} state by key
 * @param {boolean} push whether *Back* shall lead to what was there before
 */
export function writeState(state, push) {
  const address = addressOf(state);
  if (address === location.search) return;
  history[push ? 'pushState' : 'replaceState'](null, '', address);
}

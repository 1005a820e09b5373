/** What is drawn and not saved yet, kept by the browser while the page is loaded again. */

const PREFIX = 'draft.';

/**
 * Keep a draft.
 * @param {string} camera id of the camera
 * @param {Array<Object>|null} shapes of the model; null for nothing that is unsaved
 */
export function keepDraft(camera, shapes) {
  try {
    if (shapes) sessionStorage.setItem(PREFIX + camera, JSON.stringify(shapes));
    else sessionStorage.removeItem(PREFIX + camera);
  } catch {
    // Storage is off or full: the warning before the page is left remains.
  }
}

/**
 * Return what was kept of a camera.
 * @param {string} camera its id
 * @returns {Array<Object>|null} shapes of the model
 */
export function draftOf(camera) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + camera));
  } catch {
    return null;
  }
}

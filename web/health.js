/** How a camera is, in words, and what to do about it. */

import {element} from './dom.js';

const LEVELS = {
  ok: ['Working', ''],
  paused: ['Paused', 'Frames arrive, but nothing is counted until you resume.'],
  warn: ['Look at this', 'It works, but not as well as it could.'],
  error: ['Not working', 'Nothing is counted until that is mended; the log of the node has more.'],
  stale: ['Silent', 'If it stays so, start the node again.'],
  gone: ['Not there', 'Start the node; this page goes on by itself once it is back.'],
  late: ['No new picture', 'See whether the camera still sends.']};

/** A mark for the head of a panel and the words below it. */
export class HealthText {
  constructor() {
    this.mark = element('span', {class: 'mark'});
    this.text = element('p', {class: 'health', role: 'status'});
  }

  /**
   * Show how a camera is.
   * @param {Object} camera its state
   * @param {number} silence seconds since the last picture
   */
  show(camera, silence) {
    const level = levelOf(camera, silence);
    const [word, advice] = LEVELS[level] ?? LEVELS.warn;
    if (this.mark.textContent !== word) {
      this.mark.textContent = word;
      this.mark.className = `mark ${level}`;
    }
    const message = level === 'ok' ? '' : sentences([
      level === 'late' ? `the last picture came ${Math.round(silence)} s ago`
        : camera.health.message, advice]);
    // A screen reader hears about what has changed, not about each second.
    if (message.replace(/\d+/g, '') !== this._said || !this.text.textContent) {
      this._said = message.replace(/\d+/g, '');
      this.text.textContent = message;
    }
    this.text.classList.toggle('failed', !['ok', 'paused'].includes(level));
    this.text.hidden = !message;
  }
}

/** Return sentences in a row, each with its capital and its full stop; names stay as they are. */
function sentences(texts) {
  return texts.filter(Boolean).map(text => {
    const sentence = text[0].toUpperCase() + text.slice(1);
    return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
  }).join(' ');
}

/**
 * Return how a camera is, in one word.
 * @param {Object} camera its state
 * @param {number} silence seconds since its last picture came
 * @returns {string} a level of its health, 'paused' or 'late'
 */
export function levelOf(camera, silence = 0) {
  if (['gone', 'stale', 'error'].includes(camera.health.level)) return camera.health.level;
  if (camera.settings.paused) return 'paused';
  if (camera.health.level === 'ok' && silence > 5) return 'late';
  return camera.health.level;
}

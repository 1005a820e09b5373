/** Requests to the server, and the connection over which pictures and states come. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const SILENT_MS = 6000;
/** A server that says nothing for so long is not there: states come each second. */

/** What went wrong with a request, in words; `status` is 0 where nothing answered. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('no answer: is web_viewer running?', 0);
  }
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error ?? message;
  } catch {
    // Not from the page's own server, but from a proxy.
  }
  if (response.status === 401) message += '; reload the page to enter it';
  throw new ApiError(message, response.status);
}

/**
 * Get an answer as JSON.
 * @param {string} path relative to the page
 * @param {{signal: AbortSignal}} options to drop the question
 * @returns {Promise<Object>} rejected with an `ApiError`
 */
export async function getJson(path, {signal} = {}) {
  return (await ask(path, {signal})).json();
}

/**
 * Get an answer as bytes; as `getJson`.
 * @returns {Promise<Blob>}
 */
export async function getBlob(path, {signal} = {}) {
  return (await ask(path, {signal})).blob();
}

/**
 * Get an answer as text; as `getJson`.
 * @returns {Promise<string>}
 */
export async function getText(path, {signal} = {}) {
  return (await ask(path, {signal})).text();
}

/**
 * Change something.
 * @param {string} method 'POST', 'PUT' or 'PATCH'
 * @param {string} path relative to the page
 * @param {Object} content what is sent as JSON
 * @returns {Promise<{success: boolean, message: string}>} also where nothing answers
 */
export async function send(method, path, content = {}) {
  try {
    const response = await ask(path, {
      method, body: JSON.stringify(content), headers: {'Content-Type': 'application/json'}});
    return await response.json();
  } catch (error) {
    return {success: false, message: error.message};
  }
}

/** The connection over which states and pictures come; made again whenever it is lost. */
export class LiveConnection {
  /**
   * @param {Object} listener `states(cameras)`, `picture(header, ImageBitmap)`,
   *     `lost(seconds)` with the time until the next try, and `found()`
   */
  constructor(listener) {
    this._listener = listener;
    this._watched = [];
    this._wait = FIRST_WAIT_MS;
    addEventListener('online', () => this._retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this._retry();
    });
    this._connect();
  }

  /**
   * Say which cameras' pictures are wanted.
   * @param {Array<{id: string, width: number}>} watched width in px of one half; 0: full size
   */
  watch(watched) {
    this._watched = watched;
    this._tell({watch: watched});
  }

  _connect() {
    const address = new URL('api/live', location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    address.search = '';
    const socket = this._socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    this._listenFor(socket);
    socket.onopen = () => this._tell({watch: this._watched});
    socket.onmessage = event => {
      this._listenFor(socket);
      if (typeof event.data === 'string') {
        this._wait = FIRST_WAIT_MS;
        this._listener.found();
        this._listener.states(JSON.parse(event.data).cameras);
      } else {
        this._take(socket, event.data);
      }
    };
    socket.onclose = () => this._lost(socket);
  }

  /** Give a connection up that stays silent. */
  _listenFor(socket) {
    clearTimeout(this._silence);
    this._silence = setTimeout(() => {
      socket.close();
      this._lost(socket);  // its own event may take a minute
    }, SILENT_MS);
  }

  _lost(socket) {
    if (socket !== this._socket) return;
    this._socket = null;
    clearTimeout(this._silence);
    this._listener.lost(this._wait / 1000);
    this._timer = setTimeout(() => this._connect(), this._wait);
    this._wait = Math.min(2 * this._wait, LONGEST_WAIT_MS);
  }

  _retry() {
    if (this._socket) return;
    clearTimeout(this._timer);
    this._connect();
  }

  async _take(socket, buffer) {
    const length = new DataView(buffer).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    try {
      const picture = await createImageBitmap(
        new Blob([new Uint8Array(buffer, 4 + length)], {type: header.type}));
      // A tab that is not looked at gets no frames, and so asks for no more pictures.
      await new Promise(resolve => requestAnimationFrame(resolve));
      this._listener.picture(header, picture);
      picture.close();
    } catch (error) {
      if (error.name !== 'InvalidStateError') throw error;  // no picture: wait for the next
    }
    if (socket === this._socket) {
      this._tell({drawn: header.number, id: header.id, width: header.width});
    }
  }

  _tell(content) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(content));
  }
}

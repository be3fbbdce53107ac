// Requests to our own server. Every write is one that other sites cannot make a browser send unasked (a
// method or header field that is not simple), and says which state it changes.

/** What an answer without words of its own means. */
const words = { 401: 'You are not logged in: load the page again.', 403: 'You are not allowed to do this here.', 404: 'It is no longer there.' };

/** A refusal of the server, in its own words (problem details, RFC 9457). */
export class Refused extends Error {
  constructor(status, problem = {}) {
    super(problem.detail || words[status] || `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** An answer that is not our server's: a proxy that has people log in sends elsewhere who is logged out by now. */
export class Elsewhere extends Error {
  constructor() { super('You may be logged out: something else answered in place of the server, and nothing was done. Log in in another tab, then try again here.'); }
}

/** Where a request goes. fetch takes no name and password, which a path alone would get from the address of the page. */
export const absolute = (url) => new URL(url, location.origin).href;

const writes = new Set(['PUT', 'DELETE', 'MKCOL', 'MOVE', 'COPY']);

/** Whether our server has answered: it sends nobody elsewhere, and answers no write with 200. */
export const isOurs = (method, url, status, from) => from === absolute(url) && !(status === 200 && writes.has(method));

/** Sends a request; throws Refused for 4xx and 5xx, and TypeError when the server cannot be reached. */
export async function request(method, url, headers = {}, body = undefined) {
  const response = await fetch(absolute(url), {
    method, body, cache: 'no-store', credentials: 'same-origin', redirect: 'manual',
    headers: { Accept: 'application/problem+json, */*;q=0.5', ...headers },
  });
  if (response.type === 'opaqueredirect' || !isOurs(method, url, response.status, response.url)) throw new Elsewhere();
  if (response.ok) return response;
  throw new Refused(response.status, problemIn(response.headers.get('Content-Type'), await response.text()));
}

/** What an answer says is wrong: problem details, or the sentence of who stands before the files and asks for logins. */
export function problemIn(type, text) {
  if (type?.startsWith('text/plain')) return { detail: text.trim() };
  try { return type?.startsWith('application/problem+json') ? JSON.parse(text) : {}; } catch { return {}; }
}

/** What went wrong, as a sentence for people. */
export function sentence(error) {
  if (error.taken) return `“${error.taken}” is there already, so nothing was done.`;
  if (error.status === 412) return 'Somebody changed it meanwhile, so nothing was done.';
  if (error.status === 423) return lockedSentence(error.problem.locks || []);
  if (error instanceof Refused) return error.message;
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return String(error.message || error);
}

/** Who holds locks, as the server tells of them; '' for none. */
export const holders = (locks) => [...new Set((locks || []).map((l) => l.owner))].join(', ');

function lockedSentence(locks) {
  if (!locks.length) return 'It is locked, so nothing was done.';
  const until = new Date(Math.max(...locks.map((l) => Date.parse(l.expires)))).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `It is locked by ${holders(locks)} until ${until}, so nothing was done.`;
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export const isWeak = (tag) => !tag || tag.startsWith('W/');
export const opaque = (tag) => (tag || '').replace(/^W\//, '');

/**
 * The header of what is there now, with a strong entity-tag if there is one soon. A tag is weak for a moment after a
 * change that the server did not make itself, and If-Match never matches a weak one. Null when nothing is there.
 */
export async function strongState(url) {
  for (let i = 0; ; i++) {
    try {
      const { headers } = await request('HEAD', url);
      if (!isWeak(headers.get('ETag')) || i === 20) return headers;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
    await pause(150);
  }
}

/** The strong entity-tag in such a header. */
export function strongTag(header) {
  const tag = header.get('ETag');
  if (isWeak(tag)) throw new Error('It was changed a moment ago; try again in a moment.');
  return tag;
}

/** The URL of a member of a collection, whose URL ends with a slash. */
export function member(collection, name, isFolder = false) {
  return collection + encodeURIComponent(name) + (isFolder ? '/' : '');
}

/** Renames, moves or copies the state that tag names; never onto something that is there (Overwrite: F). */
export const move = (from, to, tag) => transfer('MOVE', from, to, tag);
export const copy = (from, to, tag) => transfer('COPY', from, to, tag);

async function transfer(method, from, to, tag) {
  try {
    return await request(method, from, { Destination: absolute(to), Overwrite: 'F', 'If-Match': tag });
  } catch (error) {
    // 412 is the answer to both: somebody changed what is moved, or has taken the name.
    if (error.status === 412 && await request('HEAD', to).catch(() => null)) error.taken = decodeURIComponent(to.replace(/\/$/, '').split('/').at(-1));
    throw error;
  }
}

export const makeFolder = (url) => request('MKCOL', url);

/** Deletes the state that tag names. */
export const remove = (url, tag) => request('DELETE', url, { 'If-Match': tag });

/** Deletes a collection if no member came, went or was renamed since that time. */
export const removeFolder = (url, milliseconds) => request('DELETE', url, { 'If-Unmodified-Since': new Date(milliseconds).toUTCString() });

/** Reads a page without running anything in it. */
export function readPage(url) {
  return new Promise((done, failed) => {
    const xhr = new XMLHttpRequest();
    xhr.open('GET', absolute(url));
    xhr.responseType = 'document';
    xhr.setRequestHeader('Accept', 'text/html');
    xhr.onload = () => {
      if (!isOurs('GET', url, xhr.status, xhr.responseURL)) failed(new Elsewhere());
      else if (xhr.status < 300 && xhr.response) done(xhr.response);
      else failed(new Refused(xhr.status));
    };
    xhr.onerror = () => failed(new TypeError('unreachable'));
    xhr.send();
  });
}

/**
 * Follows a resource by server-sent events, while the page can be seen: browsers allow few connections. changed gets
 * the state of a file, null for nothing, and that of a collection, which tells that its members changed.
 */
export function follow(url, changed) {
  let source = null;
  let again = 0; // a timer
  let wait = 3000;
  const stop = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const update = () => {
    if (document.hidden) { stop(); return; }
    if (source) return;
    source = new EventSource(absolute(url) + '?events');
    for (const kind of ['state', 'members']) {
      source.addEventListener(kind, (event) => { wait = 3000; changed(JSON.parse(event.data), kind === 'members'); });
    }
    // A browser comes back by itself unless it got an answer, such as that of a proxy while the server starts anew.
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      stop();
      again = setTimeout(update, wait);
      wait = Math.min(2 * wait, 300000);
    };
  };
  document.addEventListener('visibilitychange', update);
  addEventListener('pagehide', stop);
  addEventListener('pageshow', update);
  update();
}

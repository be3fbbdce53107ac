// The editor. It saves with If-Match, so nobody's words are ever overwritten unseen; when somebody else was
// faster, it merges, and lets people choose where both wrote.

import { age, confirm, el, icon, menu, shown, size, toast } from './dom.js';
import { Draft } from './draft.js';
import { Find } from './find.js';
import { conflicts, decide, joined, mergeTexts } from './merge.js';
import { follow, holders, isWeak, opaque, request, sentence, strongState } from './net.js';
import { Surface } from './surface.js';
import { decode, encode } from './text.js';

const { self, type, limit } = document.body.dataset;
const readonly = 'readonly' in document.body.dataset;
const notices = document.getElementById('notices');
const draft = new Draft(self);

/** What the text is based on: a state of the server. tag is null where nothing was there. */
let base = null;
let last = null; // the last event: what the server has
let busy = false; // a save or merge is under way
let surface, find, saveButton, status, place;

// ---- what the server has

class NotEditable extends Error {}

/** The current state: {text, tag, …}; tag is null when nothing is there. */
async function load() {
  let response;
  try {
    response = await request('GET', self, { Accept: '*/*' });
  } catch (error) {
    if (error.status === 404) return { text: '', tag: null, eol: '\n', bom: false, ends: null };
    throw error;
  }
  const length = Number(response.headers.get('Content-Length'));
  if (length > Number(limit)) throw new NotEditable(`This file has ${size(length)}. Up to ${size(Number(limit))} can be edited in the page: with more, typing would not be smooth. Download it, or use “ifmatch edit”.`);
  const text = decode(await response.arrayBuffer());
  if (!text) throw new NotEditable('This file is not UTF-8 text, so it cannot be edited here.');
  return { ...text, tag: response.headers.get('ETag') || '', when: Date.parse(response.headers.get('Last-Modified')) };
}

/** One PUT on top of base. Resolves with null when it was saved, or with what is there instead. */
async function put(text) {
  if (base.tag !== null && isWeak(base.tag)) {
    // A tag is weak for a moment after a change by another program; whether it is still the same state is told by the text.
    await strongState(self);
    const now = await load();
    if (now.text !== base.text || now.tag === null) return now;
    base = now;
  }
  const condition = base.tag === null ? { 'If-None-Match': '*' } : { 'If-Match': base.tag };
  try {
    const bytes = encode(text, base);
    const response = await request('PUT', self, { 'Content-Type': type, ...condition }, bytes);
    base = { ...base, ...(base.ends && decode(bytes)), text, tag: response.headers.get('ETag') || '' };
    return null;
  } catch (error) {
    if (error.status !== 412) throw error;
    return load();
  }
}

// ---- saving

const dirty = () => base !== null && (surface.text !== base.text || base.tag === null);

async function save() {
  if (busy || !base || readonly) return;
  if (!dirty()) { toast('There is nothing to save.'); return; }
  working(true);
  try {
    let merged = false;
    for (let tries = 0; tries < 10; tries++) {
      const text = surface.text;
      const theirs = await put(text);
      if (!theirs) { saved(merged); return; }
      const go = await reconcile(theirs, text);
      if (!go) return;
      if (go === 'theirs') { taken(); return; }
      merged = merged || go === 'merged';
      if (!dirty()) { saved(merged); return; }
    }
    notice('This file is being changed faster than it can be merged. Your text is kept here; save again in a moment.');
  } catch (error) {
    failed(error);
  } finally {
    working(false);
  }
}

function saved(merged) {
  if (!dirty()) draft.drop(); else keep();
  notices.replaceChildren();
  toast(merged ? 'Saved, with the changes of somebody else merged in.' : 'Saved.');
}

function taken() {
  notices.replaceChildren();
  toast('You see their text now. Nothing of yours was saved.');
}

function failed(error) {
  if (error instanceof NotEditable) { notice(`It was changed meanwhile: ${error.message} Your text is kept in this browser; nothing was saved.`, { bad: true }); return; }
  notice(`Not saved. ${error.status === 405 ? folder : sentence(error)} Your text is kept in this browser.`, { bad: true });
}

/** Brings their state and my text together; what is shown then is based on theirs. Falsy: back to editing. */
async function reconcile(theirs, mine) {
  if (theirs.tag === null) return gone();
  if (theirs.text === mine) { base = theirs; return 'same'; } // an answer was lost, or we think alike
  const hunks = await mergeTexts(self, base.text, mine, theirs.text);
  if (conflicts(hunks) === 0) return take(theirs, joined(hunks), mine);
  const choice = await decide(hunks, who(), theirs.when ? age(theirs.when) : '');
  if (!choice) return false;
  if (choice.discard) return take(theirs, theirs.text, mine) && 'theirs';
  if (choice.overwrite) { base = theirs; return 'overwrite'; }
  return take(theirs, choice.text, mine);
}

/** Shows a merged text, unless somebody typed on meanwhile. */
function take(theirs, text, mine) {
  if (surface.text !== mine) { toast('You went on writing while it was merged; save once more.'); return false; }
  base = theirs;
  show(text);
  keep();
  return 'merged';
}

async function gone() {
  const yes = await confirm('It was deleted meanwhile', 'Somebody deleted or moved this file while you were writing. Save your text as a new file under this name?', 'Save as new');
  if (yes) base = { ...base, text: '', tag: null };
  return yes ? 'new' : false;
}

const folder = 'There is a folder of this name by now, so this text cannot be saved under it.';

const who = () => last?.lastModifiedBy || 'Somebody else';

// ---- news from the server

async function news(state) {
  last = state;
  tellLocks(holders(state?.locks));
  if (busy || !base) return;
  if (!state) {
    if (base.tag !== null) notice('Somebody deleted or moved this file. Saving asks before it makes a new one.', { kind: 'news' });
    return;
  }
  if (base.tag !== null && opaque(state.etag) === opaque(base.tag)) return;
  try {
    if (!dirty() && base.tag !== null) { // nothing can be lost
      const theirs = await load();
      if (busy || dirty() || theirs.tag === null) return;
      const same = theirs.text === base.text;
      base = theirs;
      if (same) { refreshStatus(); return; }
      show(theirs.text);
      toast(`${who()} changed this file; you see the new text.`);
      return;
    }
  } catch { /* the notice says it */ }
  notice(`${who()} changed this file while you are writing. Saving will merge both.`, { kind: 'news', actions: [['Merge now', mergeNow]] });
}

let lockedBy = '';

function tellLocks(by) {
  if (by === lockedBy) return;
  lockedBy = by;
  if (by) notice(`Locked by ${by}: saving is refused until that ends. Your text is kept in this browser.`, { kind: 'lock' });
  else notices.querySelector('[data-kind=lock]')?.remove();
}

/** Merges what is there into the text, without saving it. */
async function mergeNow() {
  if (busy) return;
  working(true);
  try {
    const go = await reconcile(await load(), surface.text);
    if (go === 'theirs') taken();
    else if (go) { notices.replaceChildren(); toast('Merged. Look it over and save.'); }
  } catch (error) {
    failed(error);
  } finally {
    working(false);
  }
}

// ---- what is seen

/** Says something that stays until it is dismissed or saved away; one of each kind. */
function notice(text, { bad = false, actions = [], kind = 'save' } = {}) {
  const box = el('div', { class: bad ? 'note bad' : 'note', role: bad && 'alert', 'data-kind': kind }, el('span', { class: 'grow' }, shown(text)),
    ...actions.map(([label, run]) => el('button', { class: 'button', type: 'button', onclick: run }, label)),
    el('button', { class: 'bare', type: 'button', 'aria-label': 'Dismiss', onclick: () => { box.remove(); surface.area.focus({ preventScroll: true }); } }, icon('close')));
  const before = notices.querySelector(`[data-kind=${kind}]`);
  if (before && before.className === box.className && before.children.length === box.children.length) {
    before.firstChild.textContent = text; // its buttons stay, under the hand of who presses one
    return;
  }
  before?.remove();
  notices.append(box);
}

/** Shows a text that was not written here. */
function show(text) {
  surface.text = text;
  find.search();
  refreshStatus();
}

function working(on) {
  busy = on;
  saveButton.disabled = on;
  saveButton.lastChild.textContent = on ? 'Saving…' : 'Save';
  if (!on) {
    if (document.activeElement === document.body) saveButton.focus(); // where it was before it was disabled
    refreshStatus();
    if (last && base?.tag && opaque(last.etag) !== opaque(base.tag)) request('HEAD', self).then((r) => news({ ...last, etag: r.headers.get('ETag') }), () => {});
  }
}

function refreshStatus() {
  const changed = dirty();
  status.textContent = readonly ? 'Read-only' : base.tag === null ? 'New file' : changed ? 'Not saved yet' : 'Saved';
  status.className = changed ? 'state unsaved' : 'state';
  document.title = `${changed ? '• ' : ''}${shown(decodeURIComponent(self))}`;
  const { line, column } = surface.caret();
  place.textContent = `Line ${line}, column ${column}`;
}

let timer = 0;

function keep() {
  clearTimeout(timer);
  timer = 0;
  if (!dirty()) { draft.drop(); unkept = false; return; }
  const before = unkept;
  unkept = !draft.keep({ text: surface.text, base });
  if (unkept && !before) notice('This browser has no room to keep your unsaved text: save before you leave the page.', { kind: 'draft' });
}

let unkept = false; // the browser has no room for the draft

function changed() {
  refreshStatus();
  find.search();
  clearTimeout(timer);
  timer = setTimeout(keep, 300);
}

addEventListener('pagehide', () => { if (timer) keep(); });
addEventListener('beforeunload', (event) => { if (timer) keep(); if (unkept && dirty()) event.preventDefault(); });
addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 's') { event.preventDefault(); save(); }
  if (event.key === 'f' || event.key === 'h') { event.preventDefault(); find.open(); }
});

function build() {
  surface = new Surface({ label: `Text of ${decodeURIComponent(self)}`, readonly, changed, moved: refreshStatus });
  find = new Find(surface);
  status = el('span', { class: 'state', role: 'status' });
  place = el('span', { class: 'place' });
  const wrap = el('input', { type: 'checkbox', checked: localGet('wrap') !== 'no', onchange: () => { surface.wrap = wrap.checked; localSet('wrap', wrap.checked ? 'yes' : 'no'); } });
  surface.wrap = wrap.checked;
  saveButton = el('button', { class: 'button primary', type: 'button', id: 'save', title: 'Ctrl+S', onclick: save, hidden: readonly }, el('span', {}, 'Save'));
  document.getElementById('tools').append(
    el('button', { class: 'button square', type: 'button', 'aria-label': 'Find', title: 'Find (Ctrl+F)', onclick: () => find.open() }, icon('search')),
    el('button', { class: 'button square', type: 'button', 'aria-label': 'More', 'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: (event) => menu(event.currentTarget, [
      { label: 'Preview', href: '?view' }, { label: 'Download', href: self, download: '' },
      ...(readonly ? [] : [null, { label: 'Discard my changes', bad: true, run: giveUp }])]) }, icon('more')), saveButton);
  document.getElementById('editor').replaceWith(find.bar, surface.box, el('footer', { class: 'status' }, status, place, el('span', { class: 'grow' }),
    el('span', { class: 'hint', id: 'keys-hint' }, 'Esc, then Tab leaves the text'), el('label', { class: 'check' }, wrap, 'Wrap')));
}

async function giveUp() {
  if (!dirty() || !await confirm('Discard your changes?', 'What you wrote since the last save will be lost.', 'Discard', 'bad')) return;
  draft.drop();
  base = null;
  location.href = last === null ? './' : '?edit';
}

function localGet(name) { try { return localStorage.getItem(`ifmatch:${name}`); } catch { return null; } }
function localSet(name, value) { try { localStorage.setItem(`ifmatch:${name}`, value); } catch { /* it is a convenience */ } }

async function start() {
  build();
  surface.area.disabled = true; // until its text is there, which would replace what was written before
  const found = await draft.find();
  try {
    const now = await load();
    base = found ? found.base : now;
    surface.text = found ? found.text : now.text;
    if (found) notice('Your unsaved text was brought back.', { kind: 'draft', actions: [['Discard it', giveUp]] });
  } catch (error) {
    if (!found) { document.getElementById('tools').replaceChildren(); document.querySelector('main').replaceChildren(el('div', { class: 'empty' }, el('p', {}, sentence(error)), el('p', {}, el('a', { class: 'button', href: '?view' }, 'Show it'), ' ', el('a', { class: 'button', href: self, download: '' }, 'Download')))); return; }
    base = found.base;
    surface.text = found.text;
    failed(error);
  }
  surface.area.disabled = false;
  refreshStatus();
  surface.area.setSelectionRange(0, 0);
  surface.area.focus({ preventScroll: true });
  follow(self, (state, collection) => (collection ? notice(folder, { kind: 'news' }) : news(state)));
}

start();

// The page of a collection. The rows are the server's: this script sorts, filters, selects and acts on them,
// so that without it everything can still be read.

import { age, el, exactTime, icon, menu, say, shown, toast } from './dom.js';
import { follow, readPage, sentence } from './net.js';
import * as act from './actions.js';
import { Uploads } from './upload.js';

const { self, root, version } = document.body.dataset;
const readonly = 'readonly' in document.body.dataset;
const kept = readonly || 'kept' in document.body.dataset; // nothing that is there may be changed
const shares = 'shares' in document.body.dataset; // each member is a tree of its own
const table = document.getElementById('files');
const selected = new Set(); // names
let rows = [];
let order = { key: 'name', down: false };
let needle = '';

/** What the actions need to know of this page. */
const here = { self, root, shares, kept, names: () => new Set(rows.map((r) => r.name)), refresh: () => refresh(), focus: (name) => rows.find((r) => r.name === name)?.a.focus(), uploads: null };

/** A name as the filter compares it: macOS spells é in two characters, and who types it in one. */
const folded = (text) => text.toLowerCase().normalize('NFC');

/** What a row of the server says. */
function readRow(tr) {
  const a = tr.querySelector('a');
  const href = a.getAttribute('href').replace(/\?view$/, '');
  const path = href.replace(/\/$/, '');
  const name = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  return { tr, a, name, folder: a.classList.contains('folder'), href, lower: folded(name), size: Number(tr.dataset.size), time: Number(tr.dataset.time),
    etag: tr.dataset.etag || null, lock: tr.dataset.lock || null, kind: a.classList[1] };
}

/** Adds the cells that only make sense with a script. */
function dress(row) {
  const { tr, name } = row;
  const box = el('input', { type: 'checkbox', 'aria-label': `Select ${name}`, checked: selected.has(name) });
  tr.classList.toggle('selected', box.checked);
  tr.prepend(el('td', { role: 'cell', class: 'check' }, box));
  tr.append(el('td', { role: 'cell', class: 'more' },
    el('button', { class: 'bare', type: 'button', 'aria-label': `Actions for ${name}`, 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, icon('more'))));
  return tell(row);
}

/**
 * Shows the new state of a row in the elements of the old one. The old object stays as it is: who opened a menu or
 * a dialog on it acts on the state that it showed then.
 */
function update(old, row) {
  for (const cell of ['size', 'time']) if (old[cell] !== row[cell]) old.tr.querySelector(`td.${cell}`).replaceWith(row.tr.querySelector(`td.${cell}`));
  return tell({ ...row, tr: old.tr, a: old.a, rank: old.rank });
}

function tell(row) {
  const { tr, a, lock } = row;
  const time = tr.querySelector('time');
  time.textContent = age(row.time);
  time.title = exactTime(row.time);
  tr.querySelector('.badge')?.remove();
  if (lock) a.after(el('span', { class: 'icon lock badge', title: shown(`Locked by ${lock}`) }, shown(lock)));
  tr.row = row;
  return row;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const by = {
  name: (a, b) => a.rank - b.rank,
  size: (a, b) => a.size - b.size || by.name(a, b),
  time: (a, b) => b.time - a.time || by.name(a, b), // the newest first
};

/** Gives each row its place among the names. Collation is slow, so it gets them in their old order, new ones last. */
function rank() {
  if (rows.every((r) => r.rank !== undefined)) return;
  const before = (r) => r.rank ?? 1e9;
  [...rows].sort((a, b) => before(a) - before(b)).sort((a, b) => collator.compare(a.name, b.name)).forEach((r, i) => { r.rank = i; });
}

/** Orders all rows, or only puts those of moved where they belong among the others, which are in order. */
function sort(moved = null) {
  rank();
  const compare = by[order.key];
  rows.sort((a, b) => b.folder - a.folder || (order.down ? -compare(a, b) : compare(a, b)));
  const body = table.tBodies[0];
  if (!moved) body.remove(); // rows that are moved where nobody looks cost nothing
  rows.forEach((r, i) => {
    const place = i ? rows[i - 1].tr.nextElementSibling : body.firstElementChild;
    if (r.tr !== place && (!moved || moved.has(r))) body.insertBefore(r.tr, place);
  });
  if (!moved) table.append(body);
  for (const th of table.tHead.querySelectorAll('[data-key]')) {
    const on = th.dataset.key === order.key;
    th.setAttribute('aria-sort', !on ? 'none' : order.down !== (order.key === 'time') ? 'descending' : 'ascending');
  }
}

function filter() {
  let shown = 0;
  for (const r of rows) {
    const hide = needle !== '' && !r.lower.includes(needle);
    if (r.tr.hidden !== hide) r.tr.hidden = hide;
    if (!hide) shown++;
  }
  let empty = document.getElementById('empty');
  if (!empty) table.after(empty = el('p', { class: 'empty', id: 'empty', role: 'status' }));
  empty.hidden = shown > 0;
  say(empty, rows.length === 0 ? (readonly ? 'Nothing here yet.' : 'Nothing here yet. Drop files anywhere on this page, or use New and Upload.') : 'No name matches.');
  if (selected.size) showSelection();
  say(document.getElementById('count'), needle ? `${shown} of ${rows.length}` : rows.length === 1 ? '1 item' : `${rows.length} items`);
}

/** Shows what the server has now. Rows of names that stay are kept: so are focus, menus and half of a click. */
function show(read) {
  const focused = document.activeElement;
  const at = visible().findIndex((r) => (bar.contains(focused) ? selected.has(r.name) : r.tr.contains(focused)));
  const before = new Map(rows.map((r) => [r.href, r]));
  const stay = new Set(read.map((r) => r.href));
  for (const r of rows) if (!stay.has(r.href)) { r.tr.remove(); selected.delete(r.name); }
  const news = new Set();
  rows = read.map((r) => {
    const old = before.get(r.href);
    if (old && ['size', 'time', 'etag', 'lock'].every((key) => old[key] === r[key])) return old;
    const row = old ? update(old, r) : dress(r);
    news.add(row);
    return row;
  });
  sort(before.size ? news : null);
  filter();
  showSelection();
  if (focused.checkVisibility()) focused.focus({ preventScroll: true }); // its row may have gone elsewhere
  else if (at >= 0) (visible()[Math.min(at, visible().length - 1)]?.a ?? search).focus();
}

const readRows = (body) => [...body.rows].map(readRow);
let reading = null; // a promise of what is under way
let following = null; // and of what comes after it

/** Reads the collection again. Resolves when what was there at the call is shown. */
function refresh() {
  if (reading) return following ??= reading.then(() => { following = null; return refresh(); });
  return reading = readAgain().finally(() => { reading = null; });
}

async function readAgain() {
  try {
    const page = await readPage(self);
    const body = page.getElementById('files')?.tBodies[0];
    if (body) show(readRows(body));
  } catch (error) {
    toast(sentence(error), { bad: true });
  }
}

// ---- head and tools

const search = el('input', { type: 'search', id: 'filter', placeholder: 'Filter', 'aria-label': 'Filter by name', autocomplete: 'off', spellcheck: 'false',
  oninput: () => { needle = folded(search.value.trim()); requestAnimationFrame(filter); },
  onkeydown: (event) => { if (event.key === 'Escape') { search.value = ''; needle = ''; filter(); visible()[0]?.a.focus(); } else if (event.key === 'ArrowDown') { filter(); visible()[0]?.a.focus(); event.preventDefault(); } } });

function buildTools() {
  const tools = document.getElementById('tools');
  tools.append(el('span', { id: 'count', class: 'count', role: 'status' }), el('label', { class: 'search' }, icon('search'), search));
  if (!readonly) {
    const files = el('input', { type: 'file', multiple: true, hidden: true, id: 'pick-files', onchange: () => { here.uploads.addFiles(files.files); files.value = ''; } });
    const folder = el('input', { type: 'file', webkitdirectory: true, multiple: true, hidden: true, id: 'pick-folder', onchange: () => { here.uploads.addFiles(folder.files); folder.value = ''; } });
    tools.append(files, folder,
      el('button', { class: 'button', type: 'button', id: 'new', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
        onclick: (event) => menu(event.currentTarget, [{ label: 'Folder…', run: () => act.newFolder(here) }, { label: 'Text file…', run: () => act.newFile(here) }]) }, icon('plus'), 'New'),
      el('button', { class: 'button primary', type: 'button', id: 'upload', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
        onclick: (event) => menu(event.currentTarget, [{ label: 'Files…', run: () => files.click() }, { label: 'Folder…', run: () => folder.click() }]) }, icon('upload'), 'Upload'));
  }
  tools.append(el('button', { class: 'button square', type: 'button', id: 'more', 'aria-label': 'More', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    onclick: (event) => menu(event.currentTarget, [...(shares ? [] : [{ label: 'Download all as zip', href: '?zip' }]), { label: 'Keyboard…', run: act.keyboardHelp }]) }, icon('more')));
  const head = table.tHead.rows[0];
  for (const [i, key] of ['name', 'size', 'time'].entries()) {
    const th = head.cells[i];
    const label = key === 'time' ? 'Changed' : th.textContent;
    th.dataset.key = key;
    th.replaceChildren(el('button', { type: 'button', class: 'bare', onclick: () => { order = { key, down: order.key === key && !order.down }; sort(); } }, label));
  }
  head.prepend(el('td', { role: 'columnheader', class: 'check' }, el('input', { type: 'checkbox', id: 'all', 'aria-label': 'Select all', onchange: (event) => selectAll(event.target.checked) })));
  head.append(el('td', { role: 'columnheader', class: 'more' }, el('span', { class: 'sr' }, 'Actions')));
}

// ---- selection

const visible = () => rows.filter((r) => !r.tr.hidden);
const chosen = () => rows.filter((r) => selected.has(r.name));

function select(row, on) {
  if (on) selected.add(row.name); else selected.delete(row.name);
  row.tr.classList.toggle('selected', on);
  row.tr.querySelector('input').checked = on;
}

function selectAll(on) {
  for (const r of on ? visible() : rows) select(r, on);
  showSelection();
}

const action = (label, run, kind = '') => el('button', { class: `button ${kind}`, type: 'button', onclick: () => run(here, chosen()) }, label);
const picked = el('span', { class: 'grow', role: 'status' });
const bar = el('div', { class: 'selection', role: 'region', 'aria-label': 'Selection', hidden: true }, picked, action('Download', act.download),
  ...(kept ? [] : [action('Move…', act.moveTo)]), ...(readonly ? [] : [action('Copy…', act.copyTo)]), ...(kept ? [] : [action('Delete…', act.remove, 'bad')]),
  el('button', { class: 'bare', type: 'button', 'aria-label': 'Clear selection', onclick: () => { const [first] = chosen(); selectAll(false); first?.a.focus(); } }, icon('close')));

function showSelection() {
  const n = selected.size;
  bar.hidden = n === 0;
  document.body.classList.toggle('selecting', n > 0);
  const all = document.getElementById('all');
  all.checked = n > 0 && visible().every((r) => selected.has(r.name));
  all.indeterminate = n > 0 && !all.checked;
  const unseen = chosen().filter((r) => r.tr.hidden).length;
  if (n > 0) say(picked, `${n} selected${unseen ? `, ${unseen} of them not shown` : ''}`);
}

let anchor = null; // the tr where a range of selected rows begins

table.addEventListener('click', (event) => {
  const row = event.target.closest('tr')?.row;
  if (!row) return;
  const box = event.target.closest('input[type=checkbox]');
  if (box) {
    const list = visible();
    const begin = list.findIndex((r) => r.tr === anchor);
    if (event.shiftKey && begin >= 0) {
      const [from, to] = [begin, list.indexOf(row)].sort((a, b) => a - b);
      for (const r of list.slice(from, to + 1)) select(r, box.checked);
    } else {
      select(row, box.checked);
    }
    anchor = row.tr;
    showSelection();
    return;
  }
  const more = event.target.closest('td.more button');
  if (more) menu(more, rowMenu(row));
});

function rowMenu(row) {
  const items = [{ label: 'Open', href: row.a.getAttribute('href') }];
  if (!kept && !row.folder && (['text', 'code', 'markdown', 'file'].includes(row.kind))) items.push({ label: 'Edit', href: `${row.href}?edit` });
  items.push(row.folder ? { label: 'Download as zip', href: `${row.href}?zip` } : { label: 'Download', href: row.href, download: row.name });
  if (!readonly) items.push(null);
  if (!kept) items.push({ label: 'Rename…', run: () => act.rename(here, row) }, { label: 'Move…', run: () => act.moveTo(here, [row]) });
  if (!readonly) items.push({ label: 'Copy…', run: () => act.copyTo(here, [row]) });
  if (!kept) items.push(null, { label: 'Delete…', bad: true, run: () => act.remove(here, [row]) });
  return items;
}

// ---- keyboard

document.addEventListener('keydown', (event) => {
  if (event.target.closest('input[type=search],input[type=text],textarea,dialog,[popover]') || event.ctrlKey && event.key !== 'a' || event.metaKey || event.altKey) return;
  const list = visible();
  const row = event.target.closest('tr')?.row;
  const at = row ? list.indexOf(row) : -1;
  const go = (i) => { list[Math.max(0, Math.min(list.length - 1, i))]?.a.focus(); };
  const keys = {
    ArrowDown: () => go(at + 1), j: () => go(at + 1), ArrowUp: () => go(at < 0 ? 0 : at - 1), k: () => go(at < 0 ? 0 : at - 1),
    Home: () => go(0), End: () => go(list.length - 1),
    '/': () => search.focus(), '?': act.keyboardHelp,
    Backspace: () => { if (self !== root) location.href = self.replace(/[^/]+\/$/, ''); },
    Escape: () => selectAll(false),
  };
  if (event.ctrlKey) Object.assign(keys, { a: () => selectAll(true) });
  if (row && !event.target.closest('button,input')) keys[' '] = () => { select(row, !selected.has(row.name)); showSelection(); };
  if (!readonly) keys.n = () => act.newFolder(here);
  if (!kept) {
    keys.F2 = () => row && act.rename(here, row);
    keys.Delete = () => (selected.size || row) && act.remove(here, selected.size ? chosen() : [row]);
  }
  const run = keys[event.key];
  if (run) { event.preventDefault(); run(); }
});

// ---- start

buildTools();
document.querySelector('main').append(bar);
document.documentElement.classList.add('js');
if (!readonly) here.uploads = new Uploads(here);
show(readRows(table.tBodies[0]));
setInterval(() => { for (const r of rows) if (Date.now() - r.time < 36e5) r.tr.querySelector('time').textContent = age(r.time); }, 30000);

const gone = el('p', { class: 'note bad', role: 'status', hidden: true }, 'This folder is no longer there.');
table.before(gone);

let first = true;
let due = 0;
follow(self, (state, collection) => {
  gone.hidden = collection;
  if (!collection) return;
  const known = first && state.version === version; // what this page was made of
  first = false;
  if (!known) due ||= setTimeout(() => { due = 0; refresh(); }, here.uploads?.busy ? 1500 : 200);
});

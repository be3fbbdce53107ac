// The page of a collection. The rows are the server's: this script sorts, filters, selects and acts on them,
// so that without it everything can still be read.

import { age, el, exactTime, icon, menu, shown, toast } from './dom.js';
import { follow, readDocument, sentence } from './net.js';
import * as act from './actions.js';
import { Uploads } from './upload.js';

const { self, root } = document.body.dataset;
const readonly = 'readonly' in document.body.dataset;
const table = document.getElementById('files');
const selected = new Set(); // names
let rows = [];
let order = { key: 'name', down: false };
let needle = '';

/** What the actions need to know of this page. */
const here = { self, root, names: () => new Set(rows.map((r) => r.name)), refresh: () => refresh(), uploads: null };

function readRows() {
  rows = [...table.tBodies[0].rows].map((tr) => {
    const a = tr.querySelector('a');
    const folder = a.classList.contains('folder');
    const href = a.getAttribute('href').replace(/\?view$/, '');
    const name = decodeURIComponent(href.replace(/\/$/, '').slice(href.replace(/\/$/, '').lastIndexOf('/') + 1));
    const row = { tr, a, name, folder, href, lower: name.toLowerCase(), size: Number(tr.dataset.size), time: Number(tr.dataset.time),
      etag: tr.dataset.etag || null, lock: tr.dataset.lock || null, kind: a.classList[1] };
    tr.row = row;
    return row;
  });
}

/** Adds the cells that only make sense with a script. */
function dress(row) {
  const { tr, name } = row;
  const box = el('input', { type: 'checkbox', 'aria-label': `Select ${name}`, checked: selected.has(name) });
  const check = el('td', { role: 'cell', class: 'check' }, box);
  const more = el('td', { role: 'cell', class: 'more' },
    el('button', { class: 'bare', type: 'button', 'aria-label': `Actions for ${name}`, 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, icon('more')));
  tr.classList.toggle('selected', box.checked);
  const time = tr.querySelector('time');
  time.textContent = age(row.time);
  time.title = exactTime(row.time);
  if (row.lock) row.a.after(el('span', { class: 'icon lock badge', title: `Locked by ${row.lock}` }, shown(row.lock)));
  tr.prepend(check);
  tr.append(more);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const by = {
  name: (a, b) => a.rank - b.rank,
  size: (a, b) => a.size - b.size || by.name(a, b),
  time: (a, b) => b.time - a.time || by.name(a, b), // the newest first
};

function sort() {
  const compare = by[order.key];
  // Collation is slow: once for all rows, and never again for these.
  if (rows.length && rows[0].rank === undefined) [...rows].sort((a, b) => collator.compare(a.name, b.name)).forEach((r, i) => { r.rank = i; });
  rows.sort((a, b) => b.folder - a.folder || (order.down ? -compare(a, b) : compare(a, b)));
  const body = table.tBodies[0];
  body.remove(); // rows that are moved where nobody looks cost nothing
  body.append(...rows.map((r) => r.tr));
  table.append(body);
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
  empty.textContent = rows.length === 0 ? (readonly ? 'Nothing here yet.' : 'Nothing here yet. Drop files anywhere on this page, or use New and Upload.') : 'No name matches.';
  document.getElementById('count').textContent = needle ? `${shown} of ${rows.length}` : rows.length === 1 ? '1 item' : `${rows.length} items`;
}

function setUp() {
  readRows();
  rows.forEach(dress);
  if (order.key !== 'name' || order.down || !table.dataset.dressed) sort();
  table.dataset.dressed = 'yes';
  filter();
  showSelection();
}

let asking = null;

/** Reads the collection again; what is selected, focused and filtered stays. */
async function refresh() {
  if (asking) { asking.again = true; return; }
  asking = { again: false };
  try {
    const page = await readDocument('GET', self, { Accept: 'text/html' });
    const fresh = page.getElementById('files')?.tBodies[0];
    if (fresh) {
      const focused = document.activeElement?.closest?.('tr')?.row?.name;
      table.tBodies[0].replaceWith(document.adoptNode(fresh));
      setUp();
      const names = here.names();
      for (const n of selected) if (!names.has(n)) selected.delete(n);
      sort();
      showSelection();
      if (focused) rows.find((r) => r.name === focused)?.a.focus({ preventScroll: true });
    }
  } catch (error) {
    toast(sentence(error), { bad: true });
  }
  const { again } = asking;
  asking = null;
  if (again) refresh();
}

// ---- head and tools

const search = el('input', { type: 'search', id: 'filter', placeholder: 'Filter', 'aria-label': 'Filter by name', autocomplete: 'off', spellcheck: 'false',
  oninput: () => { needle = search.value.trim().toLowerCase(); requestAnimationFrame(filter); },
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
    onclick: (event) => menu(event.currentTarget, [{ label: 'Download all as zip', href: '?zip' }, { label: 'Keyboard…', run: act.keyboardHelp }]) }, icon('more')));
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

const bar = el('div', { class: 'selection', role: 'region', 'aria-label': 'Selection', hidden: true });

function showSelection() {
  const n = selected.size;
  bar.hidden = n === 0;
  document.body.classList.toggle('selecting', n > 0);
  const all = document.getElementById('all');
  all.checked = n > 0 && visible().every((r) => selected.has(r.name));
  all.indeterminate = n > 0 && !all.checked;
  if (n === 0) return;
  const action = (label, run, kind = '') => el('button', { class: `button ${kind}`, type: 'button', onclick: run }, label);
  bar.replaceChildren(el('span', { class: 'grow', role: 'status' }, `${n} selected`), action('Download', () => act.download(here, chosen())),
    ...(readonly ? [] : [action('Move…', () => act.moveTo(here, chosen())), action('Copy…', () => act.copyTo(here, chosen())), action('Delete…', () => act.remove(here, chosen()), 'bad')]),
    el('button', { class: 'bare', type: 'button', 'aria-label': 'Clear selection', onclick: () => selectAll(false) }, icon('close')));
}

let anchor = null; // of a range of selected rows

table.addEventListener('click', (event) => {
  const row = event.target.closest('tr')?.row;
  if (!row) return;
  const box = event.target.closest('input[type=checkbox]');
  if (box) {
    const list = visible();
    if (event.shiftKey && anchor) {
      const [from, to] = [list.indexOf(anchor), list.indexOf(row)].sort((a, b) => a - b);
      for (const r of list.slice(Math.max(0, from), to + 1)) select(r, box.checked);
    } else {
      select(row, box.checked);
    }
    anchor = row;
    showSelection();
    return;
  }
  const more = event.target.closest('td.more button');
  if (more) menu(more, rowMenu(row));
});

function rowMenu(row) {
  const items = [{ label: 'Open', href: row.a.getAttribute('href') }];
  if (!readonly && !row.folder && (['text', 'code', 'markdown', 'file'].includes(row.kind))) items.push({ label: 'Edit', href: `${row.href}?edit` });
  items.push(row.folder ? { label: 'Download as zip', href: `${row.href}?zip` } : { label: 'Download', href: row.href, download: row.name });
  if (!readonly) {
    items.push(null, { label: 'Rename…', run: () => act.rename(here, row) }, { label: 'Move…', run: () => act.moveTo(here, [row]) },
      { label: 'Copy…', run: () => act.copyTo(here, [row]) }, null, { label: 'Delete…', bad: true, run: () => act.remove(here, [row]) });
  }
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
    Backspace: () => { if (self !== root) location.href = '../'; },
    Escape: () => selectAll(false),
  };
  if (event.ctrlKey) Object.assign(keys, { a: () => selectAll(true) });
  if (row && !event.target.closest('button,input')) keys[' '] = () => { select(row, !selected.has(row.name)); showSelection(); };
  if (!readonly) {
    keys.n = () => act.newFolder(here);
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
setUp();
setInterval(() => { for (const r of rows) if (Date.now() - r.time < 36e5) r.tr.querySelector('time').textContent = age(r.time); }, 30000);

let first = true;
let due = 0;
follow(self, 'members', () => {
  if (first) { first = false; return; } // the state at the start
  clearTimeout(due);
  due = setTimeout(refresh, here.uploads?.busy ? 1500 : 200);
});

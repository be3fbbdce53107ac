// What can be done to the members of a collection. Each action says what happened as the server tells it, and
// offers to undo it where that loses nothing.

import { askName, buttons, confirm, dialog, el, icon, shown, toast } from './dom.js';
import { copy, makeFolder, member, move, readDocument, remove as removeState, sentence, strongTag } from './net.js';

const quoted = (list) => (list.length === 1 ? `“${list[0].name}”` : `${list.length} items`);
const url = (row) => row.href;

/** Runs steps one by one; says how many went well when one did not. */
async function each(here, list, verb, step) {
  const done = [];
  let failure = null;
  for (const row of list) {
    try { done.push([row, await step(row)]); } catch (error) { failure = { row, error }; break; }
  }
  await here.refresh();
  if (failure) {
    const before = done.length ? ` ${done.length} of ${list.length} ${verb} before that.` : '';
    toast(`“${failure.row.name}” was not ${verb}: ${sentence(failure.error)}${before}`, { bad: true });
  }
  return { done, ok: !failure };
}

function refusedName(here, old = null) {
  const names = here.names();
  return (name) => (name !== old && names.has(name) ? `“${name}” is there already.` : '');
}

export async function newFolder(here) {
  const name = await askName('New folder', 'Name', 'New folder', 'Create', refusedName(here));
  if (!name) return;
  try {
    await makeFolder(member(here.self, name, true));
    await here.refresh();
    toast(`“${name}” was created.`);
  } catch (error) {
    toast(error.status === 405 ? `“${name}” is there already.` : sentence(error), { bad: true });
  }
}

/** Opens the editor on a name that is not there yet; it is created when it is saved. */
export async function newFile(here) {
  const name = await askName('New text file', 'Name', 'notes.md', 'Write', refusedName(here));
  if (name) location.href = member(here.self, name) + '?edit';
}

export async function rename(here, row) {
  const name = await askName('Rename', 'New name', row.name, 'Rename', refusedName(here, row.name));
  if (!name || name === row.name) return;
  const to = member(here.self, name, row.folder);
  try {
    await move(url(row), to);
    await here.refresh();
    toast(`“${row.name}” is now “${name}”.`, { action: { label: 'Undo', run: () => back(here, [[to, url(row)]]) } });
  } catch (error) {
    toast(error.status === 412 ? `“${name}” is there already; nothing was changed.` : sentence(error), { bad: true });
  }
}

/** Moves things back to where they were, unless something is there by now. */
async function back(here, pairs) {
  try {
    for (const [from, to] of pairs) await move(from, to);
    toast('Undone.');
  } catch (error) {
    toast(`It cannot be undone: ${sentence(error)}`, { bad: true });
  }
  await here.refresh();
}

export async function moveTo(here, list) {
  const to = await pickFolder(here, `Move ${quoted(list)} to`, 'Move here', list.filter((r) => r.folder).map(url));
  if (!to || to === here.self) return;
  const { done, ok } = await each(here, list, 'moved', (row) => move(url(row), member(to, row.name, row.folder)));
  if (done.length) {
    const pairs = done.map(([row]) => [member(to, row.name, row.folder), url(row)]);
    if (ok) toast(`${quoted(list)} moved.`, { action: { label: 'Undo', run: () => back(here, pairs) } });
  }
}

export async function copyTo(here, list) {
  const to = await pickFolder(here, `Copy ${quoted(list)} to`, 'Copy here', []);
  if (!to) return;
  const taken = to === here.self ? here.names() : new Set();
  const { done, ok } = await each(here, list, 'copied', async (row) => {
    const name = another(row.name, taken);
    const target = member(to, name, row.folder);
    const tag = (await copy(url(row), target)).headers.get('ETag');
    return { target, tag };
  });
  if (!done.length || !ok) return;
  const files = done.every(([row]) => !row.folder);
  toast(`${quoted(list)} copied.`, files ? { action: { label: 'Undo', run: () => uncopy(here, done.map(([, made]) => made)) } } : {});
}

/** Takes copies away again, if they are still what was copied. */
async function uncopy(here, made) {
  try {
    for (const { target, tag } of made) await removeState(target, tag || await strongTag(target));
    toast('Undone.');
  } catch (error) {
    toast(`It cannot be undone: ${sentence(error)}`, { bad: true });
  }
  await here.refresh();
}

/** A name like this one that is not taken: "a.txt" becomes "a (2).txt". */
export function another(name, taken) {
  if (!taken.has(name)) return name;
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  for (let i = 2; ; i++) {
    const next = `${stem.replace(/ \(\d+\)$/, '')} (${i})${extension}`;
    if (!taken.has(next)) return next;
  }
}

export async function remove(here, list) {
  const folders = list.some((r) => r.folder);
  const yes = await confirm(`Delete ${quoted(list)}?`, `${folders ? 'All that is in it goes as well. ' : ''}This cannot be undone.`, 'Delete', 'bad');
  if (!yes) return;
  const { ok, done } = await each(here, list, 'deleted', async (row) => {
    // The state that was shown, or nothing: who saved it meanwhile keeps it.
    let tag = row.folder ? '*' : row.etag;
    if (!row.folder && (!tag || tag.startsWith('W/'))) tag = await sameButStrong(row);
    return removeState(url(row), tag);
  });
  if (ok && done.length) toast(`${quoted(list)} deleted.`);
}

/** The strong tag of a state that was shown when its tag was not strong yet. */
async function sameButStrong(row) {
  const tag = await strongTag(url(row));
  if (row.etag && tag && tag.replace(/^W\//, '') !== row.etag.replace(/^W\//, '')) throw new Error('It was changed since this page was loaded.');
  return tag;
}

/** Downloads one file as it is, and everything else as one zip archive. */
export function download(here, list) {
  if (list.length === 1 && !list[0].folder) return save(list[0].href, list[0].name);
  const query = '?zip' + list.map((r) => `&m=${encodeURIComponent(r.name)}`).join('');
  if (query.length > 60000) return toast('These are too many names for one request. Download the whole folder instead.', { bad: true });
  return save(here.self + query, null);
}

function save(href, name) {
  const a = el('a', { href, download: name ?? true, hidden: true });
  document.body.append(a);
  a.click();
  a.remove();
}

/** Lets people walk to a folder; not into those that are being moved. */
function pickFolder(here, title, yes, not) {
  return dialog(title, (box, done) => {
    let at = here.self;
    let asked = 0;
    const list = el('ul', { class: 'folders' });
    const path = el('p', { class: 'path', role: 'status' });
    const create = el('button', { class: 'button left', type: 'button', onclick: () => make() }, icon('plus'), 'New folder');
    const go = el('button', { class: 'button primary', type: 'button', onclick: () => done(at) }, yes);
    // Until the folder that was asked for last is shown, nothing can be put into the one before it by mistake.
    const show = async (to) => {
      const turn = ++asked;
      go.disabled = create.disabled = true;
      let page;
      try { page = await readDocument('GET', to, { Accept: 'text/html' }); } catch (error) {
        if (turn === asked) {
          go.disabled = create.disabled = false;
          toast(sentence(error), { bad: true });
        }
        return;
      }
      if (turn !== asked) return;
      go.disabled = create.disabled = false;
      at = to;
      path.textContent = shown(decodeURIComponent(to));
      const entry = (label, href, kind) => el('li', {}, el('button', { type: 'button', class: `icon ${kind}`, onclick: () => show(href) }, shown(label)));
      list.replaceChildren(
        ...(to === here.root ? [] : [entry('Up', to.replace(/[^/]+\/$/, ''), 'up')]),
        ...[...page.querySelectorAll('a.icon.folder')].map((a) => a.getAttribute('href')).filter((href) => !not.includes(href))
          .map((href) => entry(decodeURIComponent(href.split('/').at(-2)), href, 'folder')));
      list.querySelector('button')?.focus();
    };
    const make = async () => {
      const name = await askName('New folder', 'Name', 'New folder', 'Create');
      if (!name) return;
      try { await makeFolder(member(at, name, true)); show(member(at, name, true)); } catch (error) { toast(sentence(error), { bad: true }); }
    };
    box.append(path, list, el('div', { class: 'buttons' }, create,
      el('button', { class: 'button', type: 'button', onclick: () => done(null) }, 'Cancel'), go));
    show(at);
  });
}

export function keyboardHelp() {
  const keys = [['↑ ↓', 'go through the names'], ['Enter', 'open'], ['Space', 'select'], ['Ctrl A', 'select all'], ['/', 'filter'], ['N', 'new folder'],
    ['F2', 'rename'], ['Del', 'delete'], ['Backspace', 'one folder up'], ['Esc', 'clear the selection']];
  return dialog('Keyboard', (box, done) => {
    box.append(el('dl', { class: 'keys' }, ...keys.flatMap(([key, what]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, what)])), buttons(done, ['Close', null, 'primary']));
  });
}


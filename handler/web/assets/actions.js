// What can be done to the members of a collection. Each action says what happened as the server tells it, and
// offers to undo it where that loses nothing. Whatever changes a file names the state that was shown when the person
// began, before the dialog: who saves it meanwhile keeps it.

import { askName, buttons, confirm, dialog, el, icon, shown, toast } from './dom.js';
import { copy, isWeak, makeFolder, member, move, opaque, readPage, Refused, remove as removeState, removeFolder, sentence, strongState, strongTag } from './net.js';

const quoted = (list) => (list.length === 1 ? `“${list[0].name}”` : `${list.length} items`);

/** Asks at once for the tags of the states that rows show; gives a function of a row that resolves with its tag. */
function states(list) {
  const tags = new Map(list.map((row) => [row, tagOf(row)]));
  for (const tag of tags.values()) tag.catch(() => {}); // it is told when the tag is needed
  return (row) => tags.get(row);
}

/** The strong tag of the state that a row shows; a collection has none, and is meant as it is. */
async function tagOf(row) {
  if (row.folder) return '*';
  if (!isWeak(row.etag)) return row.etag;
  const now = await strongState(row.href);
  if (!now || !shows(row, now)) throw new Refused(412);
  return strongTag(now);
}

/** Whether a row shows this state. Where tags are made of the content it has none until that was read: size and time tell. */
function shows(row, header) {
  if (row.etag) return opaque(row.etag) === opaque(header.get('ETag'));
  return row.size === Number(header.get('Content-Length')) && Math.floor(row.time / 1000) * 1000 === Date.parse(header.get('Last-Modified'));
}

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
  return (name) => (name !== old && here.names().has(name) ? `“${name}” is there already.` : '');
}

export async function newFolder(here) {
  const name = await askName('New folder', 'Name', 'New folder', 'Create', refusedName(here));
  if (!name) return;
  try {
    await makeFolder(member(here.self, name, true));
    await here.refresh();
    toast(`“${name}” was created.`);
  } catch (error) {
    toast(notMade(error, name), { bad: true });
  }
}

const notMade = (error, name) => (error.status === 405 ? `“${name}” is there already.` : sentence(error));

/** Opens the editor on a name that is not there yet; it is created when it is saved. */
export async function newFile(here) {
  const name = await askName('New text file', 'Name', 'notes.md', 'Write', refusedName(here));
  if (name) location.href = member(here.self, name) + '?edit';
}

export async function rename(here, row) {
  const tag = states([row]);
  const name = await askName('Rename', 'New name', row.name, 'Rename', refusedName(here, row.name));
  if (!name || name === row.name) return;
  const { done, ok } = await each(here, [row], 'renamed', moved(tag, () => member(here.self, name, row.folder)));
  if (!ok) return;
  here.focus(name);
  toast(`“${row.name}” is now “${name}”.`, undoing(here, done));
}

/** A step that moves what a row shows to a URL; gives the row as it is then. */
const moved = (tag, to) => async (row) => {
  const answer = await move(row.href, to(row), await tag(row));
  return { ...row, href: to(row), etag: answer.headers.get('ETag') };
};

/** Offers to move things back to where they were, unless something is there by now. */
function undoing(here, done) {
  const back = async ([before, after]) => move(after.href, before.href, await tagOf(after));
  return { action: { label: 'Undo', run: () => undo(here, done, back) } };
}

async function undo(here, done, step) {
  let failure = null;
  try { for (const one of done) await step(one); } catch (error) { failure = error; }
  await here.refresh();
  if (failure) toast(`It cannot be undone: ${sentence(failure)}`, { bad: true }); else toast('Undone.');
}

export async function moveTo(here, list) {
  const tag = states(list);
  const to = await pickFolder(here, `Move ${quoted(list)} to`, 'Move here', list.filter((r) => r.folder).map((r) => r.href));
  if (!to || to === here.self) return;
  const { done, ok } = await each(here, list, 'moved', moved(tag, (row) => member(to, row.name, row.folder)));
  if (ok) toast(`${quoted(list)} moved.`, undoing(here, done));
}

export async function copyTo(here, list) {
  const tag = states(list);
  const to = await pickFolder(here, `Copy ${quoted(list)} to`, 'Copy here', []);
  if (!to) return;
  const taken = to === here.self ? here.names() : new Set();
  const { done, ok } = await each(here, list, 'copied', async (row) => {
    const name = another(row.name, taken);
    taken.add(name);
    const href = member(to, name, row.folder);
    const answer = await copy(row.href, href, await tag(row));
    return { ...row, href, etag: answer.headers.get('ETag'), part: answer.status === 207 };
  });
  if (!ok) return;
  if (done.some(([, made]) => made.part)) {
    toast('Not everything was copied: some of it cannot be read, and is missing from the copy.', { bad: true });
    return;
  }
  const files = !here.kept && done.every(([row]) => !row.folder);
  // Copies are taken away again, if they are still what was copied.
  const uncopy = () => undo(here, done, async ([, made]) => removeState(made.href, await tagOf(made)));
  toast(`${quoted(list)} copied.`, files ? { action: { label: 'Undo', run: uncopy } } : {});
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
  const tag = states(list);
  const folders = list.some((r) => r.folder);
  const yes = await confirm(`Delete ${quoted(list)}?`, `${folders ? 'All that is in it goes as well. ' : ''}This cannot be undone.`, 'Delete', 'bad');
  if (!yes) return;
  const { ok } = await each(here, list, 'deleted', async (row) => (row.folder ? removeFolder(row.href, row.time) : removeState(row.href, await tag(row))));
  if (ok) toast(`${quoted(list)} deleted.`);
}

/** Downloads one file as it is, and everything else as one zip archive. */
export function download(here, list) {
  if (list.length === 1) return list[0].folder ? save(`${list[0].href}?zip`, null) : save(list[0].href, list[0].name);
  if (here.shares) return toast('There is no archive of several shares: download one at a time.', { bad: true });
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
    const problem = el('p', { class: 'problem', role: 'alert' }); // behind the dialog nobody would read it
    const create = el('button', { class: 'button left', type: 'button', onclick: () => make() }, icon('plus'), 'New folder');
    const go = el('button', { class: 'button primary', type: 'button', onclick: () => done(at) }, yes);
    // Until the folder that was asked for last is shown, nothing can be put into the one before it by mistake.
    const show = async (to) => {
      const turn = ++asked;
      problem.textContent = '';
      go.disabled = create.disabled = true;
      let page;
      try { page = await readPage(to); } catch (error) {
        if (turn === asked) {
          go.disabled = create.disabled = false;
          problem.textContent = sentence(error);
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
      try { await makeFolder(member(at, name, true)); show(member(at, name, true)); } catch (error) { problem.textContent = notMade(error, name); }
    };
    box.append(path, list, problem, el('div', { class: 'buttons' }, create,
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


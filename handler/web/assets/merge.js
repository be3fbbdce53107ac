// What two people wrote, side by side, to choose for each place. The merge itself is the server's (one engine
// for this page and the command line).

import { dialog, el } from './dom.js';
import { request } from './net.js';

const CONTEXT = 3; // lines shown around a change

/** Merges three texts; where the server will not (too large, no lines), all of it is one place to decide. */
export async function mergeTexts(url, base, mine, theirs) {
  try {
    const answer = await request('POST', url, { 'Content-Type': 'application/vnd.ifmatch.merge+json' }, JSON.stringify({ base, mine, theirs }));
    return (await answer.json()).hunks;
  } catch (error) {
    if (error.status !== 413 && error.status !== 422) throw error;
    return [{ kind: 'conflict', mine, theirs }];
  }
}

export const conflicts = (hunks) => hunks.filter((h) => h.kind === 'conflict').length;

/** The merged text, with what was chosen for each conflict. */
export const joined = (hunks) => hunks.map((h) => (h.kind === 'conflict' ? h.choice : h.kind === 'theirs' ? h.theirs : h.mine)).join('');

/** Both versions, one after the other; a line that both sides left without an end gets one. */
function both(h) {
  return h.mine && h.theirs && !h.mine.endsWith('\n') ? `${h.mine}\n${h.theirs}` : h.mine + h.theirs;
}

/**
 * Lets somebody decide each conflict. Resolves with {text} to save, {overwrite: true} to save one's own text
 * over theirs, {discard: true} to take theirs as they are, or null to go back to editing.
 */
export function decide(hunks, who, when) {
  const open = hunks.filter((h) => h.kind === 'conflict');
  return dialog(open.length === 1 ? 'One place was changed by both of you' : `${open.length} places were changed by both of you`, (box, done) => {
    const save = el('button', { class: 'button primary', type: 'button', id: 'merge-save', onclick: () => done({ text: joined(hunks) }) }, 'Save the merged text');
    const left = el('span', { class: 'grow', role: 'status' });
    const update = () => {
      const n = open.filter((h) => h.choice === undefined).length;
      save.disabled = n > 0;
      left.textContent = n === 0 ? 'Everything is decided.' : n === 1 ? 'One place is left to decide.' : `${n} places are left to decide.`;
    };
    const body = el('div', { class: 'hunks' });
    hunks.forEach((h, i) => {
      if (h.kind === 'conflict') body.append(conflict(h, open.indexOf(h), who, update));
      else body.append(...settled(h, i > 0, i < hunks.length - 1));
    });
    box.append(el('p', {}, `${who} saved${when ? ` ${when}` : ''}, while you were writing. Nothing of yours or theirs is lost: choose what to keep where you both wrote. All other changes are merged already.`),
      body, el('div', { class: 'buttons merging' }, left,
        el('button', { class: 'button', type: 'button', onclick: () => done(null) }, 'Back to editing'),
        el('button', { class: 'button', type: 'button', id: 'merge-theirs', onclick: () => done({ discard: true }) }, 'Take all of theirs'),
        el('button', { class: 'button bad', type: 'button', id: 'merge-overwrite', onclick: () => done({ overwrite: true }) }, 'Overwrite with mine'), save));
    update();
  }, { wide: true });
}

const lines = (text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** A hunk that nobody has to decide: what is far from a change is folded away. */
function settled(h, before, after) {
  if (h.kind !== 'unchanged') {
    const label = { mine: 'yours', theirs: 'theirs', same: 'both' }[h.kind];
    const text = h.kind === 'theirs' ? h.theirs : h.mine;
    return [el('div', { class: `settled ${h.kind}` }, el('span', { class: 'tag' }, `merged: ${label}`), el('pre', {}, text || '(lines taken out)'))];
  }
  const all = lines(h.mine);
  const head = before ? CONTEXT : 0;
  const tail = after ? CONTEXT : 0;
  if (all.length <= head + tail + 2) return [el('pre', { class: 'context' }, all.join('\n'))];
  const hidden = all.slice(head, all.length - tail);
  return [head ? el('pre', { class: 'context' }, all.slice(0, head).join('\n')) : null,
    el('details', { class: 'folded' }, el('summary', {}, `${hidden.length} unchanged lines`), el('pre', { class: 'context' }, hidden.join('\n'))),
    tail ? el('pre', { class: 'context' }, all.slice(all.length - tail).join('\n')) : null].filter((e) => e);
}

/** One conflict: two versions to choose from, both, or one's own words. */
function conflict(h, n, who, update) {
  const name = `conflict-${n}`;
  const [mine, theirs] = differing(h.mine, h.theirs);
  const own = el('textarea', { class: 'own', rows: '4', 'aria-label': `Place ${n + 1}, in your own words`, hidden: true, spellcheck: 'false', oninput: () => { h.choice = own.value; } });
  const choose = (value, choice) => el('input', { type: 'radio', name, value, onchange: () => {
    h.choice = choice();
    own.hidden = value !== 'own';
    if (value === 'own') { own.value = h.choice; own.rows = Math.min(20, lines(own.value).length + 1); own.focus(); }
    update();
  } });
  return el('fieldset', { class: 'conflict' }, el('legend', {}, `Place ${n + 1}`),
    el('div', { class: 'sides' },
      el('label', { class: 'side mine' }, el('span', { class: 'who' }, choose('mine', () => h.mine), 'Yours'), el('pre', {}, ...mine)),
      el('label', { class: 'side theirs' }, el('span', { class: 'who' }, choose('theirs', () => h.theirs), who === 'Somebody else' ? 'Theirs' : who), el('pre', {}, ...theirs))),
    el('div', { class: 'more-choices' }, el('label', {}, choose('both', () => both(h)), 'Both, yours first'),
      el('label', {}, choose('own', () => h.choice ?? both(h)), 'In my own words')), own);
}

/** Both texts with what is different between them marked, as nodes. */
function differing(a, b) {
  if (!a || !b) return [a, b].map((t) => [t ? el('mark', {}, t) : el('em', {}, '(nothing)')]);
  let from = 0;
  while (from < Math.min(a.length, b.length) && a[from] === b[from]) from++;
  let same = 0;
  while (same < Math.min(a.length, b.length) - from && a[a.length - 1 - same] === b[b.length - 1 - same]) same++;
  while (from > 0 && /\w/.test(a[from - 1])) from--; // whole words
  while (same > 0 && /\w/.test(a[a.length - same])) same--;
  return [a, b].map((t) => [t.slice(0, from), el('mark', {}, t.slice(from, t.length - same)), t.slice(t.length - same)]);
}

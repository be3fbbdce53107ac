// A text area made good. Behind it lies a mirror with one element a line, wrapped alike: it gives the lines
// their numbers, the area its height, and what was found its colour. The text area stays the only editor, so
// undo, spell checking, input methods and screen readers work as everywhere.

import { el } from './dom.js';
import { indentOf } from './text.js';

const PLAIN_LINES = 20000; // from here on the mirror would be slow
const PLAIN_CHARS = 600000;

export class Surface {
  /** changed() is called after each edit, moved() when the caret moves. */
  constructor({ label, readonly, changed, moved }) {
    this.area = el('textarea', { id: 'text', class: 'area', 'aria-label': label, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', readonly, wrap: 'soft', 'aria-describedby': 'keys-hint' });
    this.mirror = el('div', { class: 'mirror', 'aria-hidden': 'true' });
    this.box = el('div', { class: 'surface' }, el('div', { class: 'sheet' }, this.mirror, this.area));
    this.lines = [];
    this.area.addEventListener('input', () => { this.draw(); changed(); });
    this.area.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('selectionchange', () => { if (document.activeElement === this.area) moved(); });
  }

  get text() { return this.area.value; }

  /** Replaces the text; caret and selection stay with what is the same before and behind the change. */
  set text(text) {
    const { area, box } = this;
    const { value: old, selectionStart, selectionEnd, selectionDirection } = area;
    const top = box.scrollTop;
    const most = Math.min(old.length, text.length);
    let from = 0, same = 0;
    while (from < most && old[from] === text[from]) from++;
    while (same < most - from && old[old.length - 1 - same] === text[text.length - 1 - same]) same++;
    const now = (at) => (at <= from ? at : at >= old.length - same ? at + text.length - old.length : null);
    const start = now(selectionStart), end = now(selectionEnd);
    const caret = start ?? Math.min(selectionStart, text.length - same);
    area.value = text;
    this.draw();
    area.setSelectionRange(caret, start === null || end === null ? caret : end, selectionDirection);
    box.scrollTop = top;
  }

  set wrap(on) {
    this.box.classList.toggle('nowrap', !on);
    this.area.wrap = on ? 'soft' : 'off';
  }

  /** Line and column of the caret, from 1. */
  caret() {
    const before = this.area.value.slice(0, this.area.selectionEnd);
    let line = 1;
    for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++;
    return { line, column: before.length - before.lastIndexOf('\n') };
  }

  /** Scrolls so that the position can be seen. */
  reveal(position) {
    const row = this.mirror.children[this.area.value.slice(0, position).split('\n').length - 1];
    if (!row) return;
    const { top, bottom, left, right } = this.box.getBoundingClientRect();
    const r = (row.querySelector('mark.now') || row).getBoundingClientRect();
    if (r.top < top + 40 || r.bottom > bottom - 40) this.box.scrollTop += r.top - top - this.box.clientHeight / 3;
    if (r.right < left + 80 || r.left > right - 40) this.box.scrollLeft += r.left - left - this.box.clientWidth / 3; // where lines are not wrapped
  }

  /** Brings the mirror up to date, touching only the lines that changed. */
  draw() {
    const text = this.area.value;
    const lines = text.length > PLAIN_CHARS ? [] : text.split('\n');
    const plain = lines.length > PLAIN_LINES || text.length > PLAIN_CHARS;
    this.box.classList.toggle('plain', plain);
    if (plain) {
      this.lines = [];
      this.mirror.replaceChildren();
      return;
    }
    let from = 0;
    const most = Math.min(lines.length, this.lines.length);
    while (from < most && lines[from] === this.lines[from]) from++;
    let same = 0;
    while (same < most - from && lines[lines.length - 1 - same] === this.lines[this.lines.length - 1 - same]) same++;
    const { children } = this.mirror;
    const behind = children[this.lines.length - same] || null;
    const fresh = lines.slice(from, lines.length - same);
    for (let i = this.lines.length - same - 1; i >= from + fresh.length; i--) children[i].remove();
    fresh.forEach((line, i) => {
      const row = from + i < this.lines.length - same ? children[from + i] : null;
      if (row) row.firstChild.textContent = line || '\u200b';
      else this.mirror.insertBefore(el('div', {}, el('span', {}, line || '\u200b')), behind);
    });
    this.lines = lines;
    this.box.style.setProperty('--digits', String(Math.max(2, String(lines.length).length)));
  }

  /** Colours what was found: [[from, to], …], the current one apart. */
  mark(found, now) {
    for (const row of this.mirror.querySelectorAll('.found')) {
      row.firstChild.textContent = row.firstChild.textContent; // joins what marks had cut
      row.classList.remove('found');
    }
    if (!found.length || !this.lines.length) return;
    let line = 0, start = 0;
    const parts = new Map(); // by line
    found.forEach(([from, to], i) => {
      while (from > start + this.lines[line].length) start += this.lines[line++].length + 1;
      if (!parts.has(line)) parts.set(line, []);
      parts.get(line).push([from - start, Math.min(to - start, this.lines[line].length), i === now]);
    });
    for (const [at, list] of parts) {
      const row = this.mirror.children[at];
      const line = this.lines[at];
      let end = 0;
      const nodes = [];
      for (const [from, to, current] of list) {
        nodes.push(line.slice(end, from), el('mark', { class: current ? 'now' : '' }, line.slice(from, to)));
        end = to;
      }
      row.firstChild.replaceChildren(...nodes, line.slice(end));
      row.classList.add('found');
    }
  }

  /** Types text at the caret, so that it can be undone. */
  insert(text) {
    if (!document.execCommand('insertText', false, text)) {
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, 'end');
      this.area.dispatchEvent(new Event('input'));
    }
  }

  /** Tab indents, Shift+Tab takes it back, Enter keeps the indent; Escape lets the next Tab leave the text. */
  key(event) {
    const { area } = this;
    if (event.key === 'Escape') { this.leaving = true; return; }
    if (event.key === 'Tab' && !this.leaving && !event.ctrlKey && !event.altKey && !event.metaKey && !area.readOnly) {
      event.preventDefault();
      this.indent(event.shiftKey);
    } else if (event.key === 'Enter' && !event.isComposing && !event.ctrlKey && !event.metaKey && !event.shiftKey && !area.readOnly) {
      const line = area.value.slice(area.value.lastIndexOf('\n', area.selectionStart - 1) + 1, area.selectionStart);
      const space = line.match(/^[ \t]*/)[0];
      if (space) { event.preventDefault(); this.insert('\n' + space); }
    }
    if (event.key !== 'Shift') this.leaving = false;
  }

  indent(back) {
    const { area } = this;
    const step = indentOf(area.value);
    const { selectionStart: from, selectionEnd: to, value } = area;
    if (!back && (from === to || !value.slice(from, to).includes('\n'))) { this.insert(step); return; }
    const start = value.lastIndexOf('\n', from - 1) + 1;
    let end = value.indexOf('\n', Math.max(from, to - 1));
    if (end < 0) end = value.length;
    const old = value.slice(start, end);
    const shifted = old.split('\n').map((l) => (back ? l.replace(new RegExp(`^(\t| {1,${step === '\t' ? 4 : step.length}})`), '') : l && step + l)).join('\n');
    if (shifted === old) return;
    area.setSelectionRange(start, end);
    this.insert(shifted);
    if (from === to) area.setSelectionRange(Math.max(start, from - (old.length - shifted.length)), Math.max(start, from - (old.length - shifted.length)));
    else area.setSelectionRange(start, start + shifted.length);
  }
}

// Find in the text, and replace. The browser's own search does not look into text areas everywhere.

import { el, icon } from './dom.js';

const MOST = 5000; // places that are coloured

export class Find {
  constructor(surface) {
    this.surface = surface;
    this.found = [];
    this.now = -1;
    this.input = el('input', { type: 'text', 'aria-label': 'Find', placeholder: 'Find', autocomplete: 'off', spellcheck: 'false', oninput: () => this.search(true) });
    this.other = el('input', { type: 'text', 'aria-label': 'Replace with', placeholder: 'Replace with', autocomplete: 'off', spellcheck: 'false' });
    this.exact = el('input', { type: 'checkbox', title: 'Match case', 'aria-label': 'Match case', onchange: () => this.search(true) });
    this.count = el('span', { class: 'count', role: 'status' });
    const button = (label, run, ...inside) => el('button', { class: 'button square', type: 'button', 'aria-label': label, title: label, onclick: run }, ...inside);
    this.bar = el('div', { class: 'find', role: 'search', 'aria-label': 'Find in this file', hidden: true }, this.input, this.count,
      button('Previous', () => this.step(-1), icon('up')), button('Next', () => this.step(1), icon('down')),
      el('label', { class: 'check' }, this.exact, 'Aa'), el('span', { class: 'replace', hidden: surface.area.readOnly }, this.other,
        el('button', { class: 'button', type: 'button', onclick: () => this.replace() }, 'Replace'),
        el('button', { class: 'button', type: 'button', onclick: () => this.replaceAll() }, 'All')),
      button('Close', () => this.close(), icon('close')));
    this.bar.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
      if (event.key === 'Enter' && event.target === this.input) { event.preventDefault(); this.step(event.shiftKey ? -1 : 1); }
      if (event.key === 'Enter' && event.target === this.other) { event.preventDefault(); this.replace(); }
    });
  }

  open() {
    const { area } = this.surface;
    const chosen = area.value.slice(area.selectionStart, area.selectionEnd);
    if (chosen && !chosen.includes('\n')) this.input.value = chosen;
    this.bar.hidden = false;
    this.input.focus();
    this.input.select();
    this.search(true);
  }

  close() {
    this.bar.hidden = true;
    this.surface.mark([], -1);
    const at = this.found[this.now];
    this.surface.area.focus({ preventScroll: true });
    if (at) this.surface.area.setSelectionRange(...at);
  }

  /** Looks through the text; from the caret when asked to. */
  search(fromCaret = false) {
    if (this.bar.hidden) return;
    const fold = (s) => (this.exact.checked ? s : s.replace(/[A-Z\u00c0-\u024f\u0370-\u04ff]/g, (c) => (c.toLowerCase().length === 1 ? c.toLowerCase() : c)));
    const needle = fold(this.input.value);
    const text = fold(this.surface.text);
    this.found = [];
    for (let at = needle ? text.indexOf(needle) : -1; at >= 0 && this.found.length < MOST; at = text.indexOf(needle, at + needle.length)) {
      this.found.push([at, at + needle.length]);
    }
    if (fromCaret || this.now >= this.found.length) {
      const caret = this.surface.area.selectionStart;
      this.now = Math.max(0, this.found.findIndex(([, to]) => to >= caret));
    }
    if (!this.found.length) this.now = -1;
    this.show(fromCaret);
  }

  step(by) {
    if (!this.found.length) return;
    this.now = (this.now + by + this.found.length) % this.found.length;
    this.show(true);
  }

  /** Colours and counts; goes to the current place when asked to: not while somebody writes. */
  show(go) {
    this.surface.mark(this.found, this.now);
    this.count.textContent = !this.input.value ? '' : this.found.length ? `${this.now + 1} of ${this.found.length}${this.found.length === MOST ? '+' : ''}` : 'none';
    if (this.now < 0 || !go) return;
    this.surface.area.setSelectionRange(...this.found[this.now]);
    this.surface.reveal(this.found[this.now][0]);
  }

  replace() {
    if (this.now < 0) return;
    const { area } = this.surface;
    area.focus({ preventScroll: true });
    area.setSelectionRange(...this.found[this.now]);
    this.surface.insert(this.other.value);
    this.search(true);
    this.other.focus();
  }

  replaceAll() {
    if (!this.found.length) return;
    const { text, area } = this.surface;
    let out = '', end = 0;
    for (const [from, to] of this.found) { out += text.slice(end, from) + this.other.value; end = to; }
    area.focus({ preventScroll: true });
    area.select();
    this.surface.insert(out + text.slice(end));
    this.search(true);
    this.other.focus();
  }
}

// The preview page: times as people say them, and a word when the file was changed.

import { el, say, shown, tellAges } from './dom.js';
import { follow, holders, opaque } from './net.js';

const { self, etag } = document.body.dataset;
const note = document.getElementById('changed');

// Phones mostly have no viewer for PDF; the frame would stay empty.
const pdf = document.querySelector('iframe.show');
if (pdf && navigator.pdfViewerEnabled === false) pdf.replaceWith(el('p', { class: 'empty' }, 'This browser shows no PDF inside a page: open it, or download it.'));

// What scrolls sideways can be scrolled with the keyboard in every browser.
for (const code of document.querySelectorAll('.prose :is(pre, table)')) if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;

const facts = document.querySelector('.facts');

function tellLocks(by) {
  const now = facts.querySelector('.lock');
  const next = by ? el('span', { class: 'icon lock' }, shown(`locked by ${by}`)) : '';
  if (now) now.replaceWith(next); else facts.append(next);
}

const text = el('span', {});
const link = el('a', { href: '?view' }, 'Show it');
note.append(text, ' ', link);

tellAges(facts);
follow(self, (now, collection) => {
  const state = collection ? null : now;
  tellLocks(holders(state?.locks));
  if (state && (!state.etag || !etag || opaque(state.etag) === opaque(etag))) return;
  say(text, state ? `This file was changed${state.lastModifiedBy ? ` by ${state.lastModifiedBy}` : ''} just now.` : 'This file is no longer there.');
  link.hidden = !state;
  note.hidden = false;
});

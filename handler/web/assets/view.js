// The preview page: times as people say them, and a word when the file was changed.

import { el, tellAges } from './dom.js';
import { follow, opaque } from './net.js';

const { self, etag } = document.body.dataset;
const note = document.getElementById('changed');

// Phones mostly have no viewer for PDF; the frame would stay empty.
const pdf = document.querySelector('iframe.show');
if (pdf && navigator.pdfViewerEnabled === false) pdf.replaceWith(el('p', { class: 'empty' }, 'This browser shows no PDF inside a page: open it, or download it.'));

tellAges(document.querySelector('.facts'));
follow(self, 'state', (state) => {
  if (state && (!state.etag || !etag || opaque(state.etag) === opaque(etag))) return;
  const text = state ? `This file was changed${state.lastModifiedBy ? ` by ${state.lastModifiedBy}` : ''} just now. ` : 'This file is no longer there.';
  note.replaceChildren(text, state ? el('a', { href: '?view' }, 'Show it') : '');
  note.hidden = false;
});

// Elements, messages, questions and menus. Text becomes text nodes: nothing here reads a string as HTML.

/** Makes an element: el('button', {class: 'x', onclick: f}, 'Save'). */
export function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') e[name] = value;
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

// These are needed when the server has gone.
for (const name of ['close', 'retry']) fetch(new URL(`i-${name}.svg`, import.meta.url)).catch(() => {});

/** An icon, for the eye alone. */
export const icon = (name) => el('span', { class: `icon ${name}`, 'aria-hidden': 'true' });

/** A text as people can read it: what would turn the direction of a line, break it or not be seen is a mark. */
export const shown = (text) => text.replace(/^ +| +$/g, (spaces) => '\u2423'.repeat(spaces.length)).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]/g, '\ufffd');

/** Shows a text; the same text is not said twice to those who listen. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// It is there before its first message: what comes together with its region is not read out everywhere.
const toasts = el('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
document.body.append(toasts);

/** Says something for a few seconds, or as long as somebody points at it; action is {label, run}. Errors stay longer. */
export function toast(text, { action = null, bad = false } = {}) {
  const box = el('div', { class: bad ? 'toast bad' : 'toast' }, el('span', {}, shown(text)));
  const close = () => box.remove();
  if (action) box.append(el('button', { class: 'link', onclick: () => { close(); action.run(); } }, action.label));
  box.append(el('button', { class: 'bare', 'aria-label': 'Dismiss', onclick: close }, icon('close')));
  toasts.append(box);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  const leave = () => { if (box.matches(':hover, :focus-within')) setTimeout(leave, 5000); else close(); };
  setTimeout(leave, bad || action ? 12000 : 5000);
}

/** Shows a modal dialog; resolves with the value that a button or `done` gives, or null. */
export function dialog(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    let result = null;
    const heading = el('h2', { id: `title-${Math.random().toString(36).slice(2)}` }, shown(title));
    const box = el('dialog', { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': heading.id });
    const done = (value) => { result = value; box.close(); };
    box.append(heading);
    build(box, done);
    box.addEventListener('close', () => { box.remove(); resolve(result); });
    document.body.append(box);
    box.showModal();
    box.querySelector('[autofocus]')?.focus();
  });
}

/** A row of buttons: [label, value, class]. */
export function buttons(done, ...list) {
  return el('div', { class: 'buttons' }, ...list.map(([label, value, kind]) =>
    el('button', { class: `button ${kind || ''}`, type: 'button', onclick: () => done(value) }, label)));
}

/** Asks yes or no. */
export function confirm(title, text, yes, kind = 'primary') {
  return dialog(title, (box, done) => {
    box.append(el('p', {}, text), buttons(done, ['Cancel', null], [yes, true, kind]));
    box.querySelector('.buttons button:last-child').setAttribute('autofocus', '');
  });
}

/** Asks for a name; selects the part before the extension. */
export function askName(title, label, value, yes, check = () => '') {
  return dialog(title, (box, done) => {
    const problem = el('p', { class: 'problem', role: 'alert' });
    const input = el('input', { type: 'text', value, 'aria-label': label, autofocus: true, autocomplete: 'off', spellcheck: 'false', maxlength: '255' });
    const unchanged = input.value; // it leaves out line breaks
    const submit = (event) => {
      event.preventDefault();
      const name = input.value === unchanged ? value : input.value.trim();
      problem.textContent = badName(name) || check(name);
      if (!problem.textContent) done(name);
    };
    box.append(el('form', { onsubmit: submit }, el('label', { class: 'field' }, label, input), problem,
      el('div', { class: 'buttons' }, el('button', { class: 'button', type: 'button', onclick: () => done(null) }, 'Cancel'),
        el('button', { class: 'button primary' }, yes))));
    queueMicrotask(() => input.setSelectionRange(0, /.\.[^.]+$/.test(value) ? value.lastIndexOf('.') : value.length));
  });
}

/** Why no resource can have this name, or nothing. */
export function badName(name) {
  if (!name) return 'A name is needed.';
  if (name === '.' || name === '..' || name.includes('/')) return 'A name has no slash and is not “.” or “..”.';
  if (name.startsWith('.ifmatch-')) return 'Names that begin with .ifmatch- are reserved for the server.';
  if (new TextEncoder().encode(name).length > 255) return 'The name is too long.';
  return '';
}

/** Opens a menu below an element. items: {label, run, href, download, bad} or null for a line. */
export function menu(at, items) {
  const box = el('div', { class: 'menu', popover: 'auto', role: 'menu' });
  for (const item of items) {
    if (!item) { box.append(el('hr')); continue; }
    const close = () => { box.hidePopover(); item.run?.(); };
    const attributes = { role: 'menuitem', class: item.bad ? 'bad' : '', tabindex: '-1', onclick: close };
    box.append(item.href ? el('a', { ...attributes, href: item.href, download: item.download }, item.label)
      : el('button', { ...attributes, type: 'button' }, item.label));
  }
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Tab') box.hidePopover(); // on from the button
    moveFocus(event, [...box.querySelectorAll('[role=menuitem]')]);
  });
  box.addEventListener('toggle', (event) => {
    if (event.newState !== 'closed') return;
    box.remove();
    at.setAttribute('aria-expanded', 'false');
    if (document.activeElement === document.body) at.focus();
  });
  document.querySelector('main').append(box); // a landmark, for who goes by them
  box.showPopover();
  place(box, at);
  at.setAttribute('aria-expanded', 'true');
  box.querySelector('[role=menuitem]').focus();
}

function moveFocus(event, items) {
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}

function place(box, at) {
  const r = at.getBoundingClientRect();
  const { offsetWidth: w, offsetHeight: h } = box;
  box.style.left = `${Math.max(8, Math.min(r.right - w, innerWidth - w - 8))}px`;
  box.style.top = `${r.bottom + h + 8 > innerHeight ? Math.max(8, Math.min(r.top, innerHeight) - h - 4) : Math.max(8, r.bottom + 4)}px`;
}

const steps = [[60, 'second', 1], [3600, 'minute', 60], [86400, 'hour', 3600], [86400 * 14, 'day', 86400], [86400 * 60, 'week', 86400 * 7], [86400 * 700, 'month', 86400 * 30.4], [Infinity, 'year', 86400 * 365.25]];

/** How long ago, in a word or two. */
export function age(milliseconds) {
  const s = (Date.now() - milliseconds) / 1000;
  if (s < 45) return s < -60 ? new Date(milliseconds).toLocaleDateString() : 'just now';
  const [, unit, length] = steps.find(([below]) => s < below);
  const n = Math.max(1, Math.round(s / length));
  return `${n} ${unit}${n === 1 ? '' : 's'} ago`;
}

export const exactTime = (milliseconds) => new Date(milliseconds).toLocaleString();

/** A size, in units of 1024 as the server writes them. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  let unit = 0;
  for (bytes /= 1024; bytes >= 1023.95 && unit < 5; bytes /= 1024) unit++;
  return `${bytes.toFixed(1)} ${'KMGTPE'[unit]}iB`;
}

/** Makes the times of a server's page readable: how long ago, and exactly when on a long look. */
export function tellAges(root) {
  for (const time of root.querySelectorAll('time')) {
    const at = Date.parse(time.dateTime);
    time.textContent = age(at);
    time.title = exactTime(at);
  }
}

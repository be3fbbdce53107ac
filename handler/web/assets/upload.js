// Uploads: several at once, each a PUT that creates (If-None-Match: *) and never overwrites what it has not
// been told to. A name that is taken is asked about.

import { another } from './actions.js';
import { listenToDrops } from './drop.js';
import { badName, buttons, dialog, el, icon, shown, size, toast } from './dom.js';
import { absolute, Elsewhere, isOurs, makeFolder, member, problemIn, Refused, sentence, strongState, strongTag } from './net.js';

const AT_ONCE = 3;
const LOOK_FIRST = 256 << 10; // a refused upload of more than this is answered before it is read, and cut off
const SHOWN = 200; // rows of finished uploads that stay

/** Whether nothing is left to do for an upload. */
const over = (item) => item.state === 'done' || item.state === 'skipped';

export class Uploads {
  constructor(here) {
    this.here = here;
    this.items = [];
    this.waiting = [];
    this.active = 0;
    this.begin();
    this.questions = Promise.resolve();
    this.folders = new Map();
    listenToDrops((list) => this.add(list));
    addEventListener('beforeunload', (event) => { if (this.busy) event.preventDefault(); }); // leaving would end them
  }

  get busy() { return this.active + this.waiting.length > 0; }

  /** A batch lasts until nothing is left to do. */
  begin() {
    this.batch = new Set(); // of items that ran
    this.forAll = null; // what was answered for all that follow
  }

  /** Files of a picker; those of a folder know their path in it. */
  addFiles(files) { this.add([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))); }

  add(list) {
    if (!list.length) return;
    clearTimeout(this.closing); // of an earlier batch
    if (!this.busy) {
      for (const i of this.items) if (over(i)) i.row?.remove();
      this.items = this.items.filter((i) => !over(i));
    }
    this.build();
    for (const { file, path } of list) { // no file: an empty folder, whose path ends with a slash
      const item = { file, path, size: file?.size ?? 0, state: 'waiting', sent: 0, xhr: null, row: null, condition: { 'If-None-Match': '*' } };
      this.items.push(item);
      this.waiting.push(item);
      if (this.list.children.length < SHOWN) this.showItem(item);
    }
    this.next();
    this.show();
  }

  next() {
    while (this.active < AT_ONCE && this.waiting.length) {
      const item = this.waiting.shift();
      this.active++;
      this.run(item).finally(() => {
        this.active--;
        this.next();
        this.show();
        if (!this.busy) this.finished();
      });
    }
  }

  async run(item) {
    item.state = 'active';
    this.batch.add(item);
    this.showItem(item);
    try {
      const parts = item.path.split('/');
      const name = parts.pop();
      const bad = [...parts, ...(item.file ? [name] : [])].map(badName).find((b) => b);
      if (bad) throw new Error(bad);
      const folder = await this.folder(parts);
      if (item.file) await this.upload(item, folder, name);
      if (item.state === 'active') item.state = 'done';
    } catch (error) {
      if (item.state === 'active') item.state = 'failed';
      item.problem = sentence(error);
    }
    item.xhr = null;
    this.showItem(item);
  }

  /** Makes the collections of a path, each once, and gives the URL of the last. */
  async folder(parts) {
    let at = this.here.self;
    for (const part of parts) {
      at = member(at, part, true);
      if (!this.folders.has(at)) {
        this.folders.set(at, makeFolder(at).catch((error) => { if (error.status !== 405) { this.folders.delete(at); throw error; } }));
      }
      await this.folders.get(at);
    }
    return at;
  }

  /** Sends until the server took it, it is cancelled, or the answer to a taken name is to skip it. */
  async upload(item, folder, name) {
    const taken = new Set();
    let target = name;
    for (;;) {
      const url = member(folder, target);
      const creates = 'If-None-Match' in item.condition;
      const seen = creates && item.size > LOOK_FIRST && await strongState(url);
      if (item.state !== 'active') return; // cancelled meanwhile
      if (!seen) {
        const answer = await this.send(item, url).catch(async (error) => {
          // The connection may be cut before the refusal is read.
          if (creates && item.state === 'active' && !(error instanceof Elsewhere) && await strongState(url).catch(() => null)) return { status: 412 };
          throw error;
        });
        if (answer.status < 300) return;
        if (answer.status !== 412) throw new Error(answer.detail);
      }
      item.sent = 0;
      const { choice, there } = await this.ask(item, target, url, creates);
      if (choice === 'skip' && item.state === 'active') item.state = 'skipped';
      if (item.state !== 'active') return;
      if (choice === 'both') {
        taken.add(target);
        for (const n of folder === this.here.self ? this.here.names() : []) taken.add(n);
        target = another(name, taken);
        item.condition = { 'If-None-Match': '*' };
        continue;
      }
      item.condition = there ? { 'If-Match': strongTag(there) } : { 'If-None-Match': '*' };
    }
  }

  /** One PUT, with progress. Resolves with the answer, rejects when there was none. */
  send(item, url) {
    return new Promise((done, failed) => {
      const xhr = item.xhr = new XMLHttpRequest();
      xhr.open('PUT', absolute(url));
      xhr.setRequestHeader('Accept', 'application/problem+json');
      xhr.setRequestHeader('Content-Type', item.file.type || 'application/octet-stream');
      for (const [name, value] of Object.entries(item.condition)) xhr.setRequestHeader(name, value);
      xhr.upload.onprogress = (event) => { item.sent = event.loaded; this.showItem(item); this.show(); };
      xhr.onload = () => {
        if (!isOurs('PUT', url, xhr.status, xhr.responseURL)) { failed(new Elsewhere()); return; }
        const problem = problemIn(xhr.getResponseHeader('Content-Type'), xhr.responseText);
        done({ status: xhr.status, detail: sentence(new Refused(xhr.status, problem)) });
      };
      xhr.onerror = () => failed(new Error('The connection broke.'));
      xhr.onabort = () => failed(new Error('Cancelled.'));
      xhr.send(item.file);
    });
  }

  /**
   * Asks what to do about a name that is taken, one question at a time. The answer is about what is there when it is
   * asked. first: this name was not asked about before, so an answer for all holds.
   */
  ask(item, name, url, first) {
    const question = this.questions.then(async () => {
      const there = await strongState(url);
      if (!there) return { choice: 'replace', there }; // it is gone again
      return { choice: first && this.forAll || await this.dialog(item, name) || 'skip', there };
    });
    this.questions = question.catch(() => null);
    return question;
  }

  dialog(item, name) {
    return dialog(`“${name}” is there already`, (box, done) => {
      const all = el('input', { type: 'checkbox' });
      const answer = (choice) => { if (all.checked) this.forAll = choice; done(choice); };
      box.append(el('p', {}, `What should happen to the file you upload (${size(item.size)})?`));
      if (this.waiting.length + this.active > 1) box.append(el('label', { class: 'check' }, all, 'The same for all that follow'));
      box.append(buttons(answer, ['Skip', 'skip'], ...(this.here.kept ? [] : [['Replace', 'replace', 'bad']]), ['Keep both', 'both', 'primary']));
      box.querySelector('.primary').setAttribute('autofocus', '');
    });
  }

  cancel(item) {
    if (item.state === 'waiting') this.waiting.splice(this.waiting.indexOf(item), 1);
    if (item.state !== 'waiting' && item.state !== 'active') return;
    item.state = 'cancelled';
    item.xhr?.abort();
    this.showItem(item);
    this.show();
  }

  retry(item) {
    Object.assign(item, { state: 'waiting', sent: 0, problem: '', condition: { 'If-None-Match': '*' } });
    this.waiting.push(item);
    this.showItem(item);
    this.next();
    this.show();
  }

  async finished() {
    const ran = [...this.batch];
    this.begin();
    this.folders.clear();
    await this.here.refresh();
    const failed = ran.filter((i) => i.state === 'failed').length;
    const done = ran.filter((i) => i.state === 'done');
    if (failed) toast(`${failed} of ${ran.length} uploads failed.`, { bad: true });
    else if (done.length) toast(done.length === 1 ? `“${done[0].path}” uploaded.` : `${done.length} files uploaded.`);
    if (this.items.every(over)) this.closing = setTimeout(() => this.close(), 2500);
  }

  // ---- what is seen

  build() {
    if (this.panel) return;
    this.title = el('strong', { class: 'grow' });
    this.bar = el('progress', { max: '1', 'aria-label': 'All uploads' });
    this.list = el('ul', {});
    this.stop = el('button', { class: 'link', type: 'button', onclick: () => this.items.forEach((i) => this.cancel(i)) }, 'Cancel all');
    this.again = el('button', { class: 'link', type: 'button', onclick: () => this.items.filter((i) => i.state === 'failed').forEach((i) => this.retry(i)) }, 'Retry all');
    this.shut = el('button', { class: 'bare', type: 'button', 'aria-label': 'Close', onclick: () => this.close() }, icon('close'));
    this.panel = el('section', { class: 'uploads', 'aria-label': 'Uploads' }, el('header', {}, this.title, this.stop, this.again, this.shut),
      this.bar, this.list);
    document.body.append(this.panel);
  }

  close() {
    if (this.busy) return;
    this.panel?.remove();
    this.panel = null;
    this.items = [];
  }

  show() {
    if (!this.panel) return;
    let total = 0, sent = 0, done = 0;
    for (const i of this.items) {
      if (i.state === 'cancelled' || i.state === 'skipped') { done++; continue; }
      total += i.size + 1;
      if (i.state === 'done' || i.state === 'failed') { sent += i.size + 1; done++; } else sent += Math.min(i.sent, i.size);
    }
    this.bar.value = total ? sent / total : 1;
    this.title.textContent = this.busy ? `Uploading ${Math.min(done + 1, this.items.length)} of ${this.items.length} · ${Math.floor(100 * this.bar.value)} %` : 'Uploads';
    this.stop.hidden = !this.busy;
    this.shut.hidden = this.busy;
    this.again.hidden = this.busy || this.items.filter((i) => i.state === 'failed').length < 2;
  }

  showItem(item) {
    if (!this.panel) return;
    if (!item.row) {
      item.meter = el('progress', { max: '1', value: 0, 'aria-label': `Upload of ${item.path}` });
      item.said = el('span', { class: 'said' });
      item.button = el('button', { class: 'bare', type: 'button' });
      item.button.addEventListener('click', () => (item.state === 'active' || item.state === 'waiting' ? this.cancel(item) : this.retry(item)));
      item.row = el('li', {}, el('span', { class: 'path' }, shown(item.path)), item.said, item.button, item.meter);
    }
    if (over(item) || item.state === 'waiting' && !item.row.isConnected) this.list.append(item.row); // what is over goes to the end
    else if (!item.row.isConnected) this.list.prepend(item.row);
    if (over(item)) [...this.list.querySelectorAll('.done')].slice(0, -SHOWN).forEach((li) => li.remove());
    const running = item.state === 'active' || item.state === 'waiting';
    item.row.className = item.state;
    item.meter.value = item.size ? item.sent / item.size : 0;
    item.meter.hidden = item.state !== 'active';
    item.said.textContent = { waiting: 'waiting', active: size(item.size), done: 'done', skipped: 'skipped', cancelled: 'cancelled', failed: item.problem }[item.state];
    item.button.hidden = over(item);
    const label = running ? `Cancel ${item.path}` : `Retry ${item.path}`;
    if (item.button.getAttribute('aria-label') === label) return; // a click on the icon may have begun
    item.button.setAttribute('aria-label', label);
    item.button.replaceChildren(running ? icon('close') : icon('retry'));
  }
}

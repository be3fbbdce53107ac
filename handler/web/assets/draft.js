// Unsaved work, kept in this browser until it is saved or given up: it survives a reload, a crash and a
// closed tab. A draft belongs to a page; one whose page is gone is found by the next that opens the file.

const SOON = 300; // milliseconds in which a page that lives says so

export class Draft {
  constructor(path) {
    this.prefix = `ifmatch:draft:${path}\n`;
    this.key = this.prefix + crypto.getRandomValues(new Uint32Array(2)).join('-');
    this.living = new Set(); // keys of other pages
    try {
      this.pages = new BroadcastChannel(this.prefix);
      this.pages.onmessage = ({ data }) => { if (data) this.living.add(data); else this.pages.postMessage(this.key); };
    } catch { /* Firefox has none where it may store nothing */ }
  }

  /** Keeps {text, base, …}; false when the browser has no room for it. */
  keep(state) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ ...state, seen: Date.now() }));
      sessionStorage.setItem(this.prefix, this.key); // a copy of this tab has it as well
      return true;
    } catch {
      return false;
    }
  }

  drop() {
    try { localStorage.removeItem(this.key); } catch { /* there is none */ }
  }

  /** What was kept by a page that is gone: the last one of this tab, or else the one that kept last. */
  async find() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
      if (!keys.length) return null;
      this.pages?.postMessage(''); // who lives?
      await new Promise((done) => setTimeout(done, SOON));
      const own = sessionStorage.getItem(this.prefix);
      const [found] = keys.filter((key) => !this.living.has(key)).map((key) => ({ key, draft: JSON.parse(localStorage.getItem(key)) }))
        .filter(({ draft }) => draft).sort((a, b) => (b.key === own) - (a.key === own) || b.draft.seen - a.draft.seen);
      if (!found) return null;
      localStorage.removeItem(found.key);
      this.keep(found.draft);
      return found.draft;
    } catch {
      return null;
    }
  }
}

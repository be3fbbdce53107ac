// Unsaved work, kept in this browser until it is saved or given up: it survives a reload, a crash and a
// closed tab. A draft belongs to a tab; one whose tab is gone is found by the next that opens the file.

const ALIVE = 10000; // milliseconds; a tab that lives says so more often

function tabName() {
  let name = sessionStorage.getItem('ifmatch:tab');
  if (!name) sessionStorage.setItem('ifmatch:tab', name = crypto.getRandomValues(new Uint32Array(2)).join('-'));
  return name;
}

export class Draft {
  constructor(path) {
    this.prefix = `ifmatch:draft:${path}\n`;
    try { this.key = this.prefix + tabName(); } catch { this.key = null; }
    setInterval(() => { if (this.kept) this.keep(this.kept); }, ALIVE / 2);
  }

  /** Keeps {text, base, tag, …}; false when the browser has no room for it. */
  keep(state) {
    this.kept = state;
    try {
      localStorage.setItem(this.key, JSON.stringify({ ...state, seen: Date.now() }));
      return true;
    } catch {
      return false;
    }
  }

  drop() {
    this.kept = null;
    try { localStorage.removeItem(this.key); } catch { /* there is none */ }
  }

  /** What was kept: by this tab, or else by one that is gone. */
  find() {
    try {
      const own = localStorage.getItem(this.key);
      if (own) return JSON.parse(own);
      let found = null;
      for (const key of Object.keys(localStorage).filter((k) => k.startsWith(this.prefix))) {
        const draft = JSON.parse(localStorage.getItem(key));
        if (Date.now() - draft.seen > ALIVE && (!found || draft.seen > found.draft.seen)) found = { key, draft };
      }
      if (!found) return null;
      localStorage.removeItem(found.key);
      this.keep(found.draft);
      return found.draft;
    } catch {
      return null;
    }
  }
}

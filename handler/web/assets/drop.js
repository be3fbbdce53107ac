// Files and folders that are dropped on the page.

import { el, icon, toast } from './dom.js';

/** Calls dropped with [{file, path}, …]; folders are walked through, and empty ones have no file and a slash at the end. */
export function listenToDrops(dropped) {
  const veil = el('div', { class: 'drop', hidden: true }, el('p', {}, icon('upload'), 'Drop to upload here'));
  document.body.append(veil);
  let depth = 0;
  const wanted = (event) => event.dataTransfer?.types.includes('Files');
  addEventListener('dragenter', (event) => { if (wanted(event)) { depth++; veil.hidden = false; event.preventDefault(); } });
  addEventListener('dragover', (event) => { if (wanted(event)) { event.preventDefault(); event.dataTransfer.dropEffect = 'copy'; } });
  addEventListener('dragleave', (event) => { if (wanted(event) && --depth <= 0) { depth = 0; veil.hidden = true; } });
  addEventListener('drop', async (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    const entries = [...event.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter((e) => e);
    let list = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
    try { if (entries.length) list = await walk(entries); } catch {
      toast('Some of what you dropped cannot be read, so nothing was uploaded.', { bad: true });
      return;
    }
    dropped(list);
  });
}

/** All files in dropped entries, with their paths. */
async function walk(entries) {
  const files = [];
  for (const entry of entries) {
    const path = entry.fullPath.replace(/^\//, '');
    if (entry.isFile) {
      files.push({ file: await new Promise((done, failed) => entry.file(done, failed)), path });
      continue;
    }
    const reader = entry.createReader();
    const before = files.length;
    for (;;) { // a reader gives a hundred at a time
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) break;
      files.push(...await walk(some));
    }
    if (files.length === before) files.push({ file: null, path: `${path}/` });
  }
  return files;
}

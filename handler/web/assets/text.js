// Bytes to text and back, so that saving changes nothing that was not edited: a text area knows LF only.

/** Reads bytes; null when they are no UTF-8 text. eol is '\n' or '\r\n'; mixed tells that the file has both. */
export function decode(bytes) {
  let text;
  try { text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes); } catch { return null; }
  if (text.includes('\0')) return null;
  const bom = text.startsWith('\uFEFF');
  if (bom) text = text.slice(1);
  const crlf = (text.match(/\r\n/g) || []).length;
  const breaks = (text.match(/\r\n|\r|\n/g) || []).length;
  return { text: text.replace(/\r\n?/g, '\n'), eol: breaks > 0 && crlf === breaks ? '\r\n' : '\n', bom, mixed: breaks !== crlf && text.includes('\r') };
}

/** The bytes of an edited text, as the file had them. */
export function encode(text, { eol, bom }) {
  return new TextEncoder().encode((bom ? '\uFEFF' : '') + (eol === '\n' ? text : text.replaceAll('\n', eol)));
}

/** What one step of Tab inserts: as the text does it already. */
export function indentOf(text) {
  const m = text.match(/^(\t| {2,8})\S/m);
  if (!m || m[1] === '\t') return '\t';
  return m[1].length % 4 === 0 ? '    ' : '  ';
}

// Bytes to text and back, so that saving changes nothing that was not edited: a text area knows LF only.

/** Reads bytes; null when they are no UTF-8 text. eol is how most lines end; ends tells of each where they differ. */
export function decode(bytes) {
  let text;
  try { text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes); } catch { return null; }
  if (text.includes('\0')) return null;
  const bom = text.startsWith('\uFEFF');
  if (bom) text = text.slice(1);
  const ends = text.match(/\r\n?|\n/g) || [];
  const count = (end) => ends.filter((e) => e === end).length;
  const eol = ['\n', '\r\n', '\r'].reduce((a, b) => (count(b) > count(a) ? b : a));
  return { text: text.replace(/\r\n?/g, '\n'), eol, bom, ends: count(eol) === ends.length ? null : ends };
}

/** The bytes of an edited text, as the file had them. */
export function encode(text, base) {
  const ended = base.ends ? endedAs(text, base) : text.replaceAll('\n', base.eol);
  return new TextEncoder().encode((base.bom ? '\uFEFF' : '') + ended);
}

/** A text whose lines end as they did; where lines came or went, those between the first and the last change get eol. */
function endedAs(text, { text: was, eol, ends }) {
  const lines = text.split('\n'), old = was.split('\n');
  const more = lines.length - old.length;
  let from = 0, to = lines.length - 1;
  while (from < to && (more === 0 || lines[from] === old[from])) from++;
  while (Math.min(to, to - more) >= from && lines[to] === old[to - more]) to--;
  const ended = lines.map((line, i) => (i === lines.length - 1 ? line : line + ((i < from ? ends[i] : i > to ? ends[i - more] : null) ?? eol))).join('');
  return ended.replace(/\r\n?/g, '\n') === text ? ended : text.replaceAll('\n', eol); // CR before an empty line with LF is one end
}

/** What one step of Tab inserts: as the text does it already. */
export function indentOf(text) {
  const m = text.match(/^(\t| {2,8})\S/m);
  if (!m || m[1] === '\t') return '\t';
  return m[1].length % 4 === 0 ? '    ' : '  ';
}

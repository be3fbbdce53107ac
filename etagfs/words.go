package etagfs

import "strings"

// words keeps many small strings in few pieces of memory. Not safe for concurrent use.
type words struct{ piece strings.Builder }

const wordsPieceBytes = 4 << 10

// room makes sure that n bytes fit, and returns where they will begin.
func (w *words) room(n int) (start int) {
	if w.piece.Cap()-w.piece.Len() < n {
		w.piece = strings.Builder{}
		w.piece.Grow(max(n, wordsPieceBytes))
	}
	return w.piece.Len()
}

// keep returns text as a string; a nil *words gives it memory of its own.
func (w *words) keep(text []byte) string {
	if w == nil {
		return string(text)
	}
	start := w.room(len(text))
	w.piece.Write(text)
	return w.piece.String()[start:]
}

// memberName is path.Join without its care for names that are not clean.
func (w *words) memberName(collection, base string) string {
	if collection == "/" {
		collection = ""
	}
	start := w.room(len(collection) + 1 + len(base))
	w.piece.WriteString(collection)
	w.piece.WriteByte('/')
	w.piece.WriteString(base)
	return w.piece.String()[start:]
}

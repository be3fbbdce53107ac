package merge

import "bytes"

// text is a text cut into lines. Equal lines have equal ids in all texts cut by one interner.
type text struct {
	bytes []byte
	start []int32 // start[i] is where line i begins; one more entry holds the length
	ids   []int32
}

func (t text) len() int { return len(t.ids) }

// lines returns lines i up to j, without j.
func (t text) lines(i, j int) []byte { return t.bytes[t.start[i]:t.start[j]:t.start[j]] }

// interner gives each distinct line a number, so that lines are compared in one step however long they are.
type interner map[string]int32

// split cuts a text after each newline. A line keeps its newline, so a last line without one equals no line with one.
func (in interner) split(b []byte) text {
	if b == nil {
		b = []byte{} // an empty side of a hunk is there
	}
	n := bytes.Count(b, []byte{'\n'}) + 1
	t := text{bytes: b, start: make([]int32, 0, n+1), ids: make([]int32, 0, n)}
	for at := 0; at < len(b); {
		end := len(b)
		if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		id, known := in[string(b[at:end])]
		if !known {
			id = int32(len(in))
			in[string(b[at:end])] = id
		}
		t.start = append(t.start, int32(at))
		t.ids = append(t.ids, id)
		at = end
	}
	t.start = append(t.start, int32(len(b)))
	return t
}

// wantsCRLF tells whether lines added to these texts should end with CR LF: all of them do at their first line end
// that tells. LF is the answer when none tells.
func wantsCRLF(texts ...[]byte) bool {
	crlf := false
	for _, t := range texts {
		i := bytes.IndexByte(t, '\n')
		if i < 0 {
			continue
		}
		if i == 0 || t[i-1] != '\r' {
			return false
		}
		crlf = true
	}
	return crlf
}

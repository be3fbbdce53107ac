package handler

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"ifmatch/etagfs"
)

// forms keeps two spellings of one name apart from becoming two resources: macOS sends names
// decomposed (NFD), everybody else composed (NFC). The exact bytes count first, then the other form;
// a new name is stored as the client spelled it, unless another spelling is there or just being made.
type forms struct {
	mu     sync.Mutex
	making map[string]*making // by NFC
}

// making is a name that requests in flight may create.
type making struct {
	name  string // as spelled by the first of them
	users int
}

// errOtherForm: between the early look at the names and the latch another request has removed the form
// that a new resource was to get, and another one has created the other.
var errOtherForm = &statusError{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {"1"}},
	say: "Another request has just created this name, spelled in another Unicode form; nothing was changed, try again."}

// oneForm adds to w that nothing is created at t while another form of its last segment is mapped. The
// other forms are latched together with t, so it stays true until the step.
func (h *Handler) oneForm(method string, t target, w etagfs.Write) etagfs.Write {
	forms := otherForms(t.name)
	if len(forms) == 0 || readMethods[method] {
		return w
	}
	check := w.Check
	w.Beside = append(w.Beside, forms...)
	w.Check = func(cur *etagfs.Info) error {
		other := h.otherForm(t, cur)
		if other == nil {
			return check(cur)
		}
		if err := check(other); err != nil {
			return err
		}
		return errOtherForm
	}
	return w
}

// otherForm is the state of t in another form, nil unless only that is mapped.
func (h *Handler) otherForm(t target, cur *etagfs.Info) *etagfs.Info {
	if cur != nil {
		return nil
	}
	for _, name := range otherForms(t.name) {
		if other, err := h.fs.Stat(name); err == nil {
			return other
		}
	}
	return nil
}

// otherForms are the names that differ from name in the form of the last segment.
func otherForms(name string) (forms []string) {
	dir, base := path.Split(name)
	if isASCII(base) {
		return nil
	}
	for _, form := range []string{norm.NFC.String(base), norm.NFD.String(base)} {
		if form != base && !slices.Contains(forms, dir+form) {
			forms = append(forms, dir+form)
		}
	}
	return forms
}

// form returns the spelling of name that this tree holds, segment by segment; what is not there stays
// as spelled. Nearly all names are ASCII or have one form only and cost nothing.
func (h *Handler) form(ctx context.Context, name string, creates bool) string {
	if isASCII(name) {
		return name
	}
	nfc := norm.NFC.String(name)
	if nfc == norm.NFD.String(name) {
		return name
	}
	if creates {
		name = h.forms.claim(ctx, nfc, name)
	}
	return h.spelled(name)
}

// claim agrees with the other requests in flight on one spelling, until ctx ends: the server ends it
// with the answer. The tree is read after the claim, so a name that was just made is seen.
func (f *forms) claim(ctx context.Context, nfc, name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.making[nfc]
	if m == nil {
		if f.making == nil {
			f.making = make(map[string]*making)
		}
		m = &making{name: name}
		f.making[nfc] = m
	}
	m.users++
	context.AfterFunc(ctx, func() { f.release(nfc, m) })
	return m.name
}

func (f *forms) release(nfc string, m *making) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.users--; m.users == 0 {
		delete(f.making, nfc)
	}
}

// spelled looks each segment up: exact bytes, then NFC, then NFD.
func (h *Handler) spelled(name string) string {
	if h.mapped(name) {
		return name
	}
	at := ""
	segs := strings.Split(name[1:], "/")
	for i, seg := range segs {
		next := ""
		for _, s := range []string{seg, norm.NFC.String(seg), norm.NFD.String(seg)} {
			if h.mapped(at + "/" + s) {
				next = at + "/" + s
				break
			}
		}
		if next == "" {
			return at + "/" + strings.Join(segs[i:], "/")
		}
		at = next
	}
	return at
}

func (h *Handler) mapped(name string) bool {
	_, err := h.fs.Stat(name)
	return err == nil
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

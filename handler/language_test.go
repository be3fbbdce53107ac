package handler

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
)

func TestLanguages(t *testing.T) {
	const none = "-"
	for text, want := range map[string]string{
		"de": "de", " de ": "de", "en-US": "en-US", "i-klingon": "i-klingon", "x-any": "x-any", "sl-rozaj-biske-1994": "sl-rozaj-biske-1994",
		"zh-cmn-Hans-CN": "zh-cmn-Hans-CN", "de-CH-u-co-phonebk": "de-CH-u-co-phonebk", // RFC 5646 appendix A
		"mi, en": "mi, en", "\n\tmi\r\n,\n en\n": "mi, en", ",de,,": "de", "": "", " , ": "",
		"en_US": none, "de CH": none, "de\r\nX: y": none, "de\x00": none, "é": none, "-de": none, "de-": none, "de--CH": none,
		"1de": none, "abcdefghi": none, "de-abcdefghi": none, "*": none, "&lt;": none, "de<x/>": none, "<x/>": none, "de;q=1": none, `"de"`: none,
		strings.Repeat("abcdefgh,", 100): strings.TrimSuffix(strings.Repeat("abcdefgh, ", 100), ", "), strings.Repeat("abcdefgh,", 103): none,
	} {
		list, ok := languages([]byte(`<D:getcontentlanguage xmlns:D="DAV:">` + text + "</D:getcontentlanguage>"))
		if ok != (want != none) || ok && list != want {
			t.Errorf("%.60q: %.60q %v, want %.60q", text, list, ok, want)
		}
	}
	for _, value := range []string{"<x/>", "<x></x>", `<x xml:lang="a/>b"/>`} {
		if list, _ := languages([]byte(value)); list != "" {
			t.Errorf("%s: %q", value, list)
		}
	}
}

// TestLanguageOfBefore: a store can hold values that were set before they were checked; and it is asked by the real name.
func TestLanguageOfBefore(t *testing.T) {
	dir := t.TempDir()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	props := state.NewMemory(state.Options{})
	h, err := New(NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}), Options{State: props})
	must(t, err)
	must(t, os.WriteFile(dir+"/file", []byte("x"), 0o644))
	linked := os.Symlink("file", dir+"/link") == nil // not everybody may on Windows
	for value, want := range map[string]string{"de": "de", "de\r\nX-Evil: 1": "", strings.Repeat("x", 5000): ""} {
		op := state.Op{Name: state.ContentLanguage, XML: []byte("<D:getcontentlanguage xmlns:D=\"DAV:\">" + value + "</D:getcontentlanguage>")}
		must(t, props.Patch("/file", []state.Op{op}))
		for _, path := range []string{"/file", "/link"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if got := w.Header().Get("Content-Language"); got != want && (linked || path == "/file") {
				t.Errorf("GET %s with %.20q: Content-Language %q, want %q", path, value, got, want)
			}
		}
	}
}

package doctor

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// TestFindsSabotage takes one thing away from a server that is right, and the doctor must notice.
func TestFindsSabotage(t *testing.T) {
	without := func(field string, methods ...string) func(http.ResponseWriter, *http.Request) {
		return func(_ http.ResponseWriter, r *http.Request) {
			if len(methods) == 0 || slices.Contains(methods, r.Method) {
				r.Header.Del(field)
			}
		}
	}
	for _, tt := range []struct {
		name     string
		sabotage func(http.ResponseWriter, *http.Request)
		want     []string // what must be wrong
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, nil},
		{"If-Match of PUT", without("If-Match", http.MethodPut), []string{
			"PUT with a stale If-Match is refused", "PUT with If-Match does not create",
			"of many who save over one state at once, one succeeds", "a counter that many increment with If-Match loses no increment"}},
		{"If-Match of DELETE", without("If-Match", http.MethodDelete), []string{"DELETE with a stale If-Match is refused"}},
		{"If-Match of MOVE", without("If-Match", "MOVE"), []string{"MOVE with a stale If-Match is refused"}},
		{"If-None-Match of PUT", without("If-None-Match", http.MethodPut), []string{
			"PUT with If-None-Match: * does not overwrite", "of many who create one name at once, one succeeds"}},
		{"If-Unmodified-Since", without("If-Unmodified-Since"), []string{"PUT with an old If-Unmodified-Since is refused"}},
		{"Overwrite", without("Overwrite"), []string{
			"MOVE with Overwrite: F does not overwrite", "COPY with Overwrite: F does not overwrite"}},
		{"If", without("If"), []string{
			"whoever holds the lock can write", "If with a stale tag is refused", "If with a lock token that is not there is refused"}},
		{"the tags", func(http.ResponseWriter, *http.Request) {}, []string{
			"each quick change of the same size changes the tag"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, err := handler.New(etagfs.New(fs.NewMemory(), etagfs.Options{}), handler.Options{})
			must(t, err)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.name == "the tags" {
					w = fixedTag{w}
				}
				tt.sabotage(w, r)
				h.ServeHTTP(w, r)
			}))
			defer s.Close()
			card, err := examine(t, t.Context(), s.URL)
			must(t, err)
			var found []string
			for _, f := range card.Findings {
				if f.Verdict == Wrong {
					found = append(found, f.Check)
				}
			}
			for _, check := range tt.want {
				if !slices.Contains(found, check) {
					t.Errorf("not found: %s", check)
				}
			}
			if tt.want == nil && !card.Healthy() {
				log(t, card)
				t.Error("a server that is right is not healthy")
			}
		})
	}
}

// fixedTag answers everything with one tag, the shortest that there is (RFC 9110 §8.8.3).
type fixedTag struct{ http.ResponseWriter }

func (w fixedTag) WriteHeader(status int) {
	w.Header().Set("ETag", `""`)
	w.ResponseWriter.WriteHeader(status)
}

func (w fixedTag) Write(p []byte) (int, error) {
	w.Header().Set("ETag", `""`)
	return w.ResponseWriter.Write(p)
}

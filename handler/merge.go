package handler

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"ifmatch/handler/merge"
)

// mergeType is the media type of a merge. No form and no simple request of another site can have it.
const mergeType = "application/vnd.ifmatch.merge+json"

// mergeBytes bounds the three texts together, as JSON: each as large as the page edits it, and what escapes take.
const mergeBytes = 8 << 20

// smallMergeBytes is what is read of each merge at once. Only a larger one needs a place in memory, so that
// sixteen who send slowly hold up nobody but those.
const smallMergeBytes = 64 << 10

// merges bounds how many are made at once, since each takes a processor, and mergeTexts the large texts in memory. Who waits
// for them has sent little more than the system keeps.
var (
	merges     = make(chan struct{}, 4)
	mergeTexts = make(chan struct{}, 16)
)

// toMerge is what a client sends: its own text, what that was based on, and what is there now.
type toMerge struct{ Base, Mine, Theirs string }

// mergeHunk is one run of lines of the answer.
type mergeHunk struct {
	Kind   string `json:"kind"`
	Base   string `json:"base,omitempty"`
	Mine   string `json:"mine"`
	Theirs string `json:"theirs"`
}

// merge answers POST: it merges three texts with the engine that the command line has, and changes nothing on
// the server. It is how the page solves a 412. Everything else that is posted is refused.
func (h *Handler) merge(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.target(r); err != nil {
		return err
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != mergeType {
		return &statusError{status: http.StatusUnsupportedMediaType, say: "POST merges three texts and changes nothing: send " + mergeType + ".",
			header: http.Header{"Accept-Post": {mergeType}}}
	}
	if !sameOrigin(r) {
		return &statusError{status: http.StatusForbidden, say: "This request came from another site."}
	}
	body := http.MaxBytesReader(w, r.Body, mergeBytes)
	texts, err := io.ReadAll(io.LimitReader(body, smallMergeBytes))
	if err == nil && len(texts) == smallMergeBytes {
		select {
		case mergeTexts <- struct{}{}:
			defer func() { <-mergeTexts }()
		case <-r.Context().Done():
			return r.Context().Err()
		}
		var rest []byte
		rest, err = io.ReadAll(body)
		texts = append(texts, rest...)
	}
	if err != nil {
		return brokenBody(r, err)
	}
	in, err := parseMerge(texts)
	if err != nil {
		return err
	}
	merges <- struct{}{}
	result, err := merge.Merge([]byte(in.Base), []byte(in.Mine), []byte(in.Theirs))
	<-merges
	if errors.Is(err, merge.ErrBinary) || errors.Is(err, merge.ErrTooLarge) {
		return &statusError{status: http.StatusUnprocessableEntity, say: "These are not texts that can be merged line by line.", cause: err}
	}
	if err != nil {
		return err
	}
	return mergeAnswer(w, result.Narrow())
}

func parseMerge(texts []byte) (in toMerge, err error) {
	if !utf8.Valid(texts) || json.Unmarshal(texts, &in) != nil {
		return in, &statusError{status: http.StatusBadRequest, say: `A merge is a JSON object with the texts "base", "mine" and "theirs".`}
	}
	return in, nil
}

func mergeAnswer(w http.ResponseWriter, result *merge.Result) error {
	out := struct {
		Conflicts int         `json:"conflicts"`
		Hunks     []mergeHunk `json:"hunks"`
	}{result.Conflicts(), make([]mergeHunk, 0, len(result.Hunks))}
	for _, hunk := range result.Hunks {
		out.Hunks = append(out.Hunks, mergeHunk{hunk.Kind.String(), string(hunk.Base), string(hunk.Mine), string(hunk.Theirs)})
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	set(w, "Content-Type", "application/json")
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", "no-store")
	set(w, "Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(body)
	return err
}

// sameOrigin tells whether a request came from a page of ours or from no page at all, as far as the browser
// tells. It is the second line behind media types and methods that other sites cannot send unasked.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"ifmatch/handler/merge"
)

// Editing says how Edit talks with its user.
type Editing struct {
	Open func(ctx context.Context, file string) error    // runs the editor until the user is done
	Say  func(format string, args ...any)                // tells what happened, one sentence
	Ask  func(ctx context.Context, question string) bool // a question for yes or no; false where nobody can be asked
	Dir  string                                          // where the file being edited is kept; it must exist
}

const (
	maxEdit   = merge.MaxBytes // bounds what is fetched to be edited
	maxMerges = 20             // of one edit; a server that shows another tag each time would be asked for ever
)

// Edit lets the user edit a resource and saves it only over the state that the edit is based on. When somebody else
// was faster, their version and the user's are merged on the common base; where both changed the same lines the user
// decides in the editor, between conflict markers, as often as it takes. An unmapped URL is created.
//
// Nothing that the user wrote is lost: whenever Edit fails after the editor was opened, the text, or what the editor left beside
// it, stays in a file or directory whose name the error gives. saved is false if there was nothing to save.
func (c *Client) Edit(ctx context.Context, u *url.URL, e Editing) (saved bool, err error) {
	base, err := c.load(ctx, u)
	if err != nil {
		return false, err
	}
	if base.Mapped && base.ETag == "" {
		return false, refuse("%s has no ETag, so an edit of it could not be saved safely; a collection has none", u.Redacted())
	}
	dir, err := os.MkdirTemp(e.Dir, "edit-*")
	if err != nil {
		return false, err
	}
	d := draft{c: c, u: u, Editing: e, base: base, file: filepath.Join(dir, fileName(u))}
	defer func() {
		// A text that could not be saved is the only copy of somebody's work; so may be what an editor leaves that was killed.
		switch members, _ := os.ReadDir(dir); {
		case err != nil && d.touched:
			err = fmt.Errorf("%w; your text is in %s", err, d.file)
		case err != nil && len(members) > 1:
			err = fmt.Errorf("%w; what the editor left is in %s", err, dir)
		default:
			os.RemoveAll(dir)
		}
	}()
	return d.edit(ctx)
}

// fileName is the name of the file to edit: editors choose their mode by it.
func fileName(u *url.URL) string {
	name := path.Base(u.Path)
	if name == "/" || name == "." || filepath.Base(name) != name {
		return "text"
	}
	return name
}

// version is a text in one state of the resource.
type version struct {
	State
	text []byte
}

// load fetches the current version; an unmapped URL has an empty one.
func (c *Client) load(ctx context.Context, u *url.URL) (version, error) {
	var b bounded
	s, _, err := c.Fetch(ctx, u, Condition{}, &b)
	if isUnmapped(err) {
		return version{}, nil
	}
	if err != nil {
		return version{}, err
	}
	return version{s, b.Bytes()}, nil
}

// bounded is a buffer that refuses to grow over what can be edited.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxEdit {
		return 0, fmt.Errorf("more than %s is too large to edit", Size(maxEdit))
	}
	return b.Buffer.Write(p)
}

// draft is one edit under way.
type draft struct {
	Editing
	c       *Client
	u       *url.URL
	base    version // what the text in the file is based on
	file    string
	touched bool // the file holds something that the user wrote
}

func (d *draft) edit(ctx context.Context) (saved bool, err error) {
	mine, err := d.open(ctx, d.base.text)
	if err != nil {
		return false, err
	}
	if bytes.Equal(mine, d.base.text) && (d.base.Mapped || len(mine) == 0) {
		return false, nil
	}
	for range maxMerges {
		err := d.save(ctx, mine)
		if err == nil || !isStatus(err, http.StatusPreconditionFailed) {
			return err == nil, err
		}
		if mine, err = d.merge(ctx, mine); err != nil {
			return false, err
		}
	}
	return false, refuse("%s changes faster than it can be merged", d.u.Redacted())
}

// open puts the text into the file, runs the editor on it and returns what is in the file then.
func (d *draft) open(ctx context.Context, text []byte) ([]byte, error) {
	if err := os.WriteFile(d.file, text, 0o600); err != nil {
		return nil, err
	}
	failed := d.Open(ctx, d.file)
	now, err := os.ReadFile(d.file)
	if err != nil {
		return nil, err
	}
	d.touched = d.touched || !bytes.Equal(now, text)
	return now, failed
}

// save sends the text, to replace the base and nothing else. It looks before, since there are servers that give tags
// and ignore If-Match: on those only what somebody saves in this moment is lost, and not all that was saved while the
// editor was open.
func (d *draft) save(ctx context.Context, mine []byte) error {
	cond := Condition{IfMatch: d.base.ETag}
	now, err := d.c.settled(ctx, d.u)
	switch {
	case err != nil:
		return err
	case now.Mapped != d.base.Mapped, now.ETag != "" && d.base.Strong() && !weaklyEqual(now.ETag, d.base.ETag):
		return d.changed()
	case !d.base.Mapped:
		cond = Condition{IfNoneMatch: "*"}
	case !d.base.Strong():
		// A tag may be weak for a moment after a change. The text tells whether it is still the same state.
		now, err := d.c.load(ctx, d.u)
		switch {
		case err != nil:
			return err
		case !now.Mapped || !bytes.Equal(now.text, d.base.text):
			return d.changed()
		case !now.Strong():
			return refuse("%s has no strong ETag (%v), so it cannot be saved safely", d.u.Redacted(), now.State)
		}
		cond.IfMatch = now.ETag
	}
	kind := d.base.Type
	if !d.base.Mapped {
		kind = typeOf(d.u)
	}
	_, err = d.c.store(ctx, d.u, cond, bytes.NewReader(mine), int64(len(mine)), kind)
	return err
}

// changed is the refusal that a server would answer.
func (d *draft) changed() error {
	return &StatusError{Method: http.MethodPut, URL: d.u.Redacted(), Status: http.StatusPreconditionFailed}
}

// merge brings their version in. The result is based on their state.
func (d *draft) merge(ctx context.Context, mine []byte) ([]byte, error) {
	theirs, err := d.c.load(ctx, d.u)
	if err != nil {
		return nil, err
	}
	if !theirs.Mapped {
		return nil, refuse("%s was deleted meanwhile", d.u.Redacted())
	}
	m, err := merge.Merge(d.base.text, mine, theirs.text)
	if errors.Is(err, merge.ErrBinary) || errors.Is(err, merge.ErrTooLarge) {
		return nil, refuse("%s was changed meanwhile (now %v) and cannot be merged: %v", d.u.Redacted(), theirs.State, err)
	}
	if err != nil {
		return nil, err
	}
	d.base = theirs
	m = m.Narrow()
	if text, ok := m.Bytes(); ok {
		d.Say("somebody else saved meanwhile (%v); both edits are merged, no line was changed by both", theirs.State)
		return text, os.WriteFile(d.file, text, 0o600)
	}
	return d.resolve(ctx, m, theirs)
}

// resolve lets the user decide the conflicts.
func (d *draft) resolve(ctx context.Context, m *merge.Result, theirs version) ([]byte, error) {
	labels := merge.Labels{Mine: "yours", Theirs: "theirs"}
	if !theirs.Modified.IsZero() {
		labels.Theirs += ", saved " + theirs.Modified.Local().Format("15:04:05")
	}
	text := m.Render(labels)
	places := "one place"
	if n := m.Conflicts(); n > 1 {
		places = fmt.Sprintf("%d places", n)
	}
	d.Say("somebody else saved meanwhile (%v); in %s both of you changed the same lines: choose between the markers", theirs.State, places)
	for {
		next, err := d.open(ctx, text)
		if err != nil {
			return nil, err
		}
		if !merge.HasMarkers(next, labels) {
			return next, nil
		}
		text = next
		if !d.Ask(ctx, "There are still conflict markers. Edit again?") {
			return nil, refuse("%s was changed meanwhile, and there are still conflict markers in your text; nothing was saved", d.u.Redacted())
		}
	}
}

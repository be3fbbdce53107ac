package handler

import (
	"archive/zip"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"ifmatch/etagfs"
)

// deepest is how many collections below each other an archive follows.
const deepest = 100

// zip answers GET with ?zip: a collection, or the members of it that m= names, as an archive that is made
// while it is sent. Nothing is kept in memory but the directory that ends a zip file.
func (h *Handler) zip(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	cur, err := h.fs.Stat(t.name)
	if err != nil {
		return readError(err)
	}
	if !cur.IsCollection() {
		return &statusError{status: http.StatusBadRequest, say: "Only a collection can be downloaded as a zip archive."}
	}
	if h.opts.Shares != nil { // what they hold is not in this tree
		return &statusError{status: http.StatusForbidden, say: "These are shares: download each by itself."}
	}
	members, err := h.zipMembers(r, t.name)
	if err != nil {
		return err
	}
	set(w, "Content-Type", "application/zip")
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", "no-store")
	set(w, "Content-Disposition", attachment(zipName(t.name, members)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	a := archive{h: h, zip: zip.NewWriter(w)}
	if members == nil {
		err = a.collection(cur, "", nil)
	}
	for _, m := range members {
		if err == nil {
			err = a.member(path.Join(t.name, m), m, nil)
		}
	}
	if err == nil {
		err = a.end()
	}
	return err // the answer has begun: it is cut off, so that nobody takes the part for the whole
}

// zipMembers are the base names that the query selects, all there; nil for the whole collection.
func (h *Handler) zipMembers(r *http.Request, at string) ([]string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &statusError{status: http.StatusBadRequest, say: "The query in the URL is malformed.", cause: err}
	}
	for _, m := range query["m"] {
		t, err := cleanPath("/" + m)
		if err != nil {
			return nil, err
		}
		if t.name == "/" || strings.Contains(m, "/") || reserved(t.name) {
			return nil, errNoResource
		}
		if _, err := h.fs.Stat(path.Join(at, m)); err != nil {
			return nil, readError(err)
		}
	}
	return query["m"], nil
}

func zipName(name string, members []string) string {
	switch {
	case len(members) == 1:
		return members[0] + ".zip"
	case name == "/":
		return "files.zip"
	}
	return path.Base(name) + ".zip"
}

// archive is a zip file on its way.
type archive struct {
	h      *Handler
	zip    *zip.Writer
	failed []string // what could not be read whole, as the archive names it
}

// member adds a resource as name. above are the real names of the collections around it.
func (a *archive) member(name, as string, above []string) error {
	info, err := a.h.fs.Stat(name)
	switch {
	case isUnmapped(err): // it went while the archive was made
		return nil
	case err != nil:
		a.fail(as)
		return nil
	case info.IsCollection():
		return a.collection(info, as+"/", above)
	}
	return a.file(name, as)
}

// collection adds all members, and the collection itself, so that an empty one is there. A link that leads back
// up is not followed twice.
func (a *archive) collection(info *etagfs.Info, as string, above []string) error {
	real := info.Name
	if slices.Contains(above, real) {
		return nil
	}
	if len(above) == deepest {
		a.fail(as)
		return nil
	}
	if as != "" {
		if _, err := a.zip.CreateHeader(header(as, info.ModTime())); err != nil {
			return err
		}
	}
	above = append(above[:len(above):len(above)], real)
	var bases []string
	err := a.h.fs.List(real, func(base string, info *etagfs.Info) error {
		if showable(base) {
			bases = append(bases, base)
		}
		return nil
	})
	if err != nil {
		a.fail(as)
	}
	slices.Sort(bases)
	for _, base := range bases {
		if err := a.member(path.Join(real, base), as+base, above); err != nil {
			return err
		}
	}
	return nil
}

// file adds the bytes of one representation, as they are: most large files are compressed already.
func (a *archive) file(name, as string) error {
	f, err := a.h.fs.Open(name)
	if err != nil {
		if !isUnmapped(err) {
			a.fail(as)
		}
		return nil
	}
	defer f.Close()
	entry, err := a.zip.CreateHeader(header(as, f.State().ModTime()))
	if err != nil {
		return err
	}
	was := f.State()
	_, err = io.Copy(entry, io.LimitReader(f, was.SizeBytes))
	now, gone := f.Again()
	if err != nil || gone != nil || now.Mtime != was.Mtime || now.SizeBytes != was.SizeBytes {
		a.fail(as)
	}
	return nil // a client that left is met by the next write
}

// header of an entry. A backslash would be a directory to programs of Windows; the time of an entry cannot be before 1980, where
// its date begins, nor after 2106, where seconds in 32 bits end.
func header(as string, changed time.Time) *zip.FileHeader {
	if year := changed.Year(); year < 1980 || year > 2105 {
		changed = time.Date(min(max(year, 1980), 2106), time.January, 1, 0, 0, 0, 0, changed.Location())
	}
	return &zip.FileHeader{Name: strings.ReplaceAll(as, `\`, "_"), Method: zip.Store, Modified: changed}
}

func (a *archive) fail(as string) { a.failed = append(a.failed, as) }

// end says in the archive what is not right in it, and writes its directory.
func (a *archive) end() error {
	if len(a.failed) > 0 {
		entry, err := a.zip.CreateHeader(header("MISSING.txt", a.h.opts.Now()))
		if err != nil {
			return err
		}
		_, err = io.WriteString(entry, "These could not be read, or changed while they were read, so they are missing here or not whole:\n\n"+strings.Join(a.failed, "\n")+"\n")
		if err != nil {
			return err
		}
	}
	return a.zip.Close()
}

package handler_test

import (
	"encoding/xml"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"ifmatch/fs"
)

// What can be seen of a tree, compared with the model.

// listed is a 207 answer.
type listed struct {
	Responses []struct {
		Href     string `xml:"DAV: href"`
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Names []listedProp `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

type listedProp struct {
	XMLName    xml.Name
	Text       string    `xml:",chardata"`
	Collection *struct{} `xml:"DAV: collection"`
	Tokens     []string  `xml:"activelock>locktoken>href"`
}

func (p *listedProp) name() string { return p.XMLName.Space + " " + p.XMLName.Local }

// liveProps are those that allprop answers with beside the dead ones.
var liveProps = []string{"DAV: creationdate", "DAV: displayname", "DAV: getcontentlength", "DAV: getcontenttype", "DAV: getetag",
	"DAV: getlastmodified", "DAV: lockdiscovery", "DAV: resourcetype", "DAV: supportedlock"}

// list compares what a PROPFIND tells; body is its answer, or "" to ask for it.
func (p *play) list(a act, body string) error {
	if body == "" {
		res := p.ask(a.method, a.url(p.prefix, a.name, false), a.content(), a.header(p.prefix, p.tree)...)
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusMultiStatus {
			return fmt.Errorf("PROPFIND: %d %s %v", res.StatusCode, text, err)
		}
		body = string(text)
	}
	var all listed
	if err := xml.Unmarshal([]byte(body), &all); err != nil {
		return fmt.Errorf("PROPFIND: %w: %s", err, body)
	}
	var names []string
	for _, r := range all.Responses {
		name, err := p.nameOf(r.Href)
		if err != nil {
			return err
		}
		names = append(names, name)
		props := make(map[string]listedProp)
		for _, ps := range r.Propstat {
			for _, prop := range ps.Prop.Names {
				if ps.Status == "HTTP/1.1 200 OK" {
					props[prop.name()] = prop
				}
			}
		}
		if err := p.props(name, r.Href, props); err != nil {
			return err
		}
	}
	slices.Sort(names)
	depth := a.depth
	if depth == "" {
		depth = "infinity"
	}
	if want := p.tree.members(a.name, depth); !slices.Equal(names, want) {
		return fmt.Errorf("PROPFIND of %s, Depth %s: members\n%q, want\n%q", a.name, depth, names, want)
	}
	return nil
}

// nameOf is the name that an href means, whatever form it is spelled in.
func (p *play) nameOf(href string) (string, error) {
	u, err := url.Parse(href)
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(norm.NFC.String(u.Path), p.prefix)
	if !ok {
		return "", fmt.Errorf("%s is outside %s", href, p.prefix)
	}
	return path.Clean(name), nil
}

// props compares what a listing tells of one resource.
func (p *play) props(name, href string, got map[string]listedProp) error {
	n, mapped := p.tree.at[name]
	if !mapped {
		return fmt.Errorf("%s is listed", name)
	}
	length := strconv.Itoa(len(n.bytes))
	if n.collection {
		length = ""
	}
	shownAs := path.Base(p.prefix + name)
	if text, set := n.props["DAV: displayname"]; set {
		shownAs = text
	}
	switch {
	case n.collection != strings.HasSuffix(href, "/"), n.collection != (got["DAV: resourcetype"].Collection != nil):
		return fmt.Errorf("%s is listed as %s, %v", name, href, got["DAV: resourcetype"])
	case got["DAV: getcontentlength"].Text != length:
		return fmt.Errorf("%s is listed with length %q, want %q", name, got["DAV: getcontentlength"].Text, length)
	case norm.NFC.String(got["DAV: displayname"].Text) != shownAs:
		return fmt.Errorf("%s is displayed as %q, want %q", name, got["DAV: displayname"].Text, shownAs)
	}
	for prop, value := range n.props {
		if have, ok := got[prop]; !ok || have.Text != value {
			return fmt.Errorf("%s has %s = %q, %t, want %q", name, prop, have.Text, ok, value)
		}
	}
	for prop, value := range got {
		if _, dead := n.props[prop]; !dead && !slices.Contains(liveProps, prop) {
			return fmt.Errorf("%s has %s = %q, want none", name, prop, value.Text)
		}
	}
	if locks, told := got["DAV: lockdiscovery"]; told {
		slices.Sort(locks.Tokens)
		if want := p.tree.covering(name); !slices.Equal(locks.Tokens, want) {
			return fmt.Errorf("%s is locked by %q, want %q", name, locks.Tokens, want)
		}
	}
	tag := got["DAV: getetag"].Text
	switch {
	case n.collection && tag != "":
		return fmt.Errorf("collection %s has the entity-tag %s", name, tag)
	case n.collection:
		return nil
	case tag == "" && p.tree.content, strings.HasPrefix(tag, "W/"): // not known yet
		return p.file(name)
	}
	if date, told := got["DAV: getlastmodified"]; told {
		if err := p.tree.learnDate(name, date.Text); err != nil {
			return err
		}
	}
	return p.tree.learnTag(name, tag)
}

// file compares what HEAD tells of a name, or GET where nobody has been told of its state. A change of a moment ago may have
// a weak entity-tag until the clock has moved on, when another program made it or the server has been started
// anew since; that is waited for.
func (p *play) file(name string) error {
	n, mapped := p.tree.at[name]
	if name == "" || n.collection {
		return nil
	}
	a := act{method: "HEAD", name: name}
	if n.tag == "" {
		a.method = "GET"
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		res := p.ask(a.method, a.url(p.prefix, name, false), "")
		body, err := io.ReadAll(res.Body)
		switch {
		case err != nil:
			return err
		case !mapped && res.StatusCode == 404:
			return nil
		case !mapped || res.StatusCode != 200:
			return fmt.Errorf("%s %s: %d %s", a.method, name, res.StatusCode, body)
		case strings.HasPrefix(res.Header.Get("Etag"), "W/") && (a.method == "HEAD" || string(body) == n.bytes) && time.Since(began) < 10*time.Second:
			continue
		}
		return p.representation(a, res, string(body))
	}
}

// representation compares the answer to GET or HEAD.
func (p *play) representation(a act, res *http.Response, body string) error {
	n := p.tree.at[a.name]
	if n.collection {
		return nil
	}
	if a.method == "GET" && body != n.bytes {
		return fmt.Errorf("GET %s: %s, want %s", a.name, shown(body), shown(n.bytes))
	}
	if length := res.Header.Get("Content-Length"); length != strconv.Itoa(len(n.bytes)) {
		return fmt.Errorf("%s %s: length %q, want %d", a.method, a.name, length, len(n.bytes))
	}
	return p.tree.learn(a.name, res.Header)
}

// refused compares the entity-tag of an answer that says what is there: of the resource, or of what is at the
// destination.
func (p *play) refused(a act, tag string) error {
	if tag == "" || tag == p.tree.at[a.name].tag || a.dst != "" && tag == p.tree.at[a.dst].tag {
		return nil
	}
	return fmt.Errorf("refused with the entity-tag %s; it has %s", tag, p.tree.at[a.name].tag)
}

// patchAnswer compares what a PROPPATCH tells of each property: once, and all or nothing.
func patchAnswer(a act, body string) error {
	var all listed
	if err := xml.Unmarshal([]byte(body), &all); err != nil || len(all.Responses) != 1 {
		return fmt.Errorf("%v: %s", err, body)
	}
	told := make(map[string]string)
	for _, ps := range all.Responses[0].Propstat {
		for _, prop := range ps.Prop.Names {
			if _, twice := told[prop.name()]; twice {
				return fmt.Errorf("%s is told of twice: %s", prop.name(), body)
			}
			told[prop.name()] = ps.Status
		}
	}
	for _, op := range a.props {
		want := "HTTP/1.1 200 OK"
		switch {
		case op.name == "DAV: getetag":
			want = "HTTP/1.1 403 Forbidden"
		case protected(a.props):
			want = "HTTP/1.1 424 Failed Dependency"
		}
		if told[op.name] != want {
			return fmt.Errorf("%s: %q, want %q: %s", op.name, told[op.name], want, body)
		}
	}
	return nil
}

// location compares the URL of what was created. RFC 9110 §10.2.2.
func (p *play) location(a act, res *http.Response) error {
	if res.StatusCode != http.StatusCreated {
		return nil
	}
	want := a.name
	if a.dst != "" {
		want = a.dst
	}
	if name, err := p.nameOf(res.Header.Get("Location")); err != nil || name != want {
		return fmt.Errorf("Location %s, %v, want %s", res.Header.Get("Location"), err, want)
	}
	return nil
}

// used compares how much the server takes its trees to hold. RFC 4331 §4; README tells what it does not see.
func (p *play) used() error {
	const ask = `<propfind xmlns="DAV:"><prop><quota-used-bytes/></prop></propfind>`
	for _, root := range p.roots {
		body, err := io.ReadAll(p.ask("PROPFIND", act{}.url(p.prefix, root, true), ask, "Depth: 0").Body)
		if err != nil {
			return err
		}
		want := max(0, p.tree.sizeBytes(root)-p.uncounted[root])
		if !strings.Contains(string(body), fmt.Sprint("<D:quota-used-bytes>", want, "</D:quota-used-bytes>")) {
			return fmt.Errorf("%s holds %d bytes as far as the server can know: %s", root, want, body)
		}
	}
	return nil
}

// disk compares names and bytes in the directory itself. Nothing else may be there but the directories that the server
// keeps for what it stages, and nothing in them.
func (p *play) disk() error {
	for _, root := range p.roots {
		missing := p.tree.members(root, "infinity")
		err := filepath.WalkDir(filepath.Join(p.dir, root), func(osPath string, d iofs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(p.dir, osPath)
			if err != nil {
				return err
			}
			name := norm.NFC.String(path.Join("/", filepath.ToSlash(rel)))
			if d.IsDir() && strings.HasPrefix(d.Name(), fs.ReservedPrefix) && slices.Contains(p.tree.trees, path.Dir(name)) {
				return nil
			}
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == name })
			return p.onDisk(name, osPath, d.IsDir())
		})
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("not on the disk: %q", missing)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *play) onDisk(name, osPath string, dir bool) error {
	n, mapped := p.tree.at[name]
	if !mapped || n.collection != dir {
		return fmt.Errorf("%s is on the disk, directory: %t", name, dir)
	}
	if dir {
		return nil
	}
	bytes, err := os.ReadFile(osPath)
	if err == nil && string(bytes) != n.bytes {
		err = fmt.Errorf("%s holds %s on the disk, want %s", name, shown(string(bytes)), shown(n.bytes))
	}
	return err
}

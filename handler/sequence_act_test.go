package handler_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// act is one thing that happens to a tree: a request, or what is done beside the server. It speaks of states as
// "right" or "stale", so that it means something also after acts before it were left out.
type act struct {
	method                   string // or one of besideActs, or "restart", or "reload" with the other kind of entity-tags
	name, dst                string
	slash                    bool // the URL ends with one
	nfd                      bool // URLs are spelled in NFD
	body                     string
	depth                    string
	keep                     bool     // Overwrite: F
	ifMatch                  string   // "right", "stale", "weak", "list", "*" or ""
	ifNoneMatch              string   // likewise
	ifDst                    string   // If: </dst> (["tag"]); likewise
	ifModified, ifUnmodified string   // "right", "stale" or ""
	props                    []propOp // of PROPPATCH and MKCOL
	byName                   bool     // PROPFIND: ask for each property by its name
	modTime                  int64    // X-OC-Mtime of a PUT; 0: none
	shared                   bool     // LOCK
	lock                     int      // UNLOCK: which one
	tokens                   string   // submitted: "all", "half" of them, or ""
}

// propOp is one instruction of a PROPPATCH; name is namespace, space, local name.
type propOp struct {
	name, value string
	remove      bool
}

// besideActs are what other programs do.
var besideActs = []string{"write in place", "write and backdate", "rename over", "create beside", "remove beside", "move beside"}

func (a act) beside() bool { return slices.Contains(besideActs, a.method) }

func (a act) isRequest() bool { return a.method == strings.ToUpper(a.method) }

// writes tells whether it has a content for one file.
func (a act) writes() bool {
	return a.method == "PUT" || a.beside() && a.method != "remove beside" && a.method != "move beside"
}

func (a act) String() string {
	s := a.method
	if a.name != "" {
		s += " " + a.url("", a.name, a.slash)
	}
	if a.shared {
		s += " shared"
	}
	if a.method == "UNLOCK" {
		s += fmt.Sprint(" lock ", a.lock)
	}
	if a.writes() {
		s += " " + shown(a.body)
	}
	for _, f := range [][2]string{{"X-OC-Mtime", dateOf(a.modTime)}, {"Depth", a.depth}, {"If-Match", a.ifMatch}, {"If-None-Match", a.ifNoneMatch},
		{"If-Modified-Since", a.ifModified}, {"If-Unmodified-Since", a.ifUnmodified}, {"tokens", a.tokens}} {
		if f[1] != "" {
			s += ", " + f[0] + ": " + f[1]
		}
	}
	if a.dst != "" {
		s += ", Destination: " + a.url("", a.dst, false)
		if a.ifDst != "" {
			s += ", If: <it> ([" + a.ifDst + "])"
		}
		if a.keep {
			s += ", Overwrite: F"
		}
	}
	for _, op := range a.props {
		if op.remove {
			s += ", remove " + op.name
		} else {
			s += fmt.Sprintf(", set %s to %q", op.name, op.value)
		}
	}
	return s
}

// shown is a content for people.
func shown(body string) string {
	if len(body) > 40 {
		return fmt.Sprintf("%.20q… (%d bytes)", body, len(body))
	}
	return fmt.Sprintf("%q", body)
}

// url is the path of the URL of a name in a tree with that prefix.
func (a act) url(prefix, name string, slash bool) string {
	if a.nfd {
		name = norm.NFD.String(name)
	}
	if slash && name != "/" {
		name += "/"
	}
	if prefix != "" && name == "/" && !slash {
		name = ""
	}
	return (&url.URL{Path: prefix + name}).EscapedPath()
}

// header is that of the request, with conditions and locks as they are now.
func (a act) header(prefix string, m *davTree) (lines []string) {
	c := m.resolve(a)
	add := func(field, value string) {
		if value != "" {
			lines = append(lines, field+": "+value)
		}
	}
	add("Depth", a.depth)
	add("If-Match", c.ifMatch)
	add("If-None-Match", c.ifNoneMatch)
	add("If-Modified-Since", c.ifModified)
	add("If-Unmodified-Since", c.ifUnmodified)
	if a.dst != "" {
		add("Destination", "http://example.com"+a.url(prefix, a.dst, false))
		if a.keep {
			add("Overwrite", "F")
		}
	}
	if lists := a.lists(prefix, c, m.submitted(a.tokens)); c.ifDst != "" || a.tokens != "" {
		add("If", lists)
	}
	if a.modTime != 0 {
		add("X-OC-Mtime", fmt.Sprint(a.modTime))
	}
	if a.method == "UNLOCK" {
		add("Lock-Token", "<"+m.lockOf(a)+">")
	}
	if len(a.props) > 0 || a.method == "LOCK" {
		add("Content-Type", "application/xml")
	}
	return lines
}

// lists are the value of the If header field. Only the first one can be true, the others submit tokens: RFC 4918 §10.4.1.
func (a act) lists(prefix string, c conditions, tokens []string) string {
	s := "(Not <DAV:no-lock>)"
	if c.ifDst != "" {
		s = "<" + a.url(prefix, a.dst, false) + "> ([" + c.ifDst + "])"
	}
	for _, token := range tokens {
		s += " (<" + token + `> ["none"])`
	}
	return s
}

// content is that of the request.
func (a act) content() string {
	switch {
	case a.method == "PROPFIND" && a.byName:
		b := `<propfind xmlns="DAV:"><prop><resourcetype/><displayname/><getcontentlength/><getetag/>`
		for _, name := range propNames {
			b += element(name, "")
		}
		return b + "</prop></propfind>"
	case a.method == "LOCK" && a.shared:
		return sharedLock
	case a.method == "LOCK":
		return exclusive
	case len(a.props) == 0:
		return a.body
	case a.method == "MKCOL":
		b := `<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype>`
		for _, op := range a.props {
			b += element(op.name, op.value)
		}
		return b + "</D:prop></D:set></D:mkcol>"
	}
	b := `<D:propertyupdate xmlns:D="DAV:">`
	for _, op := range a.props {
		if op.remove {
			b += "<D:remove><D:prop>" + element(op.name, "") + "</D:prop></D:remove>"
		} else {
			b += "<D:set><D:prop>" + element(op.name, op.value) + "</D:prop></D:set>"
		}
	}
	return b + "</D:propertyupdate>"
}

func element(name, value string) string {
	space, local, _ := strings.Cut(name, " ")
	var b strings.Builder
	b.WriteString("<" + local + ` xmlns="` + space + `">`)
	_ = xml.EscapeText(&b, []byte(value))
	return b.String() + "</" + local + ">"
}

// Names that are prefixes of each other, that sort before and after a slash, and that need escaping somewhere.
var (
	segments     = []string{"a", "a!", "a b", "ü+&<", "50%2F"}
	lastModified = "DAV: lastmodified"
	modTimes     = []int64{1e9, 1_234_567_890, 1_500_000_000}
	propNames    = []string{"urn:p one", "urn:p two", "urn:q one", " bare", "DAV: unknown", "DAV: displayname"}
	propValues   = []string{"", "1", "a & <b> ]]> \"ü\"", " \t two\r\nlines "}
	depths       = []string{"", "0", "1", "infinity"}
	kinds        = []string{"right", "right", "right", "stale", "stale", "*", "weak", "list"}
)

// author makes up acts that mean something in the present state of a tree.
type author struct {
	*rand.Rand
	seed uint64
	n    int
}

// enough members: more of them make each look at the tree slower, and find no more.
const enough = 18

func (r *author) next(m *davTree) act {
	r.n++
	a := act{name: r.name(m), nfd: r.IntN(6) == 0}
	crowded := len(m.at) > enough
	switch n := r.IntN(100); {
	case n < 20:
		a.method, a.body = "PUT", r.body()
		if r.IntN(3) > 0 && m.at[a.name].collection {
			a.name = r.below(a.name)
		}
		if r.IntN(6) == 0 {
			a.modTime = modTimes[r.IntN(len(modTimes))]
		}
	case n < 25:
		a.method = []string{"GET", "HEAD"}[n%2]
		r.conditions(&a, m.at[a.name].collection)
	case n < 30 || crowded && n < 60:
		a.method = "DELETE"
	case n < 36:
		a.method, a.shared, a.depth = "LOCK", r.IntN(3) == 0, []string{"", "0", "infinity"}[r.IntN(3)]
	case n < 38:
		a.method, a.lock = "UNLOCK", r.IntN(8)
		if len(m.locks) > 0 {
			a.name = m.locks[a.lock%len(m.locks)].root
		}
	case n < 46:
		a.method = "MKCOL"
		if !m.orphans[a.name] && r.IntN(4) > 0 {
			a.name = r.below(r.collection(m))
		}
		if r.IntN(3) == 0 {
			a.props = r.props(1 + r.IntN(2))
			a.props = slices.DeleteFunc(a.props, func(op propOp) bool { return op.remove })
		}
	case n < 76:
		r.transfer(m, &a)
	case n < 86:
		a.method, a.props = "PROPPATCH", r.props(1+r.IntN(4))
	case n < 90:
		a.method, a.depth, a.byName = "PROPFIND", depths[r.IntN(len(depths))], r.IntN(2) == 0
	case n < 98:
		return r.aside(m)
	default:
		return act{method: []string{"restart", "restart", "reload"}[r.IntN(3)]}
	}
	if r.IntN(3) == 0 {
		r.conditions(&a, m.at[a.name].collection)
	}
	if r.IntN(5) > 0 {
		a.tokens = []string{"all", "all", "all", "half"}[r.IntN(4)]
	}
	_, mapped := m.at[a.name]
	a.slash = (m.at[a.name].collection || a.method == "MKCOL" && !mapped) && r.IntN(2) == 0 || r.IntN(20) == 0
	return a
}

// transfer is a COPY or MOVE, mostly from something that is there to where it can go.
func (r *author) transfer(m *davTree, a *act) {
	a.method, a.keep = []string{"COPY", "MOVE"}[r.IntN(2)], r.IntN(6) == 0
	a.depth = []string{"", "", "infinity", "0"}[r.IntN(4)]
	for range 4 {
		if _, mapped := m.at[a.name]; !mapped {
			a.name = r.name(m)
		}
		if a.dst == "" || within(a.dst, a.name) || within(a.name, a.dst) || !m.hasParent(a.dst) {
			a.dst = r.name(m)
		}
	}
	if r.IntN(8) == 0 {
		a.ifDst = []string{"right", "stale"}[r.IntN(2)]
	}
}

// conditions are one or two of them; a collection has no entity-tag that could be right.
func (r *author) conditions(a *act, collection bool) {
	dates := []string{"right", "stale"}
	for range 1 + r.IntN(2) {
		switch r.IntN(8) {
		case 0, 1, 2, 3:
			if a.ifMatch = r.kind(); collection {
				a.ifMatch = "*"
			}
		case 4, 5:
			a.ifNoneMatch = r.kind()
		case 6:
			a.ifUnmodified = dates[r.IntN(2)]
		case 7:
			a.ifModified = dates[r.IntN(2)]
		}
	}
}

// aside is an act beside the server, to a file whose name no file system spells in its own way.
func (r *author) aside(m *davTree) act {
	a := act{method: besideActs[r.IntN(len(besideActs))], body: r.body()}
	if len(m.at) < enough/4 {
		a.method = "create beside"
	}
	var names []string
	for name, n := range m.at {
		if (!n.collection || !a.writes() && !m.isRoot(name)) && isPlain(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case a.method == "create beside":
		for range 10 {
			a.name = r.below(r.collection(m))
			if m.vacant(a.name) && isPlain(a.name) {
				return a
			}
		}
	case len(names) > 0:
		a.name = names[r.IntN(len(names))]
		if a.method == "move beside" {
			a.dst = r.below(r.collection(m))
		}
		if n := m.at[a.name]; a.method == "write and backdate" { // nothing but the bytes and ctime is different
			a.body = strings.Map(func(c rune) rune { return c ^ 1 }, n.bytes)
		}
		return a
	}
	return act{method: "restart"}
}

func isPlain(name string) bool { return norm.NFC.String(name) == norm.NFD.String(name) }

// name is mostly one that is mapped, or could be.
func (r *author) name(m *davTree) string {
	if left := slices.Sorted(maps.Keys(m.orphans)); len(left) > 0 && r.IntN(6) == 0 {
		return left[r.IntN(len(left))]
	}
	names := slices.Sorted(maps.Keys(m.at))
	switch n := r.IntN(10); {
	case n < 7:
		name := names[r.IntN(len(names))]
		if m.isRoot(name) && r.IntN(10) > 0 {
			name = names[r.IntN(len(names))]
		}
		return name
	case n < 8:
		if once := slices.Sorted(maps.Keys(m.former)); len(once) > 0 {
			return once[r.IntN(len(once))]
		}
		fallthrough
	case n < 9 || r.IntN(3) > 0:
		return r.below(r.collection(m))
	}
	return r.below(r.below(m.roots[r.IntN(len(m.roots))]))
}

func (r *author) collection(m *davTree) string {
	var names []string
	for name, n := range m.at {
		if n.collection && strings.Count(name, "/") < 4 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[r.IntN(len(names))]
}

func (r *author) below(name string) string { return path.Join(name, segments[r.IntN(len(segments))]) }

func (r *author) kind() string { return kinds[r.IntN(len(kinds))] }

// body is mostly one that never was.
func (r *author) body() string {
	switch n := r.IntN(20); {
	case n == 0:
		return ""
	case n < 3:
		return "again"
	case n == 3:
		return strings.Repeat(fmt.Sprintf("%d, %d. ", r.seed, r.n), 8000)
	}
	return fmt.Sprintf("%d, %d", r.seed, r.n)
}

func (r *author) props(n int) (ops []propOp) {
	for range n {
		op := propOp{name: propNames[r.IntN(len(propNames))], value: propValues[r.IntN(len(propValues))], remove: r.IntN(4) == 0}
		if op.value == "1" {
			op.value = fmt.Sprint(r.n)
		}
		switch r.IntN(30) {
		case 0, 1:
			op.name = "DAV: getetag"
		case 2, 3:
			op.name, op.value = lastModified, fmt.Sprint(modTimes[r.IntN(len(modTimes))])
		}
		ops = append(ops, op)
	}
	return ops
}

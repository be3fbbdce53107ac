package handler_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// davTree is what RFC 9110 and RFC 4918 say of a tree that one client changes, one request after the other,
// and of what other programs do to its files in between.
type davTree struct {
	at      map[string]davNode // by name in NFC
	roots   []string           // collections that are always there, in which all happens
	trees   []string           // those that are roots of trees: "/", or those of shares
	former  map[string]string  // the entity-tag that a name had before the one it has
	bytes   map[string]string  // by strong entity-tag: of what was ever told
	tags    map[string]string  // with content tags: by bytes
	content bool               // entity-tags are made of the bytes
	orphans map[string]bool    // names that another program has removed, and whose dead properties may be left
	locks   []davLock          // in the order in which they were granted
}

// davNode is what is mapped to a URL.
type davNode struct {
	collection bool
	bytes      string
	tag        string            // of a file; "" where nobody has been told yet
	modified   string            // likewise: Last-Modified
	props      map[string]string // dead properties, by namespace and local name
}

func newDAVTree(content bool, roots []string) *davTree {
	m := &davTree{at: map[string]davNode{}, former: map[string]string{}, bytes: map[string]string{}, tags: map[string]string{},
		content: content, roots: roots, trees: roots, orphans: map[string]bool{}}
	for _, root := range roots {
		m.at[root] = davNode{collection: true}
	}
	return m
}

// treeOf is the root of the tree that a name is in.
func (m *davTree) treeOf(name string) string {
	i := slices.IndexFunc(m.trees, func(root string) bool { return within(name, root) })
	return m.trees[i]
}

// sizeBytes is what the files of a name and below it hold.
func (m *davTree) sizeBytes(name string) (sum int64) {
	for _, n := range m.members(name, "infinity") {
		sum += int64(len(m.at[n].bytes))
	}
	return sum
}

func (m *davTree) isRoot(name string) bool { return slices.Contains(m.roots, name) }

// conditions are the values of the conditional header fields of one request; "" is absent.
type conditions struct{ ifMatch, ifNoneMatch, ifModified, ifUnmodified, ifDst string }

// retag is a change of what entity-tags are made of.
func (m *davTree) retag() {
	m.content = !m.content
	for name, n := range m.at {
		n.tag = ""
		m.at[name] = n
	}
}

// resolve makes values of what an act says about the states that it knows.
func (m *davTree) resolve(a act) conditions {
	return conditions{m.tagFor(a.ifMatch, a.name), m.tagFor(a.ifNoneMatch, a.name), m.dateFor(a.ifModified, a.name),
		m.dateFor(a.ifUnmodified, a.name), m.tagFor(a.ifDst, a.dst)}
}

// dateFor is "" of what has no date that is known.
func (m *davTree) dateFor(kind, name string) string {
	date := m.at[name].modified
	if t, err := http.ParseTime(date); err == nil && kind == "stale" {
		return t.Add(-time.Hour).UTC().Format(http.TimeFormat)
	}
	if kind == "" {
		return ""
	}
	return date
}

func (m *davTree) tagFor(kind, name string) string {
	tag, former := m.at[name].tag, m.former[name]
	if tag == "" {
		tag = `"none"`
	}
	if former == "" || former == tag {
		former = `"none"`
	}
	switch kind {
	case "right":
		return tag
	case "stale":
		return former
	case "weak":
		return "W/" + tag
	case "list":
		return `"other,one", ` + tag
	}
	return kind
}

// holds evaluates them in the order of RFC 9110 §13.2.2; and RFC 4918 §10.4 of the one list that ifDst is.
func (c conditions) holds(m *davTree, a act) bool {
	cur, mapped := m.at[a.name]
	dst := m.at[a.dst]
	reads := a.method == "GET" || a.method == "HEAD"
	strong := cur.tag != "" && (strings.HasSuffix(c.ifMatch, cur.tag) && !strings.HasPrefix(c.ifMatch, "W/"))
	weak := cur.tag != "" && strings.HasSuffix(c.ifNoneMatch, cur.tag)
	switch {
	case c.ifMatch != "" && !(mapped && (c.ifMatch == "*" || strong)):
		return false
	case c.ifMatch == "" && c.ifUnmodified != "" && c.ifUnmodified != cur.modified:
		return false
	case reads && c.ifNoneMatch == "" && c.ifModified != "" && c.ifModified == cur.modified && !chosen(cur.modified):
		return false
	case c.ifNoneMatch != "" && mapped && (c.ifNoneMatch == "*" || weak):
		return false
	}
	return c.ifDst == "" || c.ifDst == dst.tag
}

// allowed are the statuses that are right for a request. Where several reasons speak against it, any of them
// may be told: a server must ignore preconditions only where it would refuse without them (RFC 9110 §13.2.1).
func (m *davTree) allowed(a act, c conditions) (statuses []int) {
	cur, mapped := m.at[a.name]
	_, overwrites := m.at[a.dst]
	reads := a.method == "GET" || a.method == "HEAD"
	no := func(when bool, status int) {
		if when {
			statuses = append(statuses, status)
		}
	}
	no(a.slash && mapped && !cur.collection && a.method != "MKCOL", 404)
	switch a.method {
	case "PUT": // RFC 4918 §9.7
		no(mapped && cur.collection, 405)
		no(!mapped && (a.slash || !m.hasParent(a.name)), 409)
	case "MKCOL": // §9.3.1
		no(mapped, 405)
		no(!mapped && !m.hasParent(a.name), 409)
		no(protected(a.props), 403) // RFC 5689 §3.5
	case "DELETE":
		no(m.isRoot(a.name), 403)
		no(!mapped, 404)
	case "COPY", "MOVE": // §9.8.5, §9.9.4, §9.9.2
		no(!mapped, 404)
		no(within(a.name, a.dst) || within(a.dst, a.name) || m.isRoot(a.dst), 403)
		no(a.method == "MOVE" && m.treeOf(a.name) != m.treeOf(a.dst), 502) // README: one step cannot
		no(a.keep && overwrites, 412)
		no(!m.hasParent(a.dst), 409)
		no(a.method == "MOVE" && a.depth == "0" && cur.collection, 400)
	case "LOCK": // §9.10.4, §9.10.6
		no(!mapped && (a.slash || !m.hasParent(a.name)), 409)
		no(m.excluded(a), 423)
		no(m.excluded(a) && a.depth != "0", 207)
	case "UNLOCK": // §9.11
		no(!slices.Contains(m.covering(a.name), m.lockOf(a)), 409)
	default:
		no(!mapped, 404)
	}
	if !c.holds(m, a) {
		// RFC 9110 §13.2.2: If-Match comes first.
		modified := !reads || !(conditions{ifMatch: c.ifMatch, ifUnmodified: c.ifUnmodified}).holds(m, a)
		no(modified, 412)
		no(!modified, 304)
	}
	no(!m.permitted(a), 423)
	if len(statuses) > 0 {
		// What the request wants may be the case already: §13.1.1.
		no(a.method == "PUT" && m.content && slices.Equal(statuses, []int{412}) && cur.bytes == a.body &&
			c.ifMatch != "" && mapped && (conditions{ifNoneMatch: c.ifNoneMatch}).holds(m, a), 204)
		return statuses
	}
	switch {
	case a.method == "PROPFIND" || a.method == "PROPPATCH":
		return []int{http.StatusMultiStatus}
	case reads || a.method == "LOCK" && mapped:
		return []int{200}
	case a.method == "MKCOL" || a.method == "LOCK" || a.method == "PUT" && !mapped || a.dst != "" && !overwrites:
		return []int{201}
	}
	return []int{204}
}

// hasParent tells whether something can be created at name. RFC 4918 §5.1.
func (m *davTree) hasParent(name string) bool {
	return m.isRoot(name) || m.at[path.Dir(name)].collection
}

// within tells whether name is dir or below it.
func within(name, dir string) bool {
	return name == dir || dir == "/" || strings.HasPrefix(name, dir+"/")
}

// apply is what a request that succeeded does; header is that of the answer. Error: it cannot be.
func (m *davTree) apply(a act, header http.Header) error {
	cur, mapped := m.at[a.name]
	switch a.method {
	case "PUT":
		m.set(a.name, davNode{bytes: a.body, props: cur.props, modified: dateOf(a.modTime)})
		return m.learn(a.name, header)
	case "MKCOL":
		m.set(a.name, davNode{collection: true, props: patched(nil, a.props)})
	case "PROPPATCH":
		if !protected(a.props) {
			cur.props = patched(cur.props, a.props)
			m.set(a.name, m.stamped(cur, a.props))
		}
	case "DELETE":
		m.drop(a.name)
		m.unlock(a.name, true)
	case "COPY", "MOVE":
		return m.transfer(a, header)
	case "LOCK":
		token := strings.Trim(header.Get("Lock-Token"), "<>")
		m.locks = append(m.locks, davLock{root: a.name, token: token, shared: a.shared, infinite: a.depth != "0"})
		if !mapped {
			m.set(a.name, davNode{})
		}
		if !cur.collection {
			return m.learnTag(a.name, header.Get("Etag"))
		}
	case "UNLOCK":
		token := m.lockOf(a)
		m.locks = slices.DeleteFunc(m.locks, func(l davLock) bool { return l.token == token })
	}
	return nil
}

// stamped is what PROPPATCH of DAV:lastmodified does to a file, as rclone asks for it.
func (m *davTree) stamped(n davNode, ops []propOp) davNode {
	for _, op := range ops {
		if op.name == lastModified && !op.remove && !n.collection {
			seconds, _ := strconv.ParseInt(op.value, 10, 64)
			n.modified = dateOf(seconds)
			if !m.content {
				n.tag = ""
			}
		}
	}
	return n
}

// chosen tells whether somebody gave a file this date: then it was changed later, and no 304 may rely on the date.
func chosen(date string) bool {
	return slices.ContainsFunc(modTimes, func(seconds int64) bool { return dateOf(seconds) == date })
}

// dateOf is an HTTP-date; "" for 0.
func dateOf(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format(http.TimeFormat)
}

// transfer is a COPY or MOVE. RFC 4918 §9.8, §9.9: what was at the destination is gone, dead properties come
// along. Who moves in a collection is not touched, and keeps its entity-tag.
func (m *davTree) transfer(a act, header http.Header) error {
	from := m.members(a.name, a.depth)
	nodes := make(map[string]davNode, len(from))
	for _, name := range from {
		nodes[name] = m.at[name]
	}
	left := map[string]bool{} // goes along: nobody can tell that it is not of a resource
	for o, is := range m.orphans {
		if within(o, a.name) {
			left[a.dst+strings.TrimPrefix(o, a.name)] = is
		}
	}
	if a.method == "MOVE" {
		m.drop(a.name)
		m.unlock(a.name, true)
	}
	m.drop(a.dst)
	maps.Copy(m.orphans, left)
	m.unlock(a.dst, false)
	for _, name := range from {
		n := nodes[name]
		if a.method == "COPY" {
			n.modified = ""
		}
		if a.method == "COPY" || name == a.name {
			n.tag = ""
		}
		m.set(a.dst+strings.TrimPrefix(name, a.name), n)
	}
	if m.at[a.dst].collection {
		return nil
	}
	return m.learn(a.dst, header)
}

// members are name and what is below it as far as depth goes, in order.
func (m *davTree) members(name, depth string) (names []string) {
	for n := range m.at {
		if n == name || depth != "0" && within(n, name) && (depth != "1" || path.Dir(n) == name) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// set is what a request maps to a name. What was left over there is no property of it.
func (m *davTree) set(name string, n davNode) {
	delete(m.orphans, name)
	if was := m.at[name].tag; was != "" {
		m.former[name] = was
	}
	m.at[name] = n
}

func (m *davTree) drop(name string) {
	for _, n := range m.members(name, "infinity") {
		if tag := m.at[n].tag; tag != "" {
			m.former[n] = tag
		}
		delete(m.at, n)
	}
	maps.DeleteFunc(m.orphans, func(n string, _ bool) bool { return within(n, name) })
}

// remove is what another program does: dead properties are left over, as locks are.
func (m *davTree) remove(name string) {
	left := maps.Clone(m.orphans)
	for _, n := range m.members(name, "infinity") {
		if len(m.at[n].props) > 0 {
			left[n] = true
		}
	}
	m.drop(name)
	maps.Copy(m.orphans, left)
}

// rename is what another program does: dead properties are left over, as locks are. What is in a collection is not touched.
func (m *davTree) rename(from, to string) {
	nodes := make(map[string]davNode)
	for _, name := range m.members(from, "infinity") {
		n := m.at[name]
		n.props = nil
		if name == from {
			n.tag = ""
		}
		nodes[to+strings.TrimPrefix(name, from)] = n
	}
	m.remove(from)
	maps.Copy(m.at, nodes)
}

// vacant tells whether a program that creates something there finds nothing of what was there before.
func (m *davTree) vacant(name string) bool {
	_, mapped := m.at[name]
	for o := range m.orphans {
		if within(o, name) {
			return false
		}
	}
	return !mapped && m.hasParent(name)
}

// learn takes what an answer says of the state of a file.
func (m *davTree) learn(name string, header http.Header) error {
	return errors.Join(m.learnTag(name, header.Get("Etag")), m.learnDate(name, header.Get("Last-Modified")))
}

// learnTag takes the entity-tag that somebody was told of a file, which stays until the file is changed. Error: it is
// not that of the file, or that of other bytes, now or at any time before.
func (m *davTree) learnTag(name, tag string) error {
	n := m.at[name]
	if tag == "" || tag[0] != '"' {
		return fmt.Errorf("%s has the entity-tag %q", name, tag)
	}
	if n.tag != "" && n.tag != tag {
		return fmt.Errorf("%s has the entity-tag %s, and had %s; nobody changed it", name, tag, n.tag)
	}
	if before, known := m.bytes[tag]; known && before != n.bytes {
		return fmt.Errorf("%s of %s stands for %s, and stood for %s", tag, name, shown(n.bytes), shown(before))
	}
	if before := m.tags[n.bytes]; m.content && before != "" && before != tag {
		return fmt.Errorf("%s has the entity-tag %s, and the same bytes had %s", name, tag, before)
	}
	n.tag = tag
	m.at[name], m.bytes[tag] = n, n.bytes
	if m.content {
		m.tags[n.bytes] = tag
	}
	return nil
}

// learnDate is learnTag for Last-Modified.
func (m *davTree) learnDate(name, date string) error {
	n := m.at[name]
	if n.modified != "" && n.modified != date {
		return fmt.Errorf("%s was last modified %s, and before it was %s", name, date, n.modified)
	}
	n.modified = date
	m.at[name] = n
	return nil
}

// patched are properties after instructions in their order. RFC 4918 §9.2.
func patched(props map[string]string, ops []propOp) map[string]string {
	props = maps.Clone(props)
	for _, op := range ops {
		if op.remove || op.name == lastModified { // which is never kept
			delete(props, op.name)
			continue
		}
		if props == nil {
			props = map[string]string{}
		}
		props[op.name] = op.value
	}
	return props
}

// protected tells whether ops name a property that clients cannot change. RFC 4918 §15.
func protected(ops []propOp) bool {
	return slices.ContainsFunc(ops, func(op propOp) bool { return op.name == "DAV: getetag" })
}

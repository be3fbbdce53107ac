package handler_test

import (
	"path"
	"slices"
)

// davLock is a lock that a server has granted. RFC 4918 §6, §7.
type davLock struct {
	root, token      string
	shared, infinite bool
}

func (l *davLock) covers(name string) bool {
	return l.root == name || l.infinite && within(name, l.root)
}

// tokens are those that a request submits: none, all, or the first, third, fifth …
func (m *davTree) submitted(which string) (tokens []string) {
	for i, l := range m.locks {
		if which == "all" || which == "half" && i%2 == 0 {
			tokens = append(tokens, l.token)
		}
	}
	return tokens
}

// free tells whether a request that submits tokens may change a resource: nobody has locked it, or it has the token of
// one of the locks (of shared ones any will do). §6.2, §7.
func (m *davTree) free(name string, tokens []string) bool {
	covered := false
	for _, l := range m.locks {
		if l.covers(name) {
			covered = true
			if slices.Contains(tokens, l.token) {
				return true
			}
		}
	}
	return !covered
}

// permitted tells whether locks let a request through.
func (m *davTree) permitted(a act) bool {
	tokens := m.submitted(a.tokens)
	cur, mapped := m.at[a.name]
	switch a.method {
	case "PROPPATCH":
		return m.free(a.name, tokens)
	case "PUT", "MKCOL", "LOCK":
		return mapped && a.method != "PUT" || m.free(a.name, tokens) && (mapped || m.free(path.Dir(a.name), tokens))
	case "DELETE":
		return m.freeTree(a.name, tokens, false)
	case "COPY", "MOVE":
		return (a.method == "COPY" || m.freeTree(a.name, tokens, false)) && m.freeTree(a.dst, tokens, cur.collection && a.depth != "0")
	}
	return true
}

// freeTree is free for what comes or goes with all that is in it: §7.4, §9.6.1. filled tells that members come.
func (m *davTree) freeTree(name string, tokens []string, filled bool) bool {
	if !m.free(path.Dir(name), tokens) {
		return false
	}
	names := append(m.members(name, "infinity"), name)
	for _, l := range m.locks { // also of what another program has removed
		if within(l.root, name) {
			names = append(names, l.root)
		}
	}
	for _, n := range names {
		if !m.free(n, tokens) || (m.at[n].collection || n == name && filled) && !m.free(path.Join(n, "any"), tokens) {
			return false
		}
	}
	return true
}

// excluded tells whether a lock that is held stands against another one. §6.2, §9.10.5.
func (m *davTree) excluded(a act) bool {
	wanted := davLock{root: a.name, shared: a.shared, infinite: a.depth != "0"}
	return slices.ContainsFunc(m.locks, func(l davLock) bool {
		return (l.covers(wanted.root) || wanted.covers(l.root)) && !(l.shared && wanted.shared)
	})
}

// unlock drops the locks whose roots are below name, and those of name itself when it is gone. §7.6, §9.6.
func (m *davTree) unlock(name string, gone bool) {
	m.locks = slices.DeleteFunc(m.locks, func(l davLock) bool { return within(l.root, name) && (gone || l.root != name) })
}

// covering are the tokens of the locks that cover a resource, in order. §15.8.
func (m *davTree) covering(name string) (tokens []string) {
	for _, l := range m.locks {
		if l.covers(name) {
			tokens = append(tokens, l.token)
		}
	}
	slices.Sort(tokens)
	return tokens
}

// lockOf is the token of the lock that an UNLOCK is about.
func (m *davTree) lockOf(a act) string {
	if len(m.locks) == 0 {
		return "urn:uuid:00000000-0000-4000-8000-000000000000"
	}
	return m.locks[a.lock%len(m.locks)].token
}

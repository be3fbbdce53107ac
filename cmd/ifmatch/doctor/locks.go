package doctor

import (
	"net/http"
	"strings"
)

var lockChecks = []check{
	{"a lock keeps others from writing", "an office program says that the file is reserved, and somebody else's save goes through all the same", lockExcludes},
	{"whoever holds the lock can write", "office programs cannot save", lockOwner},
	{"a lock keeps others from deleting and moving", "the file one is working on disappears", lockGuards},
	{"there is one exclusive lock at a time", "two people both believe that they are the only one", lockOnce},
	{"a lock on a name without a file reserves the name", "two people both create it", lockUnmapped},
	{"a lock on a collection guards its members", "files are changed in a folder that is reserved", lockTree},
	{"after UNLOCK anybody can write", "files stay closed until somebody removes the lock by hand", lockEnds},
}

const lockBody = `<?xml version="1.0" encoding="utf-8"?>
<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>ifmatch doctor</owner></lockinfo>`

var noLocks = absent("the server does not say that it has locks")

// lock takes an exclusive lock and returns its token; "" if there is none.
func (x *exam) lock(name, depth string) (string, answer) {
	a := x.send("LOCK", name, []byte(lockBody), "Depth", depth, "Timeout", "Second-120", "Content-Type", "application/xml")
	t := strings.Trim(strings.TrimSpace(a.header.Get("Lock-Token")), "<>")
	if a.ok() && t != "" {
		x.mu.Lock()
		x.tokens = append(x.tokens, token{name, t})
		x.mu.Unlock()
		return t, a
	}
	return "", a
}

// locked makes a member and locks it.
func (x *exam) locked() (name, token string, bad *Finding) {
	if !x.class("2") {
		return "", "", &noLocks
	}
	name = x.fresh()
	x.put(name, "first")
	token, a := x.lock(name, "0")
	if token == "" {
		f := wrong("LOCK is answered %v, and there is no token", a)
		return "", "", &f
	}
	return name, token, nil
}

// lockedOut judges an attempt of somebody without the token.
func (x *exam) lockedOut(what string, a answer, name, want string) Finding {
	now := x.text(name)
	switch {
	case a.ok() && a.status != http.StatusMultiStatus || now != want:
		return wrong("%s is answered %v, and there is %s now", what, a, short(now))
	case a.status != http.StatusLocked:
		return rightBut("%s is answered %v, not 423", what, a)
	}
	return right()
}

func lockExcludes(x *exam) Finding {
	n, _, bad := x.locked()
	if bad != nil {
		return *bad
	}
	return x.lockedOut("PUT", x.send(http.MethodPut, n, []byte("second")), n, "first")
}

func lockOwner(x *exam) Finding {
	n, token, bad := x.locked()
	if bad != nil {
		return *bad
	}
	return x.done(x.send(http.MethodPut, n, []byte("second"), "If", "(<"+token+">)"), n, "second")
}

func lockGuards(x *exam) Finding {
	n, _, bad := x.locked()
	if bad != nil {
		return *bad
	}
	if f := x.lockedOut("MOVE", x.transfer("MOVE", n, x.fresh()), n, "first"); f.Verdict != Right {
		return f
	}
	return x.lockedOut("DELETE", x.send(http.MethodDelete, n, nil), n, "first")
}

func lockOnce(x *exam) Finding {
	n, _, bad := x.locked()
	if bad != nil {
		return *bad
	}
	if _, a := x.lock(n, "0"); a.ok() {
		return wrong("a second LOCK is answered %v", a)
	}
	return right()
}

func lockUnmapped(x *exam) Finding {
	if !x.class("2") {
		return noLocks
	}
	n := x.fresh()
	token, a := x.lock(n, "0")
	if token == "" {
		return wrong("LOCK is answered %v", a)
	}
	return x.lockedOut("PUT", x.send(http.MethodPut, n, []byte("text")), n, "")
}

func lockTree(x *exam) Finding {
	if !x.class("2") {
		return noLocks
	}
	c := x.fresh() + "/"
	x.send("MKCOL", c, nil)
	x.put(c+"old", "first")
	token, a := x.lock(c, "infinity")
	if token == "" {
		return wrong("LOCK is answered %v", a)
	}
	if f := x.lockedOut("PUT of a member", x.send(http.MethodPut, c+"old", []byte("second")), c+"old", "first"); f.Verdict != Right {
		return f
	}
	return x.lockedOut("PUT of a new member", x.send(http.MethodPut, c+"new", []byte("text")), c+"new", "")
}

func lockEnds(x *exam) Finding {
	n, token, bad := x.locked()
	if bad != nil {
		return *bad
	}
	if a := x.send("UNLOCK", n, nil, "Lock-Token", "<"+token+">"); !a.ok() {
		return wrong("UNLOCK is answered %v", a)
	}
	return x.done(x.send(http.MethodPut, n, []byte("second")), n, "second")
}

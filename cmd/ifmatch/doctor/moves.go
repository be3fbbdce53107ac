package doctor

import "net/http"

var moveChecks = []check{
	{"MOVE with Overwrite: F does not overwrite", "renaming a file to a name that somebody has just used destroys theirs", moveNoOverwrite},
	{"COPY with Overwrite: F does not overwrite", "a copy destroys what somebody has just stored under that name", copyNoOverwrite},
	{"MOVE of nothing leaves the destination alone", "a rename that fails deletes the file it should have replaced", moveNothing},
	{"MOVE with a stale If-Match is refused", "a file is renamed away that has changed since it was looked at", moveStale},
}

func (x *exam) transfer(method, from, to string, header ...string) answer {
	x.note(to)
	return x.send(method, from, nil, append(header, "Destination", x.url(to).String())...)
}

// pair makes two members for a transfer; without WebDAV there is none to try.
func (x *exam) pair() (from, to string, ok bool) {
	if !x.class("1") {
		return "", "", false
	}
	from, to = x.fresh(), x.fresh()
	x.put(from, "source")
	x.put(to, "destination")
	return from, to, true
}

var noDAV = absent("the server does not say that it has WebDAV")

func noOverwrite(x *exam, method string) Finding {
	from, to, ok := x.pair()
	if !ok {
		return noDAV
	}
	a := x.transfer(method, from, to, "Overwrite", "F")
	if f := x.refusedAndKept(a, to, "destination"); f.Verdict != Right {
		return f
	}
	return x.refusedAndKept(a, from, "source")
}

func moveNoOverwrite(x *exam) Finding { return noOverwrite(x, "MOVE") }
func copyNoOverwrite(x *exam) Finding { return noOverwrite(x, "COPY") }

func moveNothing(x *exam) Finding {
	_, to, ok := x.pair()
	if !ok {
		return noDAV
	}
	if a := x.transfer("MOVE", x.fresh(), to, "Overwrite", "T"); a.ok() || x.text(to) != "destination" {
		return wrong("answered %v, and the destination has %s", a, short(x.text(to)))
	}
	return right()
}

func moveStale(x *exam) Finding {
	from, _, ok := x.pair()
	if !ok {
		return noDAV
	}
	to := x.fresh()
	a := x.transfer("MOVE", from, to, "If-Match", `"never-a-tag"`)
	if x.send(http.MethodHead, to, nil).ok() || x.text(from) != "source" {
		return wrong("answered %v and moved it", a)
	}
	return x.refusedAndKept(a, from, "source")
}

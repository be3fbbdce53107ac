package doctor

import "net/http"

var ifChecks = []check{
	{"If with a stale tag is refused", "WebDAV clients that name the state they edited overwrite others all the same (RFC 4918 §10.4)", ifStale},
	{"If with the current tag is carried out", "WebDAV clients that name the state they edited cannot save", ifCurrent},
	{"If with a lock token that is not there is refused", "a client whose lock has expired overwrites what others saved since", ifNoLock},
	{"If with the right token and a stale tag is refused", "a client overwrites what changed before it had the lock", ifTokenStale},
}

func ifStale(x *exam) Finding {
	if !x.class("1") {
		return noDAV
	}
	n := x.fresh()
	x.put(n, "first")
	return x.refusedAndKept(x.send(http.MethodPut, n, []byte("second"), "If", `(["never-a-tag"])`), n, "first")
}

func ifCurrent(x *exam) Finding {
	if !x.class("1") {
		return noDAV
	}
	n := x.fresh()
	_, current, ok := x.two(n)
	if !ok {
		return noTags
	}
	return x.done(x.send(http.MethodPut, n, []byte("third"), "If", "(["+current+"])"), n, "third")
}

func ifNoLock(x *exam) Finding {
	if !x.class("2") {
		return noLocks
	}
	n := x.fresh()
	x.put(n, "first")
	a := x.send(http.MethodPut, n, []byte("second"), "If", "(<urn:uuid:7f1b3a62-0c8e-4f2d-9f0a-2b6f1f6f0c11>)")
	return x.refusedAndKept(a, n, "first")
}

func ifTokenStale(x *exam) Finding {
	n, token, bad := x.locked()
	if bad != nil {
		return *bad
	}
	a := x.send(http.MethodPut, n, []byte("second"), "If", "(<"+token+`> ["never-a-tag"])`)
	return x.refusedAndKept(a, n, "first")
}

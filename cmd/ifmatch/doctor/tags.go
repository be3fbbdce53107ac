package doctor

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
)

var tagChecks = []check{
	{"a resource has a strong entity-tag", "without one no client can say which state it has edited (RFC 9110 §8.8.3)", strongTag},
	{"PUT, HEAD, GET and PROPFIND show the same tag", "a client that takes the tag from one answer is refused, or trusts a state it never had", sameTag},
	{"PUT answers with the tag of what it stored", "without it a client has to ask again, and may get the tag of what somebody else wrote in between", putTag},
	{"each quick change of the same size changes the tag", "somebody's edit within the same second is overwritten, since the tag does not show it (RFC 9110 §8.8.1)", quickChange},
	{"If-None-Match on GET saves the transfer of what has not changed", "clients fetch everything again and again, or show what is old", notModified},
}

func strongTag(x *exam) Finding {
	n := x.fresh()
	x.put(n, "text")
	first := x.head(n)
	switch tag := x.tag(n); {
	case first == "":
		return wrong("no ETag")
	case tag == "":
		return wrong("the tag stays weak: %s", first)
	case first != tag:
		return rightBut("it is weak for a moment after a change, then strong")
	}
	return right()
}

func sameTag(x *exam) Finding {
	n := x.fresh()
	put := x.put(n, "text").header.Get("ETag")
	head := x.tag(n)
	get := x.send(http.MethodGet, n, nil).header.Get("ETag")
	seen := fmt.Sprintf("PUT %s, HEAD %s, GET %s", cmp.Or(put, "none"), cmp.Or(head, "none"), cmp.Or(get, "none"))
	equal := head == get && (put == "" || opaque(put) == opaque(head))
	if x.class("1") {
		propfind := ""
		if list, err := x.c.List(x.ctx, x.url(n)); err == nil && len(list) == 1 {
			propfind = list[0].ETag
		}
		seen += ", PROPFIND " + cmp.Or(propfind, "none")
		equal = equal && (propfind == "" || propfind == head)
	}
	switch {
	case head == "":
		return noTags
	case !equal:
		return wrong("%s", seen)
	}
	return right()
}

func opaque(tag string) string { return strings.TrimPrefix(tag, "W/") }

func putTag(x *exam) Finding {
	n := x.fresh()
	created := x.put(n, "text").header.Get("ETag")
	replaced := x.put(n, "next").header.Get("ETag")
	if created == "" || replaced == "" {
		return noteworthy("no ETag in the answer; RFC 9110 §9.3.4 allows that")
	}
	return right()
}

func quickChange(x *exam) Finding {
	n := x.fresh()
	const changes = 30
	seen := map[string]string{}
	same := 0
	for i := range changes {
		text := fmt.Sprintf("text %04d", i)
		x.put(n, text)
		tag := x.head(n)
		if before, used := seen[tag]; used && strong(tag) && before != text {
			same++
		}
		seen[tag] = text
	}
	if same > 0 {
		return wrong("%d of %d changes left a strong tag that another text had", same, changes)
	}
	return right()
}

func notModified(x *exam) Finding {
	n := x.fresh()
	x.put(n, "text")
	tag := x.tag(n)
	if tag == "" {
		return noTags
	}
	if a := x.send(http.MethodGet, n, nil, "If-None-Match", tag); a.status != http.StatusNotModified {
		return noteworthy("answered %v, not 304", a)
	}
	x.put(n, "next text")
	if a := x.send(http.MethodGet, n, nil, "If-None-Match", tag); a.status != http.StatusOK || string(a.body) != "next text" {
		return wrong("answered %v after a change", a)
	}
	return right()
}

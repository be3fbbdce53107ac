package doctor

import (
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

const lostUpdate = "two people open a file, both save, and the first one's work is gone without a word"

var writeChecks = []check{
	{"PUT with a stale If-Match is refused", lostUpdate, staleMatch},
	{"PUT with the current If-Match is carried out", "nobody who is careful can save", currentMatch},
	{"PUT with If-None-Match: * does not overwrite", "two people create a file of one name, and the first one's is gone", noneMatchMapped},
	{"PUT with If-None-Match: * creates", "nobody who is careful can create a file", noneMatchUnmapped},
	{"PUT with If-Match does not create", "a file that somebody has deleted or renamed comes back with an old text", matchUnmapped},
	{"PUT with an If-Match list that has the current tag is carried out", "clients that keep several tags cannot save", matchList},
	{"PUT with an old If-Unmodified-Since is refused", "clients without tags overwrite what others saved", unmodifiedSince},
	{"DELETE with a stale If-Match is refused", "an edit is deleted that the one who deletes has never seen", staleDelete},
	{"a doomed upload is refused before its body is sent", "a refused upload of gigabytes takes as long as one that succeeds", earlyRefusal},
}

// refusedAndKept judges a write that must not happen.
func (x *exam) refusedAndKept(a answer, name, want string) Finding {
	now := x.text(name)
	switch {
	case now != want && a.refused():
		return wrong("answered %v, and yet there is %s now", a, short(now))
	case now != want:
		return wrong("answered %v, and there is %s now", a, short(now))
	case !a.refused() && a.status/100 != 4:
		return wrong("answered %v, though nothing changed", a)
	case !a.refused():
		return rightBut("answered %v, not 412", a)
	}
	return right()
}

// done judges a write that must happen.
func (x *exam) done(a answer, name, want string) Finding {
	now := x.text(name)
	if !a.ok() || now != want {
		return wrong("answered %v, and there is %s now", a, short(now))
	}
	return right()
}

func staleMatch(x *exam) Finding {
	n := x.fresh()
	stale, _, ok := x.two(n)
	if !ok {
		// Any tag that the resource never had will do.
		stale = `"never-a-tag"`
	}
	return x.refusedAndKept(x.send(http.MethodPut, n, []byte("third"), "If-Match", stale), n, "second")
}

func currentMatch(x *exam) Finding {
	n := x.fresh()
	_, current, ok := x.two(n)
	if !ok {
		return noTags
	}
	return x.done(x.send(http.MethodPut, n, []byte("third"), "If-Match", current), n, "third")
}

func noneMatchMapped(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	return x.refusedAndKept(x.send(http.MethodPut, n, []byte("second"), "If-None-Match", "*"), n, "first")
}

func noneMatchUnmapped(x *exam) Finding {
	n := x.fresh()
	return x.done(x.send(http.MethodPut, n, []byte("first"), "If-None-Match", "*"), n, "first")
}

func matchUnmapped(x *exam) Finding {
	for _, value := range []string{`"some-tag"`, "*"} {
		n := x.fresh()
		a := x.send(http.MethodPut, n, []byte("first"), "If-Match", value)
		if f := x.refusedAndKept(a, n, ""); f.Verdict != Right {
			f.Detail = "If-Match: " + value + ": " + f.Detail
			return f
		}
	}
	return right()
}

func matchList(x *exam) Finding {
	n := x.fresh()
	stale, current, ok := x.two(n)
	if !ok {
		return noTags
	}
	return x.done(x.send(http.MethodPut, n, []byte("third"), "If-Match", `"x", `+stale+", "+current), n, "third")
}

func unmodifiedSince(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	old := time.Now().Add(-24 * time.Hour).UTC().Format(http.TimeFormat)
	return x.refusedAndKept(x.send(http.MethodPut, n, []byte("second"), "If-Unmodified-Since", old), n, "first")
}

func staleDelete(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	return x.refusedAndKept(x.send(http.MethodDelete, n, nil, "If-Match", `"never-a-tag"`), n, "first")
}

func earlyRefusal(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	asked := false
	ctx := httptrace.WithClientTrace(x.ctx, &httptrace.ClientTrace{Got100Continue: func() { asked = true }})
	body := strings.Repeat("second", 100_000)
	start := time.Now()
	a, err := x.sendBody(ctx, http.MethodPut, n, strings.NewReader(body), int64(len(body)),
		"If-Match", `"never-a-tag"`, "Expect", "100-continue")
	switch {
	case err != nil:
		return noteworthy("the connection broke instead of an answer")
	case !a.refused():
		return absent("it is not refused at all: %v", a)
	case asked:
		return noteworthy("answered 100 Continue first")
	case time.Since(start) > 1500*time.Millisecond:
		return noteworthy("nothing was answered before the body came")
	}
	return right()
}

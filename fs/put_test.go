package fs

import (
	"strings"
	"testing"
	"time"
)

func accept(*Info) error { return nil }

func accept2(_, _ *Info) error { return nil }

// put stages body and commits it.
func put(f FS, name, body string, exact bool, check func(*Info) error) (info Info, created bool, err error) {
	s, err := f.Stage(name)
	if err != nil {
		return info, false, err
	}
	defer s.Discard()
	if _, err := s.ReadFrom(strings.NewReader(body)); err != nil {
		return info, false, err
	}
	if err := s.Prepare(time.Time{}, false); err != nil {
		return info, false, err
	}
	info, created, release, err := s.Commit(exact, check)
	if err == nil {
		release()
	}
	return info, created, err
}

func mustPut(t testing.TB, f FS, name, body string) Info {
	t.Helper()
	info, _, err := put(f, name, body, false, accept)
	must(t, err)
	return info
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

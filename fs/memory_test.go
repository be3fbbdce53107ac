package fs

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestMemoryOpenFileKeepsOldBytes(t *testing.T) {
	m := NewMemory()
	mustPut(t, m, "/a", "old")
	f, err := m.OpenRead("/a")
	must(t, err)
	defer f.Close()
	mustPut(t, m, "/a", "newer")
	if got, err := io.ReadAll(f); err != nil || string(got) != "old" {
		t.Errorf("open file = %q, %v; want the old bytes", got, err)
	}
	g, err := m.OpenRead("/a")
	must(t, err)
	defer g.Close()
	if got, err := io.ReadAll(g); err != nil || string(got) != "newer" {
		t.Errorf("opened again = %q, %v; want the new bytes", got, err)
	}
	if f.Info().Identity == g.Info().Identity {
		t.Error("both states have one identity")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(10)
	mustPut(t, m, "/a", "12345678")
	s, err := m.Stage("/b")
	must(t, err)
	if err := s.Expect(10, true); err != nil {
		t.Errorf("what may be given back: %v", err)
	}
	if err := s.Expect(11, true); !errors.Is(err, ErrNoSpace) {
		t.Errorf("more than there is in all: %v, want ErrNoSpace", err)
	}
	if _, err := io.Copy(s, strings.NewReader("123")); !errors.Is(err, ErrNoSpace) {
		t.Errorf("write beyond the capacity: %v, want ErrNoSpace", err)
	}
	s.Discard()
	must(t, m.Remove("/a"))
	if u, _ := m.Usage("/"); u != (Usage{AvailableBytes: 10}) {
		t.Errorf("usage of an empty tree = %+v", u)
	}
}

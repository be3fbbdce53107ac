package lock

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newTable(t testing.TB, s Store) *Table {
	t.Helper()
	table, err := New(s, start, Options{})
	must(t, err)
	return table
}

// at is a place that no link leads to, or these do.
func at(name string, way ...string) Place { return Place{name, way} }

func grant(t testing.TB, table *Table, want Lock) Lock {
	t.Helper()
	if want.Timeout == 0 {
		want.Timeout = time.Hour
	}
	l, err := table.Create(start, want)
	if err != nil {
		t.Fatalf("lock %s: %v", want.Root, err)
	}
	return l
}

func TestConflicts(t *testing.T) {
	const x, s, inf = false, true, true
	for _, c := range []struct {
		name       string
		have, want Lock
		roots      string
		way        string
	}{
		{"exclusive and exclusive", Lock{Root: "/a"}, Lock{Root: "/a"}, "/a", ""},
		{"exclusive and shared", Lock{Root: "/a"}, Lock{Root: "/a", Shared: s}, "/a", ""},
		{"shared and exclusive", Lock{Root: "/a", Shared: s}, Lock{Root: "/a", Shared: x}, "/a", ""},
		{"shared and shared", Lock{Root: "/a", Shared: s}, Lock{Root: "/a", Shared: s}, "", ""},
		{"member of an infinite lock", Lock{Root: "/a", Infinite: inf}, Lock{Root: "/a/b/c"}, "/a", ""},
		{"member of a depth 0 lock", Lock{Root: "/a"}, Lock{Root: "/a/b"}, "", ""},
		{"infinite above a lock", Lock{Root: "/a/b/c"}, Lock{Root: "/a", Infinite: inf}, "/a/b/c", ""},
		{"infinite on the root above a lock", Lock{Root: "/a"}, Lock{Root: "/", Infinite: inf}, "/a", ""},
		{"infinite lock on the root", Lock{Root: "/", Infinite: inf}, Lock{Root: "/a"}, "/", ""},
		{"depth 0 above a lock", Lock{Root: "/a/b"}, Lock{Root: "/a"}, "", ""},
		{"beside, same beginning", Lock{Root: "/a", Infinite: inf}, Lock{Root: "/ab"}, "", ""},
		{"shared infinite above shared", Lock{Root: "/a/b", Shared: s}, Lock{Root: "/a", Shared: s, Infinite: inf}, "", ""},
		{"shared infinite above exclusive", Lock{Root: "/a/b"}, Lock{Root: "/a", Shared: s, Infinite: inf}, "/a/b", ""},
		{"through a link in an infinite lock", Lock{Root: "/a", Infinite: inf}, Lock{Root: "/b"}, "/a", "/a/l"},
		{"through a chain, the second link", Lock{Root: "/a", Infinite: inf}, Lock{Root: "/b"}, "/a", "/l /a/x/l"},
		{"through a link in a depth 0 lock", Lock{Root: "/a"}, Lock{Root: "/b"}, "", "/a/l"},
		{"through a link beside, same beginning", Lock{Root: "/a", Infinite: inf}, Lock{Root: "/b"}, "", "/ab"},
		{"through what was locked when it was no link", Lock{Root: "/a/l", Infinite: inf}, Lock{Root: "/b"}, "", "/a/l"},
		{"shared, through a link in a shared one", Lock{Root: "/a", Shared: s, Infinite: inf}, Lock{Root: "/b", Shared: s}, "", "/a/l"},
		{"exclusive, through a link in a shared one", Lock{Root: "/a", Shared: s, Infinite: inf}, Lock{Root: "/b"}, "/a", "/a/l"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := newTable(t, nil)
			grant(t, table, c.have)
			c.want.Links = strings.Fields(c.way)
			_, err := table.Create(start, c.want)
			got := ""
			if conflict, ok := errors.AsType[*ConflictError](err); ok {
				got = strings.Join(conflict.Roots, " ")
			}
			if got != c.roots {
				t.Errorf("got %v, want conflict with %q", err, c.roots)
			}
		})
	}
}

func TestLockEndsAtTheInstantItExpires(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	table := newTable(t, store)
	l := grant(t, table, Lock{Root: "/a", Timeout: time.Minute})
	last, end := start.Add(time.Minute-1), start.Add(time.Minute)
	if err := table.Permit(last, Holder{}, Change{Place: at("/a"), Kind: Modify}); err == nil {
		t.Error("a nanosecond before its end the lock does not count")
	}
	if err := table.Permit(end, Holder{}, Change{Place: at("/a"), Kind: Modify}); err != nil {
		t.Errorf("at its end the lock still counts: %v", err)
	}
	if table.Held(last) != 1 || table.Held(end) != 0 {
		t.Errorf("%d locks are held at the end", table.Held(end))
	}
	if table.Holds(end, at("/a"), l.Token) || len(table.Covering(end, at("/a"))) != 0 || len(table.All(end)) != 0 {
		t.Error("an expired lock is shown")
	}
	if _, err := table.Refresh(end, at("/a"), l.Token, "", time.Minute); !errors.Is(err, ErrNoSuchLock) {
		t.Errorf("refresh of an expired lock: %v", err)
	}
	if _, err := table.Create(end, Lock{Root: "/a", Timeout: time.Minute}); err != nil {
		t.Errorf("an expired lock conflicts: %v", err)
	}
	if table.Count() != 1 || len(store.records) != 1 {
		t.Errorf("%d locks and %d records kept, want 1: the expired one is swept", table.Count(), len(store.records))
	}
}

// Expired locks are looked for once a second only. Until then they are in the table, and count as little.
func TestLockThatExpiredIsNotSweptYet(t *testing.T) {
	table, _ := New(nil, start, Options{MaxTogether: 2})
	grant(t, table, Lock{Root: "/a", Timeout: time.Millisecond})
	mine := grant(t, table, Lock{Root: "/b", Shared: true, Timeout: time.Millisecond})
	grant(t, table, Lock{Root: "/b", Shared: true})
	end := start.Add(time.Millisecond)
	if err := table.Permit(end, Holder{Tokens: []string{mine.Token}}, Change{Place: at("/b"), Kind: Modify}); err == nil {
		t.Error("the token of an expired shared lock opens the other one")
	}
	for _, want := range []Lock{{Root: "/a"}, {Root: "/b", Shared: true}} {
		want.Timeout = time.Hour
		if _, err := table.Create(end, want); err != nil {
			t.Errorf("beside the expired lock of %s: %v", want.Root, err)
		}
	}
	if table.Count() != 5 {
		t.Error("this tests nothing: expired locks were swept")
	}
}

func TestRefreshAndUnlockOnlyInsideTheScope(t *testing.T) {
	table := newTable(t, nil)
	l := grant(t, table, Lock{Root: "/a", Infinite: true, User: "eva"})
	for _, c := range []struct {
		name, token, user string
		want              error
	}{
		{"/b", l.Token, "eva", ErrOutOfScope},
		{"/", l.Token, "eva", ErrOutOfScope},
		{"/ab", l.Token, "eva", ErrOutOfScope},
		{"/a/b", l.Token, "max", ErrNotHolder},
		{"/a/b", "urn:uuid:none", "eva", ErrNoSuchLock},
		{"/a/b", l.Token, "eva", nil},
	} {
		if _, err := table.Refresh(start, at(c.name), c.token, c.user, time.Hour); !errors.Is(err, c.want) {
			t.Errorf("refresh through %s by %s: got %v, want %v", c.name, c.user, err, c.want)
		}
		if err := table.Unlock(start, at(c.name), c.token, c.user); !errors.Is(err, c.want) {
			t.Errorf("unlock through %s by %s: got %v, want %v", c.name, c.user, err, c.want)
		}
	}
	if table.Count() != 0 || len(table.root.members) != 0 {
		t.Error("the lock left something behind")
	}
}

func TestPermit(t *testing.T) {
	table := newTable(t, nil)
	tokens := map[string]string{}
	for name, l := range map[string]Lock{
		"doc":    {Root: "/doc"},
		"flat":   {Root: "/flat"}, // depth 0 on a collection
		"deep":   {Root: "/deep", Infinite: true},
		"leaf":   {Root: "/tree/x/leaf"},
		"s1":     {Root: "/shared", Shared: true},
		"s2":     {Root: "/shared", Shared: true},
		"s3":     {Root: "/pool", Shared: true, Infinite: true},
		"s4":     {Root: "/pool/f", Shared: true},
		"mine":   {Root: "/mine", User: "eva"},
		"nested": {Root: "/flat/sub"},
		"wide":   {Root: "/both/dir", Shared: true, Infinite: true},
		"narrow": {Root: "/both/dir", Shared: true}, // depth 0 beside infinity
		"wide2":  {Root: "/both/file", Shared: true, Infinite: true},
		"file":   {Root: "/both/file", Shared: true},
	} {
		tokens[name] = grant(t, table, l).Token
	}
	dirs := func(name string) bool { return name != "/both/file" }
	for _, c := range []struct {
		what    string
		changes []Change
		with    string
		lacking string
	}{
		{"unlocked", []Change{{at("/free"), Map, dirs}}, "", ""},
		{"locked", []Change{{at("/doc"), Modify, dirs}}, "", "/doc"},
		{"locked, its token", []Change{{at("/doc"), Modify, dirs}}, "doc", ""},
		{"locked, another's token", []Change{{at("/doc"), Modify, dirs}}, "leaf", "/doc"},
		{"new member of a depth 0 lock", []Change{{at("/flat/new"), Map, dirs}}, "", "/flat"},
		{"new member of a depth 0 lock, token", []Change{{at("/flat/new"), Map, dirs}}, "flat", ""},
		{"old member of a depth 0 lock", []Change{{at("/flat/old"), Modify, dirs}}, "", ""},
		{"member of a member of a depth 0 lock", []Change{{at("/flat/dir/new"), Map, dirs}}, "", ""},
		{"delete a locked member of a locked collection", []Change{{at("/flat/sub"), MapTree, dirs}}, "nested", "/flat"},
		{"same, both tokens", []Change{{at("/flat/sub"), MapTree, dirs}}, "nested flat", ""},
		{"member of an infinite lock", []Change{{at("/deep/a/b"), Modify, dirs}}, "", "/deep"},
		{"new member of an infinite lock, token", []Change{{at("/deep/a/b"), Map, dirs}}, "deep", ""},
		{"delete above a lock", []Change{{at("/tree"), MapTree, dirs}}, "", "/tree/x/leaf"},
		{"delete above a lock, token", []Change{{at("/tree"), MapTree, dirs}}, "leaf", ""},
		{"change above a lock", []Change{{at("/tree"), Modify, dirs}}, "", ""},
		{"delete everything", []Change{{at("/"), MapTree, dirs}}, "doc flat deep s1 s3 s4 wide file", "/flat/sub /mine /tree/x/leaf"},
		{"one of two shared locks", []Change{{at("/shared"), Modify, dirs}}, "s2", ""},
		{"none of two shared locks", []Change{{at("/shared"), Modify, dirs}}, "", "/shared"},
		{"a shared lock above is enough", []Change{{at("/pool/f"), Modify, dirs}}, "s3", ""},
		{"a shared lock below is enough for itself", []Change{{at("/pool/f"), Modify, dirs}}, "s4", ""},
		{"but not for the collection", []Change{{at("/pool/f"), MapTree, dirs}}, "s4", "/pool"},
		{"inherited shared lock in a subtree", []Change{{at("/pool"), MapTree, dirs}}, "s3", ""},
		{"depth 0 beside infinity, the collection itself", []Change{{at("/both/dir"), Modify, dirs}}, "narrow", ""},
		{"depth 0 beside infinity, its members", []Change{{at("/both/dir"), MapTree, dirs}}, "narrow", "/both/dir"},
		{"same, the token of infinity", []Change{{at("/both/dir"), MapTree, dirs}}, "wide", ""},
		{"same, from above", []Change{{at("/both"), MapTree, dirs}}, "narrow file", "/both/dir"},
		{"depth 0 beside infinity, a file", []Change{{at("/both/file"), MapTree, dirs}}, "file", ""},
		{"same, nothing known to be a collection", []Change{{at("/both"), MapTree, nil}}, "narrow file", ""},
		{"source and destination", []Change{{at("/doc"), MapTree, dirs}, {at("/deep/doc"), MapTree, dirs}}, "doc", "/deep"},
		{"through a link in an infinite lock", []Change{{at("/free", "/deep/l"), Modify, dirs}}, "", "/deep"},
		{"same, token", []Change{{at("/free", "/deep/l"), Modify, dirs}}, "deep", ""},
		{"through links, one in an infinite lock", []Change{{at("/free", "/l", "/deep/x/l", "/m"), Modify, dirs}}, "", "/deep"},
		{"through a link in a depth 0 lock", []Change{{at("/free", "/flat/l"), Modify, dirs}}, "", ""},
		{"new, behind a link in an infinite lock", []Change{{at("/free/new", "/deep/l"), Map, dirs}}, "", "/deep"},
		{"delete behind a link in an infinite lock", []Change{{at("/free/old", "/deep/l"), MapTree, dirs}}, "", "/deep"},
		{"same, token", []Change{{at("/free/old", "/deep/l"), MapTree, dirs}}, "deep", ""},
		{"a lock on the link's collection, another's on its target", []Change{{at("/doc", "/deep/l"), Modify, dirs}}, "deep", "/doc"},
		{"same, the token of the target", []Change{{at("/doc", "/deep/l"), Modify, dirs}}, "doc", "/deep"},
		{"same, both tokens", []Change{{at("/doc", "/deep/l"), Modify, dirs}}, "doc deep", ""},
		{"shared locks there and on the way, one token", []Change{{at("/shared", "/pool/l"), Modify, dirs}}, "s3", ""},
		{"same, the other one", []Change{{at("/shared", "/pool/l"), Modify, dirs}}, "s1", ""},
		{"shared on the way, exclusive there", []Change{{at("/doc", "/pool/l"), Modify, dirs}}, "doc", "/pool"},
		{"same, the shared one", []Change{{at("/doc", "/pool/l"), Modify, dirs}}, "s3", "/doc"},
		{"shared on the way covers members, too", []Change{{at("/both/dir", "/pool/l"), MapTree, dirs}}, "s3", ""},
		{"new in a collection with a lock of its own", []Change{{at("/flat/new", "/deep/l"), Map, dirs}}, "deep", "/flat"},
		{"token of another user", []Change{{at("/mine"), Modify, dirs}}, "mine", "/mine"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var h Holder
			for _, name := range strings.Fields(c.with) {
				h.Tokens = append(h.Tokens, tokens[name])
			}
			err := table.Permit(start, h, c.changes...)
			got := ""
			if locked, ok := errors.AsType[*LockedError](err); ok {
				got = strings.Join(locked.Roots, " ")
			}
			if got != c.lacking {
				t.Errorf("got %v, want lacking %q", err, c.lacking)
			}
		})
	}
	if err := table.Permit(start, Holder{User: "eva", Tokens: []string{tokens["mine"]}}, Change{Place: at("/mine"), Kind: Modify}); err != nil {
		t.Errorf("the holder with the token: %v", err)
	}
	if err := table.Permit(start, Holder{User: "eva", Tokens: []string{tokens["doc"]}}, Change{Place: at("/doc"), Kind: Modify}); err != nil {
		t.Errorf("a lock that is nobody's own: %v", err)
	}
}

func TestRemove(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	table := newTable(t, store)
	for _, root := range []string{"/a", "/a/b", "/a/b/c", "/ab", "/"} {
		grant(t, table, Lock{Root: root})
	}
	roots := func() string {
		var rs []string
		for _, l := range table.All(start) {
			rs = append(rs, l.Root)
		}
		return strings.Join(rs, " ")
	}
	if !table.AnyBelow("/a/b") || table.AnyBelow("/a/c") {
		t.Error("AnyBelow is wrong")
	}
	table.RemoveMembers("/a/b")
	if got := roots(); got != "/ /a /a/b /ab" {
		t.Errorf("after RemoveMembers: %s", got)
	}
	table.RemoveTree("/a")
	if got := roots(); got != "/ /ab" {
		t.Errorf("after RemoveTree: %s", got)
	}
	if err := table.Break("urn:uuid:none"); !errors.Is(err, ErrNoSuchLock) {
		t.Errorf("break of an unknown lock: %v", err)
	}
	if err := table.Break(table.All(start)[0].Token); err != nil || roots() != "/ab" {
		t.Errorf("after Break: %v %s", err, roots())
	}
	if len(store.records) != 1 {
		t.Errorf("%d records kept, want 1: what was removed must not come back with the next start", len(store.records))
	}
}

func TestTooMany(t *testing.T) {
	table, _ := New(nil, start, Options{Max: 1})
	grant(t, table, Lock{Root: "/a"})
	if _, err := table.Create(start, Lock{Root: "/b", Timeout: time.Hour}); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

// What clients say of themselves is bounded for all locks together, and the room is there again when a lock has ended,
// in whichever way.
func TestTooManyBytes(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	owner := make([]byte, 1000)
	table, _ := New(store, start, Options{MaxBytes: 2 * (len(owner) + len("/a"))})
	next := Lock{Root: "/c", Owner: owner, Timeout: time.Minute}
	full := func(when string) {
		t.Helper()
		if _, err := table.Create(start, Lock{Root: "/e", Owner: owner, Timeout: time.Minute}); !errors.Is(err, ErrTooMany) {
			t.Errorf("%s: got %v", when, err)
		}
	}
	held := grant(t, table, Lock{Root: "/a", Owner: owner})
	store.fail = errors.New("no")
	if _, err := table.Create(start, next); err == nil {
		t.Fatal("granted although it is not kept")
	}
	store.fail = nil
	grant(t, table, Lock{Root: "/b", Owner: owner})
	full("two")
	reopened, err := New(store, start, Options{MaxBytes: table.opts.MaxBytes})
	must(t, err)
	table = reopened
	full("after a restart")
	must(t, table.Unlock(start, at("/a"), held.Token, ""))
	if _, err := table.Create(start, next); err != nil {
		t.Errorf("after one was unlocked: %v", err)
	}
	full("two again")
	if _, err := table.Create(start.Add(2*time.Minute), Lock{Root: "/d", Owner: owner, Timeout: time.Hour}); err != nil {
		t.Errorf("after one expired: %v", err)
	}
	must(t, table.RemoveTree("/d"))
	if _, err := table.Create(start, Lock{Root: "/" + strings.Repeat("r", 2*len(owner)), Timeout: time.Minute}); !errors.Is(err, ErrTooMany) {
		t.Errorf("a long name: %v", err)
	}
	if err := table.RemoveTree("/"); err != nil || table.bytes != 0 {
		t.Errorf("after all were removed: %d bytes, %v", table.bytes, err)
	}
}

// Each answer about a resource tells all its locks, so nobody may pile them up.
func TestTooManyTogether(t *testing.T) {
	table, _ := New(nil, start, Options{MaxTogether: 2})
	grant(t, table, Lock{Root: "/", Shared: true, Infinite: true})
	grant(t, table, Lock{Root: "/a", Shared: true})
	if _, err := table.Create(start, Lock{Root: "/a", Shared: true, Timeout: time.Hour}); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
	grant(t, table, Lock{Root: "/b", Shared: true})
	if _, err := table.Create(start.Add(time.Hour), Lock{Root: "/a", Shared: true, Timeout: time.Hour}); err != nil {
		t.Errorf("after they expired: %v", err)
	}
}

// memory is a Store that can be told to fail.
type memory struct {
	mu      sync.Mutex
	records map[string][]byte
	fail    error
}

func (m *memory) LoadLocks(fn func(string, []byte) error) error {
	for token, record := range m.records {
		if err := fn(token, record); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) DropLocks(tokens []string) func() error { return m.SaveLocks(nil, tokens) }

func (m *memory) SaveLocks(put map[string][]byte, drop []string) func() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.fail
	if err == nil {
		maps.Copy(m.records, put)
		for _, token := range drop {
			delete(m.records, token)
		}
	}
	return func() error { return err }
}

func TestLocksSurviveARestartUntilTheyExpire(t *testing.T) {
	store := &memory{records: map[string][]byte{"urn:uuid:bad": []byte(`{"root":7,"expires":"2027-01-01T00:00:00Z"}`)}}
	table := newTable(t, store)
	long := grant(t, table, Lock{Root: "/long", Asked: "/l\xff/long", Links: []string{"/l\xff"}, Owner: []byte("<x:o xmlns:x='u'>Eva &amp; Max</x:o>"), OwnerLang: "de", User: "eva", Infinite: true, Timeout: time.Hour})
	grant(t, table, Lock{Root: "/short", Timeout: time.Minute})
	again, err := New(store, start.Add(2*time.Minute), Options{})
	must(t, err)
	if got := again.All(start); len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(long) {
		t.Errorf("got %v, want %v", got, long)
	}
	if len(store.records) != 1 {
		t.Errorf("%d records kept, want 1", len(store.records))
	}
}

// The clock was years ahead when the lock was granted, as on a machine whose battery is empty, and is right again.
func TestLockEndsAfterTheClockWasSetBack(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	now := start.AddDate(-10, 0, 0)
	l := grant(t, newTable(t, store), Lock{Root: "/a", Timeout: time.Hour})
	again, err := New(store, now, Options{})
	must(t, err)
	if !again.Holds(now, at("/a"), l.Token) {
		t.Error("the lock is lost")
	}
	if end := now.Add(time.Hour); again.Held(end) != 0 {
		t.Errorf("a lock for an hour holds until %v", again.All(end)[0].Expires)
	}
}

// A link can lead to a name that is not UTF-8: the lock holds for that name, and not for one that looks like it.
func TestAnyNameSurvivesARestart(t *testing.T) {
	store := &memory{records: map[string][]byte{
		"urn:uuid:old": []byte(`{"root":"/old","timeout":3600000000000,"expires":"2026-03-01T13:00:00Z"}`), // as records were
	}}
	table := newTable(t, store)
	names := []string{"/bad\xff/f", "/bad\xfe/f", "/bad\ufffd/f", "/d\u00e9", "/<&>\u2028", "/old"}
	for _, name := range names[:len(names)-1] {
		grant(t, table, Lock{Root: name})
	}
	again := newTable(t, store)
	if got := again.All(start); len(got) != len(names) {
		t.Errorf("%d locks after a restart, want %d", len(got), len(names))
	}
	for _, name := range names {
		if err := again.Permit(start, Holder{}, Change{Place: at(name), Kind: Modify}); err == nil {
			t.Errorf("%q is no longer locked", name)
		}
	}
	if err := again.Permit(start, Holder{}, Change{Place: at("/bad\xfd/f"), Kind: Modify}); err != nil {
		t.Errorf("another name: %v", err)
	}
}

func TestFailingStoreChangesNothing(t *testing.T) {
	broken := errors.New("disk on fire")
	store := &memory{records: map[string][]byte{}}
	table := newTable(t, store)
	l := grant(t, table, Lock{Root: "/a"})
	store.fail = broken
	if _, err := table.Create(start, Lock{Root: "/b", Timeout: time.Hour}); !errors.Is(err, broken) {
		t.Errorf("create: %v", err)
	}
	if _, err := table.Refresh(start, at("/a"), l.Token, "", 2*time.Hour); !errors.Is(err, broken) {
		t.Errorf("refresh: %v", err)
	}
	if err := table.Unlock(start, at("/a"), l.Token, ""); !errors.Is(err, broken) {
		t.Errorf("unlock: %v", err)
	}
	if got := table.All(start); len(got) != 1 || !got[0].Expires.Equal(l.Expires) {
		t.Errorf("the table has changed: %v", got)
	}
	store.fail = nil
	if err := table.Unlock(start, at("/a"), l.Token, ""); err != nil {
		t.Errorf("unlock when the disk is back: %v", err)
	}
	grant(t, table, Lock{Root: "/a"})
	grant(t, table, Lock{Root: "/a/b"})
	store.fail = broken
	members, tree := table.RemoveMembers("/a"), table.RemoveTree("/a")
	if !errors.Is(members, broken) || !errors.Is(tree, broken) {
		t.Errorf("what was locked is gone: %v, %v", members, tree)
	}
	if table.Count() != 0 {
		t.Error("the locks of what is gone have not ended")
	}
}

func TestStoreThatCannotBeRead(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := New(unreadable{broken}, start, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type unreadable struct{ err error }

func (u unreadable) LoadLocks(func(string, []byte) error) error { return u.err }

func (unreadable) SaveLocks(map[string][]byte, []string) func() error { panic("not loaded") }

func (unreadable) DropLocks([]string) func() error { panic("not loaded") }

func TestConcurrentExclusiveLocksHaveOneWinner(t *testing.T) {
	table := newTable(t, &memory{records: map[string][]byte{}})
	for round := range 200 {
		root := fmt.Sprintf("/d/%d", round)
		var won []string
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				l, err := table.Create(start, Lock{Root: root, Timeout: time.Hour})
				if err == nil {
					mu.Lock()
					won = append(won, l.Token)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d winners", len(won))
		}
		must(t, table.Unlock(start, at(root), won[0], ""))
	}
	if table.Count() != 0 || !table.root.empty() {
		t.Error("something is left")
	}
}

func TestTokensAreURIs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := newToken()
		if len(token) != 45 || !strings.HasPrefix(token, "urn:uuid:") || token[23] != '4' || !slices.Contains([]byte("89ab"), token[28]) {
			t.Fatalf("%s is no version 4 UUID", token)
		}
		if seen[token] {
			t.Fatal("twice the same token")
		}
		seen[token] = true
	}
}

// TestLockIsMade: a crash before that ends it where the resource is not there.
func TestLockIsMade(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	table := newTable(t, store)
	for _, root := range []string{"/lost", "/there", "/made", "/made and removed"} {
		l := grant(t, table, Lock{Root: root, Making: true, Timeout: time.Hour})
		if strings.HasPrefix(root, "/made") {
			table.Made(l.Token)
		}
	}
	table.Made("urn:uuid:none")
	there := []string{"/there", "/made"}
	for range 2 {
		again, err := New(store, start, Options{Unmapped: func(root string) bool { return !slices.Contains(there, root) }})
		must(t, err)
		var roots []string
		for _, l := range again.All(start) {
			if roots = append(roots, l.Root); l.Making {
				t.Errorf("%s is still being made", l.Root)
			}
		}
		slices.Sort(roots)
		if !slices.Equal(roots, []string{"/made", "/made and removed", "/there"}) || len(store.records) != 3 {
			t.Errorf("%q, %d records", roots, len(store.records))
		}
		there = nil // what was found once needs not be found again
	}
}

// TestLockIsMadeInAnotherTree: where the disk is not mounted nothing is found out, neither that it is there nor that it
// is not.
func TestLockIsMadeInAnotherTree(t *testing.T) {
	store := &memory{records: map[string][]byte{}}
	nothing := func(string) bool { return true }
	was, err := New(store, start, Options{Tree: 7})
	must(t, err)
	grant(t, was, Lock{Root: "/a", Making: true})
	for _, c := range []struct {
		tree     uint64
		unmapped func(string) bool
		locks    int
	}{{8, nothing, 1}, {8, func(string) bool { return false }, 1}, {7, nothing, 0}} {
		again, err := New(store, start, Options{Tree: c.tree, Unmapped: c.unmapped})
		must(t, err)
		if n := again.Count(); n != c.locks || len(store.records) != c.locks {
			t.Errorf("tree %d: %d locks, %d records, want %d", c.tree, n, len(store.records), c.locks)
		}
	}
}

// TestLockEndsBeforeItIsMade: who finds the token with the resource may unlock before Made is called.
func TestLockEndsBeforeItIsMade(t *testing.T) {
	store := &slowDrop{memory: &memory{records: map[string][]byte{}}}
	table := newTable(t, store)
	l := grant(t, table, Lock{Root: "/a", Making: true, Timeout: time.Hour})
	store.meanwhile = func() {
		table.Made(l.Token)
		if _, err := table.Refresh(start, at("/a"), l.Token, "", time.Hour); !errors.Is(err, ErrNoSuchLock) {
			t.Errorf("refresh of a lock that ends: %v", err)
		}
	}
	must(t, table.Unlock(start, at("/a"), l.Token, ""))
	if len(store.records) != 0 {
		t.Error("the lock comes back with the next start")
	}
}

// slowDrop calls meanwhile before the end of a lock is durable.
type slowDrop struct {
	*memory
	meanwhile func()
}

func (s *slowDrop) SaveLocks(put map[string][]byte, drop []string) func() error {
	wait := s.memory.SaveLocks(put, drop)
	if len(drop) == 0 {
		return wait
	}
	return func() error {
		s.meanwhile()
		return wait()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package fstest

import (
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"

	"ifmatch/fs"
)

// Open opens one tree, the same one each time it is called, with a hook (nil: none).
type Open func(hook func(step, name string) error) (fs.FS, error)

// Every runs one change again and again: with its first operation failing, with the second, and so
// on until it no longer gets to the one that fails; then the same with crashes.
type Every struct {
	New      func(t *testing.T) Open     // makes an empty tree
	Setup    func(t *testing.T, f fs.FS) // fills it
	Act      func(f fs.FS) error         // the change
	Volatile bool                        // a crash leaves nothing to look at (a tree in memory)
}

// faultErrors are what a disk answers on bad days.
var faultErrors = []error{fs.ErrNoSpace, syscall.EIO, syscall.EACCES}

// Run checks after each failure that the tree, opened anew and swept, is as Setup or as Act alone
// leaves it, byte for byte, with nothing staged in it; that it is the latter if Act said nil; and
// that it is the former if Act said that it failed, unless it crashed.
func (e Every) Run(t *testing.T) {
	before, after := e.wanted(t)
	if maps.Equal(before, after) {
		t.Fatalf("the change changes nothing: %v", before)
	}
	for _, err := range faultErrors {
		e.each(t, fmt.Sprint(err), before, after, func(f *Faults, n int) { f.FailAt(n, err) })
	}
	if !e.Volatile {
		e.each(t, "crash", before, after, (*Faults).CrashAt)
	}
}

func (e Every) wanted(t *testing.T) (before, after map[string]string) {
	open := e.New(t)
	f, err := open(nil)
	must(t, err)
	defer f.Close()
	e.Setup(t, f)
	before = Tree(t, f)
	if err := e.Act(f); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	return before, Tree(t, f)
}

func (e Every) each(t *testing.T, kind string, before, after map[string]string, plan func(f *Faults, n int)) {
	const enough = 10_000
	for n := 1; n < enough; n++ {
		open := e.New(t)
		f, err := NewFaults(open)
		must(t, err)
		e.Setup(t, f)
		plan(f, n)
		err = e.Act(f)
		if !f.Hit() {
			f.Close()
			if n == 1 {
				t.Fatal("the change makes no operation")
			}
			return
		}
		got := e.reopened(t, f, open)
		where := fmt.Sprintf("%s at %d of:\n\t%s\n", kind, n, strings.Join(f.Trace(), "\n\t"))
		isNew, isOld := maps.Equal(got, after), maps.Equal(got, before)
		switch {
		case !isNew && !isOld:
			t.Errorf("%sthe tree is %v, neither %v nor %v", where, shortTree(got), shortTree(before), shortTree(after))
		case err == nil && !isNew:
			t.Errorf("%sthe answer was success, and nothing has changed", where)
		case err != nil && !isOld && kind != "crash":
			t.Errorf("%sthe answer was %q, and yet the change was made", where, err)
		}
	}
	t.Fatalf("no end after %d operations", enough)
}

// reopened is the tree as the next start finds it.
func (e Every) reopened(t *testing.T, f *Faults, open Open) map[string]string {
	t.Helper()
	if e.Volatile {
		f.plan(0, nil)
		return Tree(t, f)
	}
	f.Close()
	again, err := open(nil)
	must(t, err)
	defer again.Close()
	if _, err := again.Sweep(); err != nil {
		t.Errorf("sweep: %v", err)
	}
	tree := Tree(t, again)
	noReserved(t, again, "/")
	for name := range tree {
		if strings.HasSuffix(name, "/") {
			noReserved(t, again, name)
		}
	}
	return tree
}

func shortTree(tree map[string]string) map[string]string {
	s := map[string]string{}
	for name, body := range tree {
		s[name] = short(body)
	}
	return s
}

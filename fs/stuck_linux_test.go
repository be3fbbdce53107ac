//go:build !arm

package fs

import (
	"testing"
	"time"

	"ifmatch/fs/fstest/loop"
)

// TestWitnessBesideWhatIsStuck: a file system that does not answer holds up its own files, and no others.
func TestWitnessBesideWhatIsStuck(t *testing.T) {
	dir, answers := loop.Stuck(t, "f")
	far, err := OpenRoot(dir, RootOptions{ReadOnly: true})
	must(t, err)
	defer far.Close()
	file, err := far.OpenRead("/f")
	must(t, err)
	defer file.Close()
	f := openRoot(t, t.TempDir(), RootOptions{})
	mustPut(t, f, "/a", "aaaa")

	answers.Lock()
	asked := make(chan Witness)
	go func() { asked <- file.(Witnessed).Witness() }()
	time.Sleep(100 * time.Millisecond)
	looked := make(chan struct{})
	go func() { look(t, f, "/a"); close(looked) }()
	select {
	case <-looked:
	case <-time.After(5 * time.Second):
		t.Error("it waits for a file system that it has nothing to do with")
	}
	answers.Unlock()
	if w := <-asked; w != nil {
		t.Error("what others can have has a witness")
	}
	<-looked
}

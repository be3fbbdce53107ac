//go:build unix

package handler_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler"
)

// TestCrashOfAChangeOfALink: MOVE and DELETE act on a symbolic link itself, so what it leads to does not tell whether they
// came to be before a crash. The next start follows the tree; the one after that finds nothing to do, and what was
// acknowledged in between stays.
func TestCrashOfAChangeOfALink(t *testing.T) {
	const before = "/f=f /g=g /target=target"
	for _, c := range []struct {
		method, name, to string
		after            string // the properties when the step was taken
	}{
		{"MOVE", "/f", "/ln", "/ln=f /g=g /target=target"},
		{"MOVE", "/ln", "/g", "/f=f /target=target"},
		{"MOVE", "/ln", "/new", before},
		{"DELETE", "/ln", "", before},
	} {
		t.Run(c.method+c.name+c.to, func(t *testing.T) {
			crashOfLink(t, c.method, c.name, c.to, false, before)
			crashOfLink(t, c.method, c.name, c.to, true, c.after)
		})
	}
}

func crashOfLink(t *testing.T, method, name, to string, taken bool, want string) {
	t.Helper()
	dir, stateDir, crashed := t.TempDir(), t.TempDir(), t.TempDir()
	armed := false
	k := startHooked(t, dir, stateDir, func(step, _ string) error {
		if !armed {
			return nil
		}
		armed = false
		copyFile(t, stateDir+"/state.db", crashed+"/state.db") // this is the last that the disk saw
		if taken {
			return nil
		}
		return errors.New(step + " of a process that is gone")
	})
	for _, name := range []string{"/f", "/g", "/target"} {
		k.ask("PUT", name, name)
		k.ask("PROPPATCH", name, setProp(name[1:]), asXML)
	}
	must(t, os.Symlink("target", dir+"/ln"))
	k.ask("LOCK", "/target", exclusive, asXML)
	armed = true
	if res := k.ask(method, name, "", "Destination: "+to); (res.StatusCode < 300) != taken {
		t.Errorf("%s %s: %s", method, name, res.Status)
	}
	k.stop()

	k = startHooked(t, dir, crashed, nil)
	if got := propsAt(t, k.store, "/f", "/ln", "/g", "/new", "/target"); got != want {
		t.Errorf("%s %s, taken %t: properties are %q, want %q", method, name, taken, got, want)
	}
	if !taken {
		k.ask(method, name, "", "Destination: "+to) // the client tries again
	}
	for _, name := range []string{"/f", "/ln", "/g", "/new"} {
		if fi, err := os.Lstat(dir + name); err == nil && fi.Mode()&os.ModeSymlink != 0 {
			os.Remove(dir + name)
		}
		k.ask("PUT", name, "later", "If-None-Match: *")
		k.ask("PROPPATCH", name, setProp("later"), asXML)
		k.ask("LOCK", name, exclusive, asXML)
	}
	k.stop()

	k = startHooked(t, dir, crashed, nil)
	defer k.stop()
	if got := propsAt(t, k.store, "/f", "/ln", "/g", "/new", "/target"); got != "/f=later /ln=later /g=later /new=later /target=target" {
		t.Errorf("%s %s, taken %t: properties of another start are %q", method, name, taken, got)
	}
	if locks := k.opts.Locks.All(time.Now()); len(locks) != 5 {
		t.Errorf("%s %s, taken %t: %d locks are left", method, name, taken, len(locks))
	}
}

func startHooked(t *testing.T, dir, stateDir string, hook func(step, name string) error) *keeping {
	t.Helper()
	open := func(dir string, o fs.RootOptions) (fs.FS, error) {
		o.Hook = hook
		return fs.OpenRoot(dir, o)
	}
	return startKeepingAs(t, dir, stateDir, time.Now, open, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}, state.Options{Relaxed: true}, handler.Options{})
}

func copyFile(t *testing.T, from, to string) {
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// propsAt are the values of what setProp sets, by real name.
func propsAt(t *testing.T, s *state.Store, names ...string) string {
	t.Helper()
	var all []string
	for _, name := range names {
		props, err := s.Properties(name)
		must(t, err)
		for _, p := range props {
			_, value, _ := strings.Cut(string(p.XML), ">")
			value, _, _ = strings.Cut(value, "<")
			all = append(all, name+"="+value)
		}
	}
	return strings.Join(all, " ")
}

// blind is a tree in which a name cannot be looked at for a while.
type blind struct {
	fs.FS
	name string
}

func (b *blind) Lookup(name string) (fs.Info, error) {
	if name == b.name {
		return fs.Info{}, errors.New("input/output error")
	}
	return b.FS.Lookup(name)
}

// TestWriteOvertakesWhatACrashInterrupted: a start that cannot tell whether a DELETE came to be leaves that for a later one,
// which must not take what other requests have made at the name for the answer.
func TestWriteOvertakesWhatACrashInterrupted(t *testing.T) {
	shared := strings.ReplaceAll(exclusive, "exclusive", "shared")
	for method, act := range map[string]func(k *keeping, ifLocked string) int{
		"PUT":     func(k *keeping, ifLocked string) int { return k.ask("PUT", "/f", "two", ifLocked).StatusCode },
		"refresh": func(k *keeping, ifLocked string) int { return k.ask("LOCK", "/f", "", ifLocked).StatusCode },
		"LOCK":    func(k *keeping, _ string) int { return k.ask("LOCK", "/f", shared, asXML).StatusCode },
	} {
		t.Run(method, func(t *testing.T) {
			dir, stateDir, tree := t.TempDir(), t.TempDir(), &blind{}
			start := func() *keeping {
				open := func(dir string, o fs.RootOptions) (_ fs.FS, err error) {
					tree.FS, err = fs.OpenRoot(dir, o)
					return tree, err
				}
				return startKeepingAs(t, dir, stateDir, time.Now, open, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}},
					state.Options{Relaxed: true}, handler.Options{})
			}
			k := start()
			k.ask("PUT", "/f", "one")
			k.ask("PROPPATCH", "/f", setProp("kept"), asXML)
			ifLocked := "If: (" + k.ask("LOCK", "/f", shared, asXML).Header.Get("Lock-Token") + ")"
			if _, err := k.store.Begin(state.Change{Step: state.Remove, Src: "/f"}, true); err != nil {
				t.Fatal(err)
			}
			k.stop()
			if err := os.Link(dir+"/f", dir+"/kept"); err != nil { // so that no other file gets its number
				t.Fatal(err)
			}
			tree.name = "/f"
			k = start()
			tree.name = ""
			if got := act(k, ifLocked); got >= 300 {
				t.Errorf("%s: %d", method, got)
			}
			locked := len(k.opts.Locks.All(time.Now()))
			k.stop()
			must(t, os.WriteFile(dir+"/new", nil, 0o600))
			if err := os.Rename(dir+"/new", dir+"/f"); err != nil { // another program saves
				t.Fatal(err)
			}
			k = start()
			defer k.stop()
			if got := propsAt(t, k.store, "/f"); got != "/f=kept" || len(k.opts.Locks.All(time.Now())) != locked {
				t.Errorf("properties are %q, locks %+v", got, k.opts.Locks.All(time.Now()))
			}
		})
	}
}

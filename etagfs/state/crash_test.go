package state

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKilledStoreKeepsWhatItAcknowledged kills a writing process without warning, again and again, and
// looks for every record that it said was durable.
func TestKilledStoreKeepsWhatItAcknowledged(t *testing.T) {
	if dir := os.Getenv("IFMATCH_TEST_STATE"); dir != "" {
		writeForEver(dir, os.Getenv("IFMATCH_TEST_ROUND"))
	}
	dir := t.TempDir()
	for round := range 15 {
		lines := killed(t, dir, fmt.Sprint(round), time.Duration(20+rand.IntN(120))*time.Millisecond)
		s := open(t, dir)
		locks := map[string]bool{}
		must(t, s.LoadLocks(func(token string, _ []byte) error { locks[token] = true; return nil }))
		for _, line := range lines {
			kind, name, _ := strings.Cut(line, " ")
			if kind == "prop" && show(t, s, name) != "p="+name || kind == "lock" && !locks[name] {
				t.Errorf("round %d: %s was acknowledged and is lost", round, line)
			}
		}
		if len(lines) < enough {
			t.Fatalf("the child ended after %d records", len(lines))
		}
		must(t, s.Close())
	}
}

// enough records have to be acknowledged before a killing tells anything.
const enough = 10

// killed runs this test as a child until it has done enough, and for a while, and returns the lines it managed to write.
func killed(t *testing.T, dir, round string, after time.Duration) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledStoreKeepsWhatItAcknowledged$")
	cmd.Env = append(os.Environ(), "IFMATCH_TEST_STATE="+dir, "IFMATCH_TEST_ROUND="+round)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if kind, name, ok := strings.Cut(sc.Text(), " "); ok && strings.HasSuffix(name, ".") {
			lines = append(lines, kind+" "+strings.TrimSuffix(name, "."))
		}
		if len(lines) == enough {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	return lines
}

// writeForEver says each record only after it is durable. The dot tells a whole line.
func writeForEver(dir, round string) {
	s, err := Open(dir, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("/r%s/%d-%d", round, g, i)
				line := "prop " + name
				var err error
				if g%2 == 0 {
					err = s.Patch(name, []Op{{Name{"", "p"}, []byte(name)}})
				} else {
					err = s.SaveLocks(map[string][]byte{name: []byte("record")}, nil)()
					line = "lock " + name
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Fprintln(os.Stdout, line+".")
			}
		})
	}
	wg.Wait()
}

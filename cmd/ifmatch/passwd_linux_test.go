package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudoterminal with a program in it.
type terminal struct {
	t            testing.TB
	ours, theirs *os.File
	cmd          *exec.Cmd
	shown        string
}

func runInTerminal(t testing.TB, args ...string) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) // so that it has deadlines
	must(t, err)
	ours := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { ours.Close() })
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	must(t, err)
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { theirs.Close() })
	term := &terminal{t: t, ours: ours, theirs: theirs, cmd: exec.Command(program(t), args...)}
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = theirs, theirs, theirs
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, term.cmd.Start())
	t.Cleanup(func() { term.cmd.Process.Kill() })
	return term
}

// shows waits until the terminal shows what, for the program does not read what is typed before.
func (x *terminal) shows(what string) {
	x.t.Helper()
	x.ours.SetReadDeadline(time.Now().Add(patience))
	for buf := make([]byte, 256); !strings.Contains(x.shown, what); {
		n, err := x.ours.Read(buf)
		if x.shown += string(buf[:n]); err != nil {
			x.t.Fatalf("it shows %q, and not %q: %v", x.shown, what, err)
		}
	}
}

func (x *terminal) echoes() bool {
	x.t.Helper()
	attributes, err := unix.IoctlGetTermios(int(x.theirs.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return attributes.Lflag&unix.ECHO != 0
}

// hidden waits until what is typed is not shown.
func (x *terminal) hidden() {
	x.t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if !x.echoes() {
			return
		}
	}
	x.t.Fatal("the password would be shown")
}

func TestPasswdReadsWithoutEcho(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	x := runInTerminal(t, "passwd", file, "anna")
	for _, prompt := range []string{"Password: ", "Again: "} {
		x.shows(prompt)
		x.hidden()
		x.ours.WriteString("secret\n")
	}
	must(t, x.cmd.Wait())
	x.theirs.WriteString("end")
	x.shows("end")
	if strings.Contains(x.shown, "secret") || !x.echoes() {
		t.Errorf("it shows %q, and echoes afterwards: %v", x.shown, x.echoes())
	}
	if text, err := os.ReadFile(file); !strings.HasPrefix(string(text), "anna:$2a$") {
		t.Errorf("the file is %q: %v", text, err)
	}
}

// Ctrl-C ends it, and leaves a terminal that shows what is typed.
func TestPasswdIsInterrupted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	x := runInTerminal(t, "passwd", file, "anna")
	x.shows("Password: ")
	x.hidden()
	x.ours.WriteString("sec\x03")
	x.shows("nothing was changed")
	x.cmd.Wait()
	if code := x.cmd.ProcessState.ExitCode(); code != 1 || !x.echoes() {
		t.Errorf("exit code %d, the terminal echoes: %v", code, x.echoes())
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was made")
	}
}

// The password of a server is asked for in the same way, and Ctrl-C ends that as well.
func TestPasswordOfServerIsInterrupted(t *testing.T) {
	x := runInTerminal(t, "ls", "--user", "anna", "http://127.0.0.1:1/")
	x.shows("Password of anna")
	x.hidden()
	x.ours.WriteString("sec\x03")
	x.shows("interrupted")
	x.cmd.Wait()
	if code := x.cmd.ProcessState.ExitCode(); code != 1 || !x.echoes() {
		t.Errorf("exit code %d, the terminal echoes: %v", code, x.echoes())
	}
}

// Whom an ACL lets read a file of users, such as the server, may read it afterwards, and nobody else. So it is with get.
func TestPasswdAndGetKeepTheACL(t *testing.T) {
	url := start(t, nil, "--memory").url + "/x"
	a, dir := newPerson(t), t.TempDir()
	a.want(0, "created", "put", a.write("x", "text"), url)
	acl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).Output()
		must(t, err)
		return string(out)
	}
	for _, mode := range []string{"u:nobody:r", "g::r"} { // with an ACL and without one
		file := writeFile(t, filepath.Join(dir, mode), "")
		acl("setfacl", "-m", mode, file)
		acl("setfacl", "-d", "-m", "u:daemon:rw", dir) // which is for files that were not there
		want := acl("getfacl", "-cp", file)
		must(t, setUser(file, "anna", "hash"))
		if got := acl("getfacl", "-cp", file); got != want {
			t.Errorf("after passwd\n%swant\n%s", got, want)
		}
		a.want(0, "fetched", "get", "--force", url, file)
		if got := acl("getfacl", "-cp", file); got != want {
			t.Errorf("after get\n%swant\n%s", got, want)
		}
		acl("setfacl", "-k", dir)
	}
}

// Of users that are added at once none is lost.
func TestPasswdAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			if err := setUser(file, fmt.Sprint("user", i), "hash"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if text, err := os.ReadFile(file); strings.Count(string(text), "\n") != 32 {
		t.Errorf("the file is %q: %v", text, err)
	}
}

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no file is neither replaced nor waited for: a pipe that nobody writes to is silent for ever.
func TestGetAndPutWantAFile(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.want(0, "created", "put", a.write("todo.txt", "milk\n"), url)
	pipe := a.file("pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	a.want(1, "not a regular file", "get", "--force", url, pipe)
	a.want(1, "not a regular file", "put", pipe, url)
	a.want(1, "not a regular file", "get", "--force", url, a.home)
	if fi, err := os.Lstat(pipe); err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is %v now: %v", fi, err)
	}
	a.want(0, "fetched", "get", url, a.file(strings.Repeat("n", 255)))
	link := a.file("link")
	must(t, os.Symlink("nowhere", link))
	a.want(1, "nowhere: no such file", "get", "--force", url, link)
	if to, err := os.Readlink(link); to != "nowhere" {
		t.Errorf("the link leads to %q now: %v", to, err)
	}
}

// A new file has the mode that any program gives one there: by the umask, or by a default ACL.
func TestGetMakesFilesAsOthersDo(t *testing.T) {
	url := start(t, nil, "--memory").url + "/x"
	a, dir := newPerson(t), t.TempDir()
	a.want(0, "created", "put", a.write("x", "text"), url)
	for _, file := range []string{"by-umask", "by-acl"} {
		theirs, ours := filepath.Join(dir, "their-"+file), filepath.Join(dir, file)
		must(t, os.WriteFile(theirs, nil, 0o666))
		a.want(0, "fetched", "get", url, ours)
		want, err := os.Stat(theirs)
		must(t, err)
		if got, err := os.Stat(ours); err != nil || got.Mode() != want.Mode() {
			t.Errorf("%s: %v, %v; want %v", file, got.Mode(), err, want.Mode())
		}
		must(t, exec.Command("setfacl", "-d", "-m", "u:nobody:rw,g::rw,o::-", dir).Run())
	}
}

// Ctrl-C at the question whether to edit again says where the text is, also after one that the editor took.
func TestEditIsInterruptedAtItsQuestion(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.want(0, "created", "put", a.write("todo.txt", "milk\n"), url)
	editor := a.write("editor.sh", `grep -q '<<<<' "$1" && exit
trap 'taken=yes' INT
echo in the editor
while [ -z "$taken" ]; do sleep 0.1; done
sleep 1
echo bread | curl -sfT - `+url+`
echo eggs >"$1"
`)
	t.Setenv("VISUAL", "sh "+editor)
	t.Setenv("XDG_STATE_HOME", a.file("state"))
	x := runInTerminal(t, "edit", url)
	x.shows("in the editor")
	x.ours.WriteString("\x03")
	x.shows("Edit again?")
	x.ours.WriteString("\x03")
	x.shows("your text is in")
	x.cmd.Wait()
	if code := x.cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(x.shown, "nothing was saved") {
		t.Errorf("exit code %d, and it shows %q", code, x.shown)
	}
}

// A terminal that is closed leaves no part of a download behind.
func TestGetEndsWithItsTerminal(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // else a test under nohup would have the program ignore it
	defer signal.Stop(heard)
	dir := t.TempDir()
	members := func() int {
		all, err := os.ReadDir(dir)
		must(t, err)
		return len(all)
	}
	cmd := exec.Command(program(t), "get", s.URL+"/large", filepath.Join(dir, "large"))
	must(t, cmd.Start())
	waitFor(t, func() bool { return members() > 0 })
	cmd.Process.Signal(syscall.SIGHUP)
	cmd.Wait()
	if n := members(); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// patience is how long a test waits for what must come: a machine may be slow and busy.
const patience = 2 * time.Minute

// waitFor waits until it is so.
func waitFor(t testing.TB, so func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not happen")
		}
	}
}

// The tests beside this file that speak of a process build the program once and run it, as an
// operator would.

var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() { // those of the shell are not meant for these servers
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "IFMATCH_") && name != "IFMATCH_NO_NOTIFY" {
			os.Unsetenv(name)
		}
	}
	os.Setenv("IFMATCH_ALLOW_ROOT", "true") // the tests may run as root
	if real, err := filepath.EvalSymlinks(os.TempDir()); err == nil {
		os.Setenv("TMPDIR", real) // what the program tells of a directory is its own name
	}
	home, err := os.MkdirTemp("", "ifmatch-home-") // the state of these servers is nobody's
	if err != nil {
		panic(err)
	}
	os.Setenv("HOME", home)
	code := m.Run()
	os.RemoveAll(home)
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var ourHome = os.Getenv("HOME")

// goCommand runs go, which has its cache in our home.
func goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "HOME="+ourHome)
	return cmd
}

// program returns the path of the built binary.
func program(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "ifmatch-test-"); built.err != nil {
			return
		}
		cmd := goCommand("build", "-o", filepath.Join(built.dir, "ifmatch"), ".")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %v\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "ifmatch")
}

// process is a running server.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string // without the slash at the end
	exit chan int

	mu  sync.Mutex
	log []string // guarded by mu
}

// start runs "ifmatch serve" with args on a free port and waits until it serves. wrap, if any, is
// a command that runs the program, such as strace.
func start(t testing.TB, wrap []string, args ...string) *process {
	t.Helper()
	line := slices.Concat(wrap, []string{program(t), "serve", "--log-format=json", "--listen=127.0.0.1:0"}, args)
	p := &process{t: t, cmd: exec.Command(line[0], line[1:]...), exit: make(chan int, 1)}
	p.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	stderr, err := p.cmd.StderrPipe()
	must(t, err)
	must(t, p.cmd.Start())
	serving := make(chan string, 1)
	go p.follow(stderr, serving)
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		select {
		case _, running := <-p.exit:
			if !running {
				return // the test has seen its end
			}
		case <-time.After(patience):
		}
		if t.Failed() {
			log := p.lines()
			t.Logf("end of the log of %s:\n%s", p.url, strings.Join(log[max(0, len(log)-15):], "\n"))
		}
	})
	select {
	case u := <-serving:
		p.url = strings.TrimSuffix(u, "/")
	case code := <-p.exit:
		t.Fatalf("the program exited with %d:\n%s", code, strings.Join(p.lines(), "\n"))
	case <-time.After(patience):
		t.Fatalf("the program does not serve:\n%s", strings.Join(p.lines(), "\n"))
	}
	return p
}

// follow reads the log until the process ends, and then its exit code (-1: killed by a signal).
func (p *process) follow(stderr io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var entry struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &entry) != nil {
			fmt.Sscanf(lines.Text(), "time=%s level=INFO msg=%s url=%s", new(string), &entry.Msg, &entry.URL)
		}
		if entry.Msg == "serving" {
			serving <- entry.URL
		}
		p.mu.Lock()
		if len(p.log) < 20_000 {
			p.log = append(p.log, lines.Text())
		}
		p.mu.Unlock()
	}
	p.cmd.Wait()
	p.exit <- p.cmd.ProcessState.ExitCode()
	close(p.exit)
}

func (p *process) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// logged waits until the log has a line that contains what.
func (p *process) logged(what string) {
	p.t.Helper()
	p.loggedAgain(what, 0)
}

// loggedAgain waits until more lines of the log than before contain what.
func (p *process) loggedAgain(what string, before int) {
	p.t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if p.count(what) > before {
			return
		}
	}
	p.t.Fatalf("the log does not say %q:\n%s", what, strings.Join(p.lines(), "\n"))
}

// count is how many lines of the log contain what.
func (p *process) count(what string) (n int) {
	for _, line := range p.lines() {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// stop sends sig and returns the exit code.
func (p *process) stop(sig syscall.Signal) int {
	p.t.Helper()
	p.cmd.Process.Signal(sig)
	return p.wait()
}

// wait waits for the end of the program and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case code := <-p.exit:
		return code
	case <-time.After(patience):
		p.t.Fatal("the program has not ended")
		return 0
	}
}

// userLine is the line of a file of users for one of them.
func userLine(t testing.TB, name, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	must(t, err)
	return name + ":" + string(hash) + "\n"
}

// lockinfo is the body of a LOCK that asks for an exclusive lock.
const lockinfo = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`

// send sends a request with a body (nil: none) and header fields given in pairs, and returns the
// answer with its body read.
func send(t testing.TB, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	res, text, err := trySend(http.DefaultClient, method, url, body, header...)
	must(t, err)
	return res, text
}

func trySend(c *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// wantStatus fails the test unless res has one of the status codes.
func wantStatus(t testing.TB, res *http.Response, codes ...int) {
	t.Helper()
	if !slices.Contains(codes, res.StatusCode) {
		t.Fatalf("%s %s: %s, want %v", res.Request.Method, res.Request.URL, res.Status, codes)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

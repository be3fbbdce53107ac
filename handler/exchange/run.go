package exchange

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Run parses a script and runs it against the server at baseURL.
func Run(t testing.TB, baseURL string, script []byte) {
	t.Helper()
	s, err := Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t, baseURL)
}

// Run has each exchange on a connection of its own, over plain TCP, so that what is on the wire is what
// the script says. An exchange that fails does not end the script.
func (s *Script) Run(t testing.TB, baseURL string) {
	t.Helper()
	base, err := url.Parse(baseURL)
	if err != nil {
		t.Fatal(err)
	}
	vars := make(map[string]string)
	for _, st := range s.steps {
		if st.wait > 0 {
			time.Sleep(st.wait)
			continue
		}
		if err := st.run(base.Host, vars); err != nil {
			t.Errorf("line %d: %s: %v", st.line, st.request[0], err)
		}
	}
}

// answer is what came back: statuses in order, and header and body of the last one.
type answer struct {
	statuses []int
	header   http.Header
	body     string
}

func (st *step) run(host string, vars map[string]string) error {
	a, err := st.exchange(host, vars)
	if err != nil {
		return err
	}
	if len(a.statuses) == 0 && st.none {
		return nil
	}
	if fmt.Sprint(a.statuses) != fmt.Sprint(st.want) {
		return fmt.Errorf("status %v, want %v\n%v\n%s", a.statuses, st.want, a.header, a.body)
	}
	for _, e := range st.expect {
		if err := a.check(e, vars); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends the request and reads what comes.
func (st *step) exchange(host string, vars map[string]string) (*answer, error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	body, cut, reset := expand(substitute(st.body, vars))
	head := st.head(host, len(body), vars)
	waits := strings.Contains(strings.ToLower(head), "\r\nexpect: 100-continue\r\n")
	if waits {
		_, err = io.WriteString(conn, head)
	} else {
		_, err = io.WriteString(conn, head+body)
	}
	if err != nil {
		return nil, err
	}
	if cut {
		conn.(*net.TCPConn).CloseWrite()
	}
	if reset {
		conn.(*net.TCPConn).SetLinger(0)
		return new(answer), nil
	}
	a := new(answer)
	from := bufio.NewReader(conn)
	method, _, _ := strings.Cut(st.request[0], " ")
	for {
		res, err := http.ReadResponse(from, &http.Request{Method: method})
		if err != nil && len(a.statuses) == 0 {
			return a, nothing(err)
		}
		if err != nil {
			return nil, err
		}
		a.statuses = append(a.statuses, res.StatusCode)
		if res.StatusCode == http.StatusContinue {
			if _, err := io.WriteString(conn, body); err != nil {
				return nil, err
			}
			continue
		}
		a.header = res.Header
		if res.Close { // ReadResponse takes the field out
			a.header.Set("Connection", "close")
		}
		got, err := io.ReadAll(res.Body)
		a.body = string(got)
		return a, err
	}
}

// nothing is no error when the connection ended without an answer.
func nothing(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF || strings.Contains(err.Error(), "reset by peer") {
		return nil
	}
	return err
}

// head is the request as sent, but for the body.
func (st *step) head(host string, length int, vars map[string]string) string {
	lines := slices.Clone(st.request)
	if !strings.HasSuffix(lines[0], " HTTP/1.0") {
		lines[0] += " HTTP/1.1"
	}
	if !st.has("host") {
		lines = append(lines, "Host: "+host)
	}
	if put := strings.HasPrefix(st.request[0], "PUT "); (length > 0 || put) && !st.has("content-length") && !st.has("transfer-encoding") {
		lines = append(lines, "Content-Length: "+strconv.Itoa(length))
	}
	return substitute(strings.Join(lines, "\r\n"), vars) + "\r\n\r\n"
}

// has tells whether the script gives a header field itself.
func (st *step) has(field string) bool {
	for _, l := range st.request[1:] {
		if key, _, _ := strings.Cut(l, ":"); strings.EqualFold(key, field) {
			return true
		}
	}
	return false
}

var variable = regexp.MustCompile(`\$[a-z][a-z0-9]*`)

// substitute puts values for variables; what is not kept stays as it is.
func substitute(s string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(s, func(name string) string {
		if v, ok := vars[name]; ok {
			return v
		}
		return name
	})
}

var (
	capture = regexp.MustCompile(`^(\$[a-z][a-z0-9]*) = ([A-Za-z-]+)$`)
	matches = regexp.MustCompile(`^([A-Za-z-]+) (~|!~|!=) (.*)$`)
)

// check tells whether one line of expectation is true of the answer, or keeps a variable.
func (a *answer) check(line string, vars map[string]string) error {
	if m := capture.FindStringSubmatch(line); m != nil {
		v, ok := a.field(m[2])
		if !ok {
			return fmt.Errorf("no %s to keep in %v", m[2], a.header)
		}
		vars[m[1]] = v
		return nil
	}
	if name, ok := strings.CutPrefix(line, "!"); ok {
		if v, ok := a.field(name); ok {
			return fmt.Errorf("%s: %s, want none", name, v)
		}
		return nil
	}
	if m := matches.FindStringSubmatch(line); m != nil {
		return a.compare(m[1], m[2], m[3], vars)
	}
	name, want, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("cannot read the expectation %q", line)
	}
	want, _, _ = expand(substitute(strings.TrimSpace(want), vars))
	got, ok := a.field(name)
	if !ok || got != want {
		return fmt.Errorf("%s: %q, want %q", name, clip(got), clip(want))
	}
	return nil
}

func (a *answer) compare(name, op, operand string, vars map[string]string) error {
	got, ok := a.field(name)
	if !ok {
		return fmt.Errorf("no %s in %v", name, a.header)
	}
	operand = substitute(operand, vars)
	if op == "!=" {
		if got == operand {
			return fmt.Errorf("%s: %s, want another", name, got)
		}
		return nil
	}
	re, err := regexp.Compile(operand)
	if err != nil {
		return err
	}
	if re.MatchString(got) != (op == "~") {
		return fmt.Errorf("%s: %q, want it %s %s", name, clip(got), op, operand)
	}
	return nil
}

// field is a header field, its lines joined, or the body.
func (a *answer) field(name string) (string, bool) {
	if name == "body" {
		return a.body, true
	}
	v := a.header.Values(name)
	return strings.Join(v, ", "), len(v) > 0
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "…"
	}
	return s
}

// Package exchange runs HTTP exchanges written as text, so that what must never break is a file that
// people can read: the scripts in testdata.
//
// A script is a list of exchanges. Each is a request, "->" with the status that must come, and what must
// be true of the answer, until an empty line:
//
//	# RFC 9110 §13.1.2: only one creates.
//	PUT /notes.txt
//	If-None-Match: *
//
//	milk
//	-> 201
//	Location: /notes.txt
//	$tag = ETag
//
// It is HTTP/1.1 unless the first line ends with HTTP/1.0. Host and, with a body or a PUT, Content-Length are added unless
// the request gives them itself, or Transfer-Encoding. The body is what stands between the empty line and "->", without
// the last newline; "<1000 bytes>" stands for so many, "\r" for a carriage return, and a body that ends with "<cut>" is
// followed by the end of the connection, one that ends with "<reset>" by its reset. With Expect: 100-continue the body is
// sent after 100 only.
//
//	-> 201              this status
//	-> 100 201          first 100 Continue, then 201
//	-> 400 or none      or the connection ends without an answer
//	ETag: "x"           a header field with exactly this value
//	ETag ~ ^"           a header field that the regular expression matches
//	ETag != $tag        a header field with another value
//	!ETag               no such header field
//	body: text          the whole body ("body:" alone: none)
//	body ~ text         a body that the regular expression matches
//	body !~ text        a body that it does not match
//	$tag = ETag         keeps a header field; $tag stands for it from here on
//
// Between exchanges, "# text" is a comment, "wait 1100ms" waits, and "server: --read-only" gives flags of
// the program that the whole script needs; with "server: --etag=stat" it is about one kind of tag and is
// not run for the other. A script wants an empty tree of its own.
package exchange

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Script is a parsed script.
type Script struct {
	Flags []string // of the program, as its command line takes them
	steps []step
}

// step is one exchange, or a wait.
type step struct {
	line    int
	wait    time.Duration
	request []string // request line and header lines
	body    string
	want    []int // statuses, in order
	none    bool  // no answer is right, too
	expect  []string
}

var requestLine = regexp.MustCompile(`^[A-Za-z-]+ \S+( HTTP/1\.0)?$`)

// Parse reads a script. Errors name the line.
func Parse(text []byte) (*Script, error) {
	s := new(Script)
	lines := strings.Split(string(bytes.TrimRight(text, "\n")), "\n")
	for i := 0; i < len(lines); {
		line := lines[i]
		switch flags, isFlags := strings.CutPrefix(line, "server: "); {
		case line == "" || line[0] == '#':
			i++
		case isFlags:
			s.Flags = append(s.Flags, strings.Fields(flags)...)
			i++
		case strings.HasPrefix(line, "wait "):
			d, err := time.ParseDuration(line[len("wait "):])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			s.steps = append(s.steps, step{line: i + 1, wait: d})
			i++
		case requestLine.MatchString(line):
			st, next, err := parseStep(lines, i)
			if err != nil {
				return nil, err
			}
			s.steps = append(s.steps, st)
			i = next
		default:
			return nil, fmt.Errorf("line %d: %q begins no exchange", i+1, line)
		}
	}
	return s, nil
}

// parseStep reads the exchange that begins at lines[at] and returns the index behind it.
func parseStep(lines []string, at int) (st step, next int, err error) {
	st.line = at + 1
	i := at
	for ; i < len(lines) && lines[i] != "" && !strings.HasPrefix(lines[i], "->"); i++ {
		st.request = append(st.request, lines[i])
	}
	if i < len(lines) && lines[i] == "" {
		i++
		from := i
		for i < len(lines) && !strings.HasPrefix(lines[i], "->") {
			i++
		}
		st.body = strings.Join(lines[from:i], "\n")
	}
	if i == len(lines) {
		return st, i, fmt.Errorf("line %d: no -> behind this request", st.line)
	}
	if err := st.status(lines[i]); err != nil {
		return st, i, fmt.Errorf("line %d: %w", i+1, err)
	}
	for i++; i < len(lines) && lines[i] != ""; i++ {
		if lines[i][0] != '#' {
			st.expect = append(st.expect, lines[i])
		}
	}
	return st, i, nil
}

// status reads "-> 100 201" or "-> 400 or none".
func (st *step) status(line string) error {
	for _, word := range strings.Fields(line[len("->"):]) {
		switch word {
		case "or":
		case "none":
			st.none = true
		default:
			n, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			st.want = append(st.want, n)
		}
	}
	if len(st.want) == 0 {
		return fmt.Errorf("no status in %q", line)
	}
	return nil
}

var manyBytes = regexp.MustCompile(`<(\d+) bytes>`)

// Bytes is what "<n bytes>" stands for: the same for the same n, different for others.
func Bytes(n int) string {
	line := fmt.Sprintf("%d bytes of nothing in particular\n", n)
	return strings.Repeat(line, n/len(line)+1)[:n]
}

// expand replaces "<n bytes>" and "\r" in a body, and takes the end off that is no byte.
func expand(body string) (_ string, cut, reset bool) {
	body, cut = strings.CutSuffix(body, "<cut>")
	body, reset = strings.CutSuffix(body, "<reset>")
	body = manyBytes.ReplaceAllStringFunc(body, func(s string) string {
		n, _ := strconv.Atoi(manyBytes.FindStringSubmatch(s)[1])
		return Bytes(n)
	})
	return strings.ReplaceAll(body, `\r`, "\r"), cut, reset
}

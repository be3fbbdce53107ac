// Package config reads a configuration file in TOML and remembers where everything stands in it.
//
// It promises that each mistake is reported with file, line and key, all of them at once, and that no key
// is ignored: whoever reads a [Table] takes the keys that it knows, and [Document.Err] names the rest.
// It does not know what the keys mean.
//
// Entry point: [Read].
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Document is a file that was read. Not safe for concurrent use.
type Document struct {
	Root     *Table
	file     string
	problems []Problem
	lines    map[string]int // by path: "share[1].rule[0].may"
}

// Table is one table of the file.
type Table struct {
	doc    *Document
	path   string // "" for the root, "share[1]" for the second [[share]]
	values map[string]any
	known  []string // in the order they were asked for
}

// Problem is one mistake.
type Problem struct {
	File string
	Line int
	Key  string // as written: "share.prefix"; "" where none is to blame
	Say  string
}

func (p Problem) Error() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Say)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.Say)
}

// Read parses a file.
// Errors: what os.ReadFile says; else those of parse.
func Read(file string) (*Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(file, text)
}

// parse reads text, which stands in file.
// Errors: a [Problem] where it is no TOML.
func parse(file string, text []byte) (*Document, error) {
	d := &Document{file: file}
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // as editors on Windows begin a file
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		p := Problem{File: file, Line: 1, Say: strings.TrimPrefix(err.Error(), "toml: ")}
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			p.Line, _ = at.Position()
			p.Key = cmp.Or(strings.Join(at.Key(), "."), keyOf(text, p.Line))
			if !strings.Contains(p.Say, "already") { // is defined
				p.Say += `; accepted: key = "text in quotes", or a number, true, false, ["a", "list"]`
			}
		}
		return nil, p
	}
	d.lines = lines(text)
	d.Root = d.table("", values)
	return d, nil
}

// keyOf is the key that a line which is no TOML seems to set; "" for none.
func keyOf(text []byte, line int) string {
	lines := strings.Split(string(text), "\n")
	key, _, sets := strings.Cut(lines[min(line, len(lines))-1], "=")
	if key = strings.TrimSpace(key); !sets || strings.ContainsAny(key, " \t#[\"'") {
		return ""
	}
	return key
}

func (d *Document) table(path string, values map[string]any) *Table {
	return &Table{doc: d, path: path, values: values}
}

// line is where path is set, or the nearest table around it.
func (d *Document) line(path string) int {
	for path != "" {
		if n, ok := d.lines[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1
}

// Blame notes a mistake at key of t.
func (t *Table) Blame(key, format string, args ...any) {
	t.doc.problems = append(t.doc.problems, t.Problem(key, format, args...))
}

// Problem is what Blame notes.
func (t *Table) Problem(key, format string, args ...any) Problem {
	path := join(t.path, key)
	return Problem{t.doc.file, t.doc.line(path), plain(path), fmt.Sprintf(format, args...)}
}

// plain is a path without the numbers of tables.
func plain(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, "[") {
		if _, rest, numbered := strings.Cut(part, "]"); numbered {
			part = rest
		}
		b.WriteString(part)
	}
	return b.String()
}

// Err is all mistakes, in the order of their lines, among them every key that nobody asked for; nil when there are none.
func (d *Document) Err() error {
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	var all []error
	for _, p := range d.problems {
		all = append(all, p)
	}
	return errors.Join(all...)
}

// Close notes the keys that nobody asked for. Call it when all keys of t were asked for.
func (t *Table) Close() {
	for key := range t.values {
		if !slices.Contains(t.known, key) {
			t.Blame(key, "there is no such key here; accepted: %s", strings.Join(t.known, ", "))
		}
	}
}

func (t *Table) get(key string) (any, bool) {
	if !slices.Contains(t.known, key) {
		t.known = append(t.known, key)
	}
	v, ok := t.values[key]
	return v, ok
}

// Has tells whether key is set, and counts it as known.
func (t *Table) Has(key string) bool {
	_, ok := t.get(key)
	return ok
}

// Text is the value of key in the words of a flag: a string as it is, a number or truth value written
// out, a list joined by commas. ok is false without the key or after it was blamed.
func (t *Table) Text(key string) (text string, ok bool) {
	v, ok := t.get(key)
	if !ok {
		return "", false
	}
	if text, ok = scalar(v); ok {
		return text, true
	}
	if _, isList := v.([]any); isList {
		words := t.List(key)
		return strings.Join(words, ","), words != nil
	}
	t.Blame(key, "a table is not accepted here")
	return "", false
}

// List is the value of key as strings; one string is a list of one. nil without the key or after it was blamed.
func (t *Table) List(key string) []string {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	items, isList := v.([]any)
	if !isList {
		items = []any{v}
	}
	words := []string{}
	for _, item := range items {
		word, ok := scalar(item)
		if !ok {
			t.Blame(key, "accepted: a list of strings")
			return nil
		}
		words = append(words, word)
	}
	return words
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// Table is the table at key; nil without it or after it was blamed.
func (t *Table) Table(key string) *Table {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	values, ok := v.(map[string]any)
	if !ok {
		t.Blame(key, "accepted: a table, [%s]", plain(join(t.path, key)))
		return nil
	}
	return t.doc.table(join(t.path, key), values)
}

// Tables are the tables of the array at key.
func (t *Table) Tables(key string) (all []*Table) {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	items, _ := v.([]any)
	for i, item := range items {
		values, ok := item.(map[string]any)
		if !ok {
			items = nil
			break
		}
		all = append(all, t.doc.table(fmt.Sprintf("%s[%d]", join(t.path, key), i), values))
	}
	if items == nil {
		t.Blame(key, "accepted: tables, each begun by [[%s]]", plain(join(t.path, key)))
		return nil
	}
	return all
}

// Keys are those of t, sorted by their lines; all count as known.
func (t *Table) Keys() []string {
	var keys []string
	for k := range t.values {
		keys = append(keys, k)
		t.get(k)
	}
	slices.SortFunc(keys, func(a, b string) int { return t.doc.line(join(t.path, a)) - t.doc.line(join(t.path, b)) })
	return keys
}

package config

import (
	"strings"
	"testing"
)

const text = `# a comment
listen = ":80"
hosts = ["a", "b"]

[tls]
cert = 5

[[share]]
prefix = "/a"
[[share.rule]]
may = "read"
[[share.rule]]
may = "write"

[[share]]
prefix = "/b"
[[share.rule]]
may = { nested = 1 }
surprise = true
`

func TestEveryProblemNamesItsLineAndKey(t *testing.T) {
	d, err := parse("x.toml", []byte("\uFEFF"+text)) // as Notepad of Windows may write it
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Root.Text("hosts"); !ok || v != "a,b" {
		t.Errorf("hosts = %q, %v", v, ok)
	}
	d.Root.Text("listen")
	if v, _ := d.Root.Table("tls").Text("cert"); v != "5" {
		t.Errorf("tls.cert = %q", v)
	}
	shares := d.Root.Tables("share")
	if len(shares) != 2 {
		t.Fatalf("shares: %+v", shares)
	}
	shares[0].Blame("prefix", "bad")
	shares[0].Tables("rule")[1].Blame("may", "bad")
	rule := shares[1].Tables("rule")[0]
	rule.Text("may")
	rule.Close()
	d.Root.Close()
	want := `x.toml:9: share.prefix: bad
x.toml:13: share.rule.may: bad
x.toml:18: share.rule.may: a table is not accepted here
x.toml:19: share.rule.surprise: there is no such key here; accepted: may`
	if got := d.Err(); got == nil || got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
}

func TestNoTOML(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a = 1\nb = \n", "x.toml:2:"},
		{"a = 1\na = 2\n", "x.toml:2:"},
		{"[t]\n[t]\n", "x.toml:"},
	} {
		if _, err := parse("x.toml", []byte(tt.text)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s…", tt.text, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text)
	f.Add("a = {b = {c = [1, {d = 2}]}}\n[[a.b]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse("x", []byte(text))
		if err != nil {
			return
		}
		for _, k := range d.Root.Keys() {
			d.Root.Text(k)
			d.Root.Tables(k)
		}
		d.Err()
	})
}

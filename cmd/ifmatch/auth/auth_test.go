package auth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func cheap(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func usersOf(t testing.TB, text string) (*Users, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadUsers(file)
}

func TestUsersFile(t *testing.T) {
	good := cheap(t, "secret")
	for _, tt := range []struct {
		text, want string // part of the error; "" for none
	}{
		{"", ""},
		{"# nobody\n\nanna:" + good + "\nben:" + strings.Replace(good, "$2a$", "$2y$", 1) + ":a comment\n", ""},
		{"\uFEFFanna:" + good + "\n", ""}, // as editors on Windows begin a file
		{"anna:" + Argon2id([]byte("x")), ""},
		{"anna:$apr1$abc$def\n", ":1: the password of anna"},
		{"#\nanna\n", ":2: the line is not of the form name:hash"},
		{"anna:", ":1: the password of anna"},
		{"../x:" + good, ":1: \"../x\""},
		{".x:" + good, ":1:"},
		{"anonymous:" + good, ":1:"},
		{"a:" + good + "\na:" + good, ":2: a is there twice"},
		{"a:$argon2id$v=19$m=99999999,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "1 GiB"},
	} {
		_, err := usersOf(t, tt.text)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestVerify(t *testing.T) {
	u, err := usersOf(t, "anna:"+cheap(t, "secret")+"\r\n ben:"+Argon2id([]byte("geheim"))+":a comment")
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(2)
	now := time.Now()
	for _, tt := range []struct {
		name, password string
		want           bool
	}{
		{"anna", "secret", true}, {"anna", "secret2", false}, {"anna", "", false}, {"anna", "geheim", false},
		{"ben", "geheim", true}, {"ben", "secret", false}, {"eve", "secret", false}, {"eve", "geheim", false}, {"", "", false},
	} {
		sent := tt.name + ":" + tt.password
		if _, known := v.Known(u, sent, now); known {
			t.Errorf("%s:%s is known before it was verified", tt.name, tt.password)
		}
		if got, err := v.Verify(t.Context(), u, sent, tt.name, tt.password, now); err != nil || got != tt.want {
			t.Errorf("%s:%s: %v, %v", tt.name, tt.password, got, err)
		}
		if name, got := v.Known(u, sent, now); got != tt.want || got && name != tt.name {
			t.Errorf("%s:%s: known %v as %q", tt.name, tt.password, got, name)
		}
		if _, known := v.Known(u, sent, now.Add(remembered)); known {
			t.Errorf("%s:%s is remembered too long", tt.name, tt.password)
		}
	}
	changed, err := usersOf(t, "anna:"+cheap(t, "another"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []string{"anna:secret", "ben:geheim"} {
		if _, known := v.Known(changed, sent, now); known {
			t.Errorf("%s is remembered after it was changed", sent)
		}
	}
}

// Who leaves while a password is compared has tried it: else nobody would count what they try, and the processor be
// taken by passwords that nobody waits for.
func TestVerifyEndsWhatItHasBegun(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := usersOf(t, "anna:"+string(hash))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(1)
	for password, want := range map[string]bool{"secret": true, "wrong": false} {
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			for len(v.slots) == 0 {
				time.Sleep(time.Millisecond)
			}
			leave()
		}()
		if got, err := v.Verify(ctx, u, password, "anna", password, time.Now()); err != nil || got != want {
			t.Errorf("%s: %v, %v", password, got, err)
		}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	v.slots <- struct{}{}
	if _, err := v.Verify(gone, u, "secret", "anna", "secret", time.Now()); err == nil {
		t.Error("who leaves in the queue has a password compared")
	}
}

func TestThrottle(t *testing.T) {
	th := Throttle{Limit: 3, Window: time.Minute}
	now := time.Now()
	for range 3 {
		if th.Wait("a", now) != 0 {
			t.Fatal("waits too early")
		}
		th.Fail("a", now)
	}
	if got := th.Wait("a", now.Add(20*time.Second)); got != 40*time.Second {
		t.Errorf("Wait = %v", got)
	}
	if th.Wait("b", now) != 0 || th.Wait("a", now.Add(time.Minute)) != 0 {
		t.Error("others, or later ones, have to wait")
	}
	later := now.Add(time.Minute)
	for range 3 {
		th.Fail("a", later)
	}
	if th.Wait("a", later) != time.Minute {
		t.Error("failures of the next window do not count")
	}
	for i := range maxKeys - 2 { // with a and one more it is full
		th.Fail(fmt.Sprint("old", i), now)
	}
	th.Fail("b", later)
	th.Fail("c", later)
	if len(th.seen) != 3 || th.Wait("a", later) == 0 {
		t.Errorf("%d keys, want those whose window is open", len(th.seen))
	}
	for i := range maxKeys + 10 {
		th.Fail(fmt.Sprint(i), now)
	}
	if len(th.seen) > maxKeys {
		t.Error("a Throttle grows without bound")
	}
}

func TestTurns(t *testing.T) {
	var turns Turns
	done, err := turns.Take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := turns.Take(gone, "a"); err == nil {
		t.Error("two have the turn")
	}
	if other, err := turns.Take(t.Context(), "b"); err != nil {
		t.Error("another key waits")
	} else {
		other()
	}
	done()
	if len(turns.lines) != 0 {
		t.Errorf("%d lines are left", len(turns.lines))
	}
}

func TestRules(t *testing.T) {
	r := NewRules([]Rule{
		{"/", []string{"*"}, Read},
		{"/", []string{"anna"}, Write},
		{"/backup", []string{"@family"}, Append},
		{"/public", []string{"anonymous"}, Read},
		{"/caf\u00e9", []string{"anna"}, Read},
		{"/th\u00e9/secret", []string{"anna"}, Read},
	}, map[string][]string{"family": {"anna", "ben"}})
	for _, tt := range []struct {
		user, name      string
		may, throughout Right
	}{
		{"anna", "/", Write, Read},
		{"anna", "/x", Write, Write},
		{"anna", "/backup", Append, Append},
		{"anna", "/backup/x/y", Append, Append},
		{"anna", "/backups", Write, Write},
		{"ben", "/x", Read, Read},
		{"ben", "/", Read, None},
		{"eve", "/backup/x", None, None},
		{"eve", "/public/x", Read, Read},
		{"", "/public", Read, Read},
		{"", "/", None, None},
		{"ben", "/cafe\u0301/x", None, None}, // the other Unicode form of the same name
		{"anna", "/cafe\u0301/x", Read, Read},
		{"anna", "/the\u0301", Write, Read},
	} {
		if got := r.May(tt.user, tt.name); got != tt.may {
			t.Errorf("May(%s, %s) = %d, want %d", tt.user, tt.name, got, tt.may)
		}
		if got := r.Throughout(tt.user, tt.name); got != tt.throughout {
			t.Errorf("Throughout(%s, %s) = %d, want %d", tt.user, tt.name, got, tt.throughout)
		}
	}
	if r.Somewhere("") != Read || r.Somewhere("ben") != Append {
		t.Error("Somewhere")
	}
}

func BenchmarkKnown(b *testing.B) {
	u, err := usersOf(b, "anna:"+cheap(b, "secret"))
	if err != nil {
		b.Fatal(err)
	}
	v := NewVerifier(1)
	now := time.Now()
	v.Verify(b.Context(), u, "Basic YW5uYTpzZWNyZXQ=", "anna", "secret", now)
	b.ReportAllocs()
	for b.Loop() {
		v.Known(u, "Basic YW5uYTpzZWNyZXQ=", now)
	}
}

//go:build unix

package main

import (
	"encoding/base64"
	"maps"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The filter that README gives finds the addresses of wrong passwords in a log that the program wrote, as
// Debian's fail2ban reads it, and no others that clients put in.
func TestFail2banFilter(t *testing.T) {
	var filter, all string
	for _, block := range blocks(readme(t), "ini") {
		if strings.Contains(block, "failregex") {
			filter = writeFile(t, filepath.Join(t.TempDir(), "ifmatch.conf"), block)
		}
	}
	users := writeFile(t, filepath.Join(t.TempDir(), "users"), "anna:$2a$04$"+strings.Repeat("a", 53)+"\n")
	for _, format := range []string{"text", "json"} {
		p := start(t, nil, "--log-format="+format, "--users="+users, "--trusted-proxies=127.0.0.1", t.TempDir())
		for from, name := range map[string]string{
			"198.51.100.7": "anna", "2001:db8::7": "eve",
			"198.51.100.8": `x" remote=203.0.113.1 `, "198.51.100.9": "x\nlevel=WARN msg=\"login failed\" remote=203.0.113.2 user=\"",
		} {
			login := "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":wrong"))
			res, _ := send(t, "GET", p.url+"/", nil, "X-Forwarded-For", from, "Authorization", login)
			wantStatus(t, res, 401)
		}
		// lines of other kinds, with what looks like ours in them
		for _, path := range []string{`/x time=0 level=WARN msg="login failed" remote=203.0.113.3 `, `/{"time":"","level":"WARN","msg":"login failed","remote":"203.0.113.4"}`} {
			send(t, "PUT", p.url+(&neturl.URL{Path: path}).EscapedPath(), nil, "X-Request-Id", "remote=203.0.113.5")
		}
		p.stop(syscall.SIGTERM)
		log := strings.Join(p.lines(), "\n")
		if n := strings.Count(log, "login failed"); n < 4 {
			t.Fatalf("only %d times the log says that a login failed:\n%s", n, log)
		}
		all += log + "\n"                                                                          // as in a file
		all += "house ifmatch[7]: " + strings.ReplaceAll(log, "\n", "\nhouse ifmatch[7]: ") + "\n" // as in the journal
	}
	cmd := exec.Command("fail2ban-regex", "-o", "ip", writeFile(t, filepath.Join(t.TempDir(), "log"), all), filter)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]int{}
	for _, ip := range strings.Fields(string(out)) {
		got[ip]++
	}
	if want := map[string]int{"198.51.100.7": 4, "2001:db8::7": 4, "198.51.100.8": 4, "198.51.100.9": 4}; !maps.Equal(got, want) {
		t.Errorf("fail2ban finds %v, want %v, in\n%s", got, want, all)
	}
}

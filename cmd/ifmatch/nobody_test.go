//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Without permission, root apart, the program says so and exits 1.
func TestNoPermission(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711))
	closed := filepath.Join(dir, "closed")
	must(t, os.Mkdir(closed, 0)) // also for its owner, where the tests do not run as root
	open := filepath.Join(dir, "open")
	must(t, errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777)))
	fixed := filepath.Join(dir, "fixed")
	must(t, errors.Join(os.Mkdir(fixed, 0o555), os.Chmod(fixed, 0o555)))
	restored := filepath.Join(open, "restored")
	must(t, errors.Join(os.Mkdir(restored, 0o777), os.Chmod(restored, 0o777), os.WriteFile(filepath.Join(restored, "state.db"), nil, 0)))
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"directory", []string{"serve", filepath.Join(closed, "inner")}, "no permission"},
		{"unreadable directory", []string{"serve", closed}, "no permission"},
		{"state", []string{"serve", "--state", filepath.Join(closed, "state"), open}, "--state"},
		{"state of somebody else", []string{"serve", "--state", restored, fixed}, restored + "/state.db; give it to the user of the server"},
		{"directory that cannot be written", []string{"serve", "--state", filepath.Join(open, "state"), "--listen=unix:" + filepath.Join(closed, "s"), fixed}, "no permission to write the directory"},
		{"socket", []string{"serve", "--memory", "--listen=unix:" + filepath.Join(closed, "s")}, "no permission"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stderr := asNobody(t, tt.args...)
			if code != 1 || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, stderr %q, want 1 and %q", code, stderr, tt.want)
			}
		})
	}
}

// asNobody runs the program as a user without rights: nobody, when the tests run as root.
func asNobody(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	bin := program(t)
	must(t, os.Chmod(built.dir, 0o755))
	cmd := exec.Command(bin, args...)
	cmd.Env = []string{"HOME=" + os.TempDir()}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Run()
	return cmd.ProcessState.ExitCode(), errs.String()
}

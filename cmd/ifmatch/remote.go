package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	neturl "net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/jdx/go-netrc"
	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

// remote is what the commands that talk to a server have in common.
type remote struct {
	getenv func(string) string
	user   string
	cacert string
	quiet  bool
}

// newRemote gives cmd the common flags and the common end of its help.
func newRemote(cmd *cobra.Command, getenv func(string) string) *remote {
	r := &remote{getenv: getenv}
	cmd.Flags().StringVar(&r.user, "user", "", "log in as NAME or NAME:PASSWORD; the password can also come from IFMATCH_PASSWORD or a netrc file")
	cmd.Flags().StringVar(&r.cacert, "cacert", "", "file of certificates to trust besides those of the system")
	cmd.Flags().BoolVarP(&r.quiet, "quiet", "q", false, "no progress bar and no remarks")
	cmd.Long = strings.TrimSpace(cmd.Long) + "\n" + exitCodes
	return r
}

// client makes the client for the URL that was named as the command's argument.
func (r *remote) client(cmd *cobra.Command, arg string) (*client.Client, *neturl.URL, error) {
	u, err := client.ParseURL(arg)
	if err != nil {
		return nil, nil, usagef("%s: %w", cmd.Name(), err)
	}
	dir, err := r.stateDir()
	if err != nil {
		return nil, nil, err
	}
	lookup, err := r.netrc()
	if err != nil {
		return nil, nil, err
	}
	o := client.Options{CACert: r.cacert, Agent: "ifmatch/" + version(), Memory: client.Memory{Dir: filepath.Join(dir, "remembered")}}
	if o.User, o.Password, err = r.login(cmd, u, lookup); err != nil {
		return nil, nil, err
	}
	o.Login = func(host string) (user, password string) { return lookup(host, "") }
	if !r.quiet {
		o.Progress = bars(cmd.ErrOrStderr())
	}
	c, err := client.New(o)
	if err != nil {
		return nil, nil, usagef("--cacert: %w", err)
	}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP) // else half a file would be left
		context.AfterFunc(ctx, stop)
		cmd.SetContext(ctx)
	}
	return c, u, nil
}

// stateDir is where tags are remembered and edited texts are kept.
func (r *remote) stateDir() (string, error) {
	home, err := stateHome(r.getenv, "set XDG_STATE_HOME")
	return filepath.Join(home, "client"), err
}

// login is what --user says, or else the URL where it names a user without a password. A password that is nowhere, also not
// where lookup finds those of netrc, is asked for on a terminal.
func (r *remote) login(cmd *cobra.Command, u *neturl.URL, lookup func(host, wanted string) (user, password string)) (user, password string, err error) {
	user, password, given := strings.Cut(r.user, ":")
	if _, both := u.User.Password(); user == "" && !both {
		user, given = u.User.Username(), false
	}
	if user == "" || given {
		return user, password, nil
	}
	if password = r.getenv("IFMATCH_PASSWORD"); password != "" {
		return user, password, nil
	}
	if name, known := lookup(u.Hostname(), user); name == user {
		return user, known, nil
	}
	in, ok := onTerminal(cmd.InOrStdin())
	if !ok {
		return user, "", nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Password of %s at %s: ", user, u.Host)
	line, err := typed(cmd.Context(), int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return user, string(line), err
}

// netrc reads the file that $NETRC names, or the one in the home directory; none is fine. Of a host it finds who is wanted, or
// with "" the first.
func (r *remote) netrc() (lookup func(host, wanted string) (user, password string), err error) {
	none := func(string, string) (string, string) { return "", "" }
	file := r.getenv("NETRC")
	if file == "" {
		home := r.getenv("HOME")
		if home == "" {
			return none, nil
		}
		file = filepath.Join(home, ".netrc")
		if runtime.GOOS == "windows" {
			file = filepath.Join(home, "_netrc")
		}
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, iofs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := netrc.ParseString(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return func(host, wanted string) (string, string) {
		for _, m := range n.Machines() {
			if (m.Name == host || m.IsDefault) && (wanted == "" || wanted == m.Get("login")) {
				return m.Get("login"), m.Get("password")
			}
		}
		return "", ""
	}, nil
}

// say prints a remark, unless --quiet.
func (r *remote) say(cmd *cobra.Command, format string, args ...any) {
	if !r.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
	}
}

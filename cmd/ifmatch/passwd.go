package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/cmd/ifmatch/client"
)

func newPasswd() *cobra.Command {
	algorithm := choice{"bcrypt", []string{"bcrypt", "argon2id"}}
	cmd := &cobra.Command{
		Use:   "passwd [flags] FILE USER",
		Short: "Set the password of a user",
		Long: `Set the password of USER in FILE. FILE is created if it does not exist; its other lines stay.
The password is asked for twice on the terminal, without echo. Without a terminal it is one
line of standard input. A running server reads FILE again on SIGHUP.
Exit codes: 0 done, 1 something failed, 2 the command line is wrong.`,
		Example: "  ifmatch passwd /etc/ifmatch/users anna\n  ifmatch passwd --hash argon2id users ben",
		Args:    someArgs(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !auth.GoodName(args[1]) {
				return usagef("%q is not a valid user name; accepted: %s", args[1], auth.NameRule)
			}
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			hash := ""
			if algorithm.value == "argon2id" {
				hash = auth.Argon2id(password)
			} else if hash, err = auth.Bcrypt(password); err != nil {
				return usagef("%w", err)
			}
			return setUser(args[0], args[1], hash)
		},
	}
	cmd.Flags().Var(&algorithm, "hash", "bcrypt, or argon2id, which takes 64 MiB for each login")
	return cmd
}

func readPassword(cmd *cobra.Command) ([]byte, error) {
	in, ok := onTerminal(cmd.InOrStdin())
	if !ok {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return nil, usagef("the password is missing on standard input")
		}
		if err == io.EOF {
			err = nil
		}
		return []byte(line), err
	}
	var lines [2][]byte
	for i, prompt := range []string{"Password: ", "Again: "} {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		var err error
		lines[i], err = typed(cmd.Context(), int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return nil, err
		}
	}
	if len(lines[0]) == 0 || string(lines[0]) != string(lines[1]) {
		return nil, errors.New("the two passwords differ, or are empty; nothing was changed")
	}
	return lines[0], nil
}

// typed reads a line without echo from a terminal, which echoes again afterwards, also when ctx ends at Ctrl-C.
func typed(ctx context.Context, terminal int) (line []byte, err error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	read := make(chan error, 1)
	go func() {
		text, err := term.ReadPassword(terminal)
		line = text
		read <- err
	}()
	select {
	case err := <-read:
		return line, err
	case <-ctx.Done():
		return nil, errors.Join(errors.New("interrupted; nothing was changed"), term.Restore(terminal, before))
	}
}

// setUser puts a line into the file, of which a server that reads it meanwhile sees all. The new file has the owner
// of the old one, too. Of two who do that at once, one waits.
func setUser(file, user, hash string) error {
	file = real(file)
	defer alone(filepath.Dir(file))()
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	var b strings.Builder
	found := false
	for line := range strings.Lines(strings.TrimPrefix(string(old), "\uFEFF")) {
		line = strings.TrimRight(line, "\n")
		if name, _, _ := strings.Cut(strings.TrimSpace(line), ":"); name == user {
			if found {
				continue
			}
			found, line = true, user+":"+hash
		}
		b.WriteString(line + "\n")
	}
	if !found {
		b.WriteString(user + ":" + hash + "\n")
	}
	return client.ReplaceFile(file, 0o600, func(tmp *os.File) error {
		_, err := tmp.WriteString(b.String())
		return errors.Join(err, keepOwner(tmp, file))
	})
}

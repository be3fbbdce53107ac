package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newEdit(getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit [flags] URL",
		Short: "Edit a file on a server and merge with what others saved meanwhile",
		Long: `Fetch URL, open it in $VISUAL or $EDITOR and save it with If-Match. A file that does not
exist is created. If somebody else was faster, both edits are merged. Where both changed the
same lines, the file is opened again with both versions between conflict markers, and what
you make of them is saved. Your text is kept in a file whenever it cannot be saved.`,
		Example: `  EDITOR=nano ifmatch edit https://files.example/todo.txt`,
		Args:    oneArg("the URL to edit"),
	}
	r := newRemote(cmd, getenv)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		c.Progress = nil
		dir, err := r.stateDir()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		ed := &userEditor{cmd: cmd, command: editorCommand(getenv)}
		ctx, cancel := ed.context(cmd.Context())
		defer cancel()
		saved, err := c.Edit(ctx, u, client.Editing{
			Open: ed.open,
			Say:  func(format string, args ...any) { r.say(cmd, format, args...) },
			Ask:  ed.ask,
			Dir:  dir,
		})
		switch {
		case err != nil:
			return err
		case saved:
			r.say(cmd, "%s saved", u.Redacted())
		default:
			r.say(cmd, "nothing changed, nothing saved")
		}
		return nil
	}
	return cmd
}

// editorCommand is what the user wants to edit with, a command line for the shell.
func editorCommand(getenv func(string) string) string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if e := strings.TrimSpace(getenv(name)); e != "" {
			return e
		}
	}
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	for _, e := range []string{"editor", "nano"} {
		if path, err := exec.LookPath(e); err == nil {
			return path
		}
	}
	return "vi"
}

// userEditor runs the user's editor.
type userEditor struct {
	cmd     *cobra.Command
	command string
	opened  atomic.Bool
}

// context is cancelled by Ctrl+C and by the signals that cancel parent, except while the editor is open: Ctrl+C is typed for
// the editor then, but reaches every process of the terminal. It counts afterwards, too, when parent has had its signal.
func (e *userEditor) context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	unlessOpened := func() {
		if !e.opened.Load() {
			cancel()
		}
	}
	stop := context.AfterFunc(parent, unlessOpened)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		defer signal.Stop(interrupts)
		for ctx.Err() == nil {
			select {
			case <-interrupts:
				unlessOpened()
			case <-ctx.Done():
			}
		}
	}()
	return ctx, func() { stop(); cancel() }
}

// open lets the shell run the editor, as git does, since $EDITOR may hold arguments. The shell outlives a Ctrl+C that the editor
// does.
func (e *userEditor) open(ctx context.Context, file string) error {
	shell := exec.CommandContext(ctx, "sh", "-c", "trap : INT; "+e.command+` "$@"`, e.command, file)
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(e.command), file)
		shell = exec.CommandContext(ctx, words[0], words[1:]...)
	}
	shell.Stdin, shell.Stdout, shell.Stderr = e.cmd.InOrStdin(), e.cmd.OutOrStdout(), e.cmd.ErrOrStderr()
	e.opened.Store(true)
	defer e.opened.Store(false)
	if err := shell.Run(); err != nil {
		return fmt.Errorf("editor %s: %w", filepath.Base(e.command), err)
	}
	return nil
}

// ask asks on the terminal; where there is none, or ctx ends first, the answer is no.
func (e *userEditor) ask(ctx context.Context, question string) bool {
	in, ok := onTerminal(e.cmd.InOrStdin())
	if !ok {
		return false
	}
	fmt.Fprintf(e.cmd.ErrOrStderr(), "%s [Y/n] ", question)
	yes := make(chan bool, 1)
	go func() {
		answer, err := bufio.NewReader(in).ReadString('\n')
		answer = strings.ToLower(strings.TrimSpace(answer))
		yes <- err == nil && (answer == "" || answer[0] == 'y')
	}()
	select {
	case is := <-yes:
		return is
	case <-ctx.Done():
		fmt.Fprintln(e.cmd.ErrOrStderr())
		return false
	}
}

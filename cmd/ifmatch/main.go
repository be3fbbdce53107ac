// Command ifmatch serves a directory over HTTP and WebDAV and never loses an edit.
//
// It promises that a conditional write succeeds only if the resource is still in the state the
// client named, and then completely; the packages below keep that promise, and this one wires
// them: commands and flags (command.go, settings.go), environment (env.go), listeners (listen.go),
// signals and the end of the process (here and in server.go).
//
// Exit codes: 0 after a signal, 1 when something failed, 2 when the command line or the configuration is wrong; the
// commands that talk to a server have more (exit.go).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first := <-signals
		signal.Stop(signals) // before anybody hears that we end: the second one does what it does by default, it ends us at once
		cancel(fmt.Errorf("%v signal received", first))
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// run is the whole program; it returns the exit code. Cancelling ctx is the first signal.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	cmd := newCommand(getenv)
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	strict(cmd)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	say := fmt.Sprintf("ifmatch: %v", err)
	if toJournal(stderr) {
		say = forJournal(say)
	}
	fmt.Fprintln(stderr, say)
	return exitCode(err)
}

// usageError is a mistake in how the program was called; it exits 2.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

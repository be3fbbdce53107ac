package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bars draws transfers on w if it is a terminal; otherwise there is nothing to draw on and it returns nil. A bar is first
// drawn when the transfer has taken a while, since what is over at once needs none, and closing it takes it off the
// screen, also after a transfer that broke off: what is said next begins a line.
func bars(w io.Writer) func(what string, sizeBytes int64) io.WriteCloser {
	if _, ok := onTerminal(w); !ok {
		return nil
	}
	return func(what string, sizeBytes int64) io.WriteCloser { return newBar(w, what, sizeBytes) }
}

// newBar is for so many bytes; -1: nobody knows how many.
func newBar(w io.Writer, what string, sizeBytes int64) *progressbar.ProgressBar {
	b := progressbar.NewOptions64(sizeBytes,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(), // without it, it is drawn when a remainder of the bytes has changed, and for some sizes never
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionThrottle(500*time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
	b.Reset() // its clock goes from here, so the throttle holds back the first drawing, too
	return b
}

// tally shows on a terminal how many bytes are done.
type tally struct{ bar *progressbar.ProgressBar }

func newTally(w io.Writer, what string) *tally {
	if _, ok := onTerminal(w); !ok {
		return &tally{}
	}
	return &tally{newBar(w, what, -1)}
}

func (t *tally) Set(n int64) {
	if t.bar != nil {
		t.bar.Set64(n)
	}
}

// Close removes the bar, so that a line can be written; the next Set draws it again.
func (t *tally) Close() {
	if t.bar != nil {
		t.bar.Clear()
	}
}

// onTerminal is the file that a stream of the command is, if that is a terminal.
func onTerminal(stream any) (f *os.File, ok bool) {
	f, ok = stream.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

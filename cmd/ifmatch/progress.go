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
	return func(what string, sizeBytes int64) io.WriteCloser {
		b := progressbar.NewOptions64(sizeBytes,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowCount(),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(500*time.Millisecond),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
		b.Reset() // its clock goes from here, so the throttle holds back the first drawing, too
		return b
	}
}

// onTerminal is the file that a stream of the command is, if that is a terminal.
func onTerminal(stream any) (f *os.File, ok bool) {
	f, ok = stream.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

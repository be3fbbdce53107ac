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
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
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

package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bars draws transfers on w if it is a terminal; otherwise there is nothing to draw on and it returns nil.
func bars(w io.Writer) func(what string, sizeBytes int64) io.WriteCloser {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(what string, sizeBytes int64) io.WriteCloser {
		return &lateBar{start: time.Now(), draw: func() *progressbar.ProgressBar {
			return progressbar.NewOptions64(sizeBytes,
				progressbar.OptionSetWriter(w),
				progressbar.OptionSetDescription(what),
				progressbar.OptionShowBytes(true),
				progressbar.OptionShowTotalBytes(true),
				progressbar.OptionUseIECUnits(true),
				progressbar.OptionSetPredictTime(true),
				progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionFullWidth(),
				progressbar.OptionClearOnFinish(),
			)
		}}
	}
}

// lateBar draws a bar once a transfer has taken a while: what is over at once needs none.
type lateBar struct {
	start     time.Time
	draw      func() *progressbar.ProgressBar
	bar       *progressbar.ProgressBar
	sizeBytes int // passed before there was a bar
}

func (b *lateBar) Write(p []byte) (int, error) {
	if b.bar == nil {
		b.sizeBytes += len(p)
		if time.Since(b.start) < 500*time.Millisecond {
			return len(p), nil
		}
		b.bar = b.draw()
		b.bar.Add(b.sizeBytes)
		return len(p), nil
	}
	return b.bar.Write(p)
}

func (b *lateBar) Close() error {
	if b.bar == nil {
		return nil
	}
	return b.bar.Exit() // also after a transfer that broke off
}

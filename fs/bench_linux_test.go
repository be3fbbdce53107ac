package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func benchRoot(b *testing.B) *Root {
	b.Helper()
	dir := b.TempDir()
	must(b, os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o777))
	for _, name := range []string{"f", "a/b/c/f"} {
		must(b, os.WriteFile(filepath.Join(dir, name), []byte("0123456789"), 0o666))
	}
	return openRoot(b, dir, RootOptions{})
}

// cpu reports the time that the process spent, in user mode and in the kernel: on a busy machine
// it tells more than the clock on the wall.
func cpu(b *testing.B) func() {
	spent := func() int64 {
		var u unix.Rusage
		must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.ReportAllocs()
	start := spent()
	return func() { b.ReportMetric(float64(spent()-start)/float64(b.N), "cpu-ns/op") }
}

var depths = map[string]string{"depth1": "/f", "depth4": "/a/b/c/f"}

func BenchmarkLookup(b *testing.B) {
	f := benchRoot(b)
	for depth, name := range depths {
		b.Run(depth, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				f.Lookup(name)
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	f := benchRoot(b)
	for depth, name := range depths {
		b.Run(depth, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				f.Resolve(name)
			}
		})
	}
}

func BenchmarkOpenRead(b *testing.B) {
	f := benchRoot(b)
	for depth, name := range depths {
		b.Run(depth, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				file, err := f.OpenRead(name)
				must(b, err)
				file.Close()
			}
		})
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, kind := range []string{"create", "replace", "exact"} {
		for depth, at := range depths {
			b.Run(kind+"/"+depth, func(b *testing.B) {
				f := benchRoot(b)
				body := strings.NewReader(strings.Repeat("x", 4096))
				defer cpu(b)()
				n := 0
				for b.Loop() {
					name := at
					if kind == "create" {
						n++
						name = fmt.Sprintf("%s%d", at, n)
					}
					s, err := f.Stage(name)
					must(b, err)
					body.Seek(0, 0)
					s.ReadFrom(body)
					must(b, s.Prepare(time.Time{}, false))
					_, _, release, err := s.Commit(kind == "exact", accept)
					must(b, err)
					release()
				}
			})
		}
	}
}

func BenchmarkList10000(b *testing.B) {
	dir := b.TempDir()
	for n := range 10_000 {
		must(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%05d.txt", n)), nil, 0o666))
	}
	f := openRoot(b, dir, RootOptions{})
	defer cpu(b)()
	for b.Loop() {
		n := 0
		f.List("/", func(string, *Info) error { n++; return nil })
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

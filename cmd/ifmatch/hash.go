package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/admin"
	"ifmatch/cmd/ifmatch/client"
	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
)

func newHash(getenv func(string) string) *cobra.Command {
	s := defaultSettings()
	var rate size
	cmd := &cobra.Command{
		Use:   "hash [flags] DIR",
		Short: "Compute the digests of all files ahead of time",
		Long: `Compute the SHA-256 of every file below DIR that has none recorded yet, so that
a server with --etag content knows every ETag from the start. (Such a server also does this
by itself, in the background.) An interrupted run continues where it stopped. Digests of
files that are gone are dropped, unless the state is that of another directory.

It also works while a server is running: the two then exchange the digests. Run it as root or
as the user that the server runs as.

Exit codes: 0 done, 1 something failed, 2 the command line is wrong.`,
		Example: "  ifmatch hash /srv/share\n  ifmatch hash --rate 50MiB /srv/share",
		Args:    oneArg("the directory to hash"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDigests(cmd.Context(), args[0], s, false, getenv, cmd.ErrOrStderr(), func(ctx context.Context, tree *etagfs.FS) error {
				tally := newTally(cmd.ErrOrStderr(), "hashing")
				defer tally.Close()
				failures := 0
				p, err := tree.HashAll(ctx, etagfs.HashOptions{
					BytesPerSecond: int64(rate),
					Progress:       func(p etagfs.HashProgress) { tally.Set(p.Bytes) },
					Failed: func(name string, err error) {
						failures++
						fmt.Fprintf(cmd.ErrOrStderr(), "ifmatch: %s\n", client.Printable(err.Error()))
					},
				})
				if err == nil && failures > 0 {
					err = fmt.Errorf("%s could not be read", several(failures, "file"))
				}
				tally.Close()
				fmt.Fprintf(cmd.OutOrStdout(), "%s hashed (%s), %d known before\n", several(int(p.Files), "file"), client.Size(p.Bytes), p.Known)
				if p.Pruned > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "%s dropped, of files that are gone\n", several(int(p.Pruned), "digest"))
				}
				if p.Foreign {
					fmt.Fprintln(cmd.OutOrStdout(), "no digest was dropped: the state is that of another directory")
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&s.state, "state", "", "directory of the state, as for serve, or the one that holds it")
	cmd.Flags().Var(&rate, "rate", "bytes to read in a second, such as 50MiB; 0 for no limit")
	return cmd
}

func newScrub(getenv func(string) string) *cobra.Command {
	s := defaultSettings()
	asJSON := false
	cmd := &cobra.Command{
		Use:   "scrub [flags] DIR",
		Short: "Read files again and report bytes that have rotted",
		Long: `Read every file below DIR again whose digest is recorded and which nobody has changed since,
and report those whose bytes differ: the disk, a cable or the memory has damaged them. A file
without a recorded digest is counted as unknown (see ifmatch hash).

On Linux files are read from the disk, except what a program has mapped and what waits to be
written. Other systems may give the bytes that they have in memory.

It also works while a server is running. Run it as root or as the user that the server runs as.

Exit codes: 0 nothing found, 1 something was found or failed, 2 the command line is wrong.`,
		Example: "  ifmatch scrub /srv/share\n  ifmatch scrub --json /srv/share | jq .rotten",
		Args:    oneArg("the directory to scrub"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDigests(cmd.Context(), args[0], s, true, getenv, cmd.ErrOrStderr(), func(ctx context.Context, tree *etagfs.FS) error {
				return scrub(ctx, tree, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
			})
		},
	}
	cmd.Flags().StringVar(&s.state, "state", "", "directory of the state, as for serve, or the one that holds it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	return cmd
}

// scrubReport is what scrub --json prints.
type scrubReport struct {
	Files    int64         `json:"files"`
	Bytes    int64         `json:"bytes"`
	Unknown  int64         `json:"unknown"`
	Seconds  float64       `json:"seconds"`
	Rotten   []rottenFile  `json:"rotten"`
	Failed   []failedToGet `json:"failed"`
	Complete bool          `json:"complete"` // it was not interrupted
}

type rottenFile struct {
	Name     string `json:"name"`
	Recorded string `json:"recorded_sha256"`
	Found    string `json:"found_sha256"`
}

type failedToGet struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

func scrub(ctx context.Context, tree *etagfs.FS, asJSON bool, stdout, stderr io.Writer) error {
	report := scrubReport{Rotten: []rottenFile{}, Failed: []failedToGet{}}
	tally := newTally(stderr, "scrubbing")
	defer tally.Close()
	began := time.Now()
	p, err := tree.Scrub(ctx,
		func(p etagfs.ScrubProgress) { tally.Set(p.Bytes) },
		func(name string, want, got etagfs.Digest) {
			report.Rotten = append(report.Rotten, rottenFile{name, hex.EncodeToString(want[:]), hex.EncodeToString(got[:])})
			if !asJSON {
				tally.Close()
				fmt.Fprintf(stdout, "%s: rotten: recorded sha256 %x, found %x\n", client.Printable(name), want, got)
			}
		},
		func(name string, err error) {
			report.Failed = append(report.Failed, failedToGet{name, err.Error()})
			if !asJSON {
				tally.Close()
				fmt.Fprintf(stderr, "ifmatch: %s\n", client.Printable(err.Error()))
			}
		})
	tally.Close()
	report.Complete = err == nil
	report.Files, report.Bytes, report.Unknown, report.Seconds = p.Files, p.Bytes, p.Unknown, time.Since(began).Seconds()
	var untold error
	if asJSON {
		untold = json.NewEncoder(stdout).Encode(report)
	} else {
		_, untold = fmt.Fprintf(stdout, "%s read (%s), %d rotten, %d unknown, %d could not be read\n",
			several(int(p.Files), "file"), client.Size(p.Bytes), len(report.Rotten), p.Unknown, len(report.Failed))
	}
	switch {
	case err != nil:
		return err
	case len(report.Rotten) > 0:
		return fmt.Errorf("%s with changed bytes, although nobody wrote them", several(len(report.Rotten), "file"))
	case len(report.Failed) > 0:
		return fmt.Errorf("%s could not be read", several(len(report.Failed), "file"))
	}
	return untold // who does not get the report must not take silence for a clean one
}

// withDigests opens dir with the digests that a server of it has recorded: from the state directory, or from the server that
// has it. Only the records come from there, and all is read here: so the results are the same, the server answers its clients
// meanwhile, and the reading ends with the command. Where a state directory begins, that is said; recorded: it is an error.
func withDigests(ctx context.Context, dir string, s *settings, recorded bool, getenv func(string) string, stderr io.Writer, do func(context.Context, *etagfs.FS) error) error {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	base, err := openTree(dir, s, log)
	if err != nil {
		return err
	}
	defer base.Close()
	place, err := digestsDir(dir, s, getenv)
	if err != nil {
		return err
	}
	switch {
	case state.Begun(place):
	case recorded:
		return usagef("nothing is kept in %s, so no digest that the files could be compared with; name the directory that serve or hash was given with --state, such as /var/lib/ifmatch", place)
	default:
		fmt.Fprintf(stderr, "ifmatch: nothing was kept in %s before; it is of use to a server that keeps its state there (--state)\n", place)
	}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	digests, done, err := openDigests(ctx, place, log, lost)
	if err != nil {
		return err
	}
	defer done()
	tree := etagfs.New(base, etagfs.Options{Settings: etagfs.Settings{Content: true}, Digests: digests, Log: log})
	defer tree.Close()
	err = do(ctx, tree)
	if ctx.Err() != nil { // what do says then is not the reason
		return context.Cause(ctx)
	}
	return err
}

// digestsDir is the state directory of dir. A server with a file of shares has one for each of them in --state.
func digestsDir(dir string, s *settings, getenv func(string) string) (string, error) {
	if s.state != "" {
		if own := filepath.Join(s.state, ownName(dir)); isDir(own) {
			return own, nil
		}
	}
	return stateDir(dir, s.state, getenv)
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// openDigests opens the records in a state directory, or those of the server that has it; lost is told when
// that ends.
func openDigests(ctx context.Context, place string, log *slog.Logger, lost func(error)) (d etagfs.DigestStore, done func(), err error) {
	store, err := state.Open(place, state.Options{Log: log})
	if err == nil {
		return etagfs.KeepDigests(store), func() { store.Close() }, nil
	}
	if !errors.Is(err, state.ErrInUse) {
		return nil, nil, unusable(place, err)
	}
	server, err := admin.Dial(ctx, place)
	if errors.Is(err, admin.ErrNoServer) {
		return nil, nil, fmt.Errorf("%s is in use, and not by a server that answers; another hash or scrub may be under way", place)
	}
	if err != nil {
		return nil, nil, err
	}
	return server.Digests(ctx, lost), server.Close, nil
}

// keepHashing is the background hasher of a server: it reads the files that have no digest yet, at a bounded
// rate and after everybody else, and says how far it is.
func keepHashing(ctx context.Context, tree *etagfs.FS, bytesPerSecond int64, log *slog.Logger) {
	fs.Idle() // this goroutine's thread, which ends with it
	said, began := time.Now(), time.Now()
	err := tree.KeepHashing(ctx, etagfs.HashOptions{
		BytesPerSecond: bytesPerSecond,
		Progress: func(p etagfs.HashProgress) {
			if time.Since(said) > 10*time.Second {
				said = time.Now()
				log.Info("hashing in the background", "files", p.Files, "bytes", p.Bytes, "known", p.Known, "backlog", tree.Backlog(), "for", time.Since(began).Round(time.Second).String())
			}
		},
		Failed: func(name string, err error) { log.Warn("could not be hashed", "name", name, "err", err) },
		Passed: func(p etagfs.HashProgress) {
			log.Info("hashing in the background has gone over all files", "files", p.Files, "bytes", p.Bytes, "known", p.Known, "for", time.Since(began).Round(time.Second).String())
		},
	})
	if err != nil && ctx.Err() == nil {
		log.Error("hashing in the background ended", "err", err)
	}
}

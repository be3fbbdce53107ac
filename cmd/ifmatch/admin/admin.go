// Package admin is how programs of the operator talk to a running server: JSON over HTTP on a Unix socket in
// the state directory.
//
// It promises that only root and the user that the server runs as get an answer, that whoever lists locks
// learns no token unless he asks for it, and that a break is told to the log with who did it. It does not
// hide anything from those two: they could read the files of the state as well.
//
// Entry points: [Serve] for the server, [Find] and [Dial] for the others.
package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
)

// Directory is one that is being served, and what is kept beside it.
type Directory struct {
	Dir     string
	Shares  func() []string // the prefixes that it is served at now
	Locks   *lock.Table
	Digests etagfs.DigestStore
	Log     *slog.Logger
}

// Serve answers on a socket in the directory state until stop, which removes it. The caller has state for
// itself, so a socket that is there was left by a server that was killed, and is replaced.
// Errors: those of the file system, when it can hold no socket.
func Serve(state string, d Directory) (stop func(), err error) {
	ln, remove, err := listen(state)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /locks", d.listLocks)
	mux.HandleFunc("POST /locks/break", d.breakLock)
	mux.HandleFunc("GET /digest", d.loadDigest)
	mux.HandleFunc("PUT /digest", d.saveDigest)
	mux.HandleFunc("GET /digests", d.listDigests)
	mux.HandleFunc("POST /digests/forget", d.forgetDigests)
	srv := &http.Server{
		Handler:           ours(mux),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerOf(c))
		},
		ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelWarn),
	}
	go srv.Serve(ln)
	return func() {
		remove()
		bound, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(bound) != nil {
			srv.Close()
		}
	}, nil
}

// peer is who is at the other end of a connection.
type peer struct {
	name string // for the log
	may  bool
}

type peerKey struct{}

// ours answers only those who may ask.
func ours(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.Context().Value(peerKey{}).(peer); !p.may {
			http.Error(w, "only root and the user that the server runs as may ask", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Memory remembers, for each pair of a URL and a local file, which state of the resource the file was made from. It
// is a directory with a small file for each pair. Several processes may use one Memory: a pair is written in one step, and
// the last one counts.
type Memory struct{ Dir string }

// Memo says what a local file was made from.
type Memo struct {
	URL    string    `json:"url"`
	File   string    `json:"file"`
	ETag   string    `json:"etag"`
	SHA256 string    `json:"sha256"` // of the bytes, hex
	Time   time.Time `json:"time"`
}

// recall returns what is remembered; ok is false if nothing is.
func (m Memory) recall(u *url.URL, file string) (memo Memo, ok bool, err error) {
	path, _, err := m.path(u, file)
	if err != nil {
		return Memo{}, false, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, iofs.ErrNotExist) {
		return Memo{}, false, nil
	}
	if err != nil {
		return Memo{}, false, err
	}
	if err := json.Unmarshal(b, &memo); err != nil {
		return Memo{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return memo, true, nil
}

// remember notes the state that the file was made from, after a transfer. An empty tag forgets the pair.
// Errors: one that says that the transfer was done all the same.
func (m Memory) remember(u *url.URL, file, etag string, sum []byte) error {
	if err := m.note(u, file, etag, sum); err != nil {
		return fmt.Errorf("%s: it is done, but its ETag cannot be remembered, so the next put will refuse: %w", u.Redacted(), err)
	}
	return nil
}

func (m Memory) note(u *url.URL, file, etag string, sum []byte) error {
	path, memo, err := m.path(u, file)
	if err != nil {
		return err
	}
	if etag == "" {
		if err := os.Remove(path); !errors.Is(err, iofs.ErrNotExist) {
			return err
		}
		return nil
	}
	memo.ETag, memo.SHA256, memo.Time = etag, hex.EncodeToString(sum), time.Now().UTC().Truncate(time.Second)
	b, err := json.MarshalIndent(memo, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return err
	}
	return ReplaceFile(path, 0o600, func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// path names the file of a pair by what identifies it, without credentials.
func (m Memory) path(u *url.URL, file string) (path string, memo Memo, err error) {
	bare := *u
	bare.User = nil
	if file, err = filepath.Abs(file); err != nil {
		return "", Memo{}, err
	}
	sum := sha256.Sum256([]byte(bare.String() + "\x00" + file))
	return filepath.Join(m.Dir, hex.EncodeToString(sum[:16])+".json"), Memo{URL: bare.String(), File: file}, nil
}

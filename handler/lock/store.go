package lock

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Store keeps locks durable. A Table calls it; records are opaque to it.
type Store interface {
	// LoadLocks calls fn for each lock that is kept.
	LoadLocks(fn func(token string, record []byte) error) error
	// SaveLocks queues a change and returns at once; changes happen in the order of the calls, each
	// as a whole. wait returns when this one is durable; one that nobody waits for takes its time.
	SaveLocks(put map[string][]byte, drop []string) (wait func() error)
	// DropLocks is a change of locks that have ended whether it fails or not; then the store does it later.
	DropLocks(tokens []string) (wait func() error)
}

// nowhere is a Store for locks that end with the process.
type nowhere struct{}

func (nowhere) LoadLocks(func(string, []byte) error) error { return nil }

func (nowhere) SaveLocks(map[string][]byte, []string) func() error {
	return func() error { return nil }
}

func (nowhere) DropLocks([]string) func() error { return func() error { return nil } }

// stored is a record. Expiry is absolute: a lock does not live longer for a restart.
type stored struct {
	Root      string        `json:"root"`
	RootBytes []byte        `json:"rootBytes,omitempty"` // Root when it is not UTF-8, which a string of JSON must be
	Asked     []byte        `json:"asked,omitempty"`
	Links     [][]byte      `json:"links,omitempty"`
	Shared    bool          `json:"shared,omitempty"`
	Infinite  bool          `json:"infinite,omitempty"`
	Owner     []byte        `json:"owner,omitempty"`
	OwnerLang string        `json:"lang,omitempty"`
	User      string        `json:"user,omitempty"`
	Timeout   time.Duration `json:"timeout"`
	Expires   time.Time     `json:"expires"`
	Making    bool          `json:"making,omitempty"`
	MakingIn  uint64        `json:"makingIn,omitempty"`
}

func encode(l *Lock) []byte {
	s := stored{l.Root, nil, []byte(l.Asked), nil, l.Shared, l.Infinite, l.Owner, l.OwnerLang, l.User, l.Timeout, l.Expires.UTC(), l.Making, l.MakingIn}
	for _, link := range l.Links {
		s.Links = append(s.Links, []byte(link))
	}
	if !utf8.ValidString(l.Root) { // no URL has such a name, but a link can lead to it
		s.RootBytes = []byte(l.Root)
	}
	record, err := json.Marshal(s)
	if err != nil {
		panic(err) // a year beyond 9999: Timeout is bounded far below
	}
	return record
}

func decode(token string, record []byte) (Lock, error) {
	var s stored
	err := json.Unmarshal(record, &s)
	if s.RootBytes != nil {
		s.Root = string(s.RootBytes)
	}
	var links []string
	for _, link := range s.Links {
		links = append(links, string(link))
	}
	return Lock{token, s.Root, string(s.Asked), links, s.Shared, s.Infinite, s.Owner, s.OwnerLang, s.User, s.Timeout, s.Expires, s.Making, s.MakingIn}, err
}

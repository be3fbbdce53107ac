package admin

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// Store is the etagfs.DigestStore of a running server. Safe for concurrent use.
type Store struct {
	ctx  context.Context
	c    *Client
	lost func(error)
}

// Digests returns the records of the server. A question that it does not answer is told to lost, for nobody
// may take what is not known for lack of a server for what was never recorded.
func (c *Client) Digests(ctx context.Context, lost func(error)) *Store { return &Store{ctx, c, lost} }

// LoadDigest asks for one record.
func (s *Store) LoadDigest(dev, ino uint64) (id fs.Identity, d etagfs.Digest, ok bool) {
	query := url.Values{"dev": {strconv.FormatUint(dev, 10)}, "ino": {strconv.FormatUint(ino, 10)}}
	var rec digestRecord
	res, err := s.c.ask(s.ctx, http.MethodGet, "/digest", query, nil)
	if err == nil {
		defer res.Body.Close()
		if res.StatusCode == http.StatusNoContent {
			return id, d, false
		}
		err = binary.Read(res.Body, binary.BigEndian, &rec)
	}
	if err != nil {
		s.lost(err)
	}
	return rec.ID, rec.Digest, err == nil
}

// SaveDigest hands in one.
func (s *Store) SaveDigest(id fs.Identity, d etagfs.Digest) {
	body, err := binary.Append(nil, binary.BigEndian, digestRecord{id, d})
	if err == nil {
		err = s.call(http.MethodPut, "/digest", body)
	}
	if err != nil {
		s.lost(err)
	}
}

func (s *Store) call(method, path string, body []byte) error {
	res, err := s.c.ask(s.ctx, method, path, nil, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// PruneDigests asks for all identities, and has those forgotten that are dead, if they have not changed meanwhile.
func (s *Store) PruneDigests(dead func(fs.Identity) bool) (dropped int, err error) {
	defer func() {
		if err != nil {
			s.lost(err)
		}
	}()
	res, err := s.c.ask(s.ctx, http.MethodGet, "/digests", nil, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var drop []fs.Identity
	err = eachIdentity(bufio.NewReaderSize(res.Body, 64<<10), func(id fs.Identity) {
		if dead(id) {
			drop = append(drop, id)
		}
	})
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(drop, forgetAtOnce) {
		body, err := binary.Append(nil, binary.BigEndian, some)
		if err != nil {
			return dropped, err
		}
		var n int
		if err := s.c.askJSON(s.ctx, http.MethodPost, "/digests/forget", nil, body, &n); err != nil {
			return dropped, err
		}
		dropped += n
	}
	return dropped, nil
}

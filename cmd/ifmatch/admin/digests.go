package admin

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// digestRecord is the digest of an identity on the wire, 72 bytes, big endian. Lists have identities alone.
type digestRecord struct {
	ID     fs.Identity
	Digest etagfs.Digest
}

const (
	octets = "application/octet-stream"
	// forgetAtOnce bounds what one request makes the server hold: 40 bytes each.
	forgetAtOnce = 100_000
)

func (d Directory) loadDigest(w http.ResponseWriter, r *http.Request) {
	dev, err := strconv.ParseUint(r.FormValue("dev"), 10, 64)
	ino, err2 := strconv.ParseUint(r.FormValue("ino"), 10, 64)
	if err := errors.Join(err, err2); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, digest, ok := d.Digests.LoadDigest(dev, ino)
	if !ok {
		w.WriteHeader(http.StatusNoContent) // no failure: most files are met before they are known
		return
	}
	w.Header().Set("Content-Type", octets)
	binary.Write(w, binary.BigEndian, digestRecord{id, digest})
}

func (d Directory) saveDigest(w http.ResponseWriter, r *http.Request) {
	var rec digestRecord
	if err := binary.Read(r.Body, binary.BigEndian, &rec); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.Digests.SaveDigest(rec.ID, rec.Digest)
	w.WriteHeader(http.StatusNoContent)
}

// listDigests sends the identity of each record. Whoever stops reading does not hold the store for long.
func (d Directory) listDigests(w http.ResponseWriter, _ *http.Request) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Second))
	w.Header().Set("Content-Type", octets)
	out := bufio.NewWriterSize(w, 64<<10)
	var broken error
	_, err := d.Digests.PruneDigests(func(id fs.Identity) bool {
		if broken == nil {
			broken = binary.Write(out, binary.BigEndian, id)
		}
		return false
	})
	if err := errors.Join(err, broken, out.Flush()); err != nil {
		d.Log.Warn("list of digests", "err", err)
		panic(http.ErrAbortHandler) // the list must not look whole
	}
}

// forgetDigests drops the records that still are of these identities, and answers with how many.
func (d Directory) forgetDigests(w http.ResponseWriter, r *http.Request) {
	drop := map[fs.Identity]bool{}
	in := bufio.NewReader(http.MaxBytesReader(w, r.Body, forgetAtOnce*int64(binary.Size(fs.Identity{}))))
	err := eachIdentity(in, func(id fs.Identity) { drop[id] = true })
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	dropped, err := d.Digests.PruneDigests(func(id fs.Identity) bool { return drop[id] })
	if err != nil {
		d.Log.Error("drop digests", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, dropped)
}

func eachIdentity(r io.Reader, fn func(fs.Identity)) error {
	for {
		var id fs.Identity
		if err := binary.Read(r, binary.BigEndian, &id); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		fn(id)
	}
}

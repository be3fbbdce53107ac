package handler

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"net/http"
	"strings"

	"github.com/dunglas/httpsfv"

	"ifmatch/etagfs"
)

// promised is a digest that the client says its content has.
type promised struct {
	field     string // for the answer
	algorithm string // of algorithms
	want      []byte
}

var algorithms = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New,
	"adler32": func() hash.Hash { return adler32.New() },
}

// digestFields are the fields that promise digests, with the algorithms that we know of each: Content-Digest and
// Repr-Digest (RFC 9530 §2, §3; without content coding they are the same), Content-MD5 (RFC 1864) and OC-Checksum
// (ownCloud, rclone).
var digestFields = map[string][]string{
	"Content-Digest": {"sha256", "sha512"},
	"Repr-Digest":    {"sha256", "sha512"},
	"Content-Md5":    {"md5"},
	"Oc-Checksum":    {"md5", "sha1", "sha256", "sha512", "adler32"},
}

// promisedDigests parses the digests in the header or the trailers of a request. Algorithms that we do not know are
// ignored, as RFC 9530 §5 wants it. Error: 400.
func promisedDigests(h http.Header) ([]promised, error) {
	var all []promised
	for _, field := range []string{"Content-Digest", "Repr-Digest"} {
		found, err := digestField(field, h[field])
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for _, v := range h["Content-Md5"] {
		if v == "" {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v))
		if err != nil || len(want) != md5.Size {
			return nil, badDigest("Content-MD5", "it is the base64 of 16 bytes")
		}
		all = append(all, promised{"Content-MD5", "md5", want})
	}
	for _, v := range h["Oc-Checksum"] {
		found, err := ownCloudChecksum(v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// digestField parses a dictionary of byte sequences: sha-256=:AAAA=:, sha-512=:BBBB=:. RFC 9530 §2.
func digestField(field string, lines []string) ([]promised, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return nil, badDigest(field, "it is written sha-256=:base64:")
	}
	var all []promised
	for _, key := range []string{"sha-256", "sha-512"} {
		member, ok := dict.Get(key)
		if !ok {
			continue
		}
		algorithm := strings.ReplaceAll(key, "-", "")
		size := algorithms[algorithm]().Size()
		item, _ := member.(httpsfv.Item)
		want, _ := item.Value.([]byte)
		if len(want) != size {
			return nil, badDigest(field, fmt.Sprintf("%s is the base64 of %d bytes between colons", key, size))
		}
		all = append(all, promised{field, algorithm, want})
	}
	return all, nil
}

// ownCloudChecksum parses "SHA1:hex", or several of them with spaces between.
func ownCloudChecksum(v string) ([]promised, error) {
	var all []promised
	for _, one := range strings.Fields(v) {
		algorithm, digits, _ := strings.Cut(one, ":")
		algorithm = strings.ToLower(algorithm)
		newHash, ok := algorithms[algorithm]
		if !ok {
			continue
		}
		if missing := 8 - len(digits); digits != "" && missing > 0 && algorithm == "adler32" {
			digits = strings.Repeat("0", missing) + digits // a number to the desktop clients, without zeros in front
		}
		want, err := hex.DecodeString(digits)
		if err != nil || len(want) != newHash().Size() {
			return nil, badDigest("OC-Checksum", "it is written SHA1:hex")
		}
		all = append(all, promised{"OC-Checksum", algorithm, want})
	}
	return all, nil
}

func badDigest(field, form string) error {
	return &statusError{status: http.StatusBadRequest, say: fmt.Sprintf("%s cannot be read: %s. Nothing was changed.", field, form)}
}

// verifying reads content and fails at its end when it is not what the client promised.
type verifying struct {
	io.Reader
	promised []promised
	trailers http.Header // net/http fills it in before the end is read
	sums     map[string]hash.Hash
}

// verify returns a reader of what r reads. Of trailers, those count that the Trailer field announced, so that it is known
// from the start what there is to hash. RFC 9110 §6.6.2, RFC 9530 §2.
func verify(r io.Reader, all []promised, trailers http.Header) io.Reader {
	if len(all) == 0 && len(trailers) == 0 {
		return r
	}
	v := &verifying{Reader: r, promised: all, trailers: trailers, sums: map[string]hash.Hash{}}
	for _, p := range all {
		v.sums[p.algorithm] = algorithms[p.algorithm]()
	}
	for field := range trailers {
		for _, algorithm := range digestFields[field] {
			v.sums[algorithm] = algorithms[algorithm]()
		}
	}
	return v
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.Reader.Read(p)
	for _, sum := range v.sums {
		sum.Write(p[:n])
	}
	if err != io.EOF {
		return n, err
	}
	late, bad := promisedDigests(v.trailers)
	if bad != nil {
		return n, bad
	}
	for _, p := range append(late, v.promised...) {
		sum, hashed := v.sums[p.algorithm] // not of a trailer that was not announced
		if hashed && !bytes.Equal(sum.Sum(nil), p.want) {
			return n, &statusError{status: http.StatusBadRequest, say: fmt.Sprintf("The content that arrived does not have the %s that was sent with it; nothing was changed.", p.field)}
		}
	}
	return n, err
}

// offerDigest answers Want-Repr-Digest with the digest of the whole representation, where it is known
// without reading the file. RFC 9530 §3, §4.
func offerDigest(w http.ResponseWriter, r *http.Request, cur *etagfs.Info) {
	wants := r.Header["Want-Repr-Digest"]
	if cur.Digest == nil || len(wants) == 0 {
		return
	}
	dict, err := httpsfv.UnmarshalDictionary(wants)
	if err != nil {
		return // a preference that cannot be read is none
	}
	member, _ := dict.Get("sha-256")
	if item, ok := member.(httpsfv.Item); !ok || item.Value == int64(0) {
		return
	}
	set(w, "Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(cur.Digest[:])+":")
}

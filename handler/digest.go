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
	field string // header field, for the answer
	want  []byte
	new   func() hash.Hash
}

// promisedDigests parses the digests of a request: Content-Digest and Repr-Digest (RFC 9530 §2, §3; without
// content coding they are the same), Content-MD5 (RFC 1864) and OC-Checksum (ownCloud, rclone).
// Algorithms that we do not know are ignored, as RFC 9530 §5 wants it. Error: 400.
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
		all = append(all, promised{"Content-MD5", want, md5.New})
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
	for algorithm, size := range map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New} {
		member, ok := dict.Get(algorithm)
		if !ok {
			continue
		}
		item, _ := member.(httpsfv.Item)
		want, ok := item.Value.([]byte)
		if !ok || len(want) != size().Size() {
			return nil, badDigest(field, fmt.Sprintf("%s is the base64 of %d bytes between colons", algorithm, size().Size()))
		}
		all = append(all, promised{field, want, size})
	}
	return all, nil
}

// ownCloudChecksum parses "SHA1:hex", or several of them with spaces between.
func ownCloudChecksum(v string) ([]promised, error) {
	known := map[string]func() hash.Hash{
		"MD5": md5.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New,
		"ADLER32": func() hash.Hash { return adler32.New() },
	}
	var all []promised
	for _, one := range strings.Fields(v) {
		algorithm, digits, _ := strings.Cut(one, ":")
		newHash, ok := known[strings.ToUpper(algorithm)]
		if !ok {
			continue
		}
		if missing := 8 - len(digits); digits != "" && missing > 0 && strings.EqualFold(algorithm, "ADLER32") {
			digits = strings.Repeat("0", missing) + digits // a number to the desktop clients, without zeros in front
		}
		want, err := hex.DecodeString(digits)
		if err != nil || len(want) != newHash().Size() {
			return nil, badDigest("OC-Checksum", "it is written SHA1:hex")
		}
		all = append(all, promised{"OC-Checksum", want, newHash})
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
	sums     []hash.Hash
}

func verify(r io.Reader, all []promised) io.Reader {
	if len(all) == 0 {
		return r
	}
	v := &verifying{Reader: r, promised: all}
	for _, p := range all {
		v.sums = append(v.sums, p.new())
	}
	return v
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.Reader.Read(p)
	for i := range v.sums {
		v.sums[i].Write(p[:n])
	}
	if err != io.EOF {
		return n, err
	}
	for i, p := range v.promised {
		if !bytes.Equal(v.sums[i].Sum(nil), p.want) {
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
	member, ok := dict.Get("sha-256")
	if item, isItem := member.(httpsfv.Item); !ok || !isItem || item.Value == int64(0) {
		return
	}
	set(w, "Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(cur.Digest[:])+":")
}

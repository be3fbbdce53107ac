package lock

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// ownerChars is how much of what a lock's owner wrote is shown.
const ownerChars = 80

// OwnerText is the text of the DAV:owner (RFC 4918 §14.17), for people. The element may hold anything: an
// address, a URL, elements.
func (l *Lock) OwnerText() string {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(l.Owner))
	for b.Len() < 1024 {
		t, err := d.Token()
		if err != nil {
			break
		}
		if text, ok := t.(xml.CharData); ok {
			b.Write(text)
			b.WriteByte(' ')
		}
	}
	text := []rune(strings.Join(strings.Fields(b.String()), " "))
	if len(text) > ownerChars {
		text = append(text[:ownerChars-1], '…')
	}
	return string(text)
}

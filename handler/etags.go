package handler

import (
	"slices"
	"strings"

	"ifmatch/etagfs"
)

// tagList is the value of If-Match or If-None-Match, all its header lines joined (RFC 9110 §5.3).
type tagList struct {
	present   bool
	star      bool // "*"
	malformed bool // something in it is neither an entity-tag nor a lone "*"
	tags      []etagfs.ETag
	raw       string // as sent, for the answer
}

// parseTagList reads the lines of one field. What is malformed is remembered, and what can be read is
// kept: If-Match with a malformed part is false, If-None-Match goes by the parts that are well formed.
func parseTagList(lines []string) tagList {
	if len(lines) == 0 {
		return tagList{}
	}
	l := tagList{present: true, raw: joined(lines)}
	elements := 0
	for rest := l.raw; ; {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			break
		}
		elements++
		if rest[0] == '*' && endsElement(rest[1:]) {
			l.star = true
			rest = rest[1:]
			continue
		}
		tag, after, ok := parseETag(rest)
		if ok {
			rest = after
		}
		if ok && endsElement(rest) {
			l.tags = append(l.tags, tag)
		} else {
			l.malformed = true
			_, rest, _ = strings.Cut(rest, ",")
		}
	}
	if elements == 0 || l.star && elements > 1 {
		l.malformed = true
	}
	return l
}

// parseETag reads one entity-tag at the start of s: [ "W/" ] DQUOTE *etagc DQUOTE. RFC 9110 §8.8.3.
func parseETag(s string) (tag etagfs.ETag, rest string, ok bool) {
	if strings.HasPrefix(s, "W/") {
		tag.Weak = true
		s = s[2:]
	}
	if s == "" || s[0] != '"' {
		return etagfs.ETag{}, s, false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			tag.Opaque = s[1:i]
			return tag, s[i+1:], true
		case c < 0x21 || c == 0x7f:
			return etagfs.ETag{}, s, false
		}
	}
	return etagfs.ETag{}, s, false
}

// endsElement tells whether a list element may end before s.
func endsElement(s string) bool {
	s = strings.TrimLeft(s, " \t")
	return s == "" || s[0] == ','
}

// joined is one field value for several header lines.
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.Join(lines, ", ")
}

// strong tells whether any tag matches cur by the strong comparison.
func (l *tagList) strong(cur etagfs.ETag, proxies bool) bool { return l.any(proxies, cur.StrongMatch) }

// weak tells whether any tag matches cur by the weak comparison.
func (l *tagList) weak(cur etagfs.ETag, proxies bool) bool { return l.any(proxies, cur.WeakMatch) }

func (l *tagList) any(proxies bool, matches func(etagfs.ETag) bool) bool {
	return slices.ContainsFunc(l.tags, func(t etagfs.ETag) bool { return matches(t) || proxies && matches(unproxied(t)) })
}

// codings are what compressing proxies put at the end of an opaque tag: Apache "-gzip" and "-br",
// older ones and caches "--gzip", ";gzip", ";br".
var codings = []string{"--gzip", "-gzip", "-br", "-zstd", "-deflate", ";gzip", ";br", ";zstd", ";deflate", ":gzip", ":br"}

// unproxied takes a proxy's respelling off: the bytes it sent were the ones the strong tag stands for,
// only coded, so the tag may count as strong again. Our own opaque tags never end like a coding.
func unproxied(t etagfs.ETag) etagfs.ETag {
	t.Weak = false
	for _, c := range codings {
		if s, ok := strings.CutSuffix(t.Opaque, c); ok {
			t.Opaque = s
			break
		}
	}
	return t
}

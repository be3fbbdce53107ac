package handler

import (
	"net/http"
	"slices"
	"strings"

	"ifmatch/etagfs"
)

// ifHeader is the If header field of one request (RFC 4918 §10.4), parsed once. It is true when one of
// its lists is, and a list is true when all its conditions are. The zero value is no If header: true.
type ifHeader struct {
	present bool
	lists   []ifList
	tokens  []string // every state token in it, wherever it stands: submitted (RFC 4918 §6.4, §10.4.1)
	named   []string // the Resource-Tags, each once
}

// ifList is a parenthesis.
type ifList struct {
	tag   int // index in ifHeader.named of the resource it is about; -1: the one of the request
	conds []ifCondition
}

// ifCondition asks for a state token or, when that is "", for an entity-tag.
type ifCondition struct {
	not   bool
	token string
	etag  etagfs.ETag
}

// ifState is the state of one resource as far as an If header can ask for it. An unmapped URL has no
// entity-tag and may have locks (RFC 4918 §10.4.4).
type ifState struct {
	etag  etagfs.ETag
	holds func(token string) bool // whether it is in the scope of the lock
}

// parseIf reads the lines of the field. Errors: 400 when it is malformed.
//
//	If            = 1*No-tag-list | 1*Tagged-list
//	No-tag-list   = List
//	Tagged-list   = "<" Simple-ref ">" 1*List
//	List          = "(" 1*Condition ")"
//	Condition     = ["Not"] ("<" absolute-URI ">" | "[" entity-tag "]")
func parseIf(lines []string) (ifHeader, error) {
	if len(lines) == 0 {
		return ifHeader{}, nil
	}
	// The field is no comma-separated list, but lists may follow each other on several lines.
	p := ifParser{rest: strings.Join(lines, " ")}
	p.header.present = true
	if why := p.parse(); why != "" {
		return ifHeader{}, &statusError{status: http.StatusBadRequest,
			say: "The If header is malformed: " + why + `. It reads like If: (<urn:uuid:...> ["etag"]).`}
	}
	return p.header, nil
}

type ifParser struct {
	rest   string
	header ifHeader
}

// space skips white space and tells what comes next, 0 for nothing.
func (p *ifParser) space() byte {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// parse says what is wrong, or nothing.
func (p *ifParser) parse() (why string) {
	tag, empty := -1, false
	index := make(map[string]int)
	for {
		switch p.space() {
		case 0:
			switch {
			case empty:
				return "no list follows the last resource"
			case len(p.header.lists) == 0:
				return "it is empty"
			}
			return ""
		case '<':
			ref, ok := p.brackets()
			switch {
			case !ok || ref == "":
				return "a resource has no end"
			case tag < 0 && len(p.header.lists) > 0:
				return "lists with and without a resource are mixed"
			case empty:
				return "no list follows a resource"
			}
			i, known := index[ref]
			if !known {
				i = len(p.header.named)
				index[ref] = i
				p.header.named = append(p.header.named, ref)
			}
			tag, empty = i, true
		case '(':
			list, why := p.list()
			if why != "" {
				return why
			}
			list.tag, empty = tag, false
			p.header.lists = append(p.header.lists, list)
		default:
			return "a list in parentheses or a resource in angle brackets is missing"
		}
	}
}

// list reads a parenthesis.
func (p *ifParser) list() (l ifList, why string) {
	p.rest = p.rest[1:]
	for {
		var c ifCondition
		if p.space() == ')' {
			if len(l.conds) == 0 {
				return l, "a list is empty"
			}
			p.rest = p.rest[1:]
			return l, ""
		}
		if len(p.rest) > 3 && strings.EqualFold(p.rest[:3], "not") {
			c.not = true
			p.rest = p.rest[3:]
		}
		switch p.space() {
		case '<':
			token, ok := p.brackets()
			if !ok || !absoluteURI(token) {
				return l, "a state token is not an absolute URI in angle brackets"
			}
			c.token = token
			p.submitted(token)
		case '[':
			var ok bool
			if c.etag, ok = p.entityTag(); !ok {
				return l, `an entity-tag is not quoted, as in ["tag"]`
			}
		default:
			return l, "a list holds something that is neither <state token> nor [entity-tag], or has no end"
		}
		l.conds = append(l.conds, c)
	}
}

// brackets reads what stands between "<" and ">".
func (p *ifParser) brackets() (inside string, ok bool) {
	end := strings.IndexByte(p.rest, '>')
	if end < 0 {
		return "", false
	}
	inside, p.rest = p.rest[1:end], p.rest[end+1:]
	return inside, !strings.ContainsAny(inside, " \t<\"")
}

// entityTag reads what stands between "[" and "]". Here it may hold spaces, as in the examples of RFC
// 4918 §10.4, which goes by RFC 2616; such a tag is none of ours.
func (p *ifParser) entityTag() (tag etagfs.ETag, ok bool) {
	s := strings.TrimLeft(p.rest[1:], " \t")
	s, tag.Weak = strings.CutPrefix(s, "W/")
	s, opens := strings.CutPrefix(s, `"`)
	opaque, s, _ := strings.Cut(s, `"`)
	s, ends := strings.CutPrefix(strings.TrimLeft(s, " \t"), "]")
	if !opens || !ends { // without the second quote nothing is left to end with
		return etagfs.ETag{}, false
	}
	tag.Opaque, p.rest = opaque, s
	return tag, true
}

func (p *ifParser) submitted(token string) {
	// Few of them: a client has one or two. A hostile header has thousands (maxHeaderBytes), whose
	// repetitions cost nothing more than memory of that size.
	if n := len(p.header.tokens); n > 64 || !slices.Contains(p.header.tokens, token) {
		p.header.tokens = append(p.header.tokens, token)
	}
}

// absoluteURI tells whether s has a scheme and something behind it. RFC 3986 §3.1.
func absoluteURI(s string) bool {
	scheme, rest, _ := strings.Cut(s, ":")
	if scheme == "" || rest == "" {
		return false
	}
	for i := 0; i < len(scheme); i++ {
		c := scheme[i] | 0x20
		if letter := 'a' <= c && c <= 'z'; letter {
			continue
		}
		if i == 0 || !strings.ContainsRune("0123456789+-.", rune(scheme[i])) {
			return false
		}
	}
	return true
}

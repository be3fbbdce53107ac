package handler

import (
	"encoding/xml"
	"slices"
)

// maxPropNames bounds what one PROPFIND asks for by name, since each name is answered for each member.
const maxPropNames = 256

// findMode is what a PROPFIND asks for.
type findMode int

const (
	findAll    findMode = iota // allprop, and the names of include
	findNames                  // propname
	findByName                 // prop
)

// propfindBody is a DAV:propfind element. RFC 4918 §14.20.
type propfindBody struct {
	mode  findMode
	names []xml.Name // of prop or include, each once
}

// parsePropfind reads the body of a PROPFIND; none means allprop (RFC 4918 §9.1).
func parsePropfind(doc []byte) (propfindBody, error) {
	if len(doc) == 0 {
		return propfindBody{}, nil
	}
	x := newXMLReader(doc)
	var b propfindBody
	seen := map[string]bool{}
	err := x.document("propfind", func(t *xmlToken) error {
		if t.name.Space != nsDAV {
			return x.skip()
		}
		local := t.name.Local
		switch local {
		case "allprop", "propname", "prop", "include":
			if seen[local] {
				return unfitXML("DAV:" + local + " is there twice")
			}
			seen[local] = true
		}
		if local == "prop" || local == "include" {
			return b.readNames(x)
		}
		return x.skip()
	})
	if err != nil {
		return propfindBody{}, err
	}
	switch {
	case seen["allprop"] && !seen["prop"] && !seen["propname"]:
		b.mode = findAll
	case seen["propname"] && !seen["allprop"] && !seen["prop"] && !seen["include"]:
		b.mode = findNames
	case seen["prop"] && !seen["allprop"] && !seen["propname"] && !seen["include"]:
		b.mode = findByName
	default:
		return propfindBody{}, unfitXML("DAV:propfind holds one of allprop (with or without include), propname and prop")
	}
	return b, nil
}

func (b *propfindBody) readNames(x *xmlReader) error {
	return x.children(func(t *xmlToken) error {
		if err := namesProperty(t); err != nil {
			return err
		}
		if !slices.Contains(b.names, t.name) {
			if len(b.names) == maxPropNames {
				return xmlTooMuch("names too many properties")
			}
			b.names = append(b.names, t.name)
		}
		return x.skip()
	})
}

// namesProperty refuses the namespace that no other prefix than "xml" may have (Namespaces in XML §3): answers declare
// prefixes of their own.
func namesProperty(t *xmlToken) error {
	if t.name.Space == nsXML {
		return unfitXML("no property is in the namespace of XML itself")
	}
	return nil
}

// propChange is one instruction of a PROPPATCH: set a property, or remove it.
type propChange struct {
	name   xml.Name
	remove bool
	value  propValue
}

// parsePropertyUpdate reads the body of a PROPPATCH in document order. RFC 4918 §14.19.
func parsePropertyUpdate(doc []byte) ([]propChange, error) {
	return parseChanges(doc, "propertyupdate", "set", "remove")
}

// parseMkcol reads the body of an extended MKCOL: only sets. RFC 5689 §5.1.
func parseMkcol(doc []byte) ([]propChange, error) {
	return parseChanges(doc, "mkcol", "set")
}

func parseChanges(doc []byte, root string, instructions ...string) ([]propChange, error) {
	x := newXMLReader(doc)
	var changes []propChange
	err := x.document(root, func(t *xmlToken) error {
		if t.name.Space != nsDAV || !slices.Contains(instructions, t.name.Local) {
			return x.skip()
		}
		remove := t.name.Local == "remove"
		return x.children(func(t *xmlToken) error {
			if t.name != (xml.Name{Space: nsDAV, Local: "prop"}) {
				return x.skip()
			}
			return x.children(func(t *xmlToken) error {
				c := propChange{name: t.name, remove: remove}
				err := namesProperty(t)
				if err != nil {
					return err
				}
				if c.value, err = x.property(t); err == nil {
					changes = append(changes, c)
				}
				return err
			})
		})
	})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, unfitXML("DAV:" + root + " names no property")
	}
	return changes, nil
}

// lockInfo is a DAV:lockinfo element. RFC 4918 §14.11.
type lockInfo struct {
	shared bool
	owner  []byte // content of DAV:owner, self-contained XML; nil where there is none
	lang   string // xml:lang of DAV:owner, which is kept like a dead property (RFC 4918 §14.17); "": none
}

// parseLockInfo reads the body of a LOCK that asks for a new lock.
// Errors: 422 for a scope or type that is neither exclusive nor shared, or not write.
func parseLockInfo(doc []byte) (lockInfo, error) {
	x := newXMLReader(doc)
	var l lockInfo
	var scope, kind []xml.Name
	err := x.document("lockinfo", func(t *xmlToken) error {
		local := t.name.Local
		if t.name.Space != nsDAV || local != "lockscope" && local != "locktype" && local != "owner" {
			return x.skip()
		}
		lang := x.lang()
		v, err := x.content()
		switch {
		case err != nil:
			return err
		case v.tooLarge || local == "owner" && len(v.xml)+len(lang) > maxOwnerBytes:
			return xmlTooMuch("names too long an owner")
		case local == "lockscope":
			scope = v.kids
		case local == "locktype":
			kind = v.kids
		default:
			l.owner, l.lang = v.xml, lang
		}
		return nil
	})
	if err != nil {
		return lockInfo{}, err
	}
	l.shared = oneDAV(scope, "shared")
	if !l.shared && !oneDAV(scope, "exclusive") || !oneDAV(kind, "write") {
		return lockInfo{}, unfitXML("the scope of a lock is exclusive or shared, and its type is write")
	}
	return l, nil
}

// maxOwnerBytes bounds what a client may say of itself in a lock.
const maxOwnerBytes = 8 << 10

func oneDAV(names []xml.Name, local string) bool {
	return len(names) == 1 && names[0] == xml.Name{Space: nsDAV, Local: local}
}

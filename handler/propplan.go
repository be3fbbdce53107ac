package handler

import (
	"encoding/xml"
	"sync"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
)

// propPlan is what a PROPFIND wants to know of each resource, worked out once. It does not change.
type propPlan struct {
	items     []propItem
	dead      bool     // some items are, or may be hidden by, dead properties
	locks     bool     // lockdiscovery is one of them
	allDead   bool     // and all other dead properties are wanted, too
	namesOnly bool     // propname
	spaces    []string // namespaces declared once, at the root of the answer
}

// planCache keeps the plans of bodies that came lately, byte by byte: a client sends the same few all
// day, and reading one costs more than answering for one resource. Safe for concurrent use.
type planCache struct {
	mu    sync.RWMutex
	plans map[string]*propPlan // guarded by mu
}

const (
	maxCachedPlans = 64
	maxCachedBody  = 2 << 10
)

// plan is the plan for the body of a PROPFIND. Errors: as parsePropfind.
func (c *planCache) plan(doc []byte) (*propPlan, error) {
	c.mu.RLock()
	p := c.plans[string(doc)]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	body, err := parsePropfind(doc)
	if err != nil {
		return nil, err
	}
	p = planProps(body)
	if len(doc) > maxCachedBody {
		return p, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || len(c.plans) >= maxCachedPlans {
		c.plans = make(map[string]*propPlan)
	}
	c.plans[string(doc)] = p
	return p, nil
}

// propItem is one property of a plan.
type propItem struct {
	name     xml.Name
	live     liveProp // or noLiveProp
	settable bool     // a dead property of this name hides the live one
	named    bool     // asked for by name, so it is answered with 404 where it is missing
	empty    string   // its element without a value
}

// settableProps are the live properties of RFC 4918 §15 that clients may set.
var settableProps = map[xml.Name]bool{
	{Space: nsDAV, Local: "displayname"}:        true,
	{Space: nsDAV, Local: "getcontentlanguage"}: true,
}

func planProps(b propfindBody) *propPlan {
	p := &propPlan{namesOnly: b.mode == findNames}
	if b.mode != findByName {
		p.dead, p.allDead = true, true
		last := livePropsOfAll
		if p.namesOnly {
			last = liveProps
		}
		for live := range last {
			p.add(livePropNames[live], false)
		}
	}
	for _, name := range b.names {
		if live, ok := livePropByName[name]; ok && live < livePropsOfAll && b.mode == findAll {
			continue // include names what allprop has already
		}
		p.add(name, true)
	}
	return p
}

func (p *propPlan) add(name xml.Name, named bool) {
	item := propItem{name: name, live: noLiveProp, named: named, settable: settableProps[name]}
	if live, ok := livePropByName[name]; ok {
		item.live = live
	}
	if item.live == noLiveProp || item.settable {
		p.dead = true
	}
	p.locks = p.locks || item.live == propLockDiscovery
	item.empty = p.emptyElement(name)
	p.items = append(p.items, item)
}

// emptyElement is the element of a name with the prefix that the answer declares for its namespace.
func (p *propPlan) emptyElement(name xml.Name) string {
	switch name.Space {
	case nsDAV:
		return "<D:" + name.Local + "/>"
	case "":
		return "<" + name.Local + "/>"
	}
	for i, s := range p.spaces {
		if s == name.Space {
			return "<" + spacePrefix(i) + ":" + name.Local + "/>"
		}
	}
	p.spaces = append(p.spaces, name.Space)
	return "<" + spacePrefix(len(p.spaces)-1) + ":" + name.Local + "/>"
}

const (
	propstatOpen = "<D:propstat><D:prop>"
	propstatOK   = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
	propstatNone = "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
)

// propstats appends what the plan wants to know of the resource with these dead properties: one
// DAV:propstat of what it has, one of what was named and is missing (RFC 4918 §9.1). The latter is left
// out for Prefer: return=minimal (RFC 8144 §2.1).
func (f *finder) propstats(dst []byte, dead []state.Property) []byte {
	p, l := f.plan, &f.res
	start := len(dst)
	f.missing = f.missing[:0]
	dst = append(dst, propstatOpen...)
	found := len(dst)
	for i := range p.items {
		var ok bool
		if dst, ok = p.appendItem(dst, &p.items[i], l, dead); !ok && p.items[i].named {
			f.missing = append(f.missing, i)
		}
	}
	if p.allDead {
		dst = p.appendDead(dst, l.info, dead)
	}
	none := f.prefer.minimal || len(f.missing) == 0
	if len(dst) == found && !none {
		dst = dst[:start]
	} else {
		dst = append(dst, propstatOK...)
	}
	if none {
		return dst
	}
	dst = append(dst, propstatOpen...)
	for _, i := range f.missing {
		dst = append(dst, p.items[i].empty...)
	}
	return append(dst, propstatNone...)
}

func (p *propPlan) appendItem(dst []byte, item *propItem, l *liveResource, dead []state.Property) (out []byte, ok bool) {
	if len(dead) > 0 && (item.live == noLiveProp || item.settable) {
		for i := range dead {
			if dead[i].Name != state.Name(item.name) {
				continue
			}
			if p.allDead && !p.namesOnly {
				return dst, true // with the others
			}
			if p.namesOnly {
				return append(dst, item.empty...), true
			}
			return appendDeadProp(dst, &dead[i], l.info), true
		}
	}
	if item.live == noLiveProp {
		return dst, false
	}
	mark := len(dst)
	if dst, ok = l.appendTo(dst, item.live); ok && p.namesOnly {
		dst = append(dst[:mark], item.empty...)
	}
	return dst, ok
}

// appendDead appends all dead properties; for propname those that no item has named.
func (p *propPlan) appendDead(dst []byte, info *etagfs.Info, dead []state.Property) []byte {
	for i := range dead {
		switch name := dead[i].Name; {
		case !p.namesOnly:
			dst = appendDeadProp(dst, &dead[i], info)
		case name != state.Name(livePropNames[propDisplayName]):
			dst = appendEmpty(dst, name.Space, name.Local)
		}
	}
	return dst
}

// appendDeadProp appends a dead property as it was set. Win32LastModifiedTime was taken over as the
// modification time, so it tells what that is now: else Windows would show a date of before the
// latest change.
func appendDeadProp(dst []byte, d *state.Property, info *etagfs.Info) []byte {
	if d.Name == win32LastModified {
		dst = append(dst, `<Z:Win32LastModifiedTime xmlns:Z="`+nsMicrosoft+`">`...)
		return append(appendHTTPDate(dst, info.Mtime), "</Z:Win32LastModifiedTime>"...)
	}
	return append(dst, d.XML...)
}

var win32LastModified = state.Name{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}

package handler

import (
	"cmp"
	"encoding/hex"
	"encoding/xml"
	"strconv"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
)

// Live properties, whose values the server makes. All are protected but for displayname and
// getcontentlanguage, which clients may set: then they are dead, and hide ours.
//
// The page of a collection has no validator, so there is no getetag; getlastmodified is when its list of members changed,
// as it may (RFC 4918 §15.7).
//
// BUG(handler): creationdate is the birth time of the inode, and a PUT that replaces makes a new one: so it
// tells when the present representation came to be, and not when the resource was created (RFC 4918
// §15.1). No file system lets a birth time be set. To keep it in an extended attribute would cost a
// listing an open and a read for each member, or Depth 1 would not agree with Depth 0; to keep it in the
// store would cost each replacing PUT a second durable transaction, and be wrong for what other
// programs replace.

// liveProp numbers the live properties in the order of allprop.
type liveProp int

const (
	propCreationDate liveProp = iota
	propDisplayName
	propContentLength
	propContentType
	propETag
	propLastModified
	propLockDiscovery
	propResourceType
	propSupportedLock
	propQuotaAvailable // RFC 4331 §3
	propQuotaUsed
	propChecksums
	liveProps
	livePropsOfAll = propQuotaAvailable // those before it are RFC 4918 §15; the others are sent when named
	noLiveProp     = liveProp(-1)
)

const (
	nsOwnCloud  = "http://owncloud.org/ns"
	nsMicrosoft = "urn:schemas-microsoft-com:"
)

var livePropNames = [liveProps]xml.Name{
	propCreationDate:   {Space: nsDAV, Local: "creationdate"},
	propDisplayName:    {Space: nsDAV, Local: "displayname"},
	propContentLength:  {Space: nsDAV, Local: "getcontentlength"},
	propContentType:    {Space: nsDAV, Local: "getcontenttype"},
	propETag:           {Space: nsDAV, Local: "getetag"},
	propLastModified:   {Space: nsDAV, Local: "getlastmodified"},
	propLockDiscovery:  {Space: nsDAV, Local: "lockdiscovery"},
	propResourceType:   {Space: nsDAV, Local: "resourcetype"},
	propSupportedLock:  {Space: nsDAV, Local: "supportedlock"},
	propQuotaAvailable: {Space: nsDAV, Local: "quota-available-bytes"},
	propQuotaUsed:      {Space: nsDAV, Local: "quota-used-bytes"},
	propChecksums:      {Space: nsOwnCloud, Local: "checksums"},
}

var livePropByName = func() map[xml.Name]liveProp {
	m := make(map[xml.Name]liveProp)
	for p, name := range livePropNames {
		m[name] = liveProp(p)
	}
	return m
}()

// liveResource is one resource whose live properties are asked for.
type liveResource struct {
	h    *Handler
	info *etagfs.Info
	in   string   // name of the collection that it is listed as a member of; "": it is asked for itself
	way  []string // the links that lead to that, or to itself, where there are locks
	base string   // last segment of the URL, decoded
	now  time.Time
}

const supportedLock = "<D:supportedlock>" +
	"<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>" +
	"<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>" +
	"</D:supportedlock>"

// appendTo appends the element of p; ok is false, and dst as it was, when the resource has no such property.
func (l *liveResource) appendTo(dst []byte, p liveProp) (out []byte, ok bool) {
	i := l.info
	file := !i.IsCollection()
	switch p {
	case propResourceType:
		if file {
			return append(dst, "<D:resourcetype/>"...), true
		}
		return append(dst, "<D:resourcetype><D:collection/></D:resourcetype>"...), true
	case propContentLength:
		if file {
			dst = strconv.AppendInt(append(dst, "<D:getcontentlength>"...), i.SizeBytes, 10)
			return append(dst, "</D:getcontentlength>"...), true
		}
	case propLastModified:
		dst = appendHTTPDate(append(dst, "<D:getlastmodified>"...), min(i.Mtime, l.now.UnixNano()))
		return append(dst, "</D:getlastmodified>"...), true
	case propETag:
		if !i.Tag.IsZero() {
			return appendETag(dst, i.Tag), true
		}
	case propContentType:
		kind := pageType // RFC 4918 §15.5: what a GET says. That it is a collection, resourcetype tells.
		if file {
			kind = contentType(l.base)
		}
		dst = append(append(dst, "<D:getcontenttype>"...), kind...)
		return append(dst, "</D:getcontenttype>"...), true
	case propCreationDate:
		if i.Birth != 0 {
			dst = appendRFC3339(append(dst, "<D:creationdate>"...), i.Birth)
			return append(dst, "</D:creationdate>"...), true
		}
	case propDisplayName:
		dst = appendXMLText(append(dst, "<D:displayname>"...), l.base)
		return append(dst, "</D:displayname>"...), true
	default:
		return l.appendRare(dst, p)
	}
	return dst, false
}

// appendRare appends what needs more than the state of the resource.
func (l *liveResource) appendRare(dst []byte, p liveProp) (out []byte, ok bool) {
	switch p {
	case propSupportedLock:
		return append(dst, supportedLock...), true
	case propLockDiscovery:
		return l.h.appendLockDiscovery(dst, l.h.locks.Covering(l.now, l.h.lockPlaceIn(l.in, l.way, l.base, l.info)), l.now), true
	case propQuotaAvailable, propQuotaUsed:
		// RFC 4331 speaks of collections; asking for each file would cost a system call each.
		if !l.info.IsCollection() || l.h.opts.Shares != nil {
			return dst, false
		}
		u, err := l.h.fs.Usage(l.info.Name)
		if err != nil {
			return dst, false
		}
		bytes := u.AvailableBytes
		if p == propQuotaUsed {
			bytes = u.UsedBytes
		}
		name := livePropNames[p].Local
		dst = append(append(append(dst, "<D:"...), name...), '>')
		dst = strconv.AppendInt(dst, bytes, 10)
		return append(append(append(dst, "</D:"...), name...), '>'), true
	case propChecksums:
		return l.appendChecksums(dst)
	}
	return dst, false
}

// appendChecksums appends what ownCloud's clients and rclone compare instead of content, where the digest
// is known already; nothing is hashed for it.
func (l *liveResource) appendChecksums(dst []byte) (out []byte, ok bool) {
	if l.info.Digest == nil {
		return dst, false
	}
	dst = append(dst, `<o:checksums xmlns:o="`+nsOwnCloud+`"><o:checksum>SHA256:`...)
	dst = hex.AppendEncode(dst, l.info.Digest[:])
	return append(dst, "</o:checksum></o:checksums>"...), true
}

func appendETag(dst []byte, tag etagfs.ETag) []byte {
	dst = append(dst, "<D:getetag>"...)
	if tag.Weak {
		dst = append(dst, "W/"...)
	}
	dst = append(dst, '"')
	if strings.IndexByte(tag.Opaque, '<') >= 0 || strings.IndexByte(tag.Opaque, '&') >= 0 { // etagc allows them
		dst = appendXMLText(dst, tag.Opaque)
	} else {
		dst = append(dst, tag.Opaque...)
	}
	return append(dst, `"</D:getetag>`...)
}

// appendLockDiscovery appends the locks that cover a resource. RFC 4918 §15.8.
func (h *Handler) appendLockDiscovery(dst []byte, locks []lock.Lock, now time.Time) []byte {
	if len(locks) == 0 {
		return append(dst, "<D:lockdiscovery/>"...)
	}
	dst = append(dst, "<D:lockdiscovery>"...)
	for i := range locks {
		dst = h.appendActiveLock(dst, &locks[i], now)
	}
	return append(dst, "</D:lockdiscovery>"...)
}

// appendActiveLock appends one lock with the time that is left of it. RFC 4918 §14.1.
func (h *Handler) appendActiveLock(dst []byte, l *lock.Lock, now time.Time) []byte {
	scope, depth := "exclusive", "0"
	if l.Shared {
		scope = "shared"
	}
	if l.Infinite {
		depth = "infinity"
	}
	dst = append(dst, "<D:activelock><D:lockscope><D:"+scope+"/></D:lockscope><D:locktype><D:write/></D:locktype><D:depth>"+depth+"</D:depth>"...)
	if len(l.Owner) > 0 {
		dst = append(dst, "<D:owner"...)
		if l.OwnerLang != "" {
			dst = appendXMLAttr(append(dst, " xml:lang"...), l.OwnerLang)
		}
		dst = append(append(append(dst, '>'), l.Owner...), "</D:owner>"...)
	}
	left := max(0, l.Expires.Sub(now)) / time.Second
	dst = strconv.AppendInt(append(dst, "<D:timeout>Second-"...), int64(left), 10)
	dst = appendXMLText(append(dst, "</D:timeout><D:locktoken><D:href>"...), l.Token)
	dst = append(dst, "</D:href></D:locktoken><D:lockroot><D:href>"...)
	dst = append(dst, h.href(cmp.Or(l.Asked, l.Root), h.isCollection(l.Root))...) // RFC 4918 §14.12: as it was asked for
	return append(dst, "</D:href></D:lockroot></D:activelock>"...)
}

// isCollection tells how the URL of a name is spelled, and whether it can have members that locks cover.
func (h *Handler) isCollection(name string) bool {
	info, err := h.fs.Stat(name)
	return err == nil && info.IsCollection()
}

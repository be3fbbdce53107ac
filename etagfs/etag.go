package etagfs

// ETag is an entity-tag (RFC 9110 §8.8.3). The zero ETag means that there is none.
type ETag struct {
	Opaque string // what stands between the quotes; etagc characters only
	Weak   bool
}

// IsZero tells whether there is no entity-tag.
func (e ETag) IsZero() bool { return e.Opaque == "" && !e.Weak }

// String returns the field value: "xyz", W/"xyz", or nothing for the zero ETag.
func (e ETag) String() string {
	switch {
	case e.IsZero():
		return ""
	case e.Weak:
		return `W/"` + e.Opaque + `"`
	}
	return `"` + e.Opaque + `"`
}

// StrongMatch is the strong comparison of RFC 9110 §8.8.3.2: equal and neither is weak.
func (e ETag) StrongMatch(other ETag) bool {
	return !e.IsZero() && !e.Weak && !other.Weak && e.Opaque == other.Opaque
}

// WeakMatch is the weak comparison of RFC 9110 §8.8.3.2: equal opaque parts.
func (e ETag) WeakMatch(other ETag) bool {
	return !e.IsZero() && !other.IsZero() && e.Opaque == other.Opaque
}

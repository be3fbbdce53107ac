package handler

import "time"

// appendHTTPDate appends nanoseconds since 1970 as http.TimeFormat does (RFC 9110 §5.6.7), at a fraction
// of the cost of a layout: a listing has one or two for each member.
func appendHTTPDate(dst []byte, ns int64) []byte {
	t := inRange(ns)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst, "SunMonTueWedThuFriSat"[3*t.Weekday():][:3]...)
	dst = append2(append(dst, ", "...), day, ' ')
	dst = append(dst, "JanFebMarAprMayJunJulAugSepOctNovDec"[3*(month-1):][:3]...)
	dst = append2(append(dst, ' '), year/100, -1)
	dst = append2(dst, year%100, ' ')
	return append(append2(append2(append2(dst, hour, ':'), minute, ':'), second, ' '), "GMT"...)
}

// appendRFC3339 appends nanoseconds since 1970 in whole seconds of UTC. RFC 4918 §15.1.
func appendRFC3339(dst []byte, ns int64) []byte {
	t := inRange(ns)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append2(append2(dst, year/100, -1), year%100, '-')
	dst = append2(append2(append2(dst, int(month), '-'), day, 'T'), hour, ':')
	return append2(append2(dst, minute, ':'), second, 'Z')
}

// append2 appends two digits and what follows them, unless that is -1.
func append2(dst []byte, n int, then int) []byte {
	dst = append(dst, byte('0'+n/10), byte('0'+n%10))
	if then >= 0 {
		dst = append(dst, byte(then))
	}
	return dst
}

// inRange is ns as a time; an int64 of nanoseconds reaches from 1677 to 2262, so the year has four digits.
func inRange(ns int64) time.Time { return time.Unix(0, ns).UTC() }

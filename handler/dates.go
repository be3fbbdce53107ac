package handler

import "time"

// Dates are appended by hand, at a fraction of the cost of a layout: a listing has one or two for each
// member. An int64 of nanoseconds reaches from 1677 to 2262, so years have four digits.

// appendHTTPDate appends nanoseconds since 1970 as http.TimeFormat does (RFC 9110 §5.6.7).
func appendHTTPDate(dst []byte, ns int64) []byte {
	days, second := daysOf(ns)
	year, month, day := time.Unix(days*86400, 0).UTC().Date()
	weekday := ((days+4)%7 + 7) % 7 // 1970 began on a Thursday
	dst = append(dst, "SunMonTueWedThuFriSat"[3*weekday:][:3]...)
	dst = append(dst, ',', ' ', digit(day/10), digit(day), ' ')
	dst = append(dst, "JanFebMarAprMayJunJulAugSepOctNovDec"[3*(month-1):][:3]...)
	dst = append(dst, ' ', digit(year/1000), digit(year/100), digit(year/10), digit(year), ' ')
	return append(appendClock(dst, second), " GMT"...)
}

// appendRFC3339 appends nanoseconds since 1970 in whole seconds of UTC. RFC 4918 §15.1.
func appendRFC3339(dst []byte, ns int64) []byte {
	days, second := daysOf(ns)
	year, month, day := time.Unix(days*86400, 0).UTC().Date()
	dst = append(dst, digit(year/1000), digit(year/100), digit(year/10), digit(year),
		'-', digit(int(month)/10), digit(int(month)), '-', digit(day/10), digit(day), 'T')
	return append(appendClock(dst, second), 'Z')
}

// daysOf splits nanoseconds since 1970 into days and the second of the day, rounded down.
func daysOf(ns int64) (days int64, second int) {
	const day = int64(24 * time.Hour)
	days = ns / day
	if ns %= day; ns < 0 {
		days, ns = days-1, ns+day
	}
	return days, int(ns / int64(time.Second))
}

func appendClock(dst []byte, second int) []byte {
	h, m, s := second/3600, second/60%60, second%60
	return append(dst, digit(h/10), digit(h), ':', digit(m/10), digit(m), ':', digit(s/10), digit(s))
}

// digit is the last decimal digit of n.
func digit(n int) byte { return byte('0' + n%10) }

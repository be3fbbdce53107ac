package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// The values of flags, each a pflag.Value that can also say what it accepts.

// accepted says in words which values f takes.
func accepted(f *pflag.Flag) string {
	if a, ok := f.Value.(interface{ accepts() string }); ok {
		return a.accepts()
	}
	if f.Value.Type() == "bool" {
		return "true, false"
	}
	return "text"
}

var errNotAccepted = errors.New("not accepted") // the wording is badValue's

// choice is one word out of a few.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string  { return c.value }
func (c *choice) Type() string    { return strings.Join(c.words, "|") }
func (c *choice) accepts() string { return strings.Join(c.words, ", ") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errNotAccepted
	}
	c.value = s
	return nil
}

// count is a whole number, at least 1.
type count int

func (c *count) String() string  { return strconv.Itoa(int(*c)) }
func (c *count) Type() string    { return "NUMBER" }
func (c *count) accepts() string { return "a whole number from 1 to 1000000000" }

func (c *count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1e9 {
		return errNotAccepted
	}
	*c = count(n)
	return nil
}

// pause is a time to wait between two things.
type pause struct{ duration }

func (p *pause) accepts() string { return "a duration such as 500ms, 2s or 1m" }

// duration is a time.Duration that is not negative; 0 means that there is no bound.
type duration time.Duration

func (d *duration) String() string  { return time.Duration(*d).String() }
func (d *duration) Type() string    { return "DURATION" }
func (d *duration) accepts() string { return "a duration such as 30s, 5m or 1h30m; 0 for no bound" }

func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errNotAccepted
	}
	*d = duration(v)
	return nil
}

// size is a number of bytes; 0 means that there is no limit.
type size int64

// units of sizes: decimal ones, and those of IEC 80000-13 with an i. A bare letter is binary, as
// in most tools.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
}

func (n *size) Type() string    { return "SIZE" }
func (n *size) accepts() string { return "a size such as 500MB, 10GiB or 1.5T; 0 for no limit" }

func (n *size) String() string {
	if *n == 0 {
		return "0"
	}
	for _, u := range []string{"PiB", "TiB", "GiB", "MiB", "KiB"} {
		if unit := units[strings.ToLower(u)]; int64(*n)%unit == 0 {
			return fmt.Sprintf("%d%s", int64(*n)/unit, u)
		}
	}
	return fmt.Sprintf("%dB", int64(*n))
}

func (n *size) Set(s string) error {
	s = strings.TrimSpace(s)
	digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789."))]
	unit, ok := units[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	number, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || number < 0 || number*float64(unit) > math.MaxInt64/2 {
		return errNotAccepted
	}
	if whole, err := strconv.ParseInt(digits, 10, 64); err == nil {
		*n = size(whole * unit) // exact, where a float is not
		return nil
	}
	*n = size(number * float64(unit))
	return nil
}

// words are those of a list that commas separate.
func words(s string) (all []string) {
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// hostNames are hosts as Host has them, with or without a port.
type hostNames []string

func (h *hostNames) String() string { return strings.Join(*h, ",") }
func (h *hostNames) Type() string   { return "NAMES" }
func (h *hostNames) accepts() string {
	return "names such as files.example.org or files.example.org:8443, separated by commas"
}

func (h *hostNames) Set(s string) error {
	names := words(s)
	for _, word := range names {
		if strings.ContainsAny(word, "/@?#* \t") { // a URL would never be the same as a host
			return errNotAccepted
		}
	}
	*h = names
	return nil
}

// networks are addresses; unix stands for whoever comes through a Unix socket.
type networks struct {
	all  []netip.Prefix
	unix bool
	text []string
}

func (n *networks) String() string { return strings.Join(n.text, ",") }
func (n *networks) Type() string   { return "NETWORKS" }
func (n *networks) accepts() string {
	return "addresses such as 10.0.0.1, 10.0.0.0/8 or ::1, and unix, separated by commas"
}

func (n *networks) Set(s string) error {
	set := networks{text: words(s)}
	for _, word := range set.text {
		if word == "unix" {
			set.unix = true
			continue
		}
		p, err := netip.ParsePrefix(word)
		if a, err2 := netip.ParseAddr(word); err2 == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return errNotAccepted
		}
		set.all = append(set.all, p)
	}
	*n = set
	return nil
}

// hold tells whether an address, as http.Request.RemoteAddr has it, is one of n.
func (n *networks) hold(remote string) bool {
	a, ok := hostAddr(remote)
	if !ok {
		return n.unix
	}
	return slices.ContainsFunc(n.all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// hostAddr is the address in "host:port" or "host"; ok is false where there is none, as with Unix sockets.
func hostAddr(s string) (a netip.Addr, ok bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap(), err == nil
}

package fs

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// given matches the reserved names that a tree on disk gives: the id of its process, one number or more, and what an aside or a mark
// has behind them. It matches those of earlier versions, too. Whatever else begins with ReservedPrefix is somebody else's.
var given = regexp.MustCompile(`^\.ifmatch-[0-9a-f]{16}(-[0-9a-f]+)+(-was|-new|-(moving|over)-[0-9a-f]+-[0-9a-f]+)?$`)

var errNotGiven = errors.New("is not what this program leaves behind: it stays, and no URL leads to it")

// aside is a reserved directory beside a name that a MOVE is about, where things wait under that
// name during the step. Its own name says which inode was to move and which one to go, so that the
// sweep after a crash can tell from what it finds whether the step was taken.
//
//	moving   beside the source. What moves is in it, until one exchange puts it at the destination
//	         and what was there in its place: that exchange is the step.
//	over     beside the destination, where the file system cannot exchange. What is to go is in it;
//	         the step is the rename of the source that follows.
//	was      is the same of the portable tree, which may know no inodes: only a name that is still
//	         free gets back what was there.
type aside struct {
	over     bool
	was      bool
	src, dst uint64 // inodes
}

// parseAside reads a reserved base name; ok is false for others.
func parseAside(base string) (a aside, ok bool) {
	if strings.HasSuffix(base, wasSuffix) {
		return aside{was: true}, true
	}
	parts := strings.Split(base, "-")
	n := len(parts)
	if n < 3 || parts[n-3] != "moving" && parts[n-3] != "over" {
		return a, false
	}
	src, err := strconv.ParseUint(parts[n-2], 16, 64)
	dst, err2 := strconv.ParseUint(parts[n-1], 16, 64)
	return aside{over: parts[n-3] == "over", src: src, dst: dst}, err == nil && err2 == nil
}

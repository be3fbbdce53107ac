package main

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"ifmatch/fs"
)

// logFeatures says in one line what the file system can and cannot do, so that whoever reads the
// log knows how far the promises reach here.
func logFeatures(log *slog.Logger, f fs.Features) {
	can, cannot := describe(f)
	log.Info("file system tried", "type", cmp.Or(f.Kind, "unknown"),
		"can", cmp.Or(strings.Join(can, "; "), "nothing of it"), "cannot", cmp.Or(strings.Join(cannot, "; "), "nothing"))
	if f.Beside {
		log.Warn("another server serves this directory as well: two saves of one name at the same moment, one through each, can lose an edit")
	}
}

// describe words what was found by trying. Each sentence part stands on one side or the other.
func describe(f fs.Features) (can, cannot []string) {
	say := func(yes bool, can1, cannot1 string) {
		if yes {
			can = append(can, can1)
		} else {
			cannot = append(cannot, cannot1)
		}
	}
	switch {
	case f.ReadOnly:
		cannot = append(cannot, "be written")
	case f.Untried:
		cannot = append(cannot, "be tried: there is no permission to create something in the directory itself, or no space")
	default:
		say(f.Sync, "make saves survive a power cut", "make saves survive a power cut")
		say(f.Tmpfile, "stage uploads without a name", "stage without a name: uploads cut off by a crash are swept at the next start")
		say(f.Exchange, "exchange names: conditional writes are safe against other programs that rename",
			"exchange names: a program that writes in the same microseconds as a conditional write can lose what it wrote")
		say(f.Lease, "hold off programs that have the file open for writing", "hold off programs that write to an open file")
	}
	say(f.Beneath, "keep names inside the tree in the kernel", "keep names inside in one system call: each step is checked instead")
	say(f.Granularity > 0 && f.Granularity <= time.Microsecond, "give every change its own time",
		"tell changes apart within "+granularity(f)+": the tag of a file that another program changed is weak for that long")
	say(!f.Folds, "tell upper from lower case in names", "tell upper from lower case in names: each has the one spelling that it was given")
	say(f.Notify, "report changes by other programs", "report changes by other programs: every request looks again")
	return can, cannot
}

func granularity(f fs.Features) string {
	if f.Granularity <= 0 {
		return "an unknown time"
	}
	return f.Granularity.String()
}

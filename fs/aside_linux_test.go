package fs

import "testing"

// What the sweep makes of what a MOVE of inode 5 to where inode 7 is has left.
func TestAsideSettle(t *testing.T) {
	moving, ok := parseAside(ReservedPrefix + "0123456789abcdef-1f" + aside{src: 5, dst: 7}.suffix())
	if !ok || moving != (aside{src: 5, dst: 7}) {
		t.Fatal(moving, ok)
	}
	over, ok := parseAside(ReservedPrefix + "0123456789abcdef-1f" + aside{over: true, src: 5, dst: 7}.suffix())
	if !ok || over != (aside{over: true, src: 5, dst: 7}) {
		t.Fatal(over, ok)
	}
	was, ok := parseAside(ReservedPrefix + "0123456789abcdef-1f" + wasSuffix)
	if !ok || was != (aside{was: true}) {
		t.Fatal(was, ok)
	}
	for _, base := range []string{ReservedPrefix + "0123456789abcdef-1f", ReservedPrefix + "3", ReservedPrefix + "a-moving-x-y", ReservedPrefix + "a-1-2"} {
		if a, ok := parseAside(base); ok {
			t.Errorf("%s is %v", base, a)
		}
	}
	for _, row := range []struct {
		a            aside
		held, beside uint64
		want         settlement
		why          string
	}{
		{moving, 5, 0, giveBack, "a collection that waits"},
		{moving, 5, 5, dropHeld, "the second name of a file that waits"},
		{moving, 5, 9, giveBack, "another program has taken the name"},
		{moving, 7, 0, dropHeld, "the step was taken"},
		{moving, 7, 9, dropHeld, "and the name is in use again"},
		{moving, 7, 5, takeOther, "the step was taken but for the old name"},
		{moving, 9, 0, giveBack, "nobody knows"},
		{over, 7, 0, giveBack, "the step was not taken"},
		{over, 7, 5, dropHeld, "it was"},
		{over, 7, 9, giveBack, "another program has taken the name"},
		{over, 9, 5, giveBack, "nobody knows"},
		{was, 7, 0, giveBack, "the step was not taken"},
		{was, 7, 9, dropHeld, "it was"},
	} {
		if got := row.a.settle(row.held, row.beside); got != row.want {
			t.Errorf("%s: %d, want %d", row.why, got, row.want)
		}
	}
}

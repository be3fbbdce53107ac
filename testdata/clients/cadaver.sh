# cadaver: a person's session at its prompt, read from standard input. cadaver says how each command went
# and leaves with 0 all the same, so its words are compared, and then the directory.
. "$(dirname "$0")/lib.sh"

# session NAME: the commands on standard input; what cadaver says goes to NAME.log, without prompts.
session() {
	step "$1"
	(cd "$WORK" && EDITOR=$WORK/editor cadaver "$URL") | sed 's/^dav:[^>]*> //; s/\[\.*/[/' | tee "$WORK/$1.log"
}

# says NAME TEXT...: each text is in the log of the session.
says() {
	local log=$WORK/$1.log text
	shift
	for text in "$@"; do
		grep -qF -- "$text" "$log" || fail "cadaver did not say: $text"
	done
}

# A stand-in for the editor that a person would use.
# cadaver looks at the file's time, in seconds, to see whether it was changed.
printf '#!/bin/sh\necho edited >>"$1"\ntouch -d +2seconds "$1"\n' >"$WORK/editor"
chmod +x "$WORK/editor"
echo one >"$WORK/one.txt"
head -c 5000000 /dev/urandom >"$WORK/large.bin"
echo blank >"$WORK/a name.txt"

serve

session build <<'END'
mkcol docs
cd docs
mkcol sub
put one.txt
put large.bin
put "a name.txt"
get large.bin large.back
copy one.txt two.txt
move two.txt sub/three.txt
copy sub "sub again"
ls
cat "a name.txt"
edit one.txt
get missing.txt
END
says build "Creating \`docs': succeeded." "Uploading one.txt to \`/docs/one.txt':" \
	"Copying \`/docs/one.txt' to \`/docs/two.txt':  succeeded." \
	"Moving \`/docs/two.txt' to \`/docs/sub/three.txt':  succeeded." \
	"Coll:   sub again" "404 Not Found" "Changes were made." blank
cmp "$WORK/large.bin" "$DIR/docs/large.bin"
cmp "$WORK/large.bin" "$WORK/large.back"
holds "$DIR/docs/one.txt" $'one\nedited'
holds "$DIR/docs/a name.txt" blank
holds "$DIR/docs/sub/three.txt" one
holds "$DIR/docs/sub again/three.txt" one
[ ! -e "$DIR/docs/two.txt" ] || fail "two.txt is there after the move"

session properties <<'END'
cd docs
propset one.txt author "Ada Lovelace"
propget one.txt author
propnames one.txt
copy one.txt copied.txt
propget copied.txt author
propdel one.txt author
propget one.txt author
chexec + one.txt
END
says properties "Setting property on \`one.txt': succeeded." "Value of author is: Ada Lovelace" \
	"DAV: getetag" "DAV: lockdiscovery" "DAV: creationdate" "Deleting property on \`one.txt': succeeded."
equal "$(grep -c 'Value of author is: Ada Lovelace' "$WORK/properties.log")" 2 "the property on original and copy"

# The lock's owner writes with its token; others may not, until the lock is taken away from it.
session locks <<'END'
cd docs
lock one.txt
discover one.txt
put one.txt
unlock one.txt
lock one.txt
END
says locks "Locking \`one.txt': succeeded." "Scope: exclusive  Type: write" "Unlocking \`one.txt': succeeded."
grep -q 'Uploading.*succeeded' "$WORK/locks.log" || fail "the owner of the lock could not write"
# The lock outlives its session, and the next one does not know the token.
session foreign-lock <<'END'
cd docs
put one.txt
delete one.txt
move one.txt elsewhere.txt
discover one.txt
steal one.txt
put one.txt
unlock one.txt
delete one.txt
rmcol sub
END
equal "$(grep -c '423 Locked' "$WORK/foreign-lock.log")" 3 "refusals under a foreign lock"
says foreign-lock "Scope: exclusive  Type: write" "Stealing locks on \`one.txt':" "Deleting \`one.txt': succeeded." \
	"Deleting collection \`sub': succeeded."
[ ! -e "$DIR/docs/one.txt" ] && [ ! -e "$DIR/docs/sub" ] || fail "deleted resources are still there"
nothing_staged
stop

# KDE: what Dolphin and Kate do, by kioclient5, and a mount by kio-fuse, which other programs work in. First alone,
# then beside locks of others; with a login, as its password manager remembers it; under --require-if-match.
. "$(dirname "$0")/lib.sh"

# desktop PART runs a part of this script on a session bus of its own, among processes of its own: KDE starts daemons
# that outlive the bus, and a mount.
desktop() {
	unshare --fork --pid --mount-proc --kill-child bash -c 'dbus-run-session -- bash "$@"; exit $?' desktop "$0" "$1"
}

# kio ARGS... runs kioclient5; what it says is in $WORK/said, too. (No pipe: its helpers would keep it open.)
kio() {
	local status=0
	timeout 60 kioclient5 --noninteractive "$@" >"$WORK/said" 2>&1 || status=$?
	cat "$WORK/said"
	return "$status"
}

# refused WORDS ARGS...: kioclient5 fails, and tells the user why. On a busy machine KDE's password manager once left it
# without an answer: whoever waits too long is asked again.
refused() {
	local words=$1 status=0
	shift
	kio "$@" || status=$?
	[ "$status" != 124 ] || { status=0 && kio "$@" || status=$?; }
	[ "$status" != 0 ] || fail "kioclient5 $*: succeeded"
	grep -qF -- "$words" "$WORK/said" || fail "kioclient5 $*: did not say: $words"
}

# bus NAME PATH METHOD ARGS... calls a service of KDE.
bus() { gdbus call --session --dest "$1" --object-path "$2" --method "${@:3}"; }

# lock URL prints the token of a lock of somebody else.
lock() {
	curl -sf -o /dev/null -D - -X LOCK -H 'Depth: 0' -H 'Content-Type: text/xml' "$1" -d '<D:lockinfo xmlns:D="DAV:">
		<D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Anna</D:owner></D:lockinfo>' |
		tr -d '\r' | sed -n 's/^[Ll]ock-[Tt]oken: //p'
}

# remember URL USER PASSWORD tells KDE's password manager, as if somebody had typed it, by what QDataStream makes of
# a KIO::AuthInfo: version, URL, user, password, four texts that are missing, realm, digest, four flags (without
# regard to the path, and to be kept), no more fields.
remember() {
	local missing=ffffffff info
	info=01$(printf %08x ${#1}; hex "$1")$(text "$2")$(text "$3")$missing$missing$missing$missing
	info+=$(text ifmatch)${missing}0000010000000000
	bus org.kde.kpasswdserver /modules/kpasswdserver org.kde.KPasswdServer.addAuthInfo \
		"[byte $(sed 's/../0x&, /g; s/, $//' <<<"$info")]" 'int64 0'
}

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }

# text is a QString of ASCII: its bytes in UTF-16, after their number.
text() { printf %08x $((2 * ${#1})); hex "$1" | sed 's/../00&/g'; }

case ${1:-} in
'')
	mkdir -m 700 "$WORK/run"
	mkdir -p "$HOME/.config"
	# no daemon for cookies, no dialogs that nobody would see
	printf '[Cookie Policy]\nCookies=false\n' >"$HOME/.config/kcookiejarrc"
	printf '[<default>]\nno-auth-prompt=true\n' >"$HOME/.config/kio_webdavrc"
	printf '[Wallet]\nEnabled=false\n' >"$HOME/.config/kwalletrc"
	export URL DIR XDG_RUNTIME_DIR=$WORK/run QT_QPA_PLATFORM=offscreen

	serve
	source_tree "$WORK/tree"
	rm -r "$WORK/tree/fs" "$WORK/tree/etagfs/"*_test.go # each file takes KDE a while
	echo odd >"$WORK/tree/deep/what? 100%41.txt"
	desktop alone
	desktop mount
	nothing_staged
	stop

	echo "secret 1" | "$IFMATCH" passwd "$WORK/users" anna
	serve --users "$WORK/users"
	desktop login
	stop

	serve --require-if-match on
	desktop conditions
	nothing_staged
	stop
	exit
	;;
esac

share=webdav://${URL#http://}
file=file://$WORK

case $1 in
alone)
	step "copy up, overwrite, copy down"
	head -c 8000000 /dev/urandom >"$WORK/large"
	echo first >"$WORK/first"
	echo second >"$WORK/second"
	kio cp "$file/large" "${share}large"
	cmp "$WORK/large" "$DIR/large"
	kio cp "${share}large" "$file/back"
	cmp "$WORK/large" "$WORK/back"
	kio cp "$file/first" "${share}a name %231 %2541 größe%3F.txt"
	holds "$DIR/a name #1 %41 größe?.txt" first
	refused "already exists" cp "$file/second" "${share}a name %231 %2541 größe%3F.txt"
	holds "$DIR/a name #1 %41 größe?.txt" first
	kio --overwrite cp "$file/second" "${share}a name %231 %2541 größe%3F.txt"
	holds "$DIR/a name #1 %41 größe?.txt" second
	curl -sf -o /dev/null -X PUT -d third "${URL}a%20name%20%231%20%2541%20gr%C3%B6%C3%9Fe%3F.txt"
	equal "$(kio cat "${share}a name %231 %2541 größe%3F.txt")" third "kioclient5 cat of what somebody else saved"
	equal "$(kio ls "$share" | sed '/^$/d' | sort | tr '\n' '|')" '.|a name #1 %41 größe?.txt|large|' "kioclient5 ls"

	step "a tree, while somebody else writes"
	mkdir "$DIR/http"
	(for i in $(seq 60); do curl -sf -o /dev/null -T "$WORK/first" "${URL}http/$i"; done) &
	writer=$!
	kio cp "$file/tree" "$share"
	diff -r "$WORK/tree" "$DIR/tree"
	kio cp "${share}tree" "$file/tree-back"
	diff -r "$WORK/tree" "$WORK/tree-back"
	kio cp "${share}tree/deep" "${share}copied" # KDE makes the collections, and has the server copy each file
	diff -r "$WORK/tree/deep" "$DIR/copied"
	wait "$writer" || fail "the second writer's PUTs failed"
	equal "$(ls "$DIR/http" | wc -l)" 60 "files of the second writer"

	step "rename, move, remove"
	kio mv "${share}tree/über/größe.txt" "${share}tree/über/50%25 %23 %3F.txt"
	holds "$DIR/tree/über/50% # ?.txt" grün
	kio mv "${share}tree/über" "${share}tree/deep/" # a collection without a slash at its end
	holds "$DIR/tree/deep/über/50% # ?.txt" grün
	kio rm "${share}tree/deep" "${share}copied/what%3F 100%2541.txt"
	[ ! -e "$DIR/tree/deep" ] && [ ! -e "$DIR/copied/what? 100%41.txt" ] || fail "what was removed is still there"
	kio mv "${share}copied" "$file/moved" # copies, and deletes
	[ ! -e "$DIR/copied" ] && [ -e "$WORK/moved/a name with spaces.txt" ] || fail "what was moved is in the wrong place"
	refused "intermediate collections" cp "$file/first" "${share}missing/first"

	step "somebody else has a lock, or the name"
	mkdir "$DIR/folder"
	echo theirs >"$DIR/folder/doc"
	echo other >"$DIR/folder/other"
	token=$(lock "${URL}folder/doc")
	refused "is locked" --overwrite cp "$file/first" "${share}folder/doc"
	refused "is locked" rm "${share}folder/doc"
	refused "is locked" mv "${share}folder/doc" "${share}folder/mine"
	refused "is locked" rm "${share}folder"
	refused "is locked" --overwrite mv "$file/first" "${share}folder/doc"
	refused "not overwritten" mv "${share}folder/other" "${share}large"
	holds "$DIR/folder/doc" theirs
	holds "$DIR/folder/other" other
	holds "$WORK/first" first
	cmp "$WORK/large" "$DIR/large"
	curl -sf -X UNLOCK -H "Lock-Token: $token" "${URL}folder/doc"
	kio --overwrite cp "$file/first" "${share}folder/doc"
	holds "$DIR/folder/doc" first
	;;

mount)
	step "copy a tree into a mount"
	mnt=$(bus org.kde.KIOFuse /org/kde/KIOFuse org.kde.KIOFuse.VFS.mountUrl "${share}" | cut -d "'" -f 2)
	mkdir "$mnt/desk"
	cp -r "$WORK/tree" "$mnt/desk/tree"
	diff -r "$WORK/tree" "$mnt/desk/tree"

	step "edit, append, truncate, rename, delete in it"
	# The same is done to the mount and to the copy beside it.
	for root in "$mnt/desk/tree" "$WORK/tree"; do (
		cd "$root"
		sed s/spaces/SPACES/ "deep/a name with spaces.txt" >deep/new # saves as many an editor does
		mv deep/new "deep/a name with spaces.txt"
		echo appended >>large.txt
		truncate -s 1000000 large.txt
		dd if=/dev/zero of=large.txt bs=1000 seek=10 count=3 conv=notrunc status=none
		mv "deep/what? 100%41.txt" über/moved.txt
		mv empty deep/er/and/
		mv über under
		mv under/größe.txt under/moved.txt # replaces a file
		mkdir -p new/er && echo made >new/er/file
		rm -r etagfs
		rmdir "empty directory"
		sync large.txt under/moved.txt new/er/file
	); done
	diff -r "$WORK/tree" "$mnt/desk/tree"
	eventually "the directory has other files than were written to the mount" diff -r "$WORK/tree" "$DIR/desk/tree"

	step "somebody else saves in between, or has a lock"
	mnt+=/desk
	echo mine >"$mnt/doc"
	eventually "the mount did not save" grep -qx mine "$DIR/desk/doc"
	curl -sf -X PUT -d 'theirs
' "${URL}desk/doc"
	equal "$(cat "$mnt/doc")" theirs "what the mount shows of a file that somebody else saved"
	echo mine >>"$mnt/doc"
	eventually "the mount did not save" grep -qx mine "$DIR/desk/doc"
	holds "$DIR/desk/doc" $'theirs\nmine'
	token=$(lock "${URL}desk/doc")
	rm "$mnt/doc" && fail "a locked file was removed"
	# What KDE asks next stands still when it cannot tell the refusal's end.
	timeout -s KILL 30 bash -c "echo next >'$mnt/next' && ls '$mnt'" >"$WORK/said" || fail "the mount hangs after a refused DELETE"
	mv "$mnt/doc" "$mnt/mine" && fail "a locked file was moved"
	timeout -s KILL 30 mv "$mnt/next" "$mnt/after" || fail "the mount hangs after a refused MOVE"
	mv "$mnt/after" "$mnt/doc" && fail "a locked file was replaced"
	timeout -s KILL 30 cp "$WORK/first" "$mnt/doc" && fail "a locked file was overwritten"
	holds "$DIR/desk/doc" $'theirs\nmine'
	holds "$DIR/desk/after" next
	# kio-fuse keeps what it could not save
	curl -sf -X UNLOCK -H "Lock-Token: $token" "${URL}desk/doc"
	sync "$mnt/doc"
	holds "$DIR/desk/doc" first
	;;

login)
	anna=webdav://anna:secret%201@${URL#http://}
	step "the password in the URL"
	kio --overwrite cp "$file/first" "${anna}private"
	holds "$DIR/private" first
	kio mv "${anna}private" "${anna}renamed" # Destination has the password, too
	equal "$(kio cat "${anna}renamed")" first "kioclient5 cat"

	step "no password, a wrong one"
	refused "(401)" --overwrite cp "$file/second" "${share}renamed"
	refused "does not exist" rm "${anna/secret/wrong}renamed"
	holds "$DIR/renamed" first

	step "the password that KDE remembers"
	remember "$share" anna "secret 1"
	kio cp "$file/tree/deep" "${share}mine"
	diff -r "$WORK/tree/deep" "$DIR/mine"
	kio rm "${share}mine" "${share}renamed"
	[ ! -e "$DIR/mine" ] && [ ! -e "$DIR/renamed" ] || fail "what was removed is still there"
	;;

conditions)
	# KDE names no state that it changes: here it can create, and cannot overwrite or delete.
	step "a server that wants conditions"
	kio cp "$file/first" "${share}created"
	holds "$DIR/created" first
	refused "(428)" --overwrite cp "$file/second" "${share}created"
	refused "(428)" rm "${share}created"
	holds "$DIR/created" first
	;;
esac

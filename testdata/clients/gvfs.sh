# gvfs: what GNOME's Files does, by gio on a session bus of its own.
. "$(dirname "$0")/lib.sh"

# The session below runs again in here, under the bus.
if [ "${1:-}" != session ]; then
	serve
	export URL DIR
	mkdir -m 700 -p "$WORK/run"
	# gvfsd and its helpers belong to the bus and leave with it, and look for no cameras, phones and disks
	export GIO_USE_VOLUME_MONITOR=unix
	XDG_RUNTIME_DIR=$WORK/run dbus-run-session -- bash "$0" session
	nothing_staged
	stop
	exit
fi

step mount
share=dav://${URL#http://}
gio mount "$share"
gio mount -l | grep -q "$share" || fail "gio does not list the mount: $(gio mount -l)"

step "write and read"
head -c 3000000 /dev/urandom >"$WORK/large"
echo first >"$WORK/first"
gio mkdir "${share}folder"
gio copy "$WORK/large" "${share}folder/large"
odd=folder/a%20name%20%231%20%26%20gr%C3%B6%C3%9Fe.txt
gio copy "$WORK/first" "$share$odd"
cmp "$WORK/large" "$DIR/folder/large"
holds "$DIR/folder/a name #1 & größe.txt" first
gio copy "${share}folder/large" "$WORK/back"
cmp "$WORK/large" "$WORK/back"
equal "$(gio cat "$share$odd")" first "gio cat"
equal "$(gio list "${share}folder" | sort | tr '\n' '|')" 'a name #1 & größe.txt|large|' "gio list"

step "attributes"
gio info -a 'standard::*,etag::*,time::*,filesystem::*' "${share}folder/large" | tee "$WORK/info"
grep -q 'size: 3000000' "$WORK/info" || fail "the size is wrong"
equal "$(sed -n 's/ *etag::value: //p' "$WORK/info")" "$(etag "${URL}folder/large")" "etag::value"
gio info -f "$share" | grep -q 'filesystem::free: [0-9]' || fail "no quota"

step "save with an entity-tag"
# As gedit: gio save hands the tag of what it read to the server.
tag=$(sed -n 's/ *etag::value: //p' "$WORK/info")
echo saved | gio save --etag="$tag" "${share}folder/large"
holds "$DIR/folder/large" saved
echo lost | gio save --etag="$tag" "${share}folder/large" && fail "a save with the old tag succeeded"
holds "$DIR/folder/large" saved
echo new | gio save --create "${share}folder/new.txt"
holds "$DIR/folder/new.txt" new

step "rename, move, copy, remove"
gio rename "${share}folder/new.txt" renamed.txt
holds "$DIR/folder/renamed.txt" new
gio mkdir "${share}folder/sub"
gio move "${share}folder/renamed.txt" "${share}folder/sub/moved.txt"
holds "$DIR/folder/sub/moved.txt" new
gio copy "${share}folder/sub/moved.txt" "${share}folder/copied.txt"
holds "$DIR/folder/copied.txt" new
gio rename "${share}folder/sub" "sub renamed" # a collection without a slash at its end
holds "$DIR/folder/sub renamed/moved.txt" new
gio move "${share}folder/copied.txt" "${share}folder/large" # replaces
holds "$DIR/folder/large" new
gio remove "${share}folder/sub%20renamed" 2>/dev/null && fail "a full collection was removed as if it were empty"
holds "$DIR/folder/sub renamed/moved.txt" new
gio remove "${share}folder/sub%20renamed/moved.txt" "${share}folder/sub%20renamed"
[ ! -e "$DIR/folder/sub renamed" ] || fail "the removed collection is still there"
gio info "${share}folder/missing" 2>/dev/null && fail "gio found a file that is not there"

step unmount
gio mount -u "$share"

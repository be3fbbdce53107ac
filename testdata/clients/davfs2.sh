# davfs2: a mount in the kernel, used by ordinary programs: cp, editors, git. First alone, then with a second
# writer beside it, with and without locks.
. "$(dirname "$0")/lib.sh"

mnt=$WORK/mnt
mkdir "$mnt" "$WORK/cache"
# mount.davfs wants a cache like the one that its package makes
chown root:davfs2 "$WORK/cache"
chmod 775 "$WORK/cache"

# mount_davfs LOCKS mounts the server at $mnt, with locks (1) or without (0).
mount_davfs() {
	cat >"$WORK/davfs2.conf" <<-END
		use_locks $1
		ask_auth 0
		cache_dir $WORK/cache
		delay_upload 0
		# look at the server at once, so that the test need not wait
		dir_refresh 1
		file_refresh 0
		# Linux reads directories in pieces that are larger than the usual buffer of davfs2
		buf_size 256
	END
	mount.davfs -o "conf=$WORK/davfs2.conf,uid=0,gid=0" "$URL" "$mnt"
}

# session NAME: a tree is copied to $mnt/NAME and worked on, as is a copy beside the mount, $WORK/NAME; and a repository is
# made in $mnt/NAME.repo.
session() {
	local root repo=$mnt/$1.repo
	step "$1: copy a tree in"
	cp -r "$WORK/tree" "$WORK/$1"
	cp -r "$WORK/tree" "$mnt/$1"
	diff -r "$WORK/$1" "$mnt/$1"

	step "$1: edit, append, truncate, rename, delete"
	for root in "$mnt/$1" "$WORK/$1"; do (
		cd "$root"
		sed -i 's/spaces/SPACES/' "deep/a name with spaces.txt" # writes a new file and renames it over
		echo appended >>large.txt
		truncate -s 1000000 large.txt
		dd if=/dev/zero of=large.txt bs=1000 seek=10 count=3 conv=notrunc status=none
		mv "deep/100% #1 & [more]; 'quoted'+.txt" über/moved.txt
		mv empty deep/er/and/
		mv über under
		mv under/größe.txt under/moved.txt # replaces a file
		mkdir -p new/er && echo made >new/er/file
		: >deep/er/and/deeper/still/file # truncated to nothing
		rm -r fs
		rmdir "empty directory"
	); done
	diff -r "$WORK/$1" "$mnt/$1"

	step "$1: git"
	git init -q "$repo"
	cp -r "$WORK/$1/etagfs" "$WORK/$1/deep" "$repo/"
	git -C "$repo" add .
	git -C "$repo" commit -q -m "first"
	echo more >>"$repo/deep/a name with spaces.txt"
	git -C "$repo" rm -q -r etagfs
	git -C "$repo" commit -q -a -m "second"
	git -C "$repo" gc -q
	git -C "$repo" fsck --strict
	equal "$(git -C "$repo" status --porcelain)" "" "git status in the mount"
	git -C "$repo" rev-parse HEAD >"$WORK/$1.head"
}

# compare NAME: after the unmount, DIR has what the session made.
compare() {
	local repo=$DIR/$1.repo
	step "$1: compare"
	diff -r "$WORK/$1" "$DIR/$1"
	git -C "$repo" fsck --strict
	holds "$WORK/$1.head" "$(git -C "$repo" rev-parse HEAD)"
	equal "$(git -C "$repo" status --porcelain)" "" "git status in the directory"
	equal "$(git -C "$repo" log --format=%s | tr '\n' ' ')" "second first " "git log in the directory"
	nothing_staged
}

cat >"$HOME/.gitconfig" <<-END
	[user]
		name = Judge
		email = judge@example.org
	[core]
		fsync = all
	[init]
		defaultBranch = main
END
serve
source_tree "$WORK/tree"
mount_davfs 1
session alone
umount "$mnt"
compare alone

step "again, with a second writer beside it"
mount_davfs 1
# One by HTTP, one in the directory itself, both as long as the mount is written to.
mkdir "$DIR/http" "$DIR/local"
(for ((i = 0; ; i++)); do
	curl -sf -o /dev/null -T "$WORK/tree/deep/er/and/deeper/still/file" "${URL}http/$((i % 60))"
	[ ! -e "$WORK/enough" ] || [ "$i" -lt 60 ] || break
	sleep 0.02
done) &
http_writer=$!
(for ((i = 0; ; i++)); do
	echo "$i" >"$DIR/local/new" && mv "$DIR/local/new" "$DIR/local/file"
	[ ! -e "$WORK/enough" ] || break
	sleep 0.01
done && echo "$i" >"$WORK/last") &
local_writer=$!
session beside
rm -r "$mnt/alone"
: >"$WORK/enough"
wait "$http_writer" || fail "the second writer's PUTs failed"
wait "$local_writer"
equal "$(ls "$DIR/http" | wc -l)" 60 "files of the second writer"
last=$(cat "$WORK/last")
holds "$DIR/local/file" "$last"
eventually "the mount does not show the second writer's files" test -e "$mnt/http/59" -a -e "$mnt/local/file"
eventually "the mount shows stale bytes" grep -qx "$last" "$mnt/local/file"
[ ! -e "$DIR/alone" ] || fail "what the mount deleted is still there"
umount "$mnt"
compare beside
mount_davfs 1

# What the other changed is shown, not the cached bytes.
echo before >"$mnt/shared"
eventually "the mount did not save" grep -qx before "$DIR/shared"
curl -sf -o /dev/null -X PUT -d "by http" "${URL}shared"
eventually "the mount shows stale bytes" grep -qx "by http" "$mnt/shared"
echo "by a program" >"$DIR/shared"
eventually "the mount shows stale bytes" grep -qx "by a program" "$mnt/shared"

# While a file is open for writing, it is locked.
exec 7>>"$mnt/shared"
equal "$(status -X PUT -d intruder "${URL}shared")" 423 "PUT of a file that the mount has open"
echo "by the mount" >&7
exec 7>&-
# davfs2 saves and unlocks a moment after the file was closed
eventually "the mount did not save" grep -qx "by the mount" "$DIR/shared"
holds "$DIR/shared" $'by a program\nby the mount'
eventually "the lock stays after the file was closed" curl -sf -X PUT -d next "${URL}shared"

step "the server restarts below the mount"
exec 7>>"$mnt/restart"
restart
equal "$(status -X PUT -d intruder "${URL}restart")" 423 "PUT of a file that was locked before the restart"
echo "written after the restart" >&7
exec 7>&-
eventually "the mount did not save" grep -qx "written after the restart" "$DIR/restart"
eventually "the lock stays after the file was closed" curl -sf -X PUT -d next "${URL}restart"
umount "$mnt"

step "a conflict without locks"
# The mount opened a state that has gone when it saves: If-Match is false, the other's bytes stay, and
# davfs2 keeps its own beside.
mount_davfs 0
echo base >"$mnt/conflict"
eventually "the mount did not save" grep -qx base "$DIR/conflict"
exec 7>>"$mnt/conflict"
echo mine >&7
equal "$(status -X PUT -d theirs "${URL}conflict")" 204 "PUT of the other"
exec 7>&- || true
eventually "davfs2 did not keep its text" grep -rqx mine "$mnt/lost+found"
equal "$(cat "$DIR/conflict")" theirs "the conflict in the directory"
umount "$mnt"
equal "$(cat "$DIR/conflict")" theirs "the conflict after the unmount"
nothing_staged
stop

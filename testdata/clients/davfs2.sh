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

serve
source_tree "$WORK/tree"

step "copy a tree in"
mount_davfs 1
cp -r "$WORK/tree" "$mnt/tree"
diff -r "$WORK/tree" "$mnt/tree"

step "edit, append, truncate, rename, delete"
# The same is done to the mount and to the copy beside it.
for root in "$mnt/tree" "$WORK/tree"; do (
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
diff -r "$WORK/tree" "$mnt/tree"

step "git"
cat >"$HOME/.gitconfig" <<-END
	[user]
		name = Judge
		email = judge@example.org
	[core]
		fsync = all
	[init]
		defaultBranch = main
END
git init -q "$mnt/repo"
cp -r "$WORK/tree/etagfs" "$WORK/tree/deep" "$mnt/repo/"
git -C "$mnt/repo" add .
git -C "$mnt/repo" commit -q -m "first"
echo more >>"$mnt/repo/deep/a name with spaces.txt"
git -C "$mnt/repo" rm -q -r etagfs
git -C "$mnt/repo" commit -q -a -m "second"
git -C "$mnt/repo" gc -q
git -C "$mnt/repo" fsck --strict
equal "$(git -C "$mnt/repo" status --porcelain)" "" "git status in the mount"

step "unmount and compare"
head=$(git -C "$mnt/repo" rev-parse HEAD)
umount "$mnt"
diff -r "$WORK/tree" "$DIR/tree"
git -C "$DIR/repo" fsck --strict
equal "$(git -C "$DIR/repo" rev-parse HEAD)" "$head" "HEAD in the directory"
equal "$(git -C "$DIR/repo" status --porcelain)" "" "git status in the directory"
equal "$(git -C "$DIR/repo" log --format=%s | tr '\n' ' ')" "second first " "git log in the directory"
nothing_staged

step "again, with a second writer beside it"
mount_davfs 1
# One by HTTP, one in the directory itself, both while the mount is written to.
mkdir "$DIR/http" "$DIR/local"
(for i in $(seq 60); do curl -sf -o /dev/null -T "$WORK/tree/deep/er/and/empty" "${URL}http/$i"; done) &
http_writer=$!
(for i in $(seq 300); do
	echo "$i" >"$DIR/local/new" && mv "$DIR/local/new" "$DIR/local/file"
	sleep 0.01
done) &
local_writer=$!
cp -r "$WORK/tree" "$mnt/again"
mv "$mnt/again/deep" "$mnt/again/moved"
rm -r "$mnt/tree"
wait "$http_writer" || fail "the second writer's PUTs failed"
wait "$local_writer"
mv "$WORK/tree/deep" "$WORK/tree/moved"
diff -r "$WORK/tree" "$mnt/again"
eventually "the directory has other files than were written to the mount" diff -r "$WORK/tree" "$DIR/again"
equal "$(ls "$DIR/http" | wc -l)" 60 "files of the second writer"
holds "$DIR/local/file" 300
eventually "the mount does not show the second writer's files" test -e "$mnt/http/60" -a -e "$mnt/local/file"
eventually "the mount shows stale bytes" grep -qx 300 "$mnt/local/file"
[ ! -e "$DIR/tree" ] || fail "what the mount deleted is still there"

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

# rclone: its own integration tests of a WebDAV server, sync and check, each as a server of no particular vendor and as
# an ownCloud, which keeps times and checksums; then bisync, which compares times, and a mount as an ownCloud.
. "$(dirname "$0")/lib.sh"

step build
cd "$here"
go build -o "$WORK/rclone" ./rclone
# Nothing is configured in a file: remotes come from the environment.
: >"$WORK/empty.conf"
export RCLONE_CONFIG=$WORK/empty.conf RCLONE_STATS=0 RCLONE_LOG_LEVEL=NOTICE RCLONE_COLOR=NEVER
export RCLONE_WEBDAV_PACER_MIN_SLEEP=1ms # rclone waits between two requests, for servers far away
export RCLONE_CONFIG_PLAIN_TYPE=webdav RCLONE_CONFIG_PLAIN_VENDOR=other
export RCLONE_CONFIG_CLOUD_TYPE=webdav RCLONE_CONFIG_CLOUD_VENDOR=owncloud

serve
export RCLONE_CONFIG_PLAIN_URL=$URL RCLONE_CONFIG_CLOUD_URL=$URL
rclone() { "$WORK/rclone" "$@"; }

# Left out, as upstream leaves it out for ownCloud and Nextcloud: a name that is not UTF-8. Ours are.
for remote in plain cloud; do
	step "integration tests, $remote"
	go test -count=1 github.com/rclone/rclone/backend/webdav -run 'TestIntegration$' -remote "$remote:" -v \
		-skip 'TestIntegration/FsMkdir/FsEncoding/invalid_UTF-8' \
		>"$WORK/integration.log" 2>&1 || {
		grep -vE '^ *(=== |--- (PASS|SKIP)|fstests.go:[0-9]+: (skip|skipping))' "$WORK/integration.log"
		fail "integration tests as $remote"
	}
	# rclone passes with nothing but a remark when it does not find the remote.
	passed=$(grep -c -- '--- PASS: TestIntegration/FsMkdir/' "$WORK/integration.log") || true
	[ "$passed" -ge 100 ] || fail "only $passed integration tests as $remote"
	echo "$passed passed"
	left=$(ls -A "$DIR")
	[ -z "$left" ] || fail "the integration tests left $left"
done

source_tree "$WORK/tree"
for remote in plain cloud; do
	step "sync and check, $remote"
	rclone sync --create-empty-src-dirs "$WORK/tree" "$remote:tree"
	diff -r "$WORK/tree" "$DIR/tree"
	rclone check --download "$WORK/tree" "$remote:tree"
	echo changed >>"$DIR/tree/deep/a name with spaces.txt"
	rclone check --download "$WORK/tree" "$remote:tree" 2>/dev/null && fail "check did not see the change"
	rm -r "$DIR/tree/über" "$DIR/tree/large.txt"
	echo extra >"$DIR/tree/extra"
	# sizes differ, files are missing, one is too much: all of it is put right
	rclone sync --create-empty-src-dirs "$WORK/tree" "$remote:tree"
	diff -r "$WORK/tree" "$DIR/tree"
	rclone sync --create-empty-src-dirs "$remote:tree" "$WORK/back"
	diff -r "$WORK/tree" "$WORK/back"
	if [ "$remote" = cloud ]; then
		(cd "$WORK/tree" && find . -type f -printf '%p %Ts\n' | sort) >"$WORK/times.want"
		(cd "$DIR/tree" && find . -type f -printf '%p %Ts\n' | sort) >"$WORK/times.got"
		diff "$WORK/times.want" "$WORK/times.got" || fail "the times of files were not kept"
	fi
	rm -r "$DIR/tree" "$WORK/back"
done

for remote in plain cloud; do
	step "bisync, $remote"
	mine=$WORK/mine-$remote theirs=$DIR/bi-$remote
	mkdir "$mine" "$theirs"
	echo base >"$mine/base"
	echo both >"$mine/both"
	echo same >"$mine/same" # bisync refuses to go on when nothing stayed as it was
	how=(--compare size) # no times are kept without a vendor
	[ "$remote" = plain ] || how=(--conflict-resolve newer)
	bisync() { rclone bisync "$mine" "$remote:bi-$remote" --workdir "$WORK/bisync-$remote" "${how[@]}" "$@"; }
	bisync --resync
	holds "$theirs/base" base
	sleep 1.1 # times are compared in seconds
	echo here >"$mine/here"
	echo there >"$theirs/there"
	rm "$theirs/base"
	echo "edited there" >"$theirs/both"
	bisync
	diff -r "$mine" "$theirs"
	holds "$mine/there" there
	holds "$mine/both" "edited there"
	[ ! -e "$mine/base" ] || fail "bisync brought a deleted file back"
	# Edited on both sides: both texts stay, one of them under another name, or both.
	echo "this edit is mine" >"$mine/both"
	sleep 1.1
	echo "edit of theirs" >"$theirs/both"
	bisync
	diff -r "$mine" "$theirs"
	grep -rqx "this edit is mine" "$theirs" && grep -rqx "edit of theirs" "$theirs" || fail "bisync lost an edit"
done

for remote in plain cloud; do
	step "mount, $remote"
	mnt=$WORK/mnt-$remote tree=$WORK/tree-$remote
	mkdir "$mnt"
	cp -r "$WORK/tree" "$tree"
	rclone mount "$remote:" "$mnt" --vfs-cache-mode writes --vfs-write-back 0s --dir-cache-time 1s \
		--cache-dir "$WORK/vfs" 2>"$WORK/mount.log" &
	mount_pid=$!
	eventually "rclone does not mount: $(cat "$WORK/mount.log")" mountpoint -q "$mnt"
	cp -r "$tree" "$mnt/$remote"
	diff -r "$tree" "$mnt/$remote"
	echo appended >>"$mnt/$remote/large.txt"
	echo appended >>"$tree/large.txt"
	truncate -s 10 "$mnt/$remote/deep/a name with spaces.txt" "$tree/deep/a name with spaces.txt"
	mv "$mnt/$remote/über" "$mnt/$remote/under" && mv "$tree/über" "$tree/under"
	mv "$mnt/$remote/empty" "$mnt/$remote/deep/er/" && mv "$tree/empty" "$tree/deep/er/"
	rm -r "$mnt/$remote/fs" "$tree/fs"
	eventually "the mount shows other files than were written" diff -r "$tree" "$mnt/$remote"
	# written behind: the server has it soon, and all of it after the unmount
	curl -sf -o /dev/null -T "$tree/large.txt" "${URL}$remote/by-another"
	cp "$tree/large.txt" "$tree/by-another"
	eventually "the mount does not show what another client wrote" cmp "$tree/by-another" "$mnt/$remote/by-another"
	fusermount3 -u "$mnt"
	wait "$mount_pid" || fail "rclone mount: $(cat "$WORK/mount.log")"
	diff -r "$tree" "$DIR/$remote"
done
nothing_staged
stop

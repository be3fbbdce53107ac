#!/bin/bash
# Judges the built binary by real WebDAV clients: run.sh [NAME...], all of them without a name.
#
# Each client has a script NAME.sh, a server, a directory and a home of its own, and bounded time. What a
# client says is shown when it fails. Needs root: davfs2 and rclone mount real file systems.
#
# IFMATCH names another binary to judge; flags of serve can be given as their variables, as in
# IFMATCH_ETAG=content; KEEP=1 keeps the work directory.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(litmus flood cadaver gowebdav emersion npm gvfs proxies others rclone davfs2)
limit=900 # seconds for one client, with building it on a fresh and busy machine

# What Debian calls the programs that the scripts use.
packages=(
	litmus:litmus cadaver:cadaver mount.davfs:davfs2 gio:libglib2.0-bin dbus-run-session:dbus-daemon
	fusermount3:fuse3 git:git curl:curl node:nodejs npm:npm nginx:nginx-light apache2:apache2 lighttpd:lighttpd caddy:caddy openssl:openssl
)

install_clients() {
	local missing=() pair
	for pair in "${packages[@]}"; do
		PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ -e /usr/share/gvfs/mounts/dav.mount ] || missing+=(gvfs gvfs-daemons gvfs-backends)
	[ -e /usr/lib/lighttpd/mod_webdav.so ] || missing+=(lighttpd-mod-webdav)
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	apt-get update -q >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
}

work=$(mktemp -d /tmp/ifmatch-clients.XXXXXX)
finish() {
	local point
	for point in $(awk -v under="$work/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo); do
		umount -i -l "$point" || true
	done
	[ -n "${KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

install_clients
# The clients get a home of their own; the caches of go and npm stay where they are.
GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE) npm_config_cache=$(npm config get cache)
export GOCACHE GOMODCACHE npm_config_cache GOFLAGS=-buildvcs=false
if [ -z "${IFMATCH:-}" ]; then
	(cd "$here/../.." && go build -o "$work/ifmatch" ./cmd/ifmatch)
	IFMATCH=$work/ifmatch
fi
export IFMATCH

[ $# != 0 ] || set -- "${all[@]}"
passed=0 failed=0
for name in "$@"; do
	[ -f "$here/$name.sh" ] || { echo "there is no client $name; there are: ${all[*]}"; exit 2; }
	mkdir -p "$work/$name/home"
	start=$SECONDS status=0
	# mktemp -d is for root alone, but davfs2 works under a user of its own
	chmod 755 "$work" "$work/$name"
	WORK=$work/$name HOME=$work/$name/home XDG_CONFIG_HOME='' XDG_CACHE_HOME='' XDG_DATA_HOME='' LC_ALL=C.UTF-8 \
		timeout -k 10 "$limit" bash "$here/$name.sh" >"$work/$name.log" 2>&1 </dev/null || status=$?
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $name $((SECONDS - start))s"
	else
		failed=$((failed + 1))
		[ "$status" = 124 ] && echo "took longer than ${limit}s" >>"$work/$name.log"
		echo "FAIL $name $((SECONDS - start))s, exit $status"
		sed "s/^/     $name: /" "$work/$name.log"
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# Judges the built binary by real WebDAV clients: run.sh [NAME...], all of them without a name.
#
# Each client has a script NAME.sh, a server, a directory and a home of its own, and bounded time. Some run beside each
# other, since they wait a lot. What a client says is shown when it fails. Needs root: davfs2 and rclone mount real file
# systems.
#
# IFMATCH names another binary to judge; flags of serve can be given as their variables, as in
# IFMATCH_ETAG=content; KEEP=1 keeps the work directory.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(others rclone davfs2 kde flood proxies listings npm gvfs litmus cadaver gowebdav emersion) # the slow ones first
most=3    # clients at a time
limit=900 # seconds for one client, with building it on a fresh and busy machine

# What Debian calls the programs that the scripts use.
packages=(
	litmus:litmus cadaver:cadaver mount.davfs:davfs2 gio:libglib2.0-bin kioclient5:kde-cli-tools dbus-run-session:dbus-daemon
	fusermount3:fuse3 git:git curl:curl node:nodejs npm:npm nginx:nginx-light apache2:apache2 lighttpd:lighttpd caddy:caddy openssl:openssl
	lftp:lftp wget:wget
)

install_clients() {
	local missing=() pair
	for pair in "${packages[@]}"; do
		PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ -e /usr/share/gvfs/mounts/dav.mount ] || missing+=(gvfs gvfs-daemons gvfs-backends)
	[ -e /usr/share/dbus-1/services/org.kde.KIOFuse.service ] || missing+=(kio-fuse)
	[ -e /usr/lib/lighttpd/mod_webdav.so ] || missing+=(lighttpd-mod-webdav)
	/usr/bin/python3 -c 'import aiohttp, fsspec' 2>/dev/null || missing+=(python3-fsspec python3-aiohttp)
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	apt-get update -q >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
}

work=$(mktemp -d /tmp/ifmatch-clients.XXXXXX)
finish() {
	local point
	kill $(jobs -p) 2>/dev/null && wait # timeout passes it on
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
for name in "$@"; do
	[ -f "$here/$name.sh" ] || { echo "there is no client $name; there are: ${all[*]}"; exit 2; }
done

# begin NAME starts a client.
declare -A name_of start_of # by the process
begin() {
	mkdir -p "$work/$1/home"
	# mktemp -d is for root alone, but davfs2 works under a user of its own
	chmod 755 "$work" "$work/$1"
	WORK=$work/$1 HOME=$work/$1/home XDG_CONFIG_HOME='' XDG_CACHE_HOME='' XDG_DATA_HOME='' LC_ALL=C.UTF-8 \
		timeout -k 10 "$limit" bash "$here/$1.sh" >"$work/$1.log" 2>&1 </dev/null &
	name_of[$!]=$1 start_of[$!]=$SECONDS
}

# report waits for the end of a client, whichever it is, and tells of it.
passed=0 failed=0
report() {
	local pid name seconds status=0
	wait -n -p pid || status=$?
	name=${name_of[$pid]} seconds=$((SECONDS - start_of[$pid]))
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $name ${seconds}s"
	else
		failed=$((failed + 1))
		[ "$status" = 124 ] && echo "took longer than ${limit}s" >>"$work/$name.log"
		echo "FAIL $name ${seconds}s, exit $status"
		sed "s/^/     $name: /" "$work/$name.log"
	fi
}

begun=0
for name in "$@"; do
	[ $((begun - passed - failed)) -lt "$most" ] || report
	begin "$name"
	begun=$((begun + 1))
done
while [ $((passed + failed)) -lt "$begun" ]; do report; done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

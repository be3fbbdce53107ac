# Sourced by the script of each client: a server of its own over a fresh directory, checks that name
# what they wanted, and nothing left behind, whichever way the script ends.
#
# From run.sh: IFMATCH, the binary to judge, and WORK, an empty directory.
# After serve: URL (with a slash at the end) and DIR, the directory behind it.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${IFMATCH:?path of the binary}" "${WORK:?an empty directory}"
DIR=$WORK/dir
server_pid=

trap leave EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# serve [FLAG...] starts the server on a free port, or at LISTEN, and waits until it listens. With CONFIG it
# serves what that file says, else DIR.
serve() {
	local what=("$DIR")
	[ -z "${CONFIG:-}" ] || what=(--allow-root --config "$CONFIG")
	mkdir -p "$DIR" "$WORK/state"
	: >"$WORK/server.log"
	# without 7, a file of a mount that the server would keep open
	"$IFMATCH" serve --listen "${LISTEN:-127.0.0.1:0}" --state "$WORK/state" "$@" "${what[@]}" \
		>"$WORK/server.log" 2>&1 7>&- &
	server_pid=$!
	local address= n
	for ((n = 0; n < 1200; n++)); do
		address=$(sed -n 's/.*\(127\.0\.0\.1:[1-9][0-9]*\).*/\1/p' "$WORK/server.log" | head -n 1)
		[ -z "$address" ] || break
		kill -0 "$server_pid" 2>/dev/null || break
		sleep 0.1
	done
	[ -n "$address" ] || fail "the server does not listen: $(cat "$WORK/server.log")"
	URL=http://$address/
}

# stop ends the server as an operator would: it must still be there, leave with 0, and must not have
# answered anything with an error of its own.
stop() {
	kill -TERM "$server_pid" || fail "the server was gone before it was stopped"
	local status=0
	wait "$server_pid" || status=$?
	server_pid=
	[ "$status" = 0 ] || fail "the server left with $status: $(tail -n 20 "$WORK/server.log")"
	if grep -E 'level=ERROR|"level":"ERROR"|panic:' "$WORK/server.log"; then
		fail "the server logged errors"
	fi
}

# restart stops the server and starts it again at the same address, on the same directory and state.
restart() {
	local address=${URL#http://}
	stop
	LISTEN=${address%/} serve "$@"
}

# leave is the one way out: unmount first, since a mount without its server can hang.
leave() {
	local status=$? point
	trap - EXIT
	for point in $(awk -v under="$WORK/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo); do
		umount -i -l "$point" || true
	done
	if [ -n "$server_pid" ]; then
		kill -KILL "$server_pid" 2>/dev/null || true
		wait "$server_pid" 2>/dev/null || true
		if [ "$status" != 0 ]; then
			echo "--- the last lines of the server's log:"
			tail -n 15 "$WORK/server.log"
		fi
	fi
	# mount daemons, D-Bus services and whatever else the script left running
	kill $(jobs -p) 2>/dev/null || true
	exit "$status"
}

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

step() { echo "-- $*"; }

# equal GOT WANT WHAT
equal() { [ "$1" = "$2" ] || fail "$3: got $(printf %q "$1"), want $(printf %q "$2")"; }

# holds FILE TEXT: FILE consists of TEXT and a newline.
holds() { equal "$(cat "$1")" "$2" "$1"; }

# eventually WHAT COMMAND...: for clients that write behind, up to two minutes.
eventually() {
	local what=$1 n
	shift
	for ((n = 0; n < 1200; n++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "$what"
}

# nothing_staged: no reserved name is left in DIR.
nothing_staged() {
	local left
	left=$(find "$DIR" -name '.ifmatch-*')
	[ -z "$left" ] || fail "left in the directory: $left"
}

# etag URL prints the entity-tag of HEAD.
etag() { curl -sfI "$1" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'; }

# status ARGS... prints the status that curl gets.
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

# source_tree TO makes a tree such as people copy: sources, an empty file, an empty directory, names with
# spaces, umlauts and reserved characters, a file of 3 MiB, a deep path. The same tree every time.
source_tree() {
	mkdir -p "$1/deep/er/and/deeper/still" "$1/empty directory" "$1/über"
	cp -r "$here/../../fs" "$here/../../etagfs" "$1/"
	: >"$1/empty"
	echo spaces >"$1/deep/a name with spaces.txt"
	echo reserved >"$1/deep/100% #1 & [more]; 'quoted'+.txt"
	echo grün >"$1/über/größe.txt"
	echo deep >"$1/deep/er/and/deeper/still/file"
	seq 1 460000 | head -c 3145728 >"$1/large.txt"
}

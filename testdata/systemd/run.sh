#!/bin/bash
# Judges the units and the Debian package in a real systemd: run.sh PACKAGE. Needs root,
# debootstrap and iproute2. The Debian root that it boots is made once, in IFMATCH_HOST or
# /var/tmp/ifmatch-systemd; nothing else outlives the run.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$1
work=$(mktemp -d /tmp/ifmatch-systemd.XXXXXX)
. "$here/host.sh"
finish() {
	local code=$?
	if [ $code != 0 ] && [ -n "${init:-}" ]; then
		tail -n 30 "$work/console" >&2
		inside systemctl status --no-pager -n 30 ifmatch.service >&2 || true
	fi
	halt
	rm -rf "$work"
	[ $code = 0 ] || echo "failed: ${judging:-boot}" >&2
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

judge() { judging=$*; echo "$*"; }
fail() { echo "$*" >&2; exit 1; }
# same GOT WANT
same() { [ "$1" = "$2" ] || fail "got: $1; want: $2"; }
# soon CMD...: within ten seconds
soon() {
	local n
	for ((n = 0; n < 100; n++)); do "$@" && return; sleep .1; done
	fail "did not come true: $*"
}
# status CURL-ARGS...: the status of the answer of the service
url=http://127.0.0.1:8080
status() { inside curl -s -m 10 -o /dev/null -w '%{http_code}' "$@"; }
property() { inside systemctl show -P "$1" "${2:-ifmatch.service}"; }
# dropin UNIT TEXT
dropin() {
	printf '%s\n' "$2" >"$work/dropin"
	give "$work/dropin" "/run/systemd/system/$1.d/test.conf"
	inside systemctl daemon-reload
}
lock() {
	inside curl -s -D - -o /dev/null -X LOCK "$1" --data '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>' |
		sed -n 's/^[Ll]ock-[Tt]oken: \(<.*>\).*/\1/p'
}

boot "${IFMATCH_HOST:-/var/tmp/ifmatch-systemd}"

judge "the package installs: user, directories, manual page, example"
give "$package" /tmp/ifmatch.deb
inside dpkg -i /tmp/ifmatch.deb >"$work/dpkg" 2>&1 || { cat "$work/dpkg" >&2; exit 1; }
same "$(inside stat -c '%U:%G %a' /srv/ifmatch)" "ifmatch:ifmatch 2750"
for file in /etc/ifmatch/ifmatch.env /usr/share/bash-completion/completions/ifmatch; do inside test -s "$file"; done
inside dpkg -L ifmatch | grep man1/ifmatch-serve.1.gz >"$work/spoke"

judge "the units are sound and locked down"
for unit in ifmatch.service ifmatch.socket ifmatch@root.service; do
	# The manual pages of a minimal Debian are not unpacked.
	inside systemd-analyze verify --man=no "$unit" >"$work/verify" 2>&1 || { cat "$work/verify" >&2; fail "$unit"; }
	[ ! -s "$work/verify" ] || { cat "$work/verify" >&2; fail "$unit"; }
done
inside env XDG_RUNTIME_DIR=/run HOME=/root systemd-analyze verify --man=no --user /usr/lib/systemd/user/ifmatch.service
exposure=$(inside systemd-analyze security --no-pager ifmatch.service | sed -n 's/.*exposure level for ifmatch.service: \([0-9.]*\).*/\1/p')
echo "exposure $exposure"
awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }' || { inside systemd-analyze security --no-pager ifmatch.service >&2; fail "exposure $exposure is more than 1.5"; }

# The tests start it more often than an operator does within ten seconds.
printf '[Unit]\nStartLimitIntervalSec=0\n' >"$work/limit"
for unit in ifmatch.service ifmatch.socket; do
	give "$work/limit" "/run/systemd/system/$unit.d/limit.conf"
done
inside systemctl daemon-reload

judge "the socket starts the service, and it is ready when it says so"
inside systemctl enable --now ifmatch.socket 2>/dev/null
same "$(property ActiveState)" inactive
same "$(status -T /etc/hostname $url/a)" 201
same "$(property ActiveState)" active
same "$(property StatusText)" "serving $url/"
same "$(inside stat -c '%U:%G %a' /srv/ifmatch/a)" "ifmatch:ifmatch 640"
same "$(inside stat -c '%U %a' /var/lib/ifmatch)" "ifmatch 700"

judge "nobody is refused while it is restarted under load, and locks are kept"
token=$(lock $url/a)
[ -n "$token" ] || fail "no lock"
printf '%s\n' 'n=0; while [ ! -e /tmp/enough ]; do' \
	'curl -s -m 20 -o /dev/null -f -T /etc/hostname http://127.0.0.1:8080/load$1 && curl -s -m 20 -f -o /dev/null http://127.0.0.1:8080/load$1 || { echo "$1: curl $? after $n"; exit 1; }' \
	'n=$((n + 1)); done; echo "$1: $n"' >"$work/load"
give "$work/load" /tmp/load
for client in 1 2 3; do inside sh /tmp/load $client >"$work/client$client" & pids[client]=$!; done
for _ in 1 2 3; do inside systemctl restart ifmatch.service; sleep .3; done
inside touch /tmp/enough
for client in 1 2 3; do wait "${pids[client]}" || fail "$(cat "$work/client$client")"; done
echo "requests: $(cat "$work"/client? | tr '\n' ' ')"
same "$(status -T /etc/hostname $url/a)" 423
same "$(status -T /etc/hostname -H "If: ($token)" $url/a)" 204

judge "a crash: it is started again, with its locks"
before=$(property MainPID)
inside sh -c 'kill -KILL "$1"' sh "$before"
restarted() { local now; now=$(property MainPID); [ "$now" != 0 ] && [ "$now" != "$before" ] && [ "$(property ActiveState)" = active ]; }
soon restarted
same "$(status -T /etc/hostname $url/a)" 423

judge "a server that hangs: the watchdog kills it and it is started again"
dropin ifmatch.service $'[Service]\nWatchdogSec=2\nTimeoutAbortSec=1'
inside systemctl restart ifmatch.service
before=$(property MainPID)
sleep 3
same "$(property MainPID)" "$before" # it lives while it serves
inside sh -c 'kill -STOP "$1"' sh "$before"
soon restarted
watchdog_spoke() { inside journalctl -o cat -u ifmatch.service | grep -i watchdog >"$work/spoke"; }
soon watchdog_spoke
same "$(status $url/a)" 200

judge "stop"
inside systemctl stop ifmatch.socket ifmatch.service
same "$(property ActiveState) $(property Result)" "inactive success"
same "$(status $url/a || true)" 000

judge "a configuration with a share, and reload"
printf '%s\n' 'no-auth = true' '[[share]]' 'prefix = "/one"' 'dir = "/srv/ifmatch"' >"$work/toml"
give "$work/toml" /etc/ifmatch/ifmatch.toml
printf '%s\n' 'IFMATCH_DIR=' 'IFMATCH_CONFIG=/etc/ifmatch/ifmatch.toml' >"$work/env"
give "$work/env" /etc/ifmatch/ifmatch.env
inside systemctl start ifmatch.service
same "$(status $url/one/a)" 200
before=$(property MainPID)
sed s,/one,/two, "$work/toml" >"$work/toml2"
give "$work/toml2" /etc/ifmatch/ifmatch.toml
inside systemctl reload ifmatch.service
moved() { [ "$(status $url/two/a)" = 200 ]; }
soon moved
same "$(property MainPID)" "$before"
inside systemctl stop ifmatch.service
inside rm /etc/ifmatch/ifmatch.env

judge "a full disk: 507, the old file stays, and so does the service"
inside mkdir -p /srv/ifmatch
inside mount -t tmpfs -o size=1M,mode=2750,uid="$(inside id -u ifmatch)",gid="$(inside id -g ifmatch)" tmpfs /srv/ifmatch
inside systemctl start ifmatch.socket ifmatch.service
same "$(status -T /etc/hostname $url/small)" 201
# Little more than fits: what is left when 507 goes out is still read, so that no client misses the answer.
inside head -c 1200000 /dev/zero >"$work/large"
give "$work/large" /tmp/large
same "$(status -T /tmp/large $url/small)" 507
same "$(status -T /etc/hostname $url/small)" 204
inside systemctl stop ifmatch.socket ifmatch.service
inside umount /srv/ifmatch

judge "a read-only root: state and files are all that is written"
inside mount -t tmpfs tmpfs /var/lib/ifmatch
inside mount --bind /srv/ifmatch /srv/ifmatch
inside mount -o remount,bind,ro /
inside systemctl start ifmatch.service
same "$(status -T /etc/hostname $url/readonly || true)" 201
inside systemctl stop ifmatch.service
inside mount -o remount,bind,rw /
inside umount /srv/ifmatch /var/lib/ifmatch

judge "one user's home, on a socket that is theirs"
inside useradd -m anna
inside systemctl start ifmatch@anna.service
same "$(status --unix-socket /run/ifmatch-anna/socket -T /etc/hostname http://home/mine)" 201
same "$(inside stat -c '%U %a' /home/anna/mine)" "anna 600"
same "$(inside stat -c '%U %a' /run/ifmatch-anna/socket)" "anna 700"
inside systemctl stop ifmatch@anna.service

judge "purge takes the program, and leaves the files"
inside systemctl start ifmatch.service
inside dpkg --purge ifmatch >"$work/dpkg" 2>&1 || { cat "$work/dpkg" >&2; exit 1; }
inside test ! -e /usr/bin/ifmatch -a ! -e /etc/ifmatch -a ! -e /var/lib/ifmatch -a -s /srv/ifmatch/a
same "$(inside systemctl is-active ifmatch.service || true)" inactive
echo "all true"
